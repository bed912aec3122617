"""How good one classifier is: accuracy, figures per class, confusions.

Labels and predictions are (n,) int class indices. `counts` is a confusion matrix as `confusion`
makes it, a data frame (classes, classes) of int with the names of the classes: rows true, columns
predicted. Every estimate is an `Interval` over the images.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from fer_utils.statistics.corrections import judged_with_detectable
from fer_utils.statistics.intervals import (
    ALPHA,
    RESAMPLES,
    Interval,
    independent_interval,
    proportion,
)


def accuracy(labels: np.ndarray, predictions: np.ndarray) -> Interval:
    """Compute the share of correct predictions, with Wilson's interval."""
    return proportion(int(np.sum(labels == predictions)), len(labels))


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Count the images of each true class (rows) by predicted class (columns)."""
    counts = confusion_matrix(labels, predictions, labels=range(len(classes)))
    return pd.DataFrame(
        counts, pd.Index(classes, name="label"), pd.Index(classes, name="prediction")
    )


def scores(labels: np.ndarray, predictions: np.ndarray, classes: int) -> dict:
    """Compute plain figures for a JSON file.

    "n" and "accuracy" are numbers; "precision", "recall" and "f1" are lists with a number per
    class, and "confusion" is a list of such lists.
    """
    precision, recall, f1_score, _ = precision_recall_fscore_support(
        labels, predictions, labels=range(classes), zero_division=0
    )
    return {
        "n": len(labels),
        "accuracy": float(np.mean(labels == predictions)),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1_score.tolist(),
        "confusion": confusion_matrix(labels, predictions, labels=range(classes)).tolist(),
    }


def per_class(counts: pd.DataFrame) -> pd.DataFrame:
    """Estimate the figures of each class, a row by its name.

    `images` counts those of the class; `precision` and `recall` (Intervals) are shares of the
    images predicted as, or of, the class; `f1` (Interval) is bootstrapped. A figure without images
    is NaN.
    """
    matrix = counts.to_numpy()
    right, true, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    columns = {
        "images": true,
        "precision": list(map(proportion, right, predicted)),
        "recall": list(map(proportion, right, true)),
        "f1": _resampled(f1, matrix),
    }
    return pd.DataFrame(columns, index=counts.index.rename("class"))


def row_shares(counts: pd.DataFrame) -> pd.DataFrame:
    """Divide each row of `counts` by its sum: shares of the true class, as Intervals."""
    totals = counts.sum(axis=1)
    return counts.apply(lambda column: list(map(proportion, column, totals)))


def by_recall(counts: pd.DataFrame) -> pd.Series:
    """Sort the classes that have images by their recall (Interval), the lowest first."""
    return per_class(counts)["recall"][counts.sum(axis=1) > 0].sort_values()


def key_figures(matrices: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Put the figures of some confusion matrices side by side, a column for each.

    Rows (Intervals): `accuracy`, `macro_f1`, and by the names of the classes their recalls.
    """
    columns = {}
    for name, counts in matrices.items():
        matrix = counts.to_numpy()
        accurate = proportion(int(np.trace(matrix)), int(matrix.sum()))
        figures = {"accuracy": accurate, "macro_f1": macro_f1(counts)}
        columns[name] = figures | per_class(counts)["recall"].to_dict()
    return pd.DataFrame(columns)


def recall_gap(counts: pd.DataFrame, name: str) -> Interval:
    """Subtract the recall of class `name` from the mean recall of the other classes.

    Each other class has the same weight; those without images are left out. The interval is the
    normal one of independent proportions, each counted with one right and one wrong image more
    (Agresti and Caffo 2000); all is NaN if the class has no images.
    """
    matrix, k = counts.to_numpy(), counts.index.get_loc(name)
    right, true = np.diag(matrix), matrix.sum(axis=1)
    others = np.flatnonzero((true > 0) & (np.arange(len(true)) != k))
    if true[k] == 0 or len(others) == 0:
        return Interval(np.nan, np.nan, np.nan)
    adjusted = (right + 1) / (true + 2)
    variance = adjusted * (1 - adjusted) / (true + 2)
    gap = float(np.mean(right[others] / true[others]) - right[k] / true[k])
    error = np.sqrt(variance[others].sum() / len(others) ** 2 + variance[k])
    half = float(stats.norm.ppf(1 - ALPHA / 2) * error)
    return Interval(gap, gap - half, gap + half)


