"""How good one classifier is: accuracy, per-class figures, confusions and claims about them.

Labels and predictions are (n,) int class indices; `counts` is a confusion matrix, (classes,
classes) int, rows true, columns predicted. Every estimate is an `Interval` over the images.
"""

from collections.abc import Callable, Sequence
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from fer_utils.fer2013 import CLASSES
from fer_utils.statistics.intervals import (
    ALPHA,
    RESAMPLES,
    Interval,
    holm,
    independent_interval,
    paired_interval,
    proportion,
    verdict,
)


def accuracy(labels: np.ndarray, predictions: np.ndarray) -> Interval:
    """Share of correct predictions, with Wilson's interval."""
    return proportion(int(np.sum(labels == predictions)), len(labels))


def confusion(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """(7, 7) int: images by true class (rows) and predicted class (columns)."""
    return confusion_matrix(labels, predictions, labels=range(len(CLASSES)))


def scores(labels: np.ndarray, predictions: np.ndarray) -> dict:
    """The plain figures of one model for a JSON file: accuracy, per class, confusion counts."""
    figures = precision_recall_fscore_support(
        labels, predictions, labels=range(len(CLASSES)), zero_division=0
    )
    names = ("precision", "recall", "f1", "support")
    return {
        "n": len(labels),
        "accuracy": float(np.mean(labels == predictions)),
        "per_class": {
            cls: {name: column[k].item() for name, column in zip(names, figures, strict=True)}
            for k, cls in enumerate(CLASSES)
        },
        "confusion": confusion(labels, predictions).tolist(),
    }


def per_class(counts: np.ndarray) -> pd.DataFrame:
    """One row per class: `support`, and `precision`, `recall`, `f1` as Intervals.

    Precision and recall are shares of the images predicted as, or of, the class; F1 is resampled.
    A figure without images is NaN.
    """
    right, true, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    columns = {
        "support": true,
        "precision": list(map(proportion, right, predicted)),
        "recall": list(map(proportion, right, true)),
        "f1": _resampled(f1, counts),
    }
    return pd.DataFrame(columns, index=pd.Index(CLASSES, name="class"))


def row_shares(counts: np.ndarray) -> pd.DataFrame:
    """(7, 7) Intervals: of each true class (rows), the share predicted as each class (columns)."""
    shares = [[proportion(count, row.sum()) for count in row] for row in counts]
    return pd.DataFrame(
        shares, pd.Index(CLASSES, name="label"), pd.Index(CLASSES, name="prediction")
    )


def by_recall(counts: np.ndarray) -> pd.Series:
    """Recall of each class that has images (Interval), the weakest first."""
    recall = per_class(counts)["recall"][counts.sum(axis=1) > 0]
    return recall.sort_values()


def recall_gap(counts: np.ndarray, name: str) -> Interval:
    """Recall of all images that are not of class `name`, minus the recall of that class."""
    right, true, k = np.diag(counts), counts.sum(axis=1), CLASSES.index(name)
    return independent_interval(right.sum() - right[k], true.sum() - true[k], right[k], true[k])


def macro_f1(counts: np.ndarray) -> Interval:
    """Unweighted mean of the classes' F1, bootstrapped."""
    return _resampled(lambda c: np.nanmean(f1(c), axis=-1, keepdims=True), counts)[0]


def f1(counts: np.ndarray) -> np.ndarray:
    """(..., classes) float: F1 of each class; `counts` may be a stack of confusion matrices."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    either = counts.sum(axis=-1) + counts.sum(axis=-2)
    return np.divide(2 * right, either, out=np.full(either.shape, np.nan), where=either > 0)


def confused_pairs(counts: np.ndarray) -> pd.DataFrame:
    """The 21 pairs of classes, most confused first.

    Columns: `first`, `second`, the class with the larger share first; `images`, confused either
    way; `there` and `back`, Intervals: share of `first` taken for `second` and the reverse;
    `difference` = there - back (Newcombe); `p_holm` (Fisher's exact test, Holm over the table);
    `verdict`. Ranked by there + back, so that a class's size does not count.
    """
    true = counts.sum(axis=1)
    table = []
    for one, other in combinations(range(len(counts)), 2):
        if counts[one, other] * true[other] < counts[other, one] * true[one]:
            one, other = other, one
        there, back = counts[one, other], counts[other, one]
        tested = stats.fisher_exact([[there, true[one] - there], [back, true[other] - back]])
        table.append(
            {
                "first": CLASSES[one],
                "second": CLASSES[other],
                "images": there + back,
                "there": proportion(there, true[one]),
                "back": proportion(back, true[other]),
                "difference": independent_interval(there, true[one], back, true[other]),
                "p_holm": tested.pvalue,
            }
        )
    table = pd.DataFrame(table)
    table["p_holm"] = holm(table["p_holm"])
    table["verdict"] = [
        verdict(d, p, (f"more {a} → {b}", f"more {b} → {a}", "no difference shown"))
        for a, b, d, p in table[["first", "second", "difference", "p_holm"]].to_numpy()
    ]
    both = table["there"].astype(float) + table["back"].astype(float)
    return table.iloc[np.argsort(-both, kind="stable")].reset_index(drop=True)


#: What the homework says: (None, the weakest classes) or (a class, those that it is taken for).
STATEMENTS = (
    (None, ("fear", "sad")),
    ("fear", ("disgust", "sad", "surprise")),
    ("sad", ("fear", "neutral")),
)


class Claim(NamedTuple):
    """A statement that each of some classes exceeds each of the others, and whether it holds.

    `named` and `other` are the two classes that come closest to refuting it (or do), `difference`
    their difference. "holds": every pair's interval lies above 0 (intersection-union test);
    "does not hold": some pair's interval, Bonferroni-corrected, lies below 0; else "not shown".
    """

    verdict: str
    named: str
    other: str
    difference: Interval


def taken_for(
    counts: np.ndarray, true: str, named: Sequence[str], others: Sequence[str] = ()
) -> Claim:
    """The claim that images of `true` are taken for each of `named` more than for any of `others`.

    Without `others` these are all the other classes.
    """
    row = counts[CLASSES.index(true)]
    others = others or [name for name in CLASSES if name not in (true, *named)]

    def difference(one: int, other: int, alpha: float) -> Interval:
        return paired_interval(row[one], row[other], row.sum(), alpha)

    return _claim(difference, named, others)


def weakest(counts: np.ndarray, named: Sequence[str], others: Sequence[str] = ()) -> Claim:
    """The claim that each of `named` has a smaller recall than any of `others`.

    Differences are those of the miss rates, 1 - recall.
    Without `others` these are all the other classes.
    """
    true = counts.sum(axis=1)
    missed = true - np.diag(counts)

    def difference(one: int, other: int, alpha: float) -> Interval:
        return independent_interval(missed[one], true[one], missed[other], true[other], alpha)

    others = others or [name for name in CLASSES if name not in named]
    return _claim(difference, named, others)


def check_statements(
    counts: np.ndarray, statements: Sequence[tuple[str | None, Sequence[str]]] = STATEMENTS
) -> pd.DataFrame:
    """Check each of `statements` as a whole and for each class that it names.

    A statement is (true, named): images of class `true` are taken for the `named` classes; or
    (None, named): the `named` classes are the weakest. A single class is compared with those that
    the statement does not name. Columns: `statement`, `closest` (the two classes that come
    closest to refuting it), `difference`, `verdict`.
    """
    table = []
    for true, named in statements:
        others = [name for name in CLASSES if name not in (true, *named)]
        for part in (named, *([name] for name in named)):
            claim = taken_for(counts, true, part, others) if true else weakest(counts, part, others)
            subject = f"{true} → {', '.join(part)}" if true else f"weakest: {', '.join(part)}"
            closest = f"{claim.named} − {claim.other}"
            table.append((subject, closest, claim.difference, claim.verdict))
    return pd.DataFrame(table, columns=["statement", "closest", "difference", "verdict"])


def _claim(
    difference: Callable[[int, int, float], Interval], named: Sequence[str], others: Sequence[str]
) -> Claim:
    pairs = list(product(named, others))

    def intervals(alpha: float) -> list[Interval]:
        return [difference(CLASSES.index(a), CLASSES.index(b), alpha) for a, b in pairs]

    plain, corrected = intervals(ALPHA), intervals(ALPHA / len(pairs))
    if any(d.high < 0 for d in corrected):
        decisive = int(np.nanargmin([d.high for d in corrected]))
        return Claim("does not hold", *pairs[decisive], plain[decisive])
    closest = int(np.argmin([d.low for d in plain]))
    word = "holds" if plain[closest].low > 0 else "not shown"
    return Claim(word, *pairs[closest], plain[closest])


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
