"""Each statistic against values computed by hand (or printed in the paper that gave it)."""

import numpy as np
import pytest
from scipy import stats

from fer_utils.statistics import comparisons, intervals
from fer_utils.statistics.intervals import Interval
from fer_utils.statistics.verdicts import Verdict


def ends(interval: Interval) -> tuple[float, float, float]:
    return interval.estimate, interval.low, interval.high


def test_a_paired_difference_has_mcnemars_exact_test():
    first = np.repeat([True, True, False, False], [50, 7, 1, 42])
    second = np.repeat([True, False, True, False], [50, 7, 1, 42])
    difference = comparisons.paired_difference(first, second)
    assert difference.interval == intervals.paired_interval(7, 1, 100)
    assert difference.p == pytest.approx(2 * (1 + 8) / 2**8)
    assert difference.n == 100
    assert comparisons.paired_difference(first, first).p == 1


def test_contrast_of_single_runs_is_a_paired_t_interval():
    first, second = np.array([1, 1, 1, 0]) > 0, np.array([1, 0, 0, 0]) > 0
    difference = comparisons.contrast([first, second], [1, -1])
    reference = stats.ttest_rel(first.astype(float), second.astype(float))
    low, high = reference.confidence_interval()
    assert ends(difference) == pytest.approx((0.5, low, high))
    assert (difference.p, difference.n) == (pytest.approx(reference.pvalue), 4)


def test_contrast_adds_seeds_and_images_less_their_interaction():
    seeds = np.array([[1, 1, 1, 0], [1, 1, 0, 0]]) > 0
    images, between, interaction = 0.6875 / 3 / 4, 0.03125 / 2, 0.375 / 3 / 4 / 2
    variance = images + between - interaction
    degrees = variance**2 / (images**2 / 3 + between**2 / 1)
    half = stats.t.ppf(0.975, degrees) * np.sqrt(variance)
    accuracy = comparisons.contrast([seeds], [1])
    assert ends(accuracy) == pytest.approx((0.625, 0.625 - half, 0.625 + half))


def test_contrast_of_seeds_that_disagree_everywhere():
    accuracy = comparisons.contrast([np.array([[1, 1], [0, 0]]) > 0], [1])
    assert accuracy.high - accuracy.estimate == pytest.approx(12.7062 * 0.5, abs=1e-3)


def test_contrast_of_a_run_with_itself_is_no_difference():
    run = np.array([True, False, True])
    found = comparisons.contrast([run, run], [1, -1])
    assert (found.interval, found.p) == (Interval(0, 0, 0), 1)


def test_a_figure_that_is_taken_off_brings_its_sampling_error():
    run, figure, variance = np.arange(100) < 60, 0.5, 0.5 * 0.5 / 100
    against = comparisons.contrast([run], [1], (figure, variance))
    images = 0.6 * 0.4 / 99
    degrees = (images + variance) ** 2 / ((images**2 + variance**2) / 99)
    half = stats.t.ppf(0.975, degrees) * np.sqrt(images + variance)
    assert ends(against) == pytest.approx((0.1, 0.1 - half, 0.1 + half))
    assert against.degrees == pytest.approx(degrees)
    assert against.p == pytest.approx(2 * stats.t.sf(0.1 / np.sqrt(images + variance), degrees))


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
        alarms += comparisons.contrast(groups, weights).p < 0.05
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
    assert estimates.index.tolist() == ["a", "b", "c", "a_x_b", "a_x_c", "b_x_c", "a_x_b_x_c"]
    assert estimates.to_numpy() == pytest.approx([0.25, 0.15, 0.1, 0.05, 0, 0, 0])
    with pytest.raises(ValueError, match="7 cells for 3 factors"):
        comparisons.factorial_effects(dict(list(cells.items())[:7]), ["a", "b", "c"])


def test_factorial_effects_are_judged():
    random = np.random.default_rng(0)
    cells = {
        (a, b): random.random((2, 1000)) < 0.5 + 0.2 * a for a in (False, True) for b in (0, 1)
    }
    table = comparisons.factorial_effects(cells, ["augmentation", "normalisation"])
    none = Verdict.NOT_SIGNIFICANT
    assert table["verdict"].tolist() == [Verdict.HIGHER, none, none]
