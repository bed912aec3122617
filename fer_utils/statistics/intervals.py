"""Estimates with 95 % intervals, and the words that an interval allows.

A proportion of images has Wilson's interval, a mean over images Student's, any other figure the
percentile bootstrap over images; differences of proportions see `paired_interval` (same images) and
`independent_interval`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

ALPHA = 0.05
RESAMPLES = 2000


@dataclass(frozen=True, order=True)
class Interval:
    """An estimate with its 95 % interval; `f"{x:.3f}"` gives `0.672 [0.656, 0.687]`.

    An estimate, or an end of its interval, that does not exist (NaN) is a dash.
    """

    estimate: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        if np.isnan(self.estimate):
            return "–"
        estimate, low, high = (
            "–" if np.isnan(x) else _unsigned_zero(format(x, spec or ".3f"))
            for x in (self.estimate, self.low, self.high)
        )
        return f"{estimate} [{low}, {high}]"

    def __str__(self) -> str:
        return format(self)

    def __float__(self) -> float:
        return float(self.estimate)


def _unsigned_zero(text: str) -> str:
    """ "-0.000" and "+0.000" without their sign."""
    return text[1:] if text[:1] in "+-" and not any(c in "123456789" for c in text) else text


def verdict(
    difference: Interval,
    p: float = 0.0,
    words: tuple[str, str, str] = ("better", "worse", "no difference shown"),
) -> str:
    """words[0] if the interval lies above 0, words[1] if below, words[2] if it includes 0.

    With `p` (for instance adjusted by Holm) 5 % must hold there too, else words[2].
    """
    if p < ALPHA and difference.low > 0:
        return words[0]
    if p < ALPHA and difference.high < 0:
        return words[1]
    return words[2]


def holm(p_values: Sequence[float]) -> np.ndarray:
    """p-values of one table, adjusted by Holm (1979): any below 0.05 can be believed together."""
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return np.minimum(adjusted, 1)


def judged(
    table: pd.DataFrame,
    *,
    interval: str,
    words: tuple[str, str, str] = ("better", "worse", "no difference shown"),
) -> pd.DataFrame:
    """A table of comparisons with the p-values of column "p" corrected, and a verdict per row.

    Parameters
    ----------
    table
        One row per comparison: a column `interval` of Intervals and a column "p" of p-values, NaN
        where there was nothing to test.
    interval
        The column that is judged.
    words
        As in `verdict`.

    Returns
    -------
    pd.DataFrame
        The table with the column "p (Holm)" in place of "p", and "verdict" after `interval`.
    """
    adjusted = holm(table["p"].fillna(1.0))
    verdicts = [verdict(d, p, words) for d, p in zip(table[interval], adjusted, strict=True)]
    table = table.assign(p=adjusted).rename(columns={"p": "p (Holm)"})
    table.insert(table.columns.get_loc(interval) + 1, "verdict", verdicts)
    return table


def detectable(interval: Interval, comparisons: int = 1, degrees: float = 1e6) -> float:
    """The effect that a design as wide as this interval shows four times in five (80 % power).

    `comparisons` are those of the table, which Holm's correction makes ALPHA / comparisons of the
    level for the first of them; `degrees` of freedom are those of the interval. NaN for an interval
    without width or degrees of freedom, which knows no error.
    """
    half = (interval.high - interval.low) / 2
    if not (half > 0 and degrees > 0):
        return np.nan
    error = half / stats.t.ppf(1 - ALPHA / 2, degrees)
    critical = stats.t.ppf(1 - ALPHA / comparisons / 2, degrees)
    shown = optimize.brentq(lambda e: stats.nct.sf(critical, degrees, e) - 0.8, 0, 4 * critical)
    return float(error * shown)


def judged_with_detectable(
    table: pd.DataFrame,
    *,
    interval: str,
    words: tuple[str, str, str],
    degrees: float | Sequence[float] = 1e6,
) -> pd.DataFrame:
    """As `judged`, with a column "would show": `detectable` where nothing is shown, else None.

    `degrees` of freedom of the intervals, one number or one per row.
    """
    table = judged(table, interval=interval, words=words)
    rows = zip(table["verdict"], table[interval], np.broadcast_to(degrees, len(table)), strict=True)
    would = [detectable(d, len(table), n) if word == words[2] else None for word, d, n in rows]
    return table.assign(**{"would show": would})


def taken_back(table: pd.DataFrame, interval: str) -> str:
    """A sentence on rows of a judged table whose interval leaves out 0 but p (Holm) is not small.

    Empty if there is none.
    """
    outside = np.array([d.low > 0 or d.high < 0 for d in table[interval]])
    if not np.any(outside & (table["p (Holm)"] >= ALPHA)):
        return ""
    chance = 1 - (1 - ALPHA) ** len(table)
    return (
        f" Where an interval leaves out 0 and yet nothing is shown, Holm's correction takes it "
        f"back: without any difference one or more of {len(table)} independent intervals leave "
        f"out 0 with a probability of {chance:.0%}."
    )


def proportion(successes: int, total: int) -> Interval:
    """`successes` of `total` with Wilson's interval (1927); all NaN if `total` is 0."""
    if total == 0:
        return Interval(np.nan, np.nan, np.nan)
    low, high = proportion_confint(successes, total, ALPHA, method="wilson")
    estimate = successes / total
    return Interval(float(estimate), float(min(low, estimate)), float(max(high, estimate)))