def macro_f1(counts: pd.DataFrame) -> Interval:
    """Average the classes' F1 with equal weights; the interval is bootstrapped."""
    return _resampled(lambda c: np.nanmean(f1(c), axis=-1, keepdims=True), counts.to_numpy())[0]


def f1(counts: np.ndarray) -> np.ndarray:
    """Compute F1 of each class, (..., classes) float, from arrays (..., classes, classes)."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    either = counts.sum(axis=-1) + counts.sum(axis=-2)
    return np.divide(2 * right, either, out=np.full(either.shape, np.nan), where=either > 0)


def confused_pairs(counts: pd.DataFrame) -> pd.DataFrame:
    """Rank all pairs of classes by the share predicted one way plus the other, the largest first.

    Rows: (first, second), where `first` is the class that is predicted as the other more often.
    Columns: `images` confused either way; `there` and `back` (Intervals), the shares of `first`
    predicted as `second` and the reverse; `difference` of the two (Comparison: Newcombe's interval,
    Fisher's exact test) with `verdict`, `p` and `detectable` of `judged_with_detectable`; `rank`
    (Interval), bootstrapped over the images.
    """
    pairs = [_pair(counts, *pair) for pair in combinations(range(len(counts)), 2)]
    table = judged_with_detectable(pd.DataFrame(pairs), interval="difference")
    table = table.assign(rank=_resampled(_ranks, counts.to_numpy()))
    return table.sort_values("rank", kind="stable").set_index(["first", "second"])


def _pair(counts: pd.DataFrame, one: int, other: int) -> dict:
    """Compare the confusions of two classes, by their places, in both directions."""
    matrix = counts.to_numpy()
    true = matrix.sum(axis=1)
    if matrix[one, other] * true[other] < matrix[other, one] * true[one]:
        one, other = other, one
    there, back = matrix[one, other], matrix[other, one]
    tested = stats.fisher_exact([[there, true[one] - there], [back, true[other] - back]])
    difference = independent_interval(there, true[one], back, true[other])
    return {
        "first": counts.index[one],
        "second": counts.index[other],
        "images": there + back,
        "there": proportion(there, true[one]),
        "back": proportion(back, true[other]),
        "difference": difference.tested(tested.pvalue, true[one] + true[other]),
    }


def _ranks(counts: np.ndarray) -> np.ndarray:
    """Rank the pairs of classes, (..., pairs) float, 1 for the most confused."""
    shares = counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)
    one, other = np.array(list(combinations(range(counts.shape[-1]), 2))).T
    return stats.rankdata(-shares[..., one, other] - shares[..., other, one], axis=-1)


def _resampled(
    statistic: Callable[[np.ndarray], np.ndarray], counts: np.ndarray, seed: int = 0
) -> list[Interval]:
    """Bootstrap `statistic`, (..., classes, classes) -> (..., k), over the images.

    Images drawn with replacement have multinomial counts, so the counts are drawn directly.
    """
    total = counts.sum()
    draws = np.random.default_rng(seed).multinomial(total, counts.ravel() / total, RESAMPLES)
    values = statistic(draws.reshape(RESAMPLES, *counts.shape))
    estimates = statistic(counts)
    low, high = pd.DataFrame(values).quantile([ALPHA / 2, 1 - ALPHA / 2]).to_numpy()
    return [Interval(*map(float, row)) for row in zip(estimates, low, high, strict=True)]
