"""Estimates with 95 % intervals.

A proportion of images has Wilson's interval, a mean over images Student's, any other figure the
percentile bootstrap over images; differences of proportions see `paired_interval` (same images) and
`independent_interval`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from fer_utils.statistics.verdicts import Verdict

ALPHA = 0.05
RESAMPLES = 2000


@dataclass(frozen=True, order=True)
class Interval:
    """An estimate and its 95 % interval, which `f"{x:.3f}"` prints as `0.672 [0.656, 0.687]`.

    An estimate, or an end of its interval, that does not exist (NaN) is printed as a dash.
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

    @property
    def verdict(self) -> Verdict:
        """Say whether the interval lies above 0 or below it, or includes it."""
        if self.low > 0:
            return Verdict.HIGHER
        return Verdict.LOWER if self.high < 0 else Verdict.NOT_SIGNIFICANT

    def tested(self, p: float, n: int, degrees: float = 1e6) -> "Comparison":
        """Make a Comparison of an interval for a difference, with the fields named there."""
        return Comparison(self.estimate, self.low, self.high, float(p), int(n), float(degrees))


@dataclass(frozen=True, order=True)
class Comparison(Interval):
    """A difference with its 95 % interval and a test, which is printed as an Interval is.

    `p` is the p-value that the difference is 0, after `corrections.judged` the corrected one, NaN
    where there was nothing to test. `n` is the number of values that it rests on (images, seeds,
    filters), `degrees` those of freedom of the interval, by default as many as a normal one's.
    """

    p: float
    n: int
    degrees: float = 1e6

    @property
    def verdict(self) -> Verdict:
        """Say whether the difference lies above 0 or below it, by the interval and p together."""
        return self.interval.verdict if self.p < ALPHA else Verdict.NOT_SIGNIFICANT

    @property
    def interval(self) -> Interval:
        """Return the difference with its interval alone."""
        return Interval(self.estimate, self.low, self.high)


def _unsigned_zero(text: str) -> str:
    """Take the sign off "-0.000" and "+0.000"."""
    return text[1:] if text[:1] in "+-" and not any(c in "123456789" for c in text) else text


def proportion(successes: int, total: int) -> Interval:
    """Estimate a share, `successes` of `total`, with Wilson's interval (1927).

    All is NaN if `total` is 0.
    """
    if total == 0:
        return Interval(np.nan, np.nan, np.nan)
    low, high = proportion_confint(successes, total, ALPHA, method="wilson")
    estimate = successes / total
    return Interval(float(estimate), float(min(low, estimate)), float(max(high, estimate)))


def mean_interval(values: np.ndarray) -> Interval:
    """Average one value per image, (n >= 2,) float, with Student's t interval."""
    values = np.asarray(values, float)
    half = stats.t.ppf(1 - ALPHA / 2, len(values) - 1) * stats.sem(values)
    return Interval(float(values.mean()), float(values.mean() - half), float(values.mean() + half))


def difference_of_means(first: np.ndarray, second: np.ndarray) -> Comparison:
    """Subtract the means of two independent groups, with Welch's interval and test.

    `first` and `second` are (n,) and (m,) float; NaN is left out.
    """
    first, second = (np.asarray(x)[np.isfinite(x)] for x in (first, second))
    tested = stats.ttest_ind(first, second, equal_var=False)
    low, high = tested.confidence_interval(1 - ALPHA)
    difference = Interval(float(np.mean(first) - np.mean(second)), float(low), float(high))
    return difference.tested(tested.pvalue, len(first) + len(second), tested.df)


def bootstrap(
    statistic: Callable[..., float],
    *arrays: np.ndarray,
    method: str = "percentile",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Compute a statistic with its bootstrap interval over the arrays' first axis (Efron 1979).

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
    """Subtract two proportions of the same images.

    The interval is Bonett and Price's (2012), Wald's after adding 1 to both counts. It is
    recommended by Fagerland, Lydersen and Laake (2014), and defined where both counts are 0.

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
    """Subtract two proportions of different images, with Newcombe's interval (1998).

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
