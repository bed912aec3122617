"""Whether a model's probabilities mean what they say (Guo et al. 2017, arXiv 1706.04599).

`logits` and `probabilities` are (n, classes) float, `labels` (n,) int. The confidence of a
prediction is the largest probability.
"""

import numpy as np
import pandas as pd
from scipy import special
from scipy.optimize import minimize_scalar

from fer_utils.fer2013 import CLASSES
from fer_utils.statistics.intervals import Interval, bootstrap, mean_interval, proportion, verdict

BINS = 15  # of equal width, as in Guo et al.


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


def reliability_bins(probabilities: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """One row per bin of confidence (low, high]: `n`, mean `confidence`, `accuracy` (Interval).

    The first bin includes 0; empty bins are NaN.
    """
    confidence, correct = _confidence(probabilities, labels)
    bin_of = _bin_of(confidence)
    edges = np.linspace(0, 1, BINS + 1)
    table = []
    for k in range(BINS):
        inside = bin_of == k
        n = int(inside.sum())
        mean = confidence[inside].mean() if n else np.nan
        table.append((edges[k], edges[k + 1], n, mean, proportion(int(correct[inside].sum()), n)))
    return pd.DataFrame(table, columns=["low", "high", "n", "confidence", "accuracy"])


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> Interval:
    """Mean over the images of |accuracy - confidence| of their bin, bootstrapped.

    Noise in the bins makes the estimate positive even for a calibrated model. The interval (basic
    bootstrap, cut at 0) takes that off, so the estimate can lie at its upper end.
    """
    error = bootstrap(_calibration_error, *_confidence(probabilities, labels), method="basic")
    return Interval(error.estimate, max(error.low, 0.0), max(error.high, error.estimate))


def confidence_gap(probabilities: np.ndarray, labels: np.ndarray) -> Interval:
    """Mean confidence minus accuracy, with its interval over the images."""
    confidence, correct = _confidence(probabilities, labels)
    return mean_interval(confidence - correct)


def calibration_verdict(gap: Interval) -> str:
    """What `confidence_gap` allows to say."""
    return verdict(gap, words=("over-confident", "under-confident", "no miscalibration shown"))


def coverage_curve(probabilities: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Accuracy on the most confident 5 %, 10 %, ... 100 % of the images.

    Columns: `coverage` (share kept), `threshold` (least confidence kept), `n`, `accuracy`
    (Interval). Geifman and El-Yaniv 2017, arXiv 1705.08500.
    """
    confidence, correct = _confidence(probabilities, labels)
    order = np.argsort(-confidence, kind="stable")
    right = np.cumsum(correct[order])
    kept = np.unique(np.ceil(np.arange(0.05, 1.0001, 0.05) * len(order) - 1e-9).astype(int))
    table = [
        (n / len(order), confidence[order[n - 1]], n, proportion(right[n - 1], n)) for n in kept
    ]
    return pd.DataFrame(table, columns=["coverage", "threshold", "n", "accuracy"])


def sure(
    probabilities: np.ndarray, labels: np.ndarray, threshold: float = 0.9
) -> dict[str, Interval]:
    """`coverage`: share of images with confidence >= threshold; `accuracy`: on those."""
    confidence, correct = _confidence(probabilities, labels)
    kept = confidence >= threshold
    return {
        "coverage": proportion(int(kept.sum()), len(kept)),
        "accuracy": proportion(int(correct[kept].sum()), int(kept.sum())),
    }


def summary(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Interval | str]:
    """`accuracy`, calibration `error`, `gap` and its `verdict`, and what `sure` selects."""
    gap = confidence_gap(probabilities, labels)
    selected = sure(probabilities, labels)
    return {
        "accuracy": proportion(int(_confidence(probabilities, labels)[1].sum()), len(labels)),
        "error": expected_calibration_error(probabilities, labels),
        "gap": gap,
        "verdict": calibration_verdict(gap),
        "sure_share": selected["coverage"],
        "sure_accuracy": selected["accuracy"],
    }


def sure_and_correct(
    probabilities: np.ndarray, labels: np.ndarray, threshold: float = 0.9
) -> np.ndarray:
    """(7,) int: how many images of each class are predicted correctly with that confidence."""
    confidence, correct = _confidence(probabilities, labels)
    return np.bincount(labels[correct & (confidence >= threshold)], minlength=len(CLASSES))


def confident_mistakes(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(k,) int: the rows that are predicted wrongly, the most confident first."""
    confidence, correct = _confidence(probabilities, labels)
    order = np.argsort(-confidence, kind="stable")
    return order[~correct[order]]


def _confidence(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == labels


def _bin_of(confidence: np.ndarray) -> np.ndarray:
    return np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)


def _calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    gaps = np.bincount(_bin_of(confidence), correct - confidence, BINS)
    return float(np.abs(gaps).sum() / len(confidence))
