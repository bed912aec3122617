"""Corrected p-values, verdicts and detectable differences of a table of comparisons."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from fer_utils.statistics import corrections
from fer_utils.statistics.intervals import Interval
from fer_utils.statistics.verdicts import Verdict


def test_the_detectable_effect_is_shown_four_times_in_five():
    """Simulated: t tests of three values at a sixth of the level, and of many at the whole."""
    rng = np.random.default_rng(0)
    for n, comparisons in ((3, 6), (200, 1)):
        typical = stats.t.ppf(0.975, n - 1) / np.sqrt(n)  # half of an interval, at deviation 1
        effect = corrections.detectable(Interval(0, -typical, typical), comparisons, n - 1)
        samples = rng.normal(effect, 1, (20_000, n))
        p = stats.ttest_1samp(samples, 0, axis=1).pvalue
        assert np.mean(p < 0.05 / comparisons) == pytest.approx(0.8, abs=0.02)


def test_nothing_is_detectable_without_width_or_degrees_of_freedom():
    assert np.isnan(corrections.detectable(Interval(0, 0, 0)))
    assert np.isnan(corrections.detectable(Interval(0, np.nan, np.nan), 5, 0))


def test_holm():
    assert corrections.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    several = [*np.random.default_rng(0).uniform(0, 0.2, 20), 0.1, 0.1, np.nan]
    np.testing.assert_array_equal(
        corrections.holm(several), multipletests(several, method="holm")[1]
    )
    assert len(corrections.holm([])) == 0


def test_comparisons_are_judged_row_by_row_after_holm():
    clear, unclear = Interval(0.2, 0.1, 0.3), Interval(0.1, -0.1, 0.3)
    effects = [clear.tested(0.001, 5), clear.tested(0.03, 5), unclear.tested(np.nan, 5)]
    table = pd.DataFrame({"effect": effects, "n": 5})
    judged = corrections.judged(table, interval="effect")
    assert judged.columns.tolist() == ["effect", "verdict", "p", "n"]
    assert judged["p"].tolist() == pytest.approx([0.003, 0.06, 1.0])
    none = Verdict.NOT_SIGNIFICANT
    assert judged["verdict"].tolist() == [Verdict.HIGHER, none, none]
    assert [each.verdict for each in judged["effect"]] == judged["verdict"].tolist()
    assert [each.interval for each in judged["effect"]] == [clear, clear, unclear]


def test_what_could_be_detected_is_said_where_nothing_is_significant():
    effects = [Interval(1, 0.5, 1.5).tested(0.001, 9, 8), Interval(0, -1, 1).tested(0.9, 9, 8)]
    table = corrections.judged_with_detectable(pd.DataFrame({"d": effects}), interval="d")
    assert np.isnan(table["detectable"][0])
    assert table["detectable"][1] == corrections.detectable(Interval(0, -1, 1), 2, 8)
