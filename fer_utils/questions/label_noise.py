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
    """Average how one annotator votes on images of each label: shares of VOTE_CLASSES.

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
    """Tell how often a network, the annotators' majority and one annotator agree with a class.

    Rows say which class: the `label`, on all images and on those with a majority
    (`label_with_majority`); the majority's, where it is one of the seven classes, by any `majority`
    and by a `clear_majority` of at least `CLEAR` annotators of ten. Columns: `images`, `network`,
    `majority`, `one_annotator` (Intervals, None where there is nothing to compare).
    """
    majority, every = annotations.majority, np.ones(len(labels), bool)
    decided, named = majority >= 0, (majority >= 0) & (majority < len(CLASSES))
    clear = named & (annotations.agreement >= CLEAR)
    rows = {
        "label": (labels, every),
        "label_with_majority": (labels, decided),
        "majority": (majority, named),
        "clear_majority": (majority, clear),
    }
    table = {
        name: {
            "images": int(where.sum()),
            "network": classification.accuracy(truth[where], predictions[where]),
        }
        for name, (truth, where) in rows.items()
    }
    of_majority = classification.accuracy(labels[decided], majority[decided])
    table["label_with_majority"]["majority"] = of_majority
    for name in ("label", "label_with_majority"):
        where = rows[name][1]
        table[name]["one_annotator"] = _of_annotator(annotations[where], labels[where])
    frame = pd.DataFrame.from_dict(table, "index").rename_axis("agrees_with")
    return frame[["images", "network", "majority", "one_annotator"]]


def network_against_majority(
    predictions: np.ndarray, labels: np.ndarray, annotations: Annotations
) -> tuple[Interval, int]:
    """Tell by how much a network agrees with the label more often than the majority does.

    Returns the paired difference over the images that have a majority, and on how many of them
    the network predicts the label where the majority does not vote for it.
    """
    decided = annotations.majority >= 0
    network = (predictions == labels)[decided]
    majority = (annotations.majority == labels)[decided]
    only = int(np.sum(network & ~majority)), int(np.sum(majority & ~network))
    return paired_interval(*only, int(decided.sum())), only[0]


def mistakes(predictions: np.ndarray, labels: np.ndarray, annotations: Annotations) -> pd.Series:
    """Count with whom the majority sides where a network's prediction is not the label.

    Rows: all `mistakes`; of these those where the majority votes for the class of the `network`,
    for the `label`, for `neither`, and those without (`no_majority`).
    """
    wrong = predictions != labels
    majority = annotations.majority[wrong]
    network, label = majority == predictions[wrong], majority == labels[wrong]
    none = majority < 0
    found = {
        "mistakes": wrong,
        "network": network,
        "label": label,
        "neither": ~network & ~label & ~none,
        "no_majority": none,
    }
    return pd.Series({name: int(rows.sum()) for name, rows in found.items()}, name="images")


def confirmed_recall(
    predictions: np.ndarray, labels: np.ndarray, annotations: Annotations
) -> pd.DataFrame:
    """Compute a network's recall of each class, on all images and where the label is confirmed.

    A label is confirmed where the annotators' majority votes for it. Columns: `images`, `recall`,
    `confirmed_images`, `confirmed_recall` (Intervals).
    """
    columns: dict[str, pd.Series] = {}
    for prefix, rows in (("", labels >= 0), ("confirmed_", annotations.majority == labels)):
        counts = classification.confusion(labels[rows], predictions[rows], CLASSES)
        table = classification.per_class(counts)
        columns |= {f"{prefix}{name}": table[name] for name in ("images", "recall")}
    return pd.DataFrame(columns)


def confirmed_gap(
    predictions: np.ndarray, labels: np.ndarray, annotations: Annotations, name: str
) -> Interval:
    """Tell how much less a class is recalled, on images whose label the majority confirms.

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
    """Average how often one annotator votes for the label."""
    if len(labels) < 2:
        return None
    votes = annotations.votes[np.arange(len(labels)), labels]
    return _cut(mean_interval(votes / annotations.votes.sum(axis=1)))


def _cut(interval: Interval) -> Interval:
    return Interval(interval.estimate, max(interval.low, 0.0), min(interval.high, 1.0))
