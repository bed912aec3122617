"""Training duplicates: test images that show the picture of a Training image; what they do.

A duplicate is an exact or near duplicate. `pairs` is the table of `duplicates.find`, a row per
pair.
"""

from collections.abc import Mapping
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
from scipy import stats

from fer_utils.data import duplicates
from fer_utils.data.dataset import Dataset, validation_split
from fer_utils.fer2013 import SPLITS, TRAINING
from fer_utils.statistics.corrections import judged_with_detectable
from fer_utils.statistics.intervals import (
    ALPHA,
    Comparison,
    Interval,
    difference_of_means,
    independent_interval,
    proportion,
)
from fer_utils.training.predictions import Predictions


def training_duplicates(dataset: Dataset) -> np.ndarray:
    """(n,) bool: whether an image has an exact or near duplicate in Training.

    Of a Training image: another one than itself.
    """
    return paired_with(duplicates.find(dataset), dataset.split == TRAINING)


def paired_with(pairs: pd.DataFrame, others: np.ndarray) -> np.ndarray:
    """(n,) bool: whether an image is paired with one of `others`, (n,) bool."""
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    found = np.zeros(len(others), bool)
    found[first[others[second]]] = True
    found[second[others[first]]] = True
    return found


def trained_on(dataset: Dataset) -> np.ndarray:
    """(n,) bool: the images that networks are trained on, Training without the validation set."""
    chosen = np.zeros(len(dataset.labels), bool)
    chosen[validation_split(dataset)[0]] = True
    return chosen


def duplicates_not_trained_on(dataset: Dataset) -> Interval:
    """Of the test images with a duplicate in Training, the share that none was trained on.

    Their duplicates are validation images, which may have affected the selection of the checkpoint.
    NaN if no test image has a duplicate in Training.
    """
    pairs, test = duplicates.find(dataset), dataset.split != TRAINING
    duplicate = test & paired_with(pairs, dataset.split == TRAINING)
    not_trained_on = duplicate & ~paired_with(pairs, trained_on(dataset))
    return proportion(int(not_trained_on.sum()), int(duplicate.sum()))


def pair_counts(pairs: pd.DataFrame, labels: np.ndarray, split: np.ndarray) -> pd.DataFrame:
    """Count `pairs` within and between the splits that there are: a row per two splits.

    The columns are the `exact` pairs, those of them that are `contradicting` (two labels for the
    same bytes), and the `near` pairs, without the exact ones.
    """
    where = np.sort(split[pairs[["first", "second"]].to_numpy()], axis=1)
    contradicts, exact = contradicting(pairs, labels), pairs["exact"].to_numpy()
    table = {}
    for one, other in combinations_with_replacement(np.unique(split), 2):
        here = (where == (one, other)).all(axis=1)
        table[SPLITS[one], SPLITS[other]] = {
            "exact": int(np.sum(here & exact)),
            "contradicting": int(np.sum(here & exact & contradicts)),
            "near": int(np.sum(here & ~exact)),
        }
    return pd.DataFrame.from_dict(table, "index").rename_axis(["split", "other_split"])


