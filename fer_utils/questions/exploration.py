"""What a data set looks like, class by class: how many images, how bright, on average.

`labels` is (n,) int, -1 for an image without a label, which is left out; `images` is
(n, 48, 48) uint8.
"""

import numpy as np
import pandas as pd
from scipy import stats

from fer_utils.data.duplicates import constant_images, duplicate_groups
from fer_utils.fer2013 import CLASSES, SPLITS
from fer_utils.statistics.intervals import mean_interval, proportion


def class_counts(labels: np.ndarray, split: np.ndarray) -> pd.DataFrame:
    """Labelled images by class (rows) and split (columns, those that there are)."""
    counts = {
        SPLITS[part]: np.bincount(labels[(split == part) & (labels >= 0)], minlength=len(CLASSES))
        for part in np.unique(split)
    }
    return pd.DataFrame(counts, index=pd.Index(CLASSES, name="class"))


def class_shares(counts: pd.DataFrame) -> pd.DataFrame:
    """Each class's share of each split (rows and columns of `class_counts`), as Intervals."""
    return counts.apply(lambda column: [proportion(count, column.sum()) for count in column])


def same_mix(counts: pd.DataFrame) -> float:
    """p-value of the chi-squared test that all splits have the same shares of classes.

    NaN if fewer than two splits have labels.
    """
    present = counts.loc[counts.sum(axis=1) > 0, counts.sum() > 0]
    return float(stats.chi2_contingency(present).pvalue) if present.shape[1] > 1 else np.nan


def sample(labels: np.ndarray, per_class: int, *, seed: int) -> dict[str, np.ndarray]:
    """For each class at most `per_class` of its rows, drawn at random."""
    random = np.random.default_rng(seed)
    rows = {name: np.flatnonzero(labels == label) for label, name in enumerate(CLASSES)}
    return {name: random.permutation(found)[:per_class] for name, found in rows.items()}


def intensity(images: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """One row per labelled image: `class`, `brightness` (mean) and `contrast` (standard deviation).

    Both are in grey levels, 0 to 255.
    """
    images, labels = images[labels >= 0], labels[labels >= 0]
    measures = {
        "class": np.array(CLASSES)[labels],
        "brightness": [image.mean() for image in images],
        "contrast": [image.std() for image in images],
    }
    return pd.DataFrame(measures)


def intensity_by_class(measures: pd.DataFrame) -> pd.DataFrame:
    """Mean brightness and contrast of each class that has two images, with Student's intervals."""
    groups = measures.groupby("class").filter(lambda group: len(group) > 1).groupby("class")
    table = groups.agg(lambda column: mean_interval(column.to_numpy()))
    return table.reindex([name for name in CLASSES if name in table.index])


def best_on_copies(images: np.ndarray, labels: np.ndarray) -> tuple[int, int]:
    """How many of the images that have an identical copy a classifier can get right, of how many.

    It gives copies the same answer: at best the commonest of their labels. Constant and unlabelled
    images are left out.
    """
    rows = np.flatnonzero(~constant_images(images) & (labels >= 0))
    counts = pd.crosstab(duplicate_groups(images[rows]), labels[rows]).to_numpy()
    counts = counts[counts.sum(axis=1) > 1]
    return int(counts.max(axis=1, initial=0).sum()), int(counts.sum())
