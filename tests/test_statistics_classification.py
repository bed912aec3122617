"""Figures of one classifier against values computed by hand."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fer_utils.statistics import classification, intervals
from fer_utils.statistics.intervals import Interval
from fer_utils.statistics.verdicts import Verdict

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def counts_of(cells: dict[tuple[str, str], int]) -> pd.DataFrame:
    counts = pd.DataFrame(0, CLASSES, CLASSES)
    for (true, predicted), count in cells.items():
        counts.loc[true, predicted] = count
    return counts


def ends(interval: Interval) -> tuple[float, float, float]:
    return interval.estimate, interval.low, interval.high


HAND = counts_of(
    {
        ("angry", "angry"): 6,
        ("angry", "sad"): 4,
        ("sad", "sad"): 3,
        ("sad", "angry"): 1,
        ("sad", "fear"): 1,
    }
)


def test_accuracy_and_confusion():
    labels, predictions = np.array([0, 0, 3, 6]), np.array([0, 4, 3, 6])
    assert classification.accuracy(labels, predictions) == intervals.proportion(3, 4)
    counts = classification.confusion(labels, predictions, CLASSES)
    assert tuple(counts.index) == tuple(counts.columns) == CLASSES
    pairs = [("angry", "angry"), ("angry", "sad"), ("happy", "happy"), ("neutral", "neutral")]
    pd.testing.assert_frame_equal(counts, counts_of(dict.fromkeys(pairs, 1)), check_names=False)


def test_per_class():
    table = classification.per_class(HAND)
    assert table["images"].tolist() == [10, 0, 0, 0, 5, 0, 0]
    assert table.loc["angry", "precision"] == intervals.proportion(6, 7)
    assert table.loc["sad", "recall"] == intervals.proportion(3, 5)
    f1 = table.loc["angry", "f1"]
    assert f1.estimate == pytest.approx(2 * (6 / 7) * (6 / 10) / (6 / 7 + 6 / 10))
    assert 0 < f1.low < f1.estimate < f1.high <= 1
    assert table.loc["fear", "f1"].estimate == 0  # predicted once, wrongly
    assert np.isnan(table.loc["happy", "f1"].estimate)  # neither true nor predicted
    assert classification.macro_f1(HAND).estimate == pytest.approx((12 / 17 + 6 / 12 + 0) / 3)


def test_f1_interval_agrees_with_the_bootstrap_of_images():
    random = np.random.default_rng(3)
    labels = random.integers(0, 7, 400)
    predictions = np.where(random.random(400) < 0.6, labels, random.integers(0, 7, 400))
    direct = intervals.bootstrap(
        lambda a, b: classification.f1(classification.confusion(a, b, CLASSES).to_numpy())[2],
        labels,
        predictions,
        resamples=300,
    )
    counts = classification.confusion(labels, predictions, CLASSES)
    quick = classification.per_class(counts).loc["fear", "f1"]
    assert ends(quick) == pytest.approx(ends(direct), abs=0.02)


def test_scores_are_plain_json():
    labels, predictions = np.array([0, 0, 3, 6], np.int8), np.array([0, 4, 3, 6])
    figures = json.loads(json.dumps(classification.scores(labels, predictions, 7)))
    assert (figures["n"], figures["accuracy"]) == (4, 0.75)
    assert figures["precision"] == [1, 0, 0, 1, 0, 0, 1]
    assert figures["recall"] == [0.5, 0, 0, 1, 0, 0, 1]
    assert figures["f1"][0] == pytest.approx(2 / 3)
    assert figures["confusion"][0] == [1, 0, 0, 0, 1, 0, 0]


def test_confused_pairs():
    counts = counts_of(
        {
            ("fear", "fear"): 60,
            ("fear", "sad"): 40,
            ("sad", "sad"): 190,
            ("sad", "fear"): 10,
            ("happy", "happy"): 50,
            ("neutral", "neutral"): 40,
            ("neutral", "happy"): 10,
        }
    )
    table = classification.confused_pairs(counts)
    assert len(table) == 21
    assert table.index[:2].tolist() == [("fear", "sad"), ("neutral", "happy")]
    first, second = table.iloc[0], table.iloc[1]
    assert first["images"] == 50
    assert first["there"] == intervals.proportion(40, 100)
    assert first["back"] == intervals.proportion(10, 200)
    assert first["difference"].interval == intervals.independent_interval(40, 100, 10, 200)
    assert first["verdict"] is Verdict.HIGHER
    assert second["p"] > stats.fisher_exact([[10, 40], [0, 50]]).pvalue
    assert table.iloc[-1]["verdict"] is Verdict.NOT_SIGNIFICANT


def test_the_rank_of_a_pair_is_as_sure_as_the_images_make_it():
    diagonal = {(name, name): 800 for name in CLASSES}
    clear = {("fear", "sad"): 400, ("angry", "neutral"): 100, ("sad", "neutral"): 95}
    table = classification.confused_pairs(counts_of(diagonal | clear))
    assert ends(table["rank"].iloc[0]) == (1, 1, 1)
    assert ends(table["rank"].iloc[1]) == (2, 2, 3)  # as is that of the next
    assert ends(table["rank"].iloc[2]) == (3, 2, 3)


def test_row_shares_and_recall_gap():
    counts = counts_of({("fear", "fear"): 30, ("fear", "sad"): 10, ("happy", "happy"): 60})
    shares = classification.row_shares(counts)
    assert shares.loc["fear", "sad"] == intervals.proportion(10, 40)
    assert np.isnan(shares.loc["angry", "sad"].estimate)
    gap = classification.recall_gap(counts, "fear")  # of happy, the only other class with images
    error = np.sqrt(61 / 62 / 62**2 + 31 / 42 * 11 / 42 / 42)
    assert gap.estimate == 0.25
    assert gap.high - gap.estimate == pytest.approx(1.959964 * error)
    assert np.isnan(classification.recall_gap(counts, "disgust").estimate)


def test_key_figures_of_two_matrices_stand_side_by_side():
    other = counts_of({("sad", "sad"): 3})
    table = classification.key_figures({"hand": HAND, "other": other})
    assert table.index.tolist()[:3] == ["accuracy", "macro_f1", "angry"]
    assert table.loc["accuracy"].tolist() == [
        intervals.proportion(9, 15),
        intervals.proportion(3, 3),
    ]
    assert table.loc["sad", "hand"] == intervals.proportion(3, 5)
    ranked = classification.by_recall(HAND + counts_of({("happy", "sad"): 1}))
    assert ranked.index.tolist() == ["happy", "sad", "angry"]
