"""Members of an ensemble: how they differ, and what their average gives.

`probabilities` is (members, n, classes) float, rows summing to 1; `labels` (n,) int.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from fer_utils.statistics.intervals import Interval, mean_interval, proportion


def average(probabilities: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(n, classes): the members' weighted mean; equal weights if None."""
    return np.average(probabilities, axis=0, weights=weights)


def choose_weights(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(members,) float >= 0 with sum 1: the weights of `average` with the smallest mean negative
    log-likelihood. Pass held-out images, never a test split. The problem is convex.
    """
    members, n = probabilities.shape[:2]
    of_label = np.maximum(probabilities[:, np.arange(n), labels], 1e-12)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = weights @ of_label
        return -np.log(mixed).mean(), -(of_label / mixed).mean(axis=1)

    found = minimize(
        loss,
        np.full(members, 1 / members),
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * members,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-9, "maxiter": 500},
    )
    weights = np.clip(found.x, 0, 1)
    return weights / weights.sum()


def accuracy_by_size(probabilities: np.ndarray, labels: np.ndarray) -> dict[int, Interval]:
    """Accuracy of equal-weight ensembles of 1, 2, ... members, the mean over all such subsets.

    The interval is over the images, for these members. Up to about 8 members (255 subsets).
    """
    sizes = range(1, len(probabilities) + 1)
    return {size: mean_interval(_subset_correct(probabilities, labels, size)) for size in sizes}


def diversity(predictions: Mapping[str, np.ndarray], labels: np.ndarray) -> pd.DataFrame:
    """One row per two members, shares of images with Wilson's intervals.

    `agreement`: same class predicted; `disagreement`: exactly one of the two is correct;
    `double_fault`: both are wrong (Kuncheva and Whitaker 2003).
    """
    n, table = len(labels), []
    for first, second in combinations(predictions, 2):
        a, b = predictions[first] == labels, predictions[second] == labels
        table.append(
            {
                "first": first,
                "second": second,
                "agreement": proportion(int(np.sum(predictions[first] == predictions[second])), n),
                "disagreement": proportion(int(np.sum(a != b)), n),
                "double_fault": proportion(int(np.sum(~a & ~b)), n),
            }
        )
    return pd.DataFrame(table)


def _subset_correct(probabilities: np.ndarray, labels: np.ndarray, size: int) -> np.ndarray:
    """(n,) float: share of the subsets of `size` members that classify an image correctly."""
    subsets = combinations(range(len(probabilities)), size)
    correct = [average(probabilities[list(s)]).argmax(axis=1) == labels for s in subsets]
    return np.mean(correct, axis=0)
