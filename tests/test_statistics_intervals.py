"""Each statistic against values computed by hand (or printed in the paper that gave it)."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from fer_utils.statistics import intervals
from fer_utils.statistics.intervals import Interval

Z = 1.959964


def ends(interval: Interval) -> tuple[float, float, float]:
    return interval.estimate, interval.low, interval.high


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


def test_the_detectable_effect_is_shown_four_times_in_five():
    """Simulated: t tests of three values at a sixth of the level, and of many at the whole."""
    rng = np.random.default_rng(0)
    for n, comparisons in ((3, 6), (200, 1)):
        typical = stats.t.ppf(0.975, n - 1) / np.sqrt(n)  # half of an interval, at deviation 1
        effect = intervals.detectable(Interval(0, -typical, typical), comparisons, n - 1)
        samples = rng.normal(effect, 1, (20_000, n))
        p = stats.ttest_1samp(samples, 0, axis=1).pvalue
        assert np.mean(p < 0.05 / comparisons) == pytest.approx(0.8, abs=0.02)


def test_nothing_is_detectable_without_width_or_degrees_of_freedom():
    assert np.isnan(intervals.detectable(Interval(0, 0, 0)))
    assert np.isnan(intervals.detectable(Interval(0, np.nan, np.nan), 5, 0))


def test_what_does_not_exist_is_a_dash():
    assert f"{Interval(np.nan, np.nan, np.nan):.1f}" == "–"
    assert f"{Interval(0.25, np.nan, np.nan):.1f}" == "0.2 [–, –]"


def test_what_holm_takes_back_is_said():
    table = pd.DataFrame({"d": [Interval(1, 0.1, 2), Interval(0, -1, 1)], "p": [0.04, 0.9]})
    assert "of 2 independent" in intervals.taken_back(intervals.judged(table, interval="d"), "d")
    table["p"] = [0.001, 0.9]
    assert intervals.taken_back(intervals.judged(table, interval="d"), "d") == ""


def test_holm():
    assert intervals.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    several = [*np.random.default_rng(0).uniform(0, 0.2, 20), 0.1, 0.1, np.nan]
    np.testing.assert_array_equal(intervals.holm(several), multipletests(several, method="holm")[1])
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
