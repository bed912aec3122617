"""Each statistic against values computed by hand (or printed in the paper that gave it)."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fer_utils.fer2013 import CLASSES
from fer_utils.statistics import calibration, classification, comparisons, intervals
from fer_utils.statistics.intervals import Interval

Z = 1.959964


def counts_of(cells: dict[tuple[str, str], int]) -> np.ndarray:
    counts = np.zeros((7, 7), int)
    for (true, predicted), count in cells.items():
        counts[CLASSES.index(true), CLASSES.index(predicted)] = count
    return counts


def ends(interval: Interval) -> tuple[float, float, float]:
    return interval.estimate, interval.low, interval.high


# intervals


def test_an_interval_prints_itself_and_counts_as_its_estimate():
    interval = Interval(0.6718, 0.656, 0.68719)
    assert f"{interval}" == str(interval) == "0.672 [0.656, 0.687]"
    assert f"{interval:.1%}" == "67.2% [65.6%, 68.7%]"
    assert f"{Interval(0.01, -0.002, 0.022):+.3f}" == "+0.010 [-0.002, +0.022]"
    assert float(interval) == 0.6718


@pytest.mark.parametrize(
    ("low", "high", "p", "word"),
    [
        (0.01, 0.2, 0.0, "better"),
        (-0.2, -0.01, 0.0, "worse"),
        (-0.01, 0.2, 0.0, "no difference shown"),
        (0.01, 0.2, 0.06, "no difference shown"),
        (np.nan, np.nan, 0.0, "no difference shown"),
    ],
)
def test_verdict(low, high, p, word):
    assert intervals.verdict(Interval(0, low, high), p) == word


def test_share_is_wilsons():
    # (8/10 + z^2/20 +- z sqrt(0.16/10 + z^2/400)) / (1 + z^2/10)
    assert ends(intervals.proportion(8, 10)) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert np.isnan(intervals.proportion(0, 0).low)


def test_mean_interval_is_students():
    # mean 2, standard deviation 1, n = 3: half width 4.3027 / sqrt(3)
    assert ends(intervals.mean_interval([1, 2, 3])) == pytest.approx((2, -0.4841, 4.4841), abs=1e-4)


def test_paired_interval_is_bonett_and_prices():
    # (8 - 2) / 102 +- z sqrt((10 / 102 - (6 / 102)^2) / 102)
    interval = intervals.paired_interval(7, 1, 100)
    assert ends(interval) == pytest.approx((0.06, -0.00086, 0.11851), abs=1e-5)
    assert intervals.paired_interval(0, 0, 100).low < 0 < intervals.paired_interval(0, 0, 100).high


def test_independent_interval_is_newcombes():
    # his paper's first example (1998, table II, method 10)
    interval = intervals.independent_interval(56, 70, 48, 80)
    assert ends(interval) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
    assert np.isnan(intervals.independent_interval(0, 0, 1, 2).estimate)


def test_holm():
    assert intervals.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert len(intervals.holm([])) == 0


def test_bootstrap_of_a_mean_agrees_with_theory_and_repeats():
    values = np.repeat([0.0, 1.0], [100, 300])
    interval = intervals.bootstrap(np.mean, values)
    half = Z * np.sqrt(0.75 * 0.25 / 400)
    assert ends(interval) == pytest.approx((0.75, 0.75 - half, 0.75 + half), abs=0.006)
    assert interval == intervals.bootstrap(np.mean, values)


def test_bootstrap_keeps_arrays_together():
    values = np.arange(20.0)
    assert ends(intervals.bootstrap(lambda a, b: float(np.sum(a - b)), values, values)) == (0, 0, 0)


# one model

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
    counts = classification.confusion(labels, predictions)
    assert counts.shape == (7, 7)
    assert counts.sum() == 4
    assert counts[0, 0] == counts[0, 4] == counts[3, 3] == counts[6, 6] == 1


def test_per_class():
    table = classification.per_class(HAND)
    assert table["support"].tolist() == [10, 0, 0, 0, 5, 0, 0]
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
        lambda a, b: classification.f1(classification.confusion(a, b))[2],
        labels,
        predictions,
        resamples=300,
    )
    quick = classification.per_class(classification.confusion(labels, predictions)).loc[
        "fear", "f1"
    ]
    assert ends(quick) == pytest.approx(ends(direct), abs=0.02)


def test_scores_are_plain_json():
    labels, predictions = np.array([0, 0, 3, 6], np.int8), np.array([0, 4, 3, 6])
    figures = json.loads(json.dumps(classification.scores(labels, predictions)))
    assert figures["n"] == 4
    assert figures["accuracy"] == 0.75
    assert figures["per_class"]["angry"] == pytest.approx(
        {"precision": 1, "recall": 0.5, "f1": 2 / 3, "support": 2}
    )
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
    first, second = table.iloc[0], table.iloc[1]
    assert (first["first"], first["second"], first["images"]) == ("fear", "sad", 50)
    assert first["there"] == intervals.proportion(40, 100)
    assert first["back"] == intervals.proportion(10, 200)
    assert first["difference"] == intervals.independent_interval(40, 100, 10, 200)
    assert first["verdict"] == "more fear → sad"
    assert (second["first"], second["second"]) == ("neutral", "happy")
    assert second["p_holm"] > stats.fisher_exact([[10, 40], [0, 50]]).pvalue
    assert table.iloc[-1]["verdict"] == "no difference shown"


def test_claims_hold_fail_or_are_not_shown():
    diagonal = {(name, name): 90 for name in CLASSES}
    others = {(name, "happy"): 10 for name in CLASSES if name not in ("happy", "fear", "sad")}
    weak = {("fear", "fear"): 40, ("fear", "sad"): 60, ("sad", "sad"): 40, ("sad", "fear"): 60}
    counts = counts_of(diagonal | others | weak)
    assert classification.weakest(counts, ["fear", "sad"]).verdict == "holds"
    assert classification.weakest(counts, ["angry"]).verdict == "does not hold"
    assert classification.weakest(counts, ["fear"]).verdict == "not shown"  # as weak as sad
    assert classification.taken_for(counts, "fear", ["sad"]).verdict == "holds"
    claim = classification.taken_for(counts, "fear", ["sad", "disgust"])
    assert (claim.verdict, claim.named) == ("not shown", "disgust")  # nor has any other class
    claim = classification.taken_for(counts, "fear", ["disgust", "happy"])
    assert (claim.verdict, claim.other) == ("does not hold", "sad")
    assert claim.difference == intervals.paired_interval(0, 60, 100)


def test_statements_are_checked_as_a_whole_and_by_name():
    counts = counts_of(
        {
            ("fear", "fear"): 40,
            ("fear", "sad"): 60,
            **{(name, name): 100 for name in CLASSES if name != "fear"},
        }
    )
    table = classification.check_statements(
        counts, [(None, ["fear"]), ("fear", ["sad", "disgust"])]
    )
    assert table[["statement", "verdict"]].to_numpy().tolist() == [
        ["weakest: fear", "holds"],
        ["weakest: fear", "holds"],
        ["fear → sad, disgust", "not shown"],
        ["fear → sad", "holds"],
        ["fear → disgust", "not shown"],
    ]
    assert table["closest"].iloc[3].startswith("sad − ")
    assert "disgust" not in table["closest"].iloc[3]  # compared with classes not named


def test_row_shares_and_recall_gap():
    counts = counts_of({("fear", "fear"): 30, ("fear", "sad"): 10, ("happy", "happy"): 60})
    shares = classification.row_shares(counts)
    assert shares.loc["fear", "sad"] == intervals.proportion(10, 40)
    assert np.isnan(shares.loc["angry", "sad"].estimate)
    assert classification.by_recall(counts).index.tolist() == ["fear", "happy"]
    assert classification.recall_gap(counts, "fear") == intervals.independent_interval(
        60, 60, 30, 40
    )


# comparisons


def test_compare_is_mcnemars_exact_test():
    first = np.repeat([True, True, False, False], [50, 7, 1, 42])
    second = np.repeat([True, False, True, False], [50, 7, 1, 42])
    difference, p = comparisons.compare(first, second)
    assert difference == intervals.paired_interval(7, 1, 100)
    assert p == pytest.approx(2 * (1 + 8) / 2**8)
    assert comparisons.compare(first, first)[1] == 1


def test_contrast_of_single_runs_is_a_paired_t_interval():
    first, second = np.array([1, 1, 1, 0]) > 0, np.array([1, 0, 0, 0]) > 0
    difference, p = comparisons.contrast([first, second], [1, -1])
    reference = stats.ttest_rel(first.astype(float), second.astype(float))
    low, high = reference.confidence_interval()
    assert ends(difference) == pytest.approx((0.5, low, high))
    assert p == pytest.approx(reference.pvalue)


def test_contrast_adds_seeds_and_images_less_their_interaction():
    seeds = np.array([[1, 1, 1, 0], [1, 1, 0, 0]]) > 0
    images, between, interaction = 0.6875 / 3 / 4, 0.03125 / 2, 0.375 / 3 / 4 / 2
    variance = images + between - interaction
    degrees = variance**2 / (images**2 / 3 + between**2 / 1)
    half = stats.t.ppf(0.975, degrees) * np.sqrt(variance)
    accuracy, _ = comparisons.contrast([seeds], [1])
    assert ends(accuracy) == pytest.approx((0.625, 0.625 - half, 0.625 + half))


def test_contrast_of_seeds_that_disagree_everywhere():
    accuracy, _ = comparisons.contrast([np.array([[1, 1], [0, 0]]) > 0], [1])
    assert accuracy.high - accuracy.estimate == pytest.approx(12.7062 * 0.5, abs=1e-3)


def test_contrast_of_a_run_with_itself_is_no_difference():
    run = np.array([True, False, True])
    assert comparisons.contrast([run, run], [1, -1]) == (Interval(0, 0, 0), 1)


def false_alarms(seed_sds, weights, *, single=(), runs=400, n=400) -> float:
    """How often `contrast` finds a difference, at 5 %, between groups that have none.

    Each group has three seeds, or one if its number is in `single`; `seed_sds` is the standard
    deviation of a seed's accuracy, by group.
    """
    random = np.random.default_rng(1)
    alarms = 0
    for _ in range(runs):
        shared = 0.6 + 0.3 * random.standard_normal(n)
        groups = []
        for number, sd in enumerate(seed_sds):
            seeds = 1 if number in single else 3
            chance = shared + sd * random.standard_normal((seeds, 1))
            groups.append(random.random((seeds, n)) < chance)
        alarms += comparisons.contrast(groups, weights)[1] < 0.05
    return alarms / runs


@pytest.mark.parametrize("seed_sds", [(0.02, 0.02), (0.06, 0.01)])
def test_contrast_is_wrong_in_about_one_of_twenty(seed_sds):
    assert 0.02 <= false_alarms(seed_sds, (1, -1)) <= 0.075


def test_contrast_of_seeds_that_do_not_vary_is_careful():
    assert false_alarms((0.0, 0.0), (1, -1)) <= 0.05


@pytest.mark.parametrize("spread", [(0.02,) * 8, (0.05, 0.05, 0.05, 0.05, 0.01, 0.01, 0.01, 0.01)])
def test_a_main_effect_of_the_factorial_is_wrong_in_about_one_of_twenty(spread):
    weights = np.array([1, -1] * 4) / 4
    assert 0.02 <= false_alarms(spread, weights) <= 0.075


def test_cells_with_one_seed_make_the_factorial_careful_not_bold():
    """Three of the four cells that vary most have one seed, as the runs without normalisation."""
    spread = (0.05, 0.05, 0.05, 0.05, 0.01, 0.01, 0.01, 0.01)
    weights = np.array([1, -1] * 4) / 4
    assert false_alarms(spread, weights, single=(1, 2, 3)) <= 0.075


def test_factorial_effects():
    # right of 10 images: 4, with a 6, with b 5, with both 8; c adds 1 to each
    right = {(0, 0): 4, (1, 0): 6, (0, 1): 5, (1, 1): 8}
    cells = {(a, b, c): np.arange(10) < n + c for (a, b), n in right.items() for c in (False, True)}
    table = comparisons.factorial_effects(cells, ["a", "b", "c"])
    estimates = table["effect"].astype(float)
    assert estimates.index.tolist() == ["a", "b", "c", "a × b", "a × c", "b × c", "a × b × c"]
    assert estimates.to_numpy() == pytest.approx([0.25, 0.15, 0.1, 0.05, 0, 0, 0])
    with pytest.raises(ValueError, match="7 cells for 3 factors"):
        comparisons.factorial_effects(dict(list(cells.items())[:7]), ["a", "b", "c"])


def test_factorial_effects_are_judged():
    random = np.random.default_rng(0)
    cells = {
        (a, b): random.random((2, 1000)) < 0.5 + 0.2 * a for a in (False, True) for b in (0, 1)
    }
    table = comparisons.factorial_effects(cells, ["augmentation", "normalisation"])
    assert table["verdict"].tolist() == ["positive", "no effect shown", "no effect shown"]


def test_softmax_and_nll():
    logits = np.log([[1.0, 3.0], [4.0, 1.0]]).astype(np.float32)
    assert calibration.softmax(logits) == pytest.approx(np.array([[0.25, 0.75], [0.8, 0.2]]))
    assert calibration.softmax(2 * logits, 2) == pytest.approx(calibration.softmax(logits))
    assert calibration.nll(logits, np.array([1, 0])) == pytest.approx(
        -(np.log(0.75) + np.log(0.8)) / 2
    )
    assert calibration.softmax(np.array([[1000.0, 0.0]]))[0, 0] == 1


def test_expected_calibration_error_and_bins():
    # confidence 0.9 three times, right twice; 0.6 once, right: |2/3 - 0.9| * 3/4 + 0.4 * 1/4
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    labels = np.array([0, 0, 1, 1])
    error = calibration.expected_calibration_error(probabilities, labels)
    assert error.estimate == pytest.approx(0.275)
    bins = calibration.reliability_bins(probabilities, labels)
    assert len(bins) == 15
    assert bins["n"].sum() == 4
    filled = bins[bins["n"] > 0]
    assert filled["n"].tolist() == [1, 3]
    assert filled["confidence"].tolist() == pytest.approx([0.6, 0.9])
    assert filled["accuracy"].iloc[1] == intervals.proportion(2, 3)
    assert ((filled["low"] < filled["confidence"]) & (filled["confidence"] <= filled["high"])).all()
    gap = calibration.confidence_gap(probabilities, labels)
    assert gap.estimate == pytest.approx(3.3 / 4 - 3 / 4)


def test_inflated_logits_are_called_over_confident_and_repaired_by_the_temperature():
    random = np.random.default_rng(0)
    honest = random.normal(0, 1.5, (4000, 7))
    labels = (honest + random.gumbel(size=honest.shape)).argmax(axis=1)  # drawn from softmax
    held_out, test = slice(0, 2000), slice(2000, 4000)
    inflated = 3 * honest
    temperature = calibration.fit_temperature(inflated[held_out], labels[held_out])
    assert temperature == pytest.approx(3, rel=0.08)
    interval = calibration.temperature_interval(inflated[held_out], labels[held_out])
    assert interval.estimate == temperature
    assert 2.7 < interval.low < temperature < interval.high < 3.3
    before = calibration.softmax(inflated[test])
    after = calibration.softmax(inflated[test], temperature)
    gap = calibration.confidence_gap(before, labels[test])
    assert calibration.calibration_verdict(gap) == "over-confident"
    gap = calibration.confidence_gap(after, labels[test])
    assert calibration.calibration_verdict(gap) == "no miscalibration shown"
    error_before = calibration.expected_calibration_error(before, labels[test])
    error_after = calibration.expected_calibration_error(after, labels[test])
    assert error_before.low > 0.1
    assert error_after.low < 0.001
    assert error_after.high < 0.04
    gap = calibration.confidence_gap(calibration.softmax(honest[test] / 3), labels[test])
    assert calibration.calibration_verdict(gap) == "under-confident"


def test_coverage_curve_and_sure():
    confidence = np.linspace(0.6, 0.98, 20)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.repeat([1, 0], 10)  # the ten least sure are wrong
    curve = calibration.coverage_curve(probabilities, labels)
    assert curve["n"].tolist() == list(range(1, 21))
    assert curve["coverage"].iloc[9] == 0.5
    assert curve["accuracy"].iloc[9] == intervals.proportion(10, 10)
    assert curve["accuracy"].iloc[-1] == intervals.proportion(10, 20)
    assert curve["threshold"].iloc[9] == pytest.approx(0.8)
    selected = calibration.sure(probabilities, labels, threshold=0.75)
    assert selected["coverage"] == intervals.proportion(12, 20)
    assert selected["accuracy"] == intervals.proportion(10, 12)


def test_confident_mistakes_and_sure_and_correct():
    probabilities = np.full((4, 7), 0.01)
    probabilities[[0, 1, 2, 3], [2, 2, 0, 2]] = (0.94, 0.6, 0.94, 0.95)
    labels = np.array([2, 3, 5, 4])
    assert calibration.confident_mistakes(probabilities, labels).tolist() == [3, 2, 1]
    counts = calibration.sure_and_correct(probabilities, labels)
    assert counts.tolist() == [0, 0, 1, 0, 0, 0, 0]


def test_calibration_summary():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4]])
    summary = calibration.summary(probabilities, np.array([0, 1, 0]))
    assert summary["accuracy"] == intervals.proportion(2, 3)
    assert summary["gap"].estimate == pytest.approx(0.8 - 2 / 3)
    assert summary["sure_share"] == intervals.proportion(2, 3)
    assert summary["sure_accuracy"] == intervals.proportion(1, 2)
    assert summary["verdict"] == "no miscalibration shown"


def test_comparisons_are_judged_row_by_row_after_holm():
    clear, unclear = intervals.Interval(0.2, 0.1, 0.3), intervals.Interval(0.1, -0.1, 0.3)
    table = pd.DataFrame({"effect": [clear, clear, unclear], "p": [0.001, 0.03, np.nan], "n": 5})
    judged = intervals.judged(table, interval="effect", words=("more", "less", "not shown"))
    assert judged.columns.tolist() == ["effect", "verdict", "p (Holm)", "n"]
    assert judged["p (Holm)"].tolist() == pytest.approx([0.003, 0.06, 1.0])
    assert judged["verdict"].tolist() == ["more", "not shown", "not shown"]
