"""Differences between models: paired over the images, over seeds, and in factorial experiments."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from fer_utils.statistics.corrections import judged_with_detectable
from fer_utils.statistics.intervals import ALPHA, Comparison, Interval, paired_interval


def paired_difference(first: np.ndarray, second: np.ndarray) -> Comparison:
    """Subtract the accuracies of two models on the same images; McNemar's exact test.

    `first` and `second` are (n,) bool, prediction correct. The interval of the first minus the
    second is that of `paired_interval`.
    """
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    p = mcnemar([[0, only_first], [only_second, 0]], exact=True).pvalue
    return paired_interval(only_first, only_second, len(first)).tested(p, len(first))


def contrast(
    groups: Sequence[np.ndarray],
    weights: Sequence[float],
    minus: tuple[float, float] = (0.0, 0.0),
) -> Comparison:
    """Weight and sum the groups' mean accuracies, uncertain over seeds and over images.

    Parameters
    ----------
    groups
        One (seeds, n) or (n,) bool per group, prediction correct; all on the same n images.
    weights
        (1, -1) give a difference of two groups, (1,) the accuracy of one.
    minus
        A figure of other networks that is taken off the sum, and the variance of its sampling
        error.

    Returns
    -------
    Comparison
        The sum with its interval and the p-value that it is 0; `n` counts the images.

    Notes
    -----
    The model is "correct = group mean + seed + image + (seed x image)", with seeds and images drawn
    at random, crossed, and the seeds of one group independent of the next group's (two-way random
    effects, as readers and cases in multi-reader studies: Gallas, Bandos, Samuelson and Wagner
    2009). Then

        variance = images + seeds - interaction

    `images` is the variance over images of the weighted sum of seed means, / n. `seeds` is the sum
    over the groups of weight^2 * variance between the group's seeds / seeds; each group has its own
    variance, as seeds vary more in some recipes than in others. Both contain the interaction, so it
    is taken off once, but the variance is never less than either part. The interval is Student's,
    with Satterthwaite's degrees of freedom. A group with one seed is given the largest variance of
    those that have several, as if known from two seeds. If none has several, the interval covers
    images only: it is on these trained networks, not on their recipes.
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
        return Interval(estimate, estimate, estimate).tested(estimate == 0, n, n - 1)
    spread += minus[1] ** 2 / (n - 1)
    degrees, error = variance**2 / spread, np.sqrt(variance)
    half = stats.t.ppf(1 - ALPHA / 2, degrees) * error
    p = 2 * stats.t.sf(abs(estimate) / error, degrees)
    interval = Interval(estimate, float(estimate - half), float(estimate + half))
    return interval.tested(p, n, degrees)


def _between_seeds(group: np.ndarray) -> tuple[float, float, int]:
    """Analyse (seeds, n): the variance between the seeds' accuracies, and what is seed x image.

    The third result is the degrees of freedom.
    """
    free = len(group) - 1
    left = group - group.mean(axis=1, keepdims=True) - group.mean(axis=0) + group.mean()
    n = group.shape[1]
    return group.mean(axis=1).var(ddof=1), float(np.sum(left**2)) / (free * (n - 1)) / n, free


def factorial_effects(
    cells: Mapping[tuple[bool, ...], np.ndarray], factors: Sequence[str]
) -> pd.DataFrame:
    """Estimate main effects and interactions of a full two-level experiment (Yates's contrasts).

    `cells` maps each combination of levels, one bool per factor, to a `contrast` group. A main
    effect is the mean accuracy with the factor minus that without; the interaction a x b is half
    the difference between the effect of a with b and without, and so on. Returns one row per
    effect, by its name ("a", "a_x_b"): "effect" (Comparison), and "verdict", "p" and "detectable"
    of `judged_with_detectable`. Raises ValueError if a combination is missing.
    """
    if len(cells) != 2 ** len(factors):
        raise ValueError(f"{len(cells)} cells for {len(factors)} factors")
    effects = {}
    for order in range(1, len(factors) + 1):
        for chosen in combinations(range(len(factors)), order):
            signs = [np.prod([1 if levels[f] else -1 for f in chosen]) for levels in cells]
            weights = np.array(signs) / 2 ** (len(factors) - 1)
            name = "_x_".join(factors[f] for f in chosen)
            effects[name] = contrast(list(cells.values()), weights)
    table = pd.DataFrame({"effect": effects}).rename_axis("name")
    return judged_with_detectable(table, interval="effect")
