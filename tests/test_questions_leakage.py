"""Twins of test images in Training: found, counted, and shown to be what makes images easy."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fer_utils.data import duplicates
from fer_utils.data.dataset import Dataset
from fer_utils.fer2013 import PARTS, PRIVATE, PUBLIC, TRAINING
from fer_utils.questions import leakage
from fer_utils.statistics.intervals import paired_interval, proportion
from fer_utils.training.predictions import Predictions

COLUMNS = ["first", "second", "correlation", "mirrored", "exact"]
SPLIT = np.array([TRAINING, TRAINING, PUBLIC, PRIVATE, TRAINING, PUBLIC], np.int8)


def answers(labels: np.ndarray, classes: np.ndarray, rows: np.ndarray | None = None) -> Predictions:
    rows = np.arange(len(labels)) if rows is None else rows
    return Predictions(PARTS["test"], rows, np.asarray(labels), np.eye(7)[classes])


@pytest.fixture
def pairs() -> pd.DataFrame:
    return pd.DataFrame(
        [
            (0, 1, 1.0, False, True),  # Training twice, labels 0 and 1
            (0, 2, 0.95, True, False),  # Training and PublicTest, both 0
            (2, 4, 0.95, False, False),  # PublicTest 0 and Training 1
            (3, 4, 1.0, False, True),  # PrivateTest 3 and Training 1
            (4, 5, 0.93, False, False),  # unlabelled
        ],
        columns=COLUMNS,
    )


LABELS = np.array([0, 1, 0, 3, 1, -1], np.int8)


def test_pairs_are_counted_by_split(pairs):
    table = leakage.pair_counts(pairs, LABELS, SPLIT)
    assert table.columns.tolist() == [
        "exact",
        "of these contradicting",
        "near",
        "of these by chance",
    ]
    assert table.loc["Training – Training"].tolist() == [1, 1, 0, 0]
    assert table.loc["Training – PublicTest"].tolist() == [0, 0, 3, 2]  # twice the mirrored one
    assert table.loc["Training – PrivateTest"].tolist() == [1, 1, 0, 0]
    assert table.loc["PublicTest – PrivateTest"].tolist() == [0] * 4
    assert leakage.contradicting(pairs, LABELS).tolist() == [True, False, True, True, False]
    two_splits = leakage.pair_counts(pairs.iloc[:1], LABELS[:3], SPLIT[:3])
    assert two_splits.index.tolist() == [
        "Training – Training",
        "Training – PublicTest",
        "PublicTest – PublicTest",
    ]


def test_twins_are_paired_with_another_image_of_training(pairs, monkeypatch):
    monkeypatch.setattr(duplicates, "find", lambda _: pairs)
    dataset = Dataset("fer2013", "", np.zeros((6, 48, 48), np.uint8), LABELS, SPLIT)
    assert leakage.twins(dataset).tolist() == [True] * 4 + [False, True]
    assert leakage.paired_with(pairs, SPLIT == PUBLIC).tolist() == [
        *(True, False, False, False, True, False)
    ]


def test_leaked_images_by_class(pairs):
    table = leakage.leaked(pairs, LABELS, SPLIT)
    assert table.loc["angry"].tolist() == [proportion(1, 1), 1, 0, 1]
    assert table.loc["happy"].tolist() == [proportion(1, 1), 1, 1, 1]
    assert table.loc["all"].tolist() == [proportion(3, 3), 3, 1, 3]  # also the unlabelled one
    assert np.isnan(table.loc["sad", "with a twin"].estimate)


def test_that_twins_hit_classes_unequally_is_said_only_where_it_is_shown():
    def table(*twins: int) -> pd.DataFrame:
        classes = {"happy": (twins[0], 200), "sad": (twins[1], 200), "fear": (0, 0)}
        classes["all"] = (sum(twins), 400)
        return pd.DataFrame.from_dict(classes, "index", columns=["exact or near", "images"])

    assert leakage.unequal(table(10, 60))
    assert not leakage.unequal(table(3, 2))
    assert not leakage.unequal(table(0, 0))


def test_effects_of_twins_on_accuracy():
    labels = np.zeros(100, int)
    given = answers(labels, np.where(np.arange(100) < 60, 0, 1))
    table = leakage.effects({"leaky": given}, np.arange(100) < 20)
    row = table.loc["leaky"]
    assert row["all"] == proportion(60, 100)
    assert row["with a twin"] == proportion(20, 20)
    assert row["twin-free"] == proportion(40, 80)
    assert row["difference"].estimate == 0.5
    assert row["p (Holm)"] == pytest.approx(stats.fisher_exact([[20, 0], [40, 40]]).pvalue)
    assert row["verdict"] == "twins are easier"
    clean = leakage.effects({"clean": given}, np.zeros(100, bool)).loc["clean"]
    assert clean["twin-free"] == proportion(60, 100)
    assert clean["verdict"] == "no difference shown"


def test_a_difference_that_is_one_of_classes_goes_at_equal_classes():
    # class 0 is easy and has the twins, class 1 is hard: 90 % and 30 % right, twin or not
    labels = np.repeat([0, 0, 1, 1], [200, 100, 100, 200])
    twin = np.repeat([True, False, True, False], [200, 100, 100, 200])
    right = np.concatenate([np.arange(n) < share * n for n, share in ((200, 0.9), (100, 0.9))])
    right = np.concatenate([right, np.arange(100) < 30, np.arange(200) < 60])
    given = answers(labels, np.where(right, labels, 2))
    assert leakage.effects({"": given}, twin).iloc[0]["difference"].low > 0
    equal, p = leakage.at_equal_classes(given, twin, ~twin)
    assert equal.estimate == pytest.approx(0)
    assert equal.low < 0 < equal.high
    assert p == pytest.approx(1)
    nobody = np.zeros(600, bool)
    assert np.isnan(leakage.at_equal_classes(given, nobody, ~nobody)[0].estimate)


@pytest.fixture
def copied(monkeypatch) -> Dataset:
    """40 images trained on, 20 held out, and 100 tested: 40 with a twin among the first, 20 with
    one among the held-out ones, 40 without. The first 20 twins have another label."""
    labels = np.zeros(160, np.int8)
    labels[:20] = 1
    split = np.repeat([TRAINING, PUBLIC], [60, 100]).astype(np.int8)
    pairs = pd.DataFrame({"first": np.arange(60), "second": np.arange(60, 120)})
    monkeypatch.setattr(duplicates, "find", lambda _: pairs)
    monkeypatch.setattr(leakage, "validation_split", lambda _: (np.arange(40), np.arange(40, 60)))
    return Dataset("fer2013", "", np.zeros((160, 48, 48), np.uint8), labels, split)


def test_only_a_twin_that_was_trained_on_makes_an_image_easy(copied):
    rows = np.arange(60, 160)
    right = np.concatenate([np.arange(40) < 36, np.arange(20) < 10, np.arange(40) < 20])
    reciter = answers(copied.labels[rows], np.where(right, 0, 2), rows)
    row = leakage.by_where_the_twin_is({"reciter": reciter}, copied).loc["reciter"]
    assert row["trained on"] == proportion(36, 40)
    assert row["only elsewhere"] == proportion(10, 20)
    assert row["none"] == proportion(20, 40)
    assert (row["difference"].estimate, row["verdict"]) == (0, "no difference shown")
    assert row["p (Holm)"] == 1
    assert row["would show"] > row["difference"].high


def test_the_p_value_at_equal_classes_is_that_of_its_normal_deviate(copied):
    rows = np.arange(60, 160)
    right = np.concatenate([np.arange(40) < 36, np.arange(20) < 16, np.arange(40) < 20])
    given = answers(copied.labels[rows], np.where(right, 0, 2), rows)
    row = leakage.by_where_the_twin_is({"": given}, copied).iloc[0]
    shares = [(17 / 22, 22), (21 / 42, 42)]
    error = np.sqrt(sum(share * (1 - share) / total for share, total in shares))
    assert row["p (Holm)"] == pytest.approx(2 * stats.norm.sf(0.3 / error))


def test_twins_whose_copy_was_held_out_are_counted(copied):
    text = leakage.twins_not_trained_on(copied)
    assert text.startswith("Of 60 test images with a twin in Training 20 have none in the part")
    alone = replace(copied, split=np.full_like(copied.split, TRAINING))
    assert leakage.twins_not_trained_on(alone) == "No test image has a twin in Training."


def test_a_network_that_recites_gives_the_label_of_the_twin(copied):
    rows = np.arange(60, 160)
    recited = np.where(np.arange(100) < 17, 1, 0)  # 17 of the 20 images with a twin of label 1
    table = leakage.recited({"reciter": answers(copied.labels[rows], recited, rows)}, copied)
    row = table.loc["reciter"]
    assert row["images"] == 20
    assert (row["the twin's"], row["its own"]) == (proportion(17, 20), proportion(3, 20))
    assert row["difference"].interval == paired_interval(17, 3, 20)
    assert row["verdict"] == "the twin's label"
    nothing = answers(copied.labels[140:], np.zeros(20, int), np.arange(140, 160))
    assert leakage.recited({"none": nothing}, copied).loc["none", "images"] == 0


def test_the_leak_of_one_network_can_be_larger_than_that_of_another():
    labels, twin = np.zeros(400, int), np.arange(400) < 200
    reciter = answers(labels, np.where(np.arange(400) % 200 < np.where(twin, 180, 100), 0, 1))
    reader = answers(labels, np.where(np.arange(400) % 200 < np.where(twin, 130, 120), 0, 1))
    more = leakage.larger_leak(reciter, reader, twin)
    assert more.estimate == pytest.approx((180 - 100 - 130 + 120) / 200)
    assert more.low > 0
    assert leakage.larger_leak(reader, reader, twin).estimate == 0
    assert np.isnan(leakage.larger_leak(reciter, reader, ~np.ones(400, bool)).estimate)


def test_spread():
    pairs = pd.DataFrame({"first": range(11), "correlation": np.linspace(1, 0.9, 11)})
    assert leakage.spread(pairs, 3)["first"].tolist() == [0, 5, 10]
    assert len(leakage.spread(pairs, 20)) == 11
    assert len(leakage.spread(pairs.iloc[:0], 3)) == 0
