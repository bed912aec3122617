"""FER+ (Barsoum et al. 2016, arXiv 1608.01041): ten annotators' votes on each image of FER2013.

The file `fer2013new.csv` (MIT licence, github.com/microsoft/FERPlus) lies beside the data and has
the rows of `fer2013.csv` in the same order; it holds no pixels, so order is all that ties them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer_utils.data.dataset import folders, source
from fer_utils.data.formats import DataError
from fer_utils.fer2013 import CLASSES, SPLITS

FILE = "fer2013new.csv"
COLUMNS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
OTHERS = ("contempt", "unknown", "NF")  # NF: the picture shows no face
VOTE_CLASSES = (*CLASSES, "contempt", "unknown", "no face")
LEAST_MATCH = 0.4  # share of labels that the votes confirm; 0.71 in FER2013's order, 0.19 shuffled


@dataclass(frozen=True, eq=False)
class Annotations:
    """`votes` is (n, 10) int: how many annotators chose each of VOTE_CLASSES, first the CLASSES."""

    votes: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> "Annotations":
        """The votes for some of the images."""
        return Annotations(self.votes[rows])

    @property
    def majority(self) -> np.ndarray:
        """(n,) int: index into VOTE_CLASSES of what more than half of them chose, else -1."""
        return _majority(self.votes)

    @property
    def agreement(self) -> np.ndarray:
        """(n,) int: how many annotators, of ten, chose the commonest class."""
        return self.votes.max(axis=1)


def find(dataset: str = "auto") -> Path | None:
    """The vote file beside the data that `dataset.load` reads, or None if there is none.

    Raises DataError as `dataset.load`.
    """
    files = (folder / FILE for folder in folders(dataset, source(dataset)))
    return next((path for path in files if path.is_file()), None)


def load(path: Path, labels: np.ndarray, split: np.ndarray) -> Annotations:
    """Read the votes for the images that have these `labels` and `split`, each (n,).

    Raises DataError if the file is not a vote table or its rows are not those of the data:
    another count, another order of splits, or votes that mostly contradict the labels, as when
    the data come from class folders.
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable CSV file ({error})") from error
    table.columns = table.columns.str.strip()
    if missing := [name for name in ("Usage", *COLUMNS, *OTHERS) if name not in table]:
        raise DataError(f"{path}: no column {', '.join(missing)}")
    if len(table) != len(labels):
        raise DataError(f"{path}: {len(table):,} rows of votes for {len(labels):,} images")
    other_split = table["Usage"].to_numpy() != np.array(SPLITS)[split]
    if other_split.any():
        row = int(other_split.argmax())
        usage, expected = table["Usage"].iloc[row], SPLITS[split[row]]
        raise DataError(f"{path}: row {row + 1} is of {usage}, the image of {expected}")
    annotations = Annotations(_votes(path, table))
    decided = (annotations.majority >= 0) & (labels >= 0)
    match = np.mean(annotations.majority[decided] == labels[decided]) if decided.any() else 0.0
    if match < LEAST_MATCH:
        raise DataError(
            f"{path}: the votes confirm {match:.0%} of the labels, so the data are in another "
            "order than fer2013.csv"
        )
    return annotations


def beside(name: str, labels: np.ndarray, split: np.ndarray) -> Annotations | None:
    """The votes beside the data that `data.load(name)` gave; None, with a line that says why."""
    path = find(name)
    try:
        annotations = load(path, labels, split) if path else None
    except DataError as error:
        print(f"FER+ votes are not used: {error}")
        return None
    print(f"FER+ votes: {f'{FILE} beside the data' if path else f'no {FILE} beside the data'}")
    return annotations


def _majority(votes: np.ndarray) -> np.ndarray:
    return np.where(2 * votes.max(axis=1) > votes.sum(axis=1), votes.argmax(axis=1), -1)


def _votes(path: Path, table: pd.DataFrame) -> np.ndarray:
    votes = table[[*COLUMNS, *OTHERS]].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    wrong = ~((votes >= 0) & (votes == votes.round())).all(axis=1) | (votes.sum(axis=1) == 0)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"{path}: row {row + 1} has no votes, or not whole numbers >= 0")
    return votes.astype(int)
