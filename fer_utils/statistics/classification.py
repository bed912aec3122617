"""How good one classifier is: accuracy, figures per class, confusions.

Labels and predictions are (n,) int class indices; `counts` is a confusion matrix, (classes,
classes) int, rows true, columns predicted. Every estimate is an `Interval` over the images.
"""

from collections.abc import Callable, Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from fer_utils.fer2013 import CLASSES
from fer_utils.statistics.intervals import (
    ALPHA,
    RESAMPLES,
    Interval,
    independent_interval,
    judged_with_detectable,
    proportion,
)

DIRECTION = ("more often than the reverse", "less often than the reverse", "no difference shown")


def accuracy(labels: np.ndarray, predictions: np.ndarray) -> Interval:
    """Share of correct predictions, with Wilson's interval."""
    return proportion(int(np.sum(labels == predictions)), len(labels))


def confusion(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """(7, 7) int: images by true class (rows) and predicted class (columns)."""
    return confusion_matrix(labels, predictions, labels=range(len(CLASSES)))


def scores(labels: np.ndarray, predictions: np.ndarray) -> dict:
    """Plain figures for a JSON file, those per class as lists in the order of CLASSES."""
    precision, recall, f1_score, _ = precision_recall_fscore_support(
        labels, predictions, labels=range(len(CLASSES)), zero_division=0
    )
    return {
        "n": len(labels),
        "accuracy": float(np.mean(labels == predictions)),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1_score.tolist(),
        "confusion": confusion(labels, predictions).tolist(),
    }


def per_class(counts: np.ndarray) -> pd.DataFrame:
    """One row per class: `images`, and `precision`, `recall`, `F1` as Intervals.

    Precision and recall are shares of the images predicted as, or of, the class; F1 is
    bootstrapped. A figure without images is NaN.
    """
    right, true, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    columns = {
        "images": true,
        "precision": list(map(proportion, right, predicted)),
        "recall": list(map(proportion, right, true)),
        "F1": _resampled(f1, counts),
    }
    return pd.DataFrame(columns, index=pd.Index(CLASSES, name="class"))


def row_shares(counts: np.ndarray) -> pd.DataFrame:
    """(7, 7) Intervals: of each true class (rows), the share predicted as each class (columns)."""
    shares = [[proportion(count, row.sum()) for count in row] for row in counts]
    return pd.DataFrame(
        shares, pd.Index(CLASSES, name="label"), pd.Index(CLASSES, name="prediction")
    )


def by_recall(counts: np.ndarray) -> pd.Series:
    """Recall of each class that has images (Interval), the lowest first."""
    return per_class(counts)["recall"][counts.sum(axis=1) > 0].sort_values()


def summary(matrices: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Accuracy, mean F1 and the recall of each class (rows) for some confusion matrices."""
    columns = {
        name: [
            proportion(int(np.trace(counts)), int(counts.sum())),
            macro_f1(counts),
            *per_class(counts)["recall"],
        ]
        for name, counts in matrices.items()
    }
    rows = ["accuracy", "mean F1", *(f"recall of {name}" for name in CLASSES)]
    return pd.DataFrame(columns, pd.Index(rows, name="test images"))


def recall_gap(counts: np.ndarray, name: str) -> Interval:
    """Mean recall of the other classes, each with the same weight, minus that of class `name`.

    With the normal interval of independent proportions, each counted with one right and one wrong
    image more (Agresti and Caffo 2000). Other classes without images are left out; NaN if the
    class has none.
    """
    right, true, k = np.diag(counts), counts.sum(axis=1), CLASSES.index(name)
    others = np.flatnonzero((true > 0) & (np.arange(len(true)) != k))
    if true[k] == 0 or len(others) == 0:
        return Interval(np.nan, np.nan, np.nan)
    adjusted = (right + 1) / (true + 2)
    variance = adjusted * (1 - adjusted) / (true + 2)
    gap = float(np.mean(right[others] / true[others]) - right[k] / true[k])
    error = np.sqrt(variance[others].sum() / len(others) ** 2 + variance[k])
    half = float(stats.norm.ppf(1 - ALPHA / 2) * error)
    return Interval(gap, gap - half, gap + half)


def macro_f1(counts: np.ndarray) -> Interval:
    """Unweighted mean of the classes' F1, bootstrapped."""
    return _resampled(lambda c: np.nanmean(f1(c), axis=-1, keepdims=True), counts)[0]


def f1(counts: np.ndarray) -> np.ndarray:
    """(..., classes) float: F1 of each class; `counts` may be a stack of confusion matrices."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    either = counts.sum(axis=-1) + counts.sum(axis=-2)
    return np.divide(2 * right, either, out=np.full(either.shape, np.nan), where=either > 0)


def confused_pairs(counts: np.ndarray) -> pd.DataFrame:
    """The 21 pairs of classes, most confused first: by the share taken one way plus the other.

    Columns: `first`, `second`, the class that is taken for the other more often first; `images`
    confused either way; `there` and `back`, the shares of `first` taken for `second` and the
    reverse; `difference` of the two (Newcombe) with its `verdict`, `p (Holm)` (Fisher's exact
    test) and `would show`; `rank`, bootstrapped over the images.
    """
    pairs = [_pair(counts, *pair) for pair in combinations(range(len(counts)), 2)]
    table = judged_with_detectable(pd.DataFrame(pairs), interval="difference", words=DIRECTION)
    table = table.assign(rank=_resampled(_ranks, counts))
    return table.sort_values("rank", ignore_index=True, kind="stable")


def _pair(counts: np.ndarray, one: int, other: int) -> dict:
    true = counts.sum(axis=1)
    if counts[one, other] * true[other] < counts[other, one] * true[one]:
        one, other = other, one
    there, back = counts[one, other], counts[other, one]
    tested = stats.fisher_exact([[there, true[one] - there], [back, true[other] - back]])
    return {
        "first": CLASSES[one],
        "second": CLASSES[other],
        "images": there + back,
        "there": proportion(there, true[one]),
        "back": proportion(back, true[other]),
        "difference": independent_interval(there, true[one], back, true[other]),
        "p": tested.pvalue,
    }


def _ranks(counts: np.ndarray) -> np.ndarray:
    """(..., pairs) float: the rank of each pair of classes, 1 for the most confused."""
    shares = counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)
    one, other = np.array(list(combinations(range(counts.shape[-1]), 2))).T
    return stats.rankdata(-shares[..., one, other] - shares[..., other, one], axis=-1)


def _resampled(
    statistic: Callable[[np.ndarray], np.ndarray], counts: np.ndarray, seed: int = 0
) -> list[Interval]:
    """`statistic` (..., classes, classes) -> (..., k), bootstrapped over the images.

    Images drawn with replacement have multinomial counts, so the counts are drawn directly.
    """
    total = counts.sum()
    draws = np.random.default_rng(seed).multinomial(total, counts.ravel() / total, RESAMPLES)
    values = statistic(draws.reshape(RESAMPLES, *counts.shape))
    estimates = statistic(counts)
    low, high = pd.DataFrame(values).quantile([ALPHA / 2, 1 - ALPHA / 2]).to_numpy()
    return [Interval(*map(float, row)) for row in zip(estimates, low, high, strict=True)]
