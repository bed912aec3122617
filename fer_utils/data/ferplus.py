"""FER+ (Barsoum et al. 2016, arXiv 1608.01041): ten crowd votes for each image of FER2013.

The file `fer2013new.csv` (MIT licence, github.com/microsoft/FERPlus) lies beside the data and has
the rows of `fer2013.csv` in the same order; it holds no pixels, so order is all that ties them.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer_utils.data.formats import DataError
from fer_utils.fer2013 import CLASSES, SPLITS
from fer_utils.files import data_dir
from fer_utils.statistics import classification
from fer_utils.statistics.intervals import Interval, mean_interval, proportion

FILE = "fer2013new.csv"
COLUMNS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
OTHERS = ("contempt", "unknown", "NF")  # NF: the picture shows no face
ANSWERS = (*CLASSES, "contempt", "unknown", "no face")
CLEAR = 8  # of ten voters, that agree
LEAST_MATCH = 0.4  # share of labels that the votes confirm; 0.71 in FER2013's order, 0.19 shuffled


@dataclass(frozen=True, eq=False)
class Crowd:
    """`votes` is (n, 10) int: how many voters gave each of ANSWERS; the first 7 are CLASSES."""

    votes: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> "Crowd":
        """The votes for some of the images."""
        return Crowd(self.votes[rows])

    @property
    def majority(self) -> np.ndarray:
        """(n,) int: index into ANSWERS of the answer of more than half of the voters, else -1."""
        return _majority(self.votes)

    @property
    def agreement(self) -> np.ndarray:
        """(n,) int: how many voters, of ten, gave the commonest answer."""
        return self.votes.max(axis=1)


def find(dataset: str = "auto") -> Path | None:
    """The vote file beside the data that `data.load(dataset)` reads, or None if there is none."""
    if dataset == "drawn":
        return None
    named = os.environ.get("FER_DATA") if dataset in ("auto", "fer2013") else dataset
    place = Path(named).expanduser() if named else data_dir()
    path = (place if place.is_dir() else place.parent) / FILE
    return path if path.is_file() else None


def load(path: Path, labels: np.ndarray, split: np.ndarray) -> Crowd:
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
    crowd = Crowd(_votes(path, table))
    decided = (crowd.majority >= 0) & (labels >= 0)
    match = np.mean(crowd.majority[decided] == labels[decided]) if decided.any() else 0.0
    if match < LEAST_MATCH:
        raise DataError(
            f"{path}: the votes confirm {match:.0%} of the labels, so the data are in another "
            "order than fer2013.csv"
        )
    return crowd


def beside(name: str, labels: np.ndarray, split: np.ndarray) -> Crowd | None:
    """The votes beside the data that `data.load(name)` gave; None, with a line that says why."""
    path = find(name)
    try:
        crowd = load(path, labels, split) if path else None
    except DataError as error:
        print(f"FER+ votes are not used: {error}")
        return None
    print(f"FER+ votes: {f'{FILE} beside the data' if path else f'no {FILE} beside the data'}")
    return crowd


def label_counts(labels: np.ndarray, crowd: Crowd) -> pd.DataFrame:
    """Images by FER2013 label (rows) and the crowd's majority (columns; "none" without one)."""
    labelled = labels >= 0
    answers = (*ANSWERS, "none")
    counts = np.zeros((len(CLASSES), len(answers)), int)
    np.add.at(counts, (labels[labelled], crowd.majority[labelled]), 1)  # -1 is the last column
    return pd.DataFrame(counts, pd.Index(CLASSES, name="label"), pd.Index(answers, name="crowd"))


def voter_counts(truth: np.ndarray, crowd: Crowd) -> pd.DataFrame:
    """Single votes by `truth` (rows; (n,) int class index, -1 is left out) and answer (columns).

    With FER2013's labels as the truth this is how one voter confuses the classes, comparable with
    a model's confusion matrix.
    """
    counts = [crowd.votes[truth == label].sum(axis=0) for label in range(len(CLASSES))]
    columns = pd.Index(ANSWERS, name="vote")
    return pd.DataFrame(np.array(counts), pd.Index(CLASSES, name="truth"), columns)


def voter_against_others(crowd: Crowd) -> pd.DataFrame:
    """Single votes (columns) by the majority of the other nine voters (rows).

    A voter is left out of the majority that judges the vote; otherwise humans would seem to agree
    more than they do. Votes where the others have no majority are left out.
    """
    counts = np.zeros((len(ANSWERS), len(ANSWERS)), int)
    for answer in range(len(ANSWERS)):
        cast = crowd.votes[:, answer] > 0
        others = crowd.votes[cast].copy()
        others[:, answer] -= 1
        majority = _majority(others)
        decided = majority >= 0
        np.add.at(counts[:, answer], majority[decided], crowd.votes[cast, answer][decided])
    return pd.DataFrame(counts, pd.Index(ANSWERS, name="others"), pd.Index(ANSWERS, name="vote"))


