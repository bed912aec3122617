"""Several comparisons in one table: p-values corrected, verdicts, and what could be detected."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import optimize, stats

from fer_utils.statistics.intervals import ALPHA, Interval
from fer_utils.statistics.verdicts import Verdict

POWER = 0.8


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Adjust the p-values of one table by Holm (1979): then all below 0.05 are significant."""
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return np.minimum(adjusted, 1)


def judged(table: pd.DataFrame, *, interval: str) -> pd.DataFrame:
    """Correct the p-values of a table of comparisons, and add a verdict to each row.

    Parameters
    ----------
    table
        One row per comparison.
    interval
        The column of the Comparisons. Where there was nothing to test, p is NaN, and counts as 1.

    Returns
    -------
    pd.DataFrame
        The table with the corrected p-values in the Comparisons; after them the columns "verdict"
        (a Verdict) and "p" (the corrected p-value, float).
    """
    adjusted = holm([1.0 if np.isnan(each.p) else each.p for each in table[interval]])
    compared = [
        replace(each, p=float(p)) for each, p in zip(table[interval], adjusted, strict=True)
    ]
    table = table.assign(**{interval: compared})
    place = table.columns.get_loc(interval) + 1
    table.insert(place, "verdict", [each.verdict for each in compared])
    table.insert(place + 1, "p", adjusted)
    return table


def judged_with_detectable(table: pd.DataFrame, *, interval: str) -> pd.DataFrame:
    """Do as `judged`, and add what could have been detected where nothing is significant.

    The last column, "detectable", is the minimum detectable difference of that row
    (`detectable`, over the comparisons of the table); it is None where the difference is
    significant.
    """
    table = judged(table, interval=interval)
    would = [
        detectable(each, len(table), each.degrees)
        if each.verdict is Verdict.NOT_SIGNIFICANT
        else None
        for each in table[interval]
    ]
    return table.assign(detectable=would)


def detectable(interval: Interval, comparisons: int = 1, degrees: float = 1e6) -> float:
    """Compute the minimum detectable difference (80 % power) of a design with such an interval.

    Parameters
    ----------
    interval
        Its width says how exact the design is.
    comparisons
        How many there are in the table: Holm's correction tests the first of them at ALPHA over
        that number.
    degrees
        Degrees of freedom of the interval.

    Returns
    -------
    float
        In units of the interval; NaN for one without width or degrees of freedom, which knows no
        error.
    """
    half = (interval.high - interval.low) / 2
    if not (half > 0 and degrees > 0):
        return np.nan
    error = half / stats.t.ppf(1 - ALPHA / 2, degrees)
    critical = stats.t.ppf(1 - ALPHA / comparisons / 2, degrees)
    effect = optimize.brentq(
        lambda size: stats.nct.sf(critical, degrees, size) - POWER, 0, 4 * critical
    )
    return float(error * effect)
