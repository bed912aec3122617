"""Each statistic against values computed by hand (or printed in the paper that gave it)."""

import numpy as np
import pytest
from scipy import stats

from fer_utils.statistics import intervals
from fer_utils.statistics.intervals import Interval
from fer_utils.statistics.verdicts import Support, Verdict

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
    ("low", "high", "p", "verdict", "support"),
    [
        (0.01, 0.2, 0.0, Verdict.HIGHER, Support.SUPPORTED),
        (-0.2, -0.01, 0.0, Verdict.LOWER, Support.CONTRADICTED),
        (-0.01, 0.2, 0.0, Verdict.NOT_SIGNIFICANT, Support.INCONCLUSIVE),
        (0.01, 0.2, 0.06, Verdict.NOT_SIGNIFICANT, Support.INCONCLUSIVE),
        (0.01, 0.2, np.nan, Verdict.NOT_SIGNIFICANT, Support.INCONCLUSIVE),
        (np.nan, np.nan, 0.0, Verdict.NOT_SIGNIFICANT, Support.INCONCLUSIVE),
    ],
)
def test_verdict(low, high, p, verdict, support):
    compared = Interval(0, low, high).tested(p, n=10)
    assert compared.verdict is verdict
    assert Support.of(compared.verdict) is support


def test_an_interval_has_a_verdict_without_a_test():
    assert Interval(0.1, 0.01, 0.2).verdict is Verdict.HIGHER
    assert Interval(0, -0.1, 0.1).verdict is Verdict.NOT_SIGNIFICANT


def test_a_comparison_is_printed_and_counts_as_its_interval():
    interval = Interval(0.01, -0.002, 0.022)
    compared = interval.tested(0.04, n=7)
    assert (compared.interval, compared.p, compared.n) == (interval, 0.04, 7)
    assert (f"{compared:+.3f}", float(compared)) == (f"{interval:+.3f}", 0.01)


def test_difference_of_means_is_welchs():
    first, second = np.array([1.0, 2, 3, np.nan]), np.array([2.0, 2.5])
    reference = stats.ttest_ind(first[:3], second, equal_var=False)
    found = intervals.difference_of_means(first, second)
    assert ends(found) == pytest.approx((-0.25, *reference.confidence_interval()))
    assert (found.p, found.n) == (pytest.approx(reference.pvalue), 5)
    assert found.degrees == pytest.approx(reference.df)


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


def test_what_does_not_exist_is_a_dash():
    assert f"{Interval(np.nan, np.nan, np.nan):.1f}" == "–"
    assert f"{Interval(0.25, np.nan, np.nan):.1f}" == "0.2 [–, –]"


def test_bootstrap_of_a_mean_agrees_with_theory_and_repeats():
    values = np.repeat([0.0, 1.0], [100, 300])
    interval = intervals.bootstrap(np.mean, values)
    half = Z * np.sqrt(0.75 * 0.25 / 400)
    assert ends(interval) == pytest.approx((0.75, 0.75 - half, 0.75 + half), abs=0.006)
    assert interval == intervals.bootstrap(np.mean, values)


def test_bootstrap_keeps_arrays_together():
    values = np.arange(20.0)
    assert ends(intervals.bootstrap(lambda a, b: float(np.sum(a - b)), values, values)) == (0, 0, 0)