def contradicted(labels: np.ndarray, crowd: Crowd) -> pd.DataFrame:
    """How the crowd's majority judges FER2013's labels: one row per class, and "all".

    Columns: `images`; `without_majority` and `confirmed`, counts; `contradicted`, the share of the
    images with a majority whose majority is another answer than the label.
    """
    counts = label_counts(labels, crowd)
    table = pd.DataFrame(
        {
            "images": counts.sum(axis=1),
            "without_majority": counts["none"],
            "confirmed": np.diag(counts),
        }
    )
    table.loc["all"] = table.sum()
    decided = table["images"] - table["without_majority"]
    return table.assign(contradicted=list(map(proportion, decided - table["confirmed"], decided)))


def voter_shares(truth: np.ndarray, crowd: Crowd) -> pd.DataFrame:
    """How one voter, on average, answers images of each class of `truth`: shares as Intervals.

    The votes for one image hang together, so the intervals are over images (Student's, cut at 0
    and 1). Classes with fewer than two images are left out.
    """
    answers = crowd.votes / crowd.votes.sum(axis=1, keepdims=True)
    rows = {name: answers[truth == label] for label, name in enumerate(CLASSES)}
    shares = {
        name: [_cut(mean_interval(column)) for column in found.T]
        for name, found in rows.items()
        if len(found) > 1
    }
    return pd.DataFrame(shares, index=pd.Index(ANSWERS, name="vote")).T


def judge(predictions: np.ndarray, labels: np.ndarray, crowd: Crowd) -> dict[str, Interval]:
    """Accuracy of a model's predictions, (n,) class index, against three truths.

    `label`: FER2013's; `majority`: the crowd's, where it names one of the seven classes; `clear`:
    the same where at least `CLEAR` voters agree. `voter`: how often one voter
    gives FER2013's label.
    """
    named = (crowd.majority >= 0) & (crowd.majority < len(CLASSES))
    hits, clear = predictions == crowd.majority, named & (crowd.agreement >= CLEAR)
    of_label = crowd.votes[np.arange(len(labels)), labels] / crowd.votes.sum(axis=1)
    return {
        "label": proportion(int(np.sum(predictions == labels)), len(labels)),
        "majority": proportion(int(hits[named].sum()), int(named.sum())),
        "clear": proportion(int(hits[clear].sum()), int(clear.sum())),
        "voter": _cut(mean_interval(of_label)),
    }


def sides(predictions: np.ndarray, labels: np.ndarray, crowd: Crowd) -> dict[str, int]:
    """With whom the crowd's majority sides where a model contradicts the label; counts."""
    wrong = predictions != labels
    majority = crowd.majority[wrong]
    model, label = majority == predictions[wrong], majority == labels[wrong]
    none = majority < 0
    return {
        "mistakes": int(wrong.sum()),
        "model": int(model.sum()),
        "label": int(label.sum()),
        "neither": int((~model & ~label & ~none).sum()),
        "undecided": int(none.sum()),
    }


def confirmed_recall(predictions: np.ndarray, labels: np.ndarray, crowd: Crowd) -> pd.DataFrame:
    """A model's recall of each class on all images, and on those whose label the crowd confirms.

    Columns: `images`, `recall`; `confirmed`, their number, and `recall_confirmed`. A last row,
    "gap of fear", has the recall of all other images minus that of fear.
    """
    chosen = {"": labels >= 0, "confirmed": crowd.majority == labels}
    columns = {}
    for name, rows in chosen.items():
        counts = classification.confusion(labels[rows], predictions[rows])
        recall = list(map(proportion, np.diag(counts), counts.sum(axis=1)))
        columns[name or "images"] = [*counts.sum(axis=1), counts.sum()]
        columns[f"recall_{name}".rstrip("_")] = [*recall, classification.recall_gap(counts, "fear")]
    return pd.DataFrame(columns, index=pd.Index([*CLASSES, "gap of fear"], name="class"))


def _cut(interval: Interval) -> Interval:
    return Interval(interval.estimate, max(interval.low, 0.0), min(interval.high, 1.0))


def _majority(votes: np.ndarray) -> np.ndarray:
    return np.where(2 * votes.max(axis=1) > votes.sum(axis=1), votes.argmax(axis=1), -1)


def _votes(path: Path, table: pd.DataFrame) -> np.ndarray:
    votes = table[[*COLUMNS, *OTHERS]].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    wrong = ~((votes >= 0) & (votes == votes.round())).all(axis=1) | (votes.sum(axis=1) == 0)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"{path}: row {row + 1} has no votes, or not whole numbers >= 0")
    return votes.astype(int)
