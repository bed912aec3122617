"""Leakage audit: pairs of images that show the same picture, within and between the splits.

`pairs` is a table of `duplicates.near_duplicates`: one row per pair.
"""

from collections.abc import Mapping
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
from scipy import stats

from fer_utils.data import duplicates
from fer_utils.data.dataset import Dataset
from fer_utils.fer2013 import SPLITS, TRAINING
from fer_utils.statistics.intervals import holm, independent_interval, proportion, verdict


def twins(dataset: Dataset) -> np.ndarray:
    """(n,) bool: whether an image has an exact or near duplicate in Training.

    Of a Training image: another one than itself.
    """
    return has_twin(duplicates.find(dataset), dataset.split)


def pair_counts(pairs: pd.DataFrame, labels: np.ndarray, split: np.ndarray) -> pd.DataFrame:
    """Count `pairs` (of `find`) within and between the splits that there are.

    Returns one row per two splits: `exact` and `near` pairs (an exact pair is not counted as
    near), how many of the near ones are `mirrored`, pairs with two different labels
    (`exact_contradicting`, `near_contradicting`), and how many images of either split are in a
    pair (`images_first`, `images_second`; equal within one split). Look-alikes by chance are about
    as often mirrored as not, copies seldom: twice `mirrored` estimates the chance pairs in `near`.
    """
    ends = pairs[["first", "second"]].to_numpy()
    where = np.sort(split[ends], axis=1)
    ends = np.take_along_axis(ends, np.argsort(split[ends], axis=1, kind="stable"), axis=1)
    contradicts = contradicting(pairs, labels)
    exact, mirrored = pairs["exact"].to_numpy(), pairs["mirrored"].to_numpy()
    table = []
    for one, other in combinations_with_replacement(np.unique(split), 2):
        here = (where == (one, other)).all(axis=1)
        involved = [ends[here]] * 2 if one == other else ends[here].T
        table.append(
            {
                "splits": f"{SPLITS[one]} - {SPLITS[other]}",
                "exact": np.sum(here & exact),
                "near": np.sum(here & ~exact),
                "mirrored": np.sum(here & ~exact & mirrored),
                "exact_contradicting": np.sum(here & exact & contradicts),
                "near_contradicting": np.sum(here & ~exact & contradicts),
                "images_first": len(np.unique(involved[0])),
                "images_second": len(np.unique(involved[1])),
            }
        )
    return pd.DataFrame(table).set_index("splits")


def has_twin(pairs: pd.DataFrame, split: np.ndarray, other: int = TRAINING) -> np.ndarray:
    """(n,) bool: whether an image, of any split, is paired with one of split `other`."""
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    twin = np.zeros(len(split), bool)
    twin[first[split[second] == other]] = True
    twin[second[split[first] == other]] = True
    return twin


def leaks(pairs: pd.DataFrame, split: np.ndarray) -> pd.DataFrame:
    """Test images that have a duplicate in Training: a row per test split, and "all".

    Columns: `images`, all of the split; `exact`, those with an identical copy; `with_twin`, those
    with an exact or near duplicate; `share` of the latter (Interval).
    """
    exact, twin = has_twin(pairs[pairs["exact"]], split), has_twin(pairs, split)
    parts = {SPLITS[k]: split == k for k in np.unique(split) if k != TRAINING}
    parts["all"] = split != TRAINING
    counts = {
        name: [np.sum(part), np.sum(exact & part), np.sum(twin & part)]
        for name, part in parts.items()
    }
    table = pd.DataFrame.from_dict(counts, "index", columns=["images", "exact", "with_twin"])
    return table.assign(share=list(map(proportion, table["with_twin"], table["images"])))


def effects(cases: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> pd.DataFrame:
    """What twins in Training do to test accuracies: a row per case.

    `cases` maps a name to (correct, twin), each (n,) bool, one value per test image. Columns:
    `images`, `with_twin`, counts; `accuracy`, `accuracy_with_twin`, `accuracy_without`,
    `difference` (with minus without), Intervals; `p_holm` (Fisher's exact test, Holm over the
    table); `verdict`.
    """
    table, p_values = {}, []
    for name, (correct, twin) in cases.items():
        right, n = int(correct[twin].sum()), int(twin.sum())
        right_without, n_without = int(correct[~twin].sum()), int((~twin).sum())
        cells = [[right, n - right], [right_without, n_without - right_without]]
        p_values.append(stats.fisher_exact(cells).pvalue)
        table[name] = {
            "images": len(correct),
            "with_twin": n,
            "accuracy": proportion(right + right_without, len(correct)),
            "accuracy_with_twin": proportion(right, n),
            "accuracy_without": proportion(right_without, n_without),
            "difference": independent_interval(right, n, right_without, n_without),
        }
    table = pd.DataFrame.from_dict(table, "index").assign(p_holm=holm(p_values))
    words = ("twins are easier", "twins are harder", "no difference shown")
    pairs = zip(table["difference"], table["p_holm"], strict=True)
    return table.assign(verdict=[verdict(difference, p, words) for difference, p in pairs])


def spread(pairs: pd.DataFrame, count: int) -> pd.DataFrame:
    """At most `count` of the `pairs`, evenly from the most to the least alike."""
    pairs = pairs.sort_values("correlation", ascending=False, kind="stable")
    picked = np.linspace(0, len(pairs) - 1, min(count, len(pairs)))
    return pairs.iloc[picked.round().astype(int)]


def contradicting(pairs: pd.DataFrame, labels: np.ndarray) -> np.ndarray:
    """(pairs,) bool: whether the two images have different labels (-1 is none)."""
    first, second = labels[pairs["first"]], labels[pairs["second"]]
    return (first >= 0) & (second >= 0) & (first != second)
