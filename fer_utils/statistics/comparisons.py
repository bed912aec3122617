"""Differences between models: paired over the images, over seeds, and in factorial experiments."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from fer_utils.statistics.intervals import (
    ALPHA,
    Interval,
    judged_with_detectable,
    paired_interval,
)


class Contrast(NamedTuple):
    """A weighted sum with its 95 % interval, the p-value that it is 0, its degrees of freedom."""

    effect: Interval
    p: float
    degrees: float


def compare(first: np.ndarray, second: np.ndarray) -> tuple[Interval, float]:
    """Two models on the same images: `first` and `second` are (n,) bool, prediction correct.

    Returns the accuracy of the first minus that of the second, with its interval
    (`paired_interval`), and the p-value of McNemar's exact test.
    """
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    p = mcnemar([[0, only_first], [only_second, 0]], exact=True).pvalue
    return paired_interval(only_first, only_second, len(first)), float(p)


def contrast(
    groups: Sequence[np.ndarray],
    weights: Sequence[float],
    minus: tuple[float, float] = (0.0, 0.0),
) -> Contrast:
    """Weighted sum of the groups' mean accuracies, uncertain over seeds and over images.

    `groups`: one (seeds, n) or (n,) bool per group, prediction correct; all on the same n images.
    Weights (1, -1) give a difference of two groups, (1,) the accuracy of one. `minus` is a figure
    of other networks that is taken off the sum, with the variance of its sampling error.

    Model: correct = group mean + seed + image + (seed x image), with seeds and images drawn at
    random, crossed, and the seeds of one group independent of the next group's (two-way random
    effects, as readers and cases in multi-reader studies: Gallas, Bandos, Samuelson and Wagner
    2009). Then

        variance = images + seeds - interaction

    images: variance over images of the weighted sum of seed means, / n; seeds: sum over the groups
    of weight^2 * variance between the group's seeds / seeds, each group with its own variance, as
    seeds vary more in some recipes than in others; both contain the interaction, so it is taken off
    once, but the variance is never less than either part. Student's t with Satterthwaite's degrees
    of freedom. A group with one seed is given the largest variance of those that have several, as
    if known from two seeds. If none has several, the interval covers images only: it speaks of
    these trained networks, not of their recipes.
    """
    groups = [np.atleast_2d(np.asarray(group, float)) for group in groups]
    n = groups[0].shape[1]
    per_image = sum(w * group.mean(axis=0) for w, group in zip(weights, groups, strict=True))
    estimate = float(per_image.mean()) - minus[0]
    images = per_image.var(ddof=1) / n
    between = [_between_seeds(group) for group in groups if len(group) > 1]
    variance, spread = images, images**2 / (n - 1)
    if between:
        largest = max(between)
        seeds = interaction = 0.0
        for w, group in zip(weights, groups, strict=True):
            of_seeds, of_both, free = _between_seeds(group) if len(group) > 1 else (*largest[:2], 1)
            scale = w**2 / len(group)
            seeds += scale * of_seeds
            interaction += scale * of_both
            spread += (scale * of_seeds) ** 2 / free
        variance = max(images, seeds, images + seeds - interaction)
    variance += minus[1]
    if variance == 0:
        return Contrast(Interval(estimate, estimate, estimate), float(estimate == 0), n - 1)
    spread += minus[1] ** 2 / (n - 1)
    degrees, error = variance**2 / spread, np.sqrt(variance)
    half = stats.t.ppf(1 - ALPHA / 2, degrees) * error
    p = 2 * stats.t.sf(abs(estimate) / error, degrees)
    interval = Interval(estimate, float(estimate - half), float(estimate + half))
    return Contrast(interval, float(p), float(degrees))


def _between_seeds(group: np.ndarray) -> tuple[float, float, int]:
    """Of (seeds, n): variance between the seeds' accuracies, what of it is seed x image, and its
    degrees of freedom.
    """
    free = len(group) - 1
    left = group - group.mean(axis=1, keepdims=True) - group.mean(axis=0) + group.mean()
    n = group.shape[1]
    return group.mean(axis=1).var(ddof=1), float(np.sum(left**2)) / (free * (n - 1)) / n, free


def factorial_effects(
    cells: Mapping[tuple[bool, ...], np.ndarray], factors: Sequence[str]
) -> pd.DataFrame:
    """Main effects and interactions of a full two-level experiment (Yates's contrasts).

    `cells` maps each combination of levels, one bool per factor, to a `contrast` group. A main
    effect is the mean accuracy with the factor minus that without; the interaction a x b is half
    the difference between the effect of a with b and without, and so on. Returns one row per
    effect: "effect" (Interval), "verdict", "p (Holm)", "would show" (`judged_with_detectable`).
    Raises ValueError if a combination is missing.
    """
    if len(cells) != 2 ** len(factors):
        raise ValueError(f"{len(cells)} cells for {len(factors)} factors")
    table = []
    for order in range(1, len(factors) + 1):
        for chosen in combinations(range(len(factors)), order):
            signs = [np.prod([1 if levels[f] else -1 for f in chosen]) for levels in cells]
            weights = np.array(signs) / 2 ** (len(factors) - 1)
            name = " × ".join(factors[f] for f in chosen)
            table.append((name, *contrast(list(cells.values()), weights)))
    table = pd.DataFrame(table, columns=["name", "effect", "p", "degrees"]).set_index("name")
    degrees = table.pop("degrees")
    words = ("positive", "negative", "no effect shown")
    return judged_with_detectable(table, interval="effect", words=words, degrees=degrees)
