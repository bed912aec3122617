"""The predictions of a run, or of an ensemble, on the labelled images of one part of the data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.special import log_softmax, softmax

from fer_utils.data.dataset import Dataset, validation_split
from fer_utils.fer2013 import CLASSES, PARTS, PRIVATE, PUBLIC, Part
from fer_utils.statistics import classification


@dataclass(frozen=True, eq=False)
class Predictions:
    """Logits for the images of one part, beside their labels.

    part: which images these are (a `fer2013.Part`)
    rows: (n,) int, their rows in the data set
    labels: (n,) int, class index
    logits: (n, 7) float
    """

    part: Part
    rows: np.ndarray
    labels: np.ndarray
    logits: np.ndarray

    @property
    def probabilities(self) -> np.ndarray:
        """(n, 7) float64: softmax of the logits."""
        return softmax(self.logits.astype(np.float64), axis=1)

    @property
    def classes(self) -> np.ndarray:
        """(n,) int: the class with the largest logit."""
        return self.logits.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """(n,) bool: whether that class is the label."""
        return self.classes == self.labels

    def __getitem__(self, chosen: np.ndarray) -> "Predictions":
        """The predictions on some of the images; `chosen` is (n,) bool or (k,) int."""
        return replace(
            self, rows=self.rows[chosen], labels=self.labels[chosen], logits=self.logits[chosen]
        )


def part_rows(dataset: Dataset) -> dict[str, np.ndarray]:
    """Rows of the labelled images of each part ("held_out", "public", "private") that has some."""
    return dict(_part_rows(dataset))


@lru_cache(maxsize=1)
def _part_rows(dataset: Dataset) -> dict[str, np.ndarray]:
    rows = {
        "held_out": validation_split(dataset)[1],
        "public": np.flatnonzero(dataset.split == PUBLIC),
        "private": np.flatnonzero(dataset.split == PRIVATE),
    }
    rows = {part: index[dataset.labels[index] >= 0] for part, index in rows.items()}
    return {part: index for part, index in rows.items() if len(index)}


def of_logits(logits: Mapping[str, np.ndarray], dataset: Dataset) -> dict[str, Predictions]:
    """`Predictions` of each part from its logits, (n, 7) in the order of `part_rows`."""
    return {
        part: Predictions(PARTS[part], rows, dataset.labels[rows].astype(int), logits[part])
        for part, rows in part_rows(dataset).items()
    }


def scores(logits: Mapping[str, np.ndarray], dataset: Dataset) -> dict[str, dict]:
    """`classification.scores` of each part."""
    predictions = of_logits(logits, dataset)
    return {
        part: classification.scores(given.labels, given.classes, len(CLASSES))
        for part, given in predictions.items()
    }


def tested(predictions: Mapping[str, Predictions]) -> dict[str, Predictions]:
    """The parts on which a finished network is evaluated.

    These are the test splits that have labels; where neither has, the validation set.
    """
    found = {part: predictions[part] for part in ("public", "private") if part in predictions}
    return found or {"held_out": predictions["held_out"]}


def together(predictions: Mapping[str, Predictions]) -> Predictions:
    """The predictions on several parts as one; of a single part that part itself."""
    parts = list(predictions.values())
    if len(parts) == 1:
        return parts[0]
    columns = zip(*((part.rows, part.labels, part.logits) for part in parts), strict=True)
    return Predictions(PARTS["test"], *map(np.concatenate, columns))


def average(
    members: Sequence[Predictions], weights: Sequence[float] | np.ndarray | None = None
) -> Predictions:
    """The ensemble of some members on the same images: the weighted mean of their probabilities.

    Its logits are the logarithms of that mean. Equal weights if `weights` is None.
    """
    mean = np.average([member.probabilities for member in members], axis=0, weights=weights)
    return replace(members[0], logits=log_softmax(np.log(np.maximum(mean, 1e-12)), axis=1))
