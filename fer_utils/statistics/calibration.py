"""How well a model's confidence agrees with its accuracy (Guo et al. 2017, arXiv 1706.04599).

`logits` are (n, classes) float, `labels` (n,) int; `confidence` is (n,) float, the probability of
the predicted class, and `correct` (n,) bool, whether the prediction is correct.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import special, stats
from scipy.optimize import minimize_scalar

from fer_utils.statistics.corrections import judged_with_detectable
from fer_utils.statistics.intervals import Comparison, Interval, bootstrap, proportion
from fer_utils.statistics.verdicts import Verdict

BINS = 15  # of equal width, as in Guo et al.
TARGET_ACCURACY = 0.8  # of the predictions from `confidence_threshold` on


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return the probabilities (n, classes) float64 of the logits divided by `temperature`."""
    return special.softmax(np.asarray(logits, np.float64) / temperature, axis=-1)


def nll(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> float:
    """Compute the mean negative log-likelihood of the labels, in nats."""
    log = special.log_softmax(np.asarray(logits, np.float64) / temperature, axis=-1)
    return float(-log[np.arange(len(labels)), labels].mean())


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Find the temperature (0.05 to 20) with the smallest `nll`; fit it on the validation set."""
    found = minimize_scalar(
        lambda log: nll(logits, labels, np.exp(log)), bounds=np.log([0.05, 20]), method="bounded"
    )
    return float(np.exp(found.x))


def temperature_interval(logits: np.ndarray, labels: np.ndarray) -> Interval:
    """Do as `fit_temperature`, with a bootstrap interval over the images."""
    return bootstrap(fit_temperature, logits, labels, resamples=200)


def smoothing_ceiling(smoothing: float, classes: int) -> float:
    """Return the probability of the label at which the loss with label smoothing is smallest."""
    return 1 - smoothing + smoothing / classes


def gap(confidence: np.ndarray, correct: np.ndarray) -> Comparison:
    """Subtract the accuracy from the mean confidence, and test whether the difference is 0.

    The interval is Wilson's of the accuracy, seen from the mean confidence; the test is the exact
    binomial one. The number of correct predictions of a calibrated model varies less than a
    binomial one, so both err to the careful side. All is NaN without images.
    """
    if len(correct) == 0:
        return Interval(np.nan, np.nan, np.nan).tested(np.nan, 0)
    stated, right = float(confidence.mean()), int(correct.sum())
    accuracy = proportion(right, len(correct))
    p = stats.binomtest(right, len(correct), min(stated, 1.0)).pvalue
    ends = (stated - end for end in (accuracy.estimate, accuracy.high, accuracy.low))
    return Interval(*ends).tested(p, len(correct))


def confidence_bins(confidence: np.ndarray, correct: np.ndarray, count: int = 10) -> pd.DataFrame:
    """Judge the calibration in `count` bins of equally many images, the least confident first.

    Columns: `images`, how many; `lowest`, `highest` and mean `confidence`; `accuracy` (Interval);
    `gap`, confidence minus accuracy (Comparison), with `verdict` (HIGHER means over-confident),
    `p` and `detectable` of `judged_with_detectable`.
    """
    table = []
    for rows in np.array_split(np.argsort(confidence, kind="stable"), count):
        stated, right = confidence[rows], correct[rows]
        table.append(
            {
                "images": len(rows),
                "lowest": stated.min(initial=np.inf),
                "highest": stated.max(initial=-np.inf),
                "confidence": stated.mean() if len(rows) else np.nan,
                "accuracy": proportion(int(right.sum()), len(rows)),
                "gap": gap(stated, right),
            }
        )
    return judged_with_detectable(pd.DataFrame(table), interval="gap")


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray) -> Interval:
    """Average |accuracy - confidence| of the images' bins over the images, bootstrapped.

    Noise in the bins makes the estimate positive even for a calibrated model. The interval (basic
    bootstrap, cut at 0) takes that off, so the estimate can lie at its upper end.
    """
    error = bootstrap(_calibration_error, confidence, correct, method="basic")
    return Interval(error.estimate, max(error.low, 0.0), max(error.high, error.estimate))


def compared(
    confidences: Mapping[str, np.ndarray], correct: np.ndarray, count: int
) -> pd.DataFrame:
    """Compare confidences in the same predictions, such as before and after a recalibration.

    Returns a row for each. `over_confident` and `under_confident` count those of its `count`
    `confidence_bins`; `calibration_error` (Interval) is the expected one; `gap` (Comparison) is
    that of all images together.
    """
    table = {}
    for name, confidence in confidences.items():
        verdicts = confidence_bins(confidence, correct, count)["verdict"].tolist()
        table[name] = {
            "over_confident": verdicts.count(Verdict.HIGHER),
            "under_confident": verdicts.count(Verdict.LOWER),
            "calibration_error": expected_calibration_error(confidence, correct),
            "gap": gap(confidence, correct),
        }
    return pd.DataFrame.from_dict(table, "index").rename_axis("confidence")


def selected(
    ways: Mapping[str, np.ndarray],
    labels: np.ndarray,
    correct: np.ndarray,
    classes: Sequence[str],
) -> pd.DataFrame:
    """Tell what some ways to select images, (n,) bool each, select; a column for each.

    Rows: the share of all images that is `selected` (float); the `accuracy` on these (Interval);
    and by the names of `classes` how many correct predictions among them are of each class.
    """
    table = {}
    for name, kept in ways.items():
        right = np.bincount(labels[kept & correct], minlength=len(classes))
        of_these = proportion(int(correct[kept].sum()), int(kept.sum()))
        table[name] = [float(kept.mean()), of_these, *right.tolist()]
    return pd.DataFrame(table, ["selected", "accuracy", *classes], dtype=object)


def coverage_curve(confidence: np.ndarray, correct: np.ndarray) -> pd.DataFrame:
    """Compute the accuracy on the most confident 5 %, 10 %, ... 100 % of the images.

    Columns: `coverage`, the share that is kept; `threshold`, the least confidence that is kept;
    `images`, how many; `accuracy` on them (Interval). After Geifman and El-Yaniv (2017, arXiv
    1705.08500).
    """
    order = np.argsort(-confidence, kind="stable")
    right = np.cumsum(correct[order])
    kept = np.unique(np.ceil(np.arange(0.05, 1.0001, 0.05) * len(order) - 1e-9).astype(int))
    table = [
        (n / len(order), confidence[order[n - 1]], n, proportion(right[n - 1], n)) for n in kept
    ]
    return pd.DataFrame(table, columns=["coverage", "threshold", "images", "accuracy"])


def confidence_threshold(
    confidence: np.ndarray, correct: np.ndarray, accuracy: float = TARGET_ACCURACY
) -> float:
    """Find the lowest confidence from which on the predictions have at least this accuracy.

    Choose it on the validation set. It is 1.0 if there is none.
    """
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order]
    shares = np.cumsum(correct[order]) / np.arange(1, len(order) + 1)
    last_of_its_confidence = np.append(ordered[1:] != ordered[:-1], True)
    good = np.flatnonzero((shares >= accuracy) & last_of_its_confidence)
    return float(ordered[good[-1]]) if len(good) else 1.0


def _calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Compute the expected calibration error in BINS bins of equal width."""
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    return float(np.abs(np.bincount(bins, correct - confidence, BINS)).sum() / len(confidence))
