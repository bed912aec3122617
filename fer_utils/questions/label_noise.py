"""How far FER2013's labels, a network, and the ten annotators of FER+ agree with one another.

`labels` and `predictions` are (n,) int class indices (-1: no label); `annotations` holds the votes
for the same n images. Where more than half of the annotators agree, they have a majority; its
class may be one that FER2013 does not have, such as contempt.
"""

import numpy as np
import pandas as pd

from fer_utils.data.ferplus import VOTE_CLASSES, Annotations
from fer_utils.fer2013 import CLASSES
from fer_utils.statistics import classification
from fer_utils.statistics.intervals import (
    Interval,
    mean_interval,
    paired_interval,
    proportion,
)

CLEAR = 8  # of ten annotators, that agree


def label_counts(labels: np.ndarray, annotations: Annotations) -> pd.DataFrame:
    """Count images by FER2013 label (rows) and annotators' majority (columns, or `no_majority`)."""
    labelled = labels >= 0
    columns = (*VOTE_CLASSES, "no_majority")
    counts = np.zeros((len(CLASSES), len(columns)), int)
    majority = annotations.majority[labelled]  # -1 is the last column
    np.add.at(counts, (labels[labelled], majority), 1)
    return pd.DataFrame(counts, pd.Index(CLASSES, name="label"), pd.Index(columns, name="majority"))


def contradicted(labels: np.ndarray, annotations: Annotations) -> pd.DataFrame:
    """Tell how often the majority contradicts FER2013's labels: a row per class, and "all".

    `contradicted` is the share of the images with a majority whose majority votes for another class
    (Interval). Counts follow: of `images`, of those `confirmed`, of those with `no_majority`.
    """
    counts = label_counts(labels, annotations)
    columns = {"confirmed": np.diag(counts), "no_majority": counts["no_majority"]}
    table = pd.DataFrame({"images": counts.sum(axis=1), **columns})
    table.loc["all"] = table.sum()
    decided = table["images"] - table["no_majority"]
    shares = list(map(proportion, decided - table["confirmed"], decided))
    table.insert(0, "contradicted", shares)
    return table


def annotator_votes(labels: np.ndarray, annotations: Annotations) -> pd.DataFrame:
    """How one annotator, on average, votes on images of each label: shares of VOTE_CLASSES.

    The votes for one image are not independent, so the Intervals are over images (Student's, cut
    at 0 and 1). Classes with fewer than two images are left out.
    """
    votes = annotations.votes / annotations.votes.sum(axis=1, keepdims=True)
    rows = {name: votes[labels == label] for label, name in enumerate(CLASSES)}
    shares = {
        name: [_cut(mean_interval(column)) for column in found.T]
        for name, found in rows.items()
        if len(found) > 1
    }
    return pd.DataFrame(shares, index=pd.Index(VOTE_CLASSES, name="vote")).T.rename_axis("label")


def agreement(
    predictions: np.ndarray, labels: np.ndarray, annotations: Annotations
) -> pd.DataFrame:
    """How often a network, the annotators' majority and one annotator agree with a class (rows).

    The class is the label, on all images and on those with a majority; or the majority's, where it
    is one of the seven classes, by any majority and by at least `CLEAR` annotators of ten. Columns:
    `images`, `network`, `majority`, `one annotator` (Intervals, NaN where there is nothing to
    compare).
    """
    majority, every = annotations.majority, np.ones(len(labels), bool)
    decided, named = majority >= 0, (majority >= 0) & (majority < len(CLASSES))
    clear = named & (annotations.agreement >= CLEAR)
    rows = {
        "the label": (labels, every),
        "the label, where there is a majority": (labels, decided),
        "the majority's class": (majority, named),
        f"the class of {CLEAR} annotators or more": (majority, clear),
    }
    table = {}
    for name, (truth, where) in rows.items():
        whole = truth is labels and where is decided
        of_majority = classification.accuracy(truth[where], majority[where]) if whole else None
        table[name] = {
            "images": int(where.sum()),
            "network": classification.accuracy(truth[where], predictions[where]),
            "majority": of_majority,
            "one annotator": _of_annotator(annotations[where], labels[where])
            if truth is labels
            else None,
        }
    return pd.DataFrame.from_dict(table, "index").rename_axis("agrees with")


def network_against_majority(
    predictions: np.ndarray, labels: np.ndarray, annotations: Annotations
) -> tuple[Interval, int]:
    """By how much a network agrees with the label more often than the majority does.

    Over the images that have a majority, paired; and on how many of them the network predicts
    the label where the majority does not.
    """
    decided = annotations.majority >= 0
    network = (predictions == labels)[decided]
    majority = (annotations.majority == labels)[decided]
    only = int(np.sum(network & ~majority)), int(np.sum(majority & ~network))
    return paired_interval(*only, int(decided.sum())), only[0]


def sides(predictions: np.ndarray, labels: np.ndarray, annotations: Annotations) -> dict[str, int]:
    """With whom the majority sides where a network contradicts the label: counts of images.

    Keys: "disputed" (all of them), "network", "label", "neither", "no majority".
    """
    wrong = predictions != labels
    majority = annotations.majority[wrong]
    network, label = majority == predictions[wrong], majority == labels[wrong]
    none = majority < 0
    return {
        "disputed": int(wrong.sum()),
        "network": int(network.sum()),
        "label": int(label.sum()),
        "neither": int((~network & ~label & ~none).sum()),
        "no majority": int(none.sum()),
    }


def confirmed_recall(
    predictions: np.ndarray, labels: np.ndarray, annotations: Annotations
) -> pd.DataFrame:
    """A network's recall of each class on all images, and where the majority confirms the label.

    Columns: `images` and `recall`; `confirmed images` and `recall where confirmed`.
    """
    columns = {}
    for suffix, rows in (("", labels >= 0), ("confirmed", annotations.majority == labels)):
        counts = classification.confusion(labels[rows], predictions[rows], CLASSES)
        columns[f"{suffix} images".strip()] = counts.sum(axis=1)
        recall = list(map(proportion, np.diag(counts), counts.sum(axis=1)))
        columns[f"recall{suffix and ' where '}{suffix}"] = recall
    return pd.DataFrame(columns, index=pd.Index(CLASSES, name="class"))


def confirmed_gap(
    predictions: np.ndarray, labels: np.ndarray, annotations: Annotations, name: str
) -> Interval:
    """How much less a class is recalled, on images whose label the majority confirms.

    Parameters
    ----------
    predictions, labels
        (n,) int each.
    annotations
        The votes on the same images.
    name
        Of the class; see `classification.recall_gap`.
    """
    rows = annotations.majority == labels
    counts = classification.confusion(labels[rows], predictions[rows], CLASSES)
    return classification.recall_gap(counts, name)


def _of_annotator(annotations: Annotations, labels: np.ndarray) -> Interval | None:
    """How often one annotator, on average, votes for the label."""
    if len(labels) < 2:
        return None
    votes = annotations.votes[np.arange(len(labels)), labels]
    return _cut(mean_interval(votes / annotations.votes.sum(axis=1)))


def _cut(interval: Interval) -> Interval:
    return Interval(interval.estimate, max(interval.low, 0.0), min(interval.high, 1.0))
