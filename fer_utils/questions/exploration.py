"""Describe a data set class by class: how many images there are, and how bright they are.

`labels` is (n,) int, -1 for an image without a label, which is left out; `images` is
(n, 48, 48) uint8.
"""

import numpy as np
import pandas as pd
from scipy import stats

from fer_utils.data.duplicates import constant_images, duplicate_groups
from fer_utils.fer2013 import CLASSES, SPLITS
from fer_utils.statistics.intervals import mean_interval


def class_counts(labels: np.ndarray, split: np.ndarray) -> pd.DataFrame:
    """Count the labelled images by class (rows) and split (columns, those that there are)."""
    counts = {
        SPLITS[part]: np.bincount(labels[(split == part) & (labels >= 0)], minlength=len(CLASSES))
        for part in np.unique(split)
    }
    return pd.DataFrame(counts, index=pd.Index(CLASSES, name="class"))


def same_mix(counts: pd.DataFrame) -> float:
    """Test whether all columns of a table of counts have the same shares of its rows.

    Returns the p-value of the chi-squared test, NaN if fewer than two columns have counts.
    """
    present = counts.loc[counts.sum(axis=1) > 0, counts.sum() > 0]
    return float(stats.chi2_contingency(present).pvalue) if present.shape[1] > 1 else np.nan


def sample(labels: np.ndarray, per_class: int, *, seed: int) -> dict[str, np.ndarray]:
    """Draw at most `per_class` images of each class at random; return their rows by class."""
    random = np.random.default_rng(seed)
    rows = {name: np.flatnonzero(labels == label) for label, name in enumerate(CLASSES)}
    return {name: random.permutation(found)[:per_class] for name, found in rows.items()}


def intensity(images: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Measure each labelled image: its `class`, `brightness` (mean) and `contrast` (deviation).

    The last two are in grey levels, 0 to 255; there is a row per image.
    """
    images, labels = images[labels >= 0], labels[labels >= 0]
    measures = {
        "class": np.array(CLASSES)[labels],
        "brightness": [image.mean() for image in images],
        "contrast": [image.std() for image in images],
    }
    return pd.DataFrame(measures)


def intensity_by_class(measures: pd.DataFrame) -> pd.DataFrame:
    """Average brightness and contrast over each class with two images (Student's intervals)."""
    groups = measures.groupby("class").filter(lambda group: len(group) > 1).groupby("class")
    table = groups.agg(lambda column: mean_interval(column.to_numpy()))
    return table.reindex([name for name in CLASSES if name in table.index])


def best_on_copies(images: np.ndarray, labels: np.ndarray) -> tuple[int, int]:
    """Count how many of the images with an exact copy a classifier can get right at best.

    It predicts the same class for all copies of an image, at best the commonest of their labels.
    Constant and unlabelled images are left out. Returns that count, and the number of images.
    """
    rows = np.flatnonzero(~constant_images(images) & (labels >= 0))
    counts = pd.crosstab(duplicate_groups(images[rows]), labels[rows]).to_numpy()
    counts = counts[counts.sum(axis=1) > 1]
    return int(counts.max(axis=1, initial=0).sum()), int(counts.sum())