def mean_interval(values: np.ndarray) -> Interval:
    """Mean of one value per image, (n >= 2,), with Student's t interval."""
    values = np.asarray(values, float)
    half = stats.t.ppf(1 - ALPHA / 2, len(values) - 1) * stats.sem(values)
    return Interval(float(values.mean()), float(values.mean() - half), float(values.mean() + half))


def difference_of_means(first: np.ndarray, second: np.ndarray) -> tuple[Interval, float]:
    """Difference of the means of two independent groups, and p, by Welch's test; NaN left out."""
    first, second = (np.asarray(x)[np.isfinite(x)] for x in (first, second))
    tested = stats.ttest_ind(first, second, equal_var=False)
    low, high = tested.confidence_interval(1 - ALPHA)
    difference = Interval(float(np.mean(first) - np.mean(second)), float(low), float(high))
    return difference, float(tested.pvalue)


def bootstrap(
    statistic: Callable[..., float],
    *arrays: np.ndarray,
    method: str = "percentile",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """A statistic with its bootstrap interval over the arrays' first axis (Efron 1979).

    Parameters
    ----------
    statistic
        From arrays to a number.
    *arrays
        Of one length; resampled together.
    method
        "percentile", or "basic" for a statistic that noise pushes one way: it takes off the bias
        that resampling shows.
    resamples, seed
        How many, and from which seed.
    """
    rows = np.arange(len(arrays[0]))
    result = stats.bootstrap(
        (rows,),
        lambda sample: statistic(*(array[sample] for array in arrays)),
        n_resamples=resamples,
        vectorized=False,
        method=method,
        rng=np.random.default_rng(seed),
    )
    low, high = result.confidence_interval
    return Interval(float(statistic(*arrays)), float(low), float(high))


def paired_interval(
    only_first: int, only_second: int, total: int, alpha: float = ALPHA
) -> Interval:
    """Difference of two proportions of the same images.

    Bonett and Price (2012): Wald's interval after adding 1 to both counts; recommended by
    Fagerland, Lydersen and Laake (2014), and defined where both counts are 0.

    Parameters
    ----------
    only_first, only_second
        Images that count in one of the two only.
    total
        All images.
    alpha
        1 - the level.

    Returns
    -------
    Interval
        Of (only_first - only_second) / total; all NaN if `total` is 0.
    """
    if total == 0:
        return Interval(np.nan, np.nan, np.nan)
    first, second = (only_first + 1) / (total + 2), (only_second + 1) / (total + 2)
    error = np.sqrt((first + second - (first - second) ** 2) / (total + 2))
    half = stats.norm.ppf(1 - alpha / 2) * error
    low, high = max(first - second - half, -1.0), min(first - second + half, 1.0)
    return Interval(float((only_first - only_second) / total), float(low), float(high))


def independent_interval(
    first: int, first_total: int, second: int, second_total: int, alpha: float = ALPHA
) -> Interval:
    """Difference of two proportions of different images; Newcombe's interval (1998).

    Parameters
    ----------
    first, first_total, second, second_total
        Counts.
    alpha
        1 - the level.

    Returns
    -------
    Interval
        Of first / first_total - second / second_total; all NaN if a total is 0.
    """
    if first_total == 0 or second_total == 0:
        return Interval(np.nan, np.nan, np.nan)
    low, high = confint_proportions_2indep(
        first, first_total, second, second_total, method="newcomb", alpha=alpha
    )
    return Interval(float(first / first_total - second / second_total), float(low), float(high))
