"""A run's answers on the test splits, beside the labels."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fer_utils import metrics, runs
from fer_utils.data import Dataset

NAMES = {"public": "PublicTest", "private": "PrivateTest", "held_out": "held-out Training"}


@dataclass(frozen=True, eq=False)
class Answers:
    """`rows` (n,) of the data set, their `labels` (n,), and a run's `logits` (n, 7) for them."""

    rows: np.ndarray
    labels: np.ndarray
    logits: np.ndarray

    @property
    def predictions(self) -> np.ndarray:
        """(n,) int: the class with the largest logit."""
        return self.logits.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """(n,) bool."""
        return self.predictions == self.labels

    @property
    def counts(self) -> np.ndarray:
        """(7, 7) int: the confusion matrix, rows true."""
        return metrics.confusion(self.labels, self.predictions)


def answers(run: runs.Run, dataset: Dataset) -> dict[str, Answers]:
    """The run's answers on the labelled images of PublicTest and PrivateTest, by these names.

    Where neither has labels, those on the images held out of Training.
    """
    parts = runs.scored_parts(runs.evaluation_parts(dataset))
    return {NAMES[part]: _of_part(run, dataset, part) for part in parts}


def held_out(run: runs.Run, dataset: Dataset) -> Answers:
    """The run's answers on the images held out of Training."""
    return _of_part(run, dataset, "held_out")


def together(parts: Mapping[str, Answers]) -> Answers:
    """All parts as one."""
    columns = zip(*((part.rows, part.labels, part.logits) for part in parts.values()), strict=True)
    return Answers(*map(np.concatenate, columns))


def _of_part(run: runs.Run, dataset: Dataset, part: str) -> Answers:
    rows = runs.evaluation_parts(dataset)[part]
    return Answers(rows, dataset.labels[rows], run.logits[part])
