"""How far FER2013's labels, a network, and the ten voters of FER+ agree with one another.

`labels` and `predictions` are (n,) int class indices (-1: no label); `crowd` holds the votes for
the same n images. Where more than half of the voters agree, they have a majority; its answer may
be one that FER2013 does not have, such as contempt.
"""

import numpy as np
import pandas as pd

from fer_utils.data.ferplus import ANSWERS, Crowd
from fer_utils.fer2013 import CLASSES
from fer_utils.statistics import classification
from fer_utils.statistics.intervals import (
    Interval,
    mean_interval,
    paired_interval,
    proportion,
)

CLEAR = 8  # of ten voters, that agree


def label_counts(labels: np.ndarray, crowd: Crowd) -> pd.DataFrame:
    """Images by FER2013 label (rows) and the voters' majority (columns; "none" without one)."""
    labelled = labels >= 0
    answers = (*ANSWERS, "none")
    counts = np.zeros((len(CLASSES), len(answers)), int)
    np.add.at(counts, (labels[labelled], crowd.majority[labelled]), 1)  # -1 is the last column
    return pd.DataFrame(counts, pd.Index(CLASSES, name="label"), pd.Index(answers, name="majority"))


def contradicted(labels: np.ndarray, crowd: Crowd) -> pd.DataFrame:
    """How the majority judges FER2013's labels: one row per class, and "all".

    Columns: `contradicted`, of the images with a majority the share whose majority gives another
    answer (Interval); counts of `images`, of those `confirmed`, and of those with `no majority`.
    """
    counts = label_counts(labels, crowd)
    columns = {"confirmed": np.diag(counts), "no majority": counts["none"]}
    table = pd.DataFrame({"images": counts.sum(axis=1), **columns})
    table.loc["all"] = table.sum()
    decided = table["images"] - table["no majority"]
    shares = list(map(proportion, decided - table["confirmed"], decided))
    table.insert(0, "contradicted", shares)
    return table


def voter_answers(labels: np.ndarray, crowd: Crowd) -> pd.DataFrame:
    """How one voter, on average, answers images of each label: shares of ANSWERS as Intervals.

    The votes for one image hang together, so the intervals are over images (Student's, cut at 0
    and 1). Classes with fewer than two images are left out.
    """
    answers = crowd.votes / crowd.votes.sum(axis=1, keepdims=True)
    rows = {name: answers[labels == label] for label, name in enumerate(CLASSES)}
    shares = {
        name: [_cut(mean_interval(column)) for column in found.T]
        for name, found in rows.items()
        if len(found) > 1
    }
    return pd.DataFrame(shares, index=pd.Index(ANSWERS, name="vote")).T.rename_axis("label")


def agreement(predictions: np.ndarray, labels: np.ndarray, crowd: Crowd) -> pd.DataFrame:
    """How often a network, the voters' majority and one voter give an answer (rows) that counts.

    The answer is the label, on all images and on those with a majority; or the majority's, where
    it is one of the seven classes, by any majority and by at least `CLEAR` voters of ten. Columns:
    `images`, `network`, `majority`, `one voter` (Intervals, NaN where there is nothing to ask).
    """
    majority, every = crowd.majority, np.ones(len(labels), bool)
    decided, named = majority >= 0, (majority >= 0) & (majority < len(CLASSES))
    clear = named & (crowd.agreement >= CLEAR)
    rows = {
        "the label": (labels, every),
        "the label, where there is a majority": (labels, decided),
        "the majority's answer": (majority, named),
        f"the answer of {CLEAR} voters or more": (majority, clear),
    }
    table = {}
    for name, (truth, where) in rows.items():
        whole = truth is labels and where is decided
        of_majority = classification.accuracy(truth[where], majority[where]) if whole else None
        table[name] = {
            "images": int(where.sum()),
            "network": classification.accuracy(truth[where], predictions[where]),
            "majority": of_majority,
            "one voter": _of_voter(crowd[where], labels[where]) if truth is labels else None,
        }
    return pd.DataFrame.from_dict(table, "index").rename_axis("agrees with")


def network_against_majority(
    predictions: np.ndarray, labels: np.ndarray, crowd: Crowd
) -> tuple[Interval, int]:
    """By how much a network gives the label more often than the voters' majority does.

    Over the images that have a majority, paired; and on how many of them the network gives the
    label where the majority does not.
    """
    decided = crowd.majority >= 0
    network = (predictions == labels)[decided]
    majority = (crowd.majority == labels)[decided]
    only = int(np.sum(network & ~majority)), int(np.sum(majority & ~network))
    return paired_interval(*only, int(decided.sum())), only[0]


def sides(predictions: np.ndarray, labels: np.ndarray, crowd: Crowd) -> dict[str, int]:
    """With whom the majority sides where a network contradicts the label: counts of images.

    Keys: "disputed" (all of them), "network", "label", "neither", "no majority".
    """
    wrong = predictions != labels
    majority = crowd.majority[wrong]
    network, label = majority == predictions[wrong], majority == labels[wrong]
    none = majority < 0
    return {
        "disputed": int(wrong.sum()),
        "network": int(network.sum()),
        "label": int(label.sum()),
        "neither": int((~network & ~label & ~none).sum()),
        "no majority": int(none.sum()),
    }


def confirmed_recall(predictions: np.ndarray, labels: np.ndarray, crowd: Crowd) -> pd.DataFrame:
    """A network's recall of each class on all images, and where the majority confirms the label.

    Columns: `images` and `recall`; `confirmed images` and `recall where confirmed`.
    """
    columns = {}
    for suffix, rows in (("", labels >= 0), ("confirmed", crowd.majority == labels)):
        counts = classification.confusion(labels[rows], predictions[rows], CLASSES)
        columns[f"{suffix} images".strip()] = counts.sum(axis=1)
        recall = list(map(proportion, np.diag(counts), counts.sum(axis=1)))
        columns[f"recall{suffix and ' where '}{suffix}"] = recall
    return pd.DataFrame(columns, index=pd.Index(CLASSES, name="class"))


def confirmed_gap(predictions: np.ndarray, labels: np.ndarray, crowd: Crowd, name: str) -> Interval:
    """How much less a class is recalled, on images whose label the crowd's majority confirms.

    Parameters
    ----------
    predictions, labels
        (n,) int each.
    crowd
        The votes on the same images.
    name
        Of the class; see `classification.recall_gap`.
    """
    rows = crowd.majority == labels
    counts = classification.confusion(labels[rows], predictions[rows], CLASSES)
    return classification.recall_gap(counts, name)


def _of_voter(crowd: Crowd, labels: np.ndarray) -> Interval | None:
    """How often one voter, on average, gives the label."""
    if len(labels) < 2:
        return None
    votes = crowd.votes[np.arange(len(labels)), labels]
    return _cut(mean_interval(votes / crowd.votes.sum(axis=1)))


def _cut(interval: Interval) -> Interval:
    return Interval(interval.estimate, max(interval.low, 0.0), min(interval.high, 1.0))