def contaminated(
    pairs: pd.DataFrame, split: np.ndarray, kinds: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """Tell how many test images have a duplicate in Training.

    Parameters
    ----------
    pairs
        Of `duplicates.find`.
    split
        (n,) int.
    kinds
        What each row is about: its name, and (n,) bool. Only test images count.

    Returns
    -------
    pd.DataFrame
        A row per kind: the number of `images`, and the shares (Interval) of those with an `exact`
        copy in Training and with an exact or near duplicate there (`exact_or_near`).
    """
    training = split == TRAINING
    exact, either = paired_with(pairs[pairs["exact"]], training), paired_with(pairs, training)
    table = {}
    for name, kind in kinds.items():
        tested = kind & ~training
        table[name] = {
            "images": int(tested.sum()),
            "exact": proportion(int(exact[tested].sum()), int(tested.sum())),
            "exact_or_near": proportion(int(either[tested].sum()), int(tested.sum())),
        }
    return pd.DataFrame.from_dict(table, "index")


def effects(cases: Mapping[str, Predictions], duplicate: np.ndarray) -> pd.DataFrame:
    """Compare the accuracy on test images with and without a duplicate in Training.

    Parameters
    ----------
    cases
        Predictions by network.
    duplicate
        (n,) bool, of `training_duplicates`.

    Returns
    -------
    pd.DataFrame
        A row per network. The accuracies `duplicate_free`, `with_duplicate` and `all` are
        Intervals; `difference` is the second minus the first (Comparison: Newcombe's interval,
        Fisher's exact test), with `verdict`, `p` and `detectable` of `judged_with_detectable`.
    """
    table = {}
    for name, predictions in cases.items():
        with_duplicate, free = (
            _right(predictions[which])
            for which in (duplicate[predictions.rows], ~duplicate[predictions.rows])
        )
        p = stats.fisher_exact(
            [[right, total - right] for right, total in (with_duplicate, free)]
        ).pvalue
        table[name] = {
            "duplicate_free": proportion(*free),
            "with_duplicate": proportion(*with_duplicate),
            "all": proportion(*_right(predictions)),
            "difference": independent_interval(*with_duplicate, *free).tested(
                p, with_duplicate[1] + free[1]
            ),
        }
    return _judged(table)


def at_equal_classes(predictions: Predictions, first: np.ndarray, second: np.ndarray) -> Comparison:
    """Subtract the accuracies on two kinds of images, at the first's mix of classes.

    `first` and `second` are (all images,) bool. The result is a weighted sum of the differences
    within each class (direct standardisation), with the normal interval of independent proportions,
    each counted with one right and one wrong image more (Agresti and Caffo 2000), and the p-value
    that it is 0. Classes that lack one of the two are left out; all is NaN if every class does.
    """
    kinds, parts = (first[predictions.rows], second[predictions.rows]), []
    for label in np.unique(predictions.labels):
        one, other = (_right(predictions[(predictions.labels == label) & kind]) for kind in kinds)
        if one[1] and other[1]:
            difference = one[0] / one[1] - other[0] / other[1]
            parts.append((one[1], other[1], difference, _variance(one, other)))
    if not parts:
        return Interval(np.nan, np.nan, np.nan).tested(np.nan, 0)
    size, others, differences, variance = np.array(parts).T
    weights = size / size.sum()
    estimate = float(np.sum(weights * differences))
    error = float(np.sqrt(np.sum(weights**2 * variance)))
    half = float(stats.norm.ppf(1 - ALPHA / 2) * error)
    p = 2 * stats.norm.sf(abs(estimate) / error)
    interval = Interval(estimate, estimate - half, estimate + half)
    return interval.tested(p, int(size.sum() + others.sum()))


def by_duplicate_location(cases: Mapping[str, Predictions], dataset: Dataset) -> pd.DataFrame:
    """Tell whether a duplicate makes an image easy because the network was trained on it.

    Returns a row per network. The accuracies (Intervals) are on images with a duplicate that was
    `trained_on`; on those with duplicates only `elsewhere`, in the validation set or a test split;
    and on those with `no_duplicate`. `difference` is the second minus the third at equal classes
    (`at_equal_classes`), with `verdict`, `p` and `detectable` of `judged_with_detectable`.
    """
    pairs = duplicates.find(dataset)
    seen = paired_with(pairs, trained_on(dataset))
    elsewhere = paired_with(pairs, np.ones(len(dataset.labels), bool)) & ~seen
    kinds = {"trained_on": seen, "elsewhere": elsewhere, "no_duplicate": ~seen & ~elsewhere}
    table = {
        name: {
            kind: proportion(*_right(predictions[which[predictions.rows]]))
            for kind, which in kinds.items()
        }
        | {"difference": at_equal_classes(predictions, elsewhere, kinds["no_duplicate"])}
        for name, predictions in cases.items()
    }
    return _judged(table)


def memorised_labels(cases: Mapping[str, Predictions], dataset: Dataset) -> pd.DataFrame:
    """Count which label is predicted where the duplicates in training have another one.

    Images whose duplicates have several labels are left out. Returns a row per network with the
    count of `images`, and of those predicted with the `duplicate_label`, their `own_label`, or a
    `third_label`.
    """
    theirs = _label_of_duplicates(dataset)
    table = {}
    for name, predictions in cases.items():
        other = theirs[predictions.rows]
        disputed = predictions[(other >= 0) & (other != predictions.labels)]
        duplicate = int(np.sum(disputed.classes == theirs[disputed.rows]))
        own, total = _right(disputed)
        table[name] = {
            "images": total,
            "duplicate_label": duplicate,
            "own_label": own,
            "third_label": total - duplicate - own,
        }
    return pd.DataFrame.from_dict(table, "index").rename_axis("network")


def larger_duplicate_gain(
    first: Predictions, second: Predictions, duplicate: np.ndarray
) -> Comparison:
    """Tell by how much the first network gains more from duplicates than the second.

    The gain is the accuracy on images with a duplicate minus that on duplicate-free ones. Both
    networks predict the same images, which are paired; interval and test are Welch's. All is NaN
    unless there are two images of either kind.
    """
    ahead = first.correct.astype(float) - second.correct
    with_duplicate, free = (
        ahead[which] for which in (duplicate[first.rows], ~duplicate[first.rows])
    )
    if min(len(with_duplicate), len(free)) < 2:
        return Interval(np.nan, np.nan, np.nan).tested(np.nan, 0)
    return difference_of_means(with_duplicate, free)


def spread(pairs: pd.DataFrame, count: int) -> pd.DataFrame:
    """Choose at most `count` of the `pairs`, evenly from the most to the least alike."""
    pairs = pairs.sort_values("correlation", ascending=False, kind="stable")
    picked = np.linspace(0, len(pairs) - 1, min(count, len(pairs)))
    return pairs.iloc[picked.round().astype(int)]


def contradicting(pairs: pd.DataFrame, labels: np.ndarray) -> np.ndarray:
    """Return (pairs,) bool: whether the two images have different labels (-1 is none)."""
    first, second = labels[pairs["first"]], labels[pairs["second"]]
    return (first >= 0) & (second >= 0) & (first != second)


def _judged(rows: Mapping[str, dict]) -> pd.DataFrame:
    """Make a row per network, and judge its "difference"."""
    table = pd.DataFrame.from_dict(rows, "index").rename_axis("network")
    return judged_with_detectable(table, interval="difference")


def _label_of_duplicates(dataset: Dataset) -> np.ndarray:
    """(n,) int: the label that all duplicates of an image have that were trained on; else -1."""
    pairs, fit = duplicates.find(dataset), trained_on(dataset)
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    image, duplicate = np.concatenate([first, second]), np.concatenate([second, first])
    image, duplicate = image[fit[duplicate]], duplicate[fit[duplicate]]
    labels = pd.Series(dataset.labels[duplicate]).groupby(image).agg(["min", "max"])
    labels = labels[labels["min"] == labels["max"]]
    found = np.full(len(dataset.labels), -1)
    found[labels.index] = labels["min"]
    return found


def _right(predictions: Predictions) -> tuple[int, int]:
    """How many predictions are correct, and how many there are."""
    return int(predictions.correct.sum()), len(predictions.labels)


def _variance(*counts: tuple[int, int]) -> float:
    """Of a difference of independent proportions."""
    shares = [((right + 1) / (total + 2), total + 2) for right, total in counts]
    return sum(share * (1 - share) / total for share, total in shares)
