"""Whether a model's probabilities mean what they say (Guo et al. 2017, arXiv 1706.04599).

`logits` are (n, classes) float, `labels` (n,) int; `confidence` is (n,) float, the probability
that the model gives its own answers, and `correct` (n,) bool, whether they are right.
"""

from collections.abc import Mapping
from itertools import groupby

import numpy as np
import pandas as pd
from scipy import special, stats
from scipy.optimize import minimize_scalar

from fer_utils.fer2013 import CLASSES
from fer_utils.statistics.intervals import (
    Interval,
    bootstrap,
    judged_with_detectable,
    proportion,
)

BINS = 15  # of equal width, as in Guo et al.
RIGHT = 0.8  # of the answers that are believed, at least this share are right on held-out images
WORDS = ("over-confident", "under-confident", "not shown")


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """(n, classes) float64: probabilities of the logits divided by `temperature`."""
    return special.softmax(np.asarray(logits, np.float64) / temperature, axis=-1)


def nll(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> float:
    """Mean negative log-likelihood, in nats."""
    log = special.log_softmax(np.asarray(logits, np.float64) / temperature, axis=-1)
    return float(-log[np.arange(len(labels)), labels].mean())


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature (0.05 to 20) with the smallest `nll`; fit it on held-out images."""
    found = minimize_scalar(
        lambda log: nll(logits, labels, np.exp(log)), bounds=np.log([0.05, 20]), method="bounded"
    )
    return float(np.exp(found.x))


def temperature_interval(logits: np.ndarray, labels: np.ndarray) -> Interval:
    """`fit_temperature` with its bootstrap interval over the images."""
    return bootstrap(fit_temperature, logits, labels, resamples=200)


def smoothing_ceiling(smoothing: float, classes: int) -> float:
    """The probability of the label at which the loss with label smoothing is smallest."""
    return 1 - smoothing + smoothing / classes


def gap(confidence: np.ndarray, correct: np.ndarray) -> tuple[Interval, float]:
    """Mean confidence minus accuracy, and the p-value that it is 0.

    The interval is Wilson's of the accuracy, seen from the mean confidence; the test is the exact
    binomial one. Of answers that are right with the very probabilities that they state, the number
    of right ones varies less than a binomial one, so both err to the careful side. NaN without
    images.
    """
    if len(correct) == 0:
        return Interval(np.nan, np.nan, np.nan), np.nan
    stated, right = float(confidence.mean()), int(correct.sum())
    accuracy = proportion(right, len(correct))
    p = stats.binomtest(right, len(correct), min(stated, 1.0)).pvalue
    ends = (stated - end for end in (accuracy.estimate, accuracy.high, accuracy.low))
    return Interval(*ends), float(p)


def regions(confidence: np.ndarray, correct: np.ndarray, count: int = 10) -> pd.DataFrame:
    """Calibration in `count` groups of equally many images, from the least confident to the most.

    Columns: `images`; `lowest`, `highest` and mean `confidence`; `accuracy` and `gap` (confidence
    minus accuracy) as Intervals; `verdict` on the gap, one of `WORDS`; `p (Holm)`; `would show`.
    """
    table = []
    for rows in np.array_split(np.argsort(confidence, kind="stable"), count):
        stated, right = confidence[rows], correct[rows]
        difference, p = gap(stated, right)
        table.append(
            {
                "images": len(rows),
                "lowest": stated.min(initial=np.inf),
                "highest": stated.max(initial=-np.inf),
                "confidence": stated.mean() if len(rows) else np.nan,
                "accuracy": proportion(int(right.sum()), len(rows)),
                "gap": difference,
                "p": p,
            }
        )
    return judged_with_detectable(pd.DataFrame(table), interval="gap", words=WORDS)


def stretches(regions: pd.DataFrame, verdict: str) -> list[tuple[float, float]]:
    """(lowest, highest) confidence of each run of neighbouring `regions` that has this verdict."""
    runs = [list(run) for word, run in groupby(regions.itertuples(), lambda row: row.verdict)]
    found = [run for run in runs if run[0].verdict == verdict]
    return [(run[0].lowest, run[-1].highest) for run in found]


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray) -> Interval:
    """Mean over the images of |accuracy - confidence| of their bin, bootstrapped.

    Noise in the bins makes the estimate positive even for a calibrated model. The interval (basic
    bootstrap, cut at 0) takes that off, so the estimate can lie at its upper end.
    """
    error = bootstrap(_calibration_error, confidence, correct, method="basic")
    return Interval(error.estimate, max(error.low, 0.0), max(error.high, error.estimate))


def compared(
    confidences: Mapping[str, np.ndarray], correct: np.ndarray, count: int
) -> pd.DataFrame:
    """Several confidences in the same answers, such as before and after a repair; a row for each.

    Columns: how many of the `count` `regions` are over- and under-confident; `calibration error`
    and overall `gap` as Intervals.
    """
    table = {}
    for name, confidence in confidences.items():
        verdicts = regions(confidence, correct, count)["verdict"]
        table[name] = {
            "over-confident": int((verdicts == WORDS[0]).sum()),
            "under-confident": int((verdicts == WORDS[1]).sum()),
            "calibration error": expected_calibration_error(confidence, correct),
            "gap": gap(confidence, correct)[0],
        }
    return pd.DataFrame.from_dict(table, "index").rename_axis("confidence")


def chosen(ways: Mapping[str, np.ndarray], labels: np.ndarray, correct: np.ndarray) -> pd.DataFrame:
    """What some ways to choose images, (n,) bool each, choose; a column for each.

    Rows: the `share of the images`, the share `of these right` (Interval), and how many right ones
    there are of each class.
    """
    table = {}
    for name, kept in ways.items():
        right = np.bincount(labels[kept & correct], minlength=len(CLASSES))
        of_these = proportion(int(correct[kept].sum()), int(kept.sum()))
        table[name] = [float(kept.mean()), of_these, *right.tolist()]
    return pd.DataFrame(table, ["share of the images", "of these right", *CLASSES], dtype=object)


def coverage_curve(confidence: np.ndarray, correct: np.ndarray) -> pd.DataFrame:
    """Accuracy on the most confident 5 %, 10 %, ... 100 % of the images.

    Columns: `coverage` (share kept), `threshold` (least confidence kept), `images`, `accuracy`
    (Interval). Geifman and El-Yaniv 2017, arXiv 1705.08500.
    """
    order = np.argsort(-confidence, kind="stable")
    right = np.cumsum(correct[order])
    kept = np.unique(np.ceil(np.arange(0.05, 1.0001, 0.05) * len(order) - 1e-9).astype(int))
    table = [
        (n / len(order), confidence[order[n - 1]], n, proportion(right[n - 1], n)) for n in kept
    ]
    return pd.DataFrame(table, columns=["coverage", "threshold", "images", "accuracy"])


def least_confidence(confidence: np.ndarray, correct: np.ndarray, right: float = RIGHT) -> float:
    """The lowest confidence from which on a share of at least `right` of the answers is right.

    Choose it on held-out images. It is 1.0 if there is none, so that nothing is believed.
    """
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order]
    shares = np.cumsum(correct[order]) / np.arange(1, len(order) + 1)
    last_of_its_confidence = np.append(ordered[1:] != ordered[:-1], True)
    good = np.flatnonzero((shares >= right) & last_of_its_confidence)
    return float(ordered[good[-1]]) if len(good) else 1.0


def _calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    return float(np.abs(np.bincount(bins, correct - confidence, BINS)).sum() / len(confidence))
