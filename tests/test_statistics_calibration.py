"""Calibration against values computed by hand, and on predictions whose faults are known."""

import numpy as np
import pytest

from fer_utils.statistics import calibration
from fer_utils.statistics.intervals import proportion
from fer_utils.statistics.verdicts import Verdict


def predictions(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0):
    probabilities = calibration.softmax(logits, temperature)
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == labels


def test_softmax_and_nll():
    logits = np.log([[1.0, 3.0], [4.0, 1.0]]).astype(np.float32)
    assert calibration.softmax(logits) == pytest.approx(np.array([[0.25, 0.75], [0.8, 0.2]]))
    assert calibration.softmax(2 * logits, 2) == pytest.approx(calibration.softmax(logits))
    assert calibration.nll(logits, np.array([1, 0])) == pytest.approx(
        -(np.log(0.75) + np.log(0.8)) / 2
    )
    assert calibration.softmax(np.array([[1000.0, 0.0]]))[0, 0] == 1


def test_smoothing_ceiling_is_where_the_loss_is_smallest():
    ceiling = calibration.smoothing_ceiling(0.1, 7)
    assert ceiling == pytest.approx(0.9 + 0.1 / 7)
    target = np.full(7, 0.1 / 7)
    target[0] += 0.9
    stated = np.linspace(0.8, 0.999, 2000)
    loss = -target[0] * np.log(stated) - target[1:].sum() * np.log((1 - stated) / 6)
    assert stated[loss.argmin()] == pytest.approx(ceiling, abs=1e-3)


def test_expected_calibration_error():
    # confidence 0.9 three times, right twice; 0.6 once, right: |2/3 - 0.9| * 3/4 + 0.4 * 1/4
    confidence, correct = np.array([0.9, 0.9, 0.9, 0.6]), np.array([True, True, False, True])
    error = calibration.expected_calibration_error(confidence, correct)
    assert error.estimate == pytest.approx(0.275)


def test_the_gap_is_wilsons_interval_seen_from_the_confidence():
    gap = calibration.gap(np.full(10, 0.9), np.arange(10) < 8)
    share = proportion(8, 10)
    assert (gap.estimate, gap.low, gap.high) == pytest.approx(
        (0.9 - 0.8, 0.9 - share.high, 0.9 - share.low)
    )
    assert gap.n == 10
    assert gap.p == pytest.approx(0.263901, abs=1e-6)  # 10 images: P(8 or fewer of 10 right at 0.9)
    assert np.isnan(calibration.gap(np.empty(0), np.empty(0, bool)).p)


def test_regions_have_equally_many_images_in_the_order_of_confidence():
    confidence = np.linspace(0.99, 0.3, 20)
    table = calibration.confidence_bins(confidence, confidence > 0.6, 4)
    assert table["images"].tolist() == [5] * 4
    assert table["lowest"].iloc[0] == pytest.approx(0.3)
    assert (table["highest"].to_numpy()[:-1] < table["lowest"].to_numpy()[1:]).all()
    assert table["accuracy"].iloc[0] == proportion(0, 5)
    assert len(calibration.confidence_bins(confidence[:2], confidence[:2] > 0.6, 4)) == 4


def test_over_confident_in_the_middle_and_under_confident_at_the_top_are_both_found():
    random = np.random.default_rng(0)
    confidence = random.uniform(0.4, 0.92, 6000)
    right = np.select([confidence < 0.6, confidence < 0.8], [confidence, confidence - 0.12], 0.97)
    logits = np.log(np.column_stack([confidence, *[(1 - confidence) / 6] * 6]))
    labels = np.where(random.random(6000) < right, 0, 1)
    table = calibration.confidence_bins(calibration.softmax(logits).max(axis=1), labels == 0)
    for verdict, ends in ((Verdict.HIGHER, (0.6, 0.8)), (Verdict.LOWER, (0.8, 0.92))):
        found = table[table["verdict"] == verdict]
        assert (found["lowest"].min(), found["highest"].max()) == pytest.approx(ends, abs=0.06)
    assert set(table["verdict"][:3]) == {Verdict.NOT_SIGNIFICANT}
    temperature = calibration.fit_temperature(logits, labels)
    stated = calibration.softmax(logits, temperature).max(axis=1)
    left = set(calibration.confidence_bins(stated, labels == 0)["verdict"])
    assert {Verdict.HIGHER, Verdict.LOWER} <= left, "one temperature cannot mend both"


def test_regions_of_honest_predictions_are_seldom_judged():
    random = np.random.default_rng(1)
    judged = 0
    for _ in range(200):
        confidence = random.uniform(0.3, 1, 1000)
        table = calibration.confidence_bins(confidence, random.random(1000) < confidence)
        judged += (table["verdict"] != Verdict.NOT_SIGNIFICANT).any()
    assert judged / 200 <= 0.07


def test_inflated_logits_are_over_confident_and_repaired_by_the_temperature():
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
    before = predictions(inflated[test], labels[test])
    after = predictions(inflated[test], labels[test], temperature)
    assert calibration.gap(*before).low > 0
    assert calibration.gap(*after).p > 0.05
    assert Verdict.HIGHER in set(calibration.confidence_bins(*before)["verdict"])
    assert calibration.expected_calibration_error(*before).low > 0.1
    error = calibration.expected_calibration_error(*after)
    assert error.low < 0.001
    assert error.high < 0.04
    assert calibration.gap(*predictions(honest[test] / 3, labels[test])).high < 0


def test_coverage_curve():
    confidence = np.linspace(0.6, 0.98, 20)
    curve = calibration.coverage_curve(confidence, np.arange(20) >= 10)
    assert curve["images"].tolist() == list(range(1, 21))
    assert curve["coverage"].iloc[9] == 0.5
    assert curve["accuracy"].iloc[9] == proportion(10, 10)
    assert curve["accuracy"].iloc[-1] == proportion(10, 20)
    assert curve["threshold"].iloc[9] == pytest.approx(0.8)


def test_the_confidence_threshold_is_the_lowest_that_is_accurate_enough():
    confidence = np.array([0.9, 0.8, 0.7, 0.7, 0.6])
    correct = np.array([True, True, False, True, False])
    assert calibration.confidence_threshold(confidence, correct, 0.75) == 0.7
    assert calibration.confidence_threshold(confidence, correct, 0.8) == 0.8
    assert calibration.confidence_threshold(confidence, ~correct, 0.8) == 1.0


def test_what_is_selected_is_counted_by_class():
    labels, correct = np.array([0, 0, 1, 1]), np.array([True, False, True, True])
    ways = {"all": np.ones(4, bool), "two": np.array([True, True, False, False])}
    table = calibration.selected(ways, labels, correct, ("cat", "dog"))
    assert table.loc["accuracy", "two"] == proportion(1, 2)
    rows = ["selected", "cat", "dog"]
    assert table.loc[rows, "all"].tolist() == [1.0, 1, 2]
    assert table.loc[rows, "two"].tolist() == [0.5, 1, 0]
