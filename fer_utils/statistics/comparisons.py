"""Differences between models: paired over the images, over seeds, and in factorial experiments."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from fer_utils.statistics.intervals import ALPHA, Interval, holm, paired_interval, verdict


def compare(first: np.ndarray, second: np.ndarray) -> tuple[Interval, float]:
    """Two models on the same images: `first` and `second` are (n,) bool, prediction correct.

    Returns the accuracy of the first minus that of the second, with its interval
    (`paired_interval`), and the p-value of McNemar's exact test.
    """
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    p = mcnemar([[0, only_first], [only_second, 0]], exact=True).pvalue
    return paired_interval(only_first, only_second, len(first)), float(p)


def compare_all(
    predictions: Mapping[str, np.ndarray],
    labels: np.ndarray,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> pd.DataFrame:
    """`compare` for `pairs` of models (all pairs if None), as one table corrected by Holm.

    Columns: `model`, `against`, `difference` (Interval), `p`, `p_holm`, `verdict`.
    """
    pairs = list(combinations(predictions, 2)) if pairs is None else pairs
    table = [(a, b, *compare(predictions[a] == labels, predictions[b] == labels)) for a, b in pairs]
    return _judged(pd.DataFrame(table, columns=["model", "against", "difference", "p"]))


def contrast(groups: Sequence[np.ndarray], weights: Sequence[float]) -> tuple[Interval, float]:
    """Weighted sum of the groups' mean accuracies, uncertain over seeds and over images.

    `groups`: one (seeds, n) or (n,) bool per group, prediction correct; all on the same n images.
    Weights (1, -1) give a difference of two groups, (1,) the accuracy of one.
    Returns the sum with its 95 % interval, and the p-value that it is 0.

    Model: correct = group mean + seed + image + (seed x image), with seeds and images drawn at
    random, crossed, and the seeds of one group independent of the next group's (two-way random
    effects, as readers and cases in multi-reader studies: Gallas, Bandos, Samuelson and Wagner
    2009). Then

        variance = images + seeds - interaction

    images: variance over images of the weighted sum of seed means, / n; seeds: variance between
    the seeds' accuracies, pooled over groups, * sum(weight^2 / seeds of the group); both contain
    the interaction (pooled mean square / n * the same sum), so it is taken off once, but the
    variance is never less than either part. Student's t with Satterthwaite's degrees of freedom.
    Pooling supposes that seeds vary alike in all groups. If no group has two seeds, the interval
    covers images only: it speaks of these trained networks, not of their recipes.
    """
    groups = [np.atleast_2d(np.asarray(group, float)) for group in groups]
    n = groups[0].shape[1]
    per_image = sum(w * group.mean(axis=0) for w, group in zip(weights, groups, strict=True))
    estimate = float(per_image.mean())
    images = per_image.var(ddof=1) / n
    free = sum(len(group) - 1 for group in groups)
    variance, spread = images, images**2 / (n - 1)
    if free:
        scale = sum(w**2 / len(group) for w, group in zip(weights, groups, strict=True))
        between = sum(np.sum((g.mean(axis=1) - g.mean()) ** 2) for g in groups)
        seeds = scale * between / free
        interaction = scale * sum(map(_interaction, groups)) / (free * (n - 1)) / n
        variance = max(images, seeds, images + seeds - interaction)
        spread += seeds**2 / free
    if variance == 0:
        return Interval(estimate, estimate, estimate), float(estimate == 0)
    degrees, error = variance**2 / spread, np.sqrt(variance)
    half = stats.t.ppf(1 - ALPHA / 2, degrees) * error
    p = 2 * stats.t.sf(abs(estimate) / error, degrees)
    return Interval(estimate, float(estimate - half), float(estimate + half)), float(p)


def factorial_effects(
    cells: Mapping[tuple[bool, ...], np.ndarray], factors: Sequence[str]
) -> pd.DataFrame:
    """Main effects and interactions of a full two-level experiment (Yates's contrasts).

    `cells` maps each combination of levels, one bool per factor, to a `contrast` group. A main
    effect is the mean accuracy with the factor minus that without; the interaction a x b is half
    the difference between the effect of a with b and without, and so on. Returns one row per
    effect: `effect` (Interval), `p`, `p_holm`, `verdict`.
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
    judged = _judged(
        pd.DataFrame(table, columns=["name", "effect", "p"]),
        ("positive", "negative", "no effect shown"),
    )
    return judged.set_index("name")


def _interaction(group: np.ndarray) -> float:
    """Sum of squares left in (seeds, n) after the means of seeds and of images."""
    left = group - group.mean(axis=1, keepdims=True) - group.mean(axis=0) + group.mean()
    return float(np.sum(left**2))


def _judged(
    table: pd.DataFrame,
    words: tuple[str, str, str] = ("better", "worse", "no difference shown"),
) -> pd.DataFrame:
    """Add `p_holm` and `verdict`; the Interval stands left of `p`."""
    intervals = table.iloc[:, table.columns.get_loc("p") - 1]
    adjusted = holm(table["p"])
    words_of = [verdict(d, p, words) for d, p in zip(intervals, adjusted, strict=True)]
    return table.assign(p_holm=adjusted, verdict=words_of)
