"""Figures of notebook 01: classes, faces, intensities, duplicates, votes."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from fer_utils.fer2013 import CLASSES, SPLITS
from fer_utils.plots import style
from fer_utils.plots.style import WIDTH


def class_balance(shares: pd.DataFrame) -> Figure:
    """Draw the share (Interval) of each class (rows) in each split (columns) as dots."""
    figure, ax = style.subplots(figsize=(WIDTH, 3.1))
    for k, split in enumerate(shares):
        y = np.arange(len(shares)) + 0.22 * (k - (shares.shape[1] - 1) / 2)
        style.interval_dots(ax, shares[split], y, series=k, label=split)
    ax.set_yticks(range(len(shares)), shares.index)
    ax.invert_yaxis()
    ax.xaxis.set_major_formatter("{x:.0%}")
    ax.set(xlabel="share of the split", xlim=(0, None))
    ax.legend(loc="lower right")
    return figure


def sample_grid(images: Mapping[str, np.ndarray], *, columns: int) -> Figure:
    """Draw a row of faces per class; `images` maps a class to (k <= columns, 48, 48), 0..255."""
    figure, axes = style.image_grid(len(images), columns, labels=0.6)
    style.row_labels(axes, list(images))
    for row, faces in zip(axes, images.values(), strict=True):
        for ax, face in zip(row, faces, strict=False):
            ax.imshow(face, **style.FACE)
    return figure


def mean_faces(means: np.ndarray, overall: np.ndarray) -> Figure:
    """Draw the mean face of each class (7, 48, 48) above its difference from `overall` (48, 48)."""
    figure, axes = style.image_grid(2, len(CLASSES), titles=0.25, labels=0.7)
    differences = means - overall
    limit = max(np.nanmax(np.abs(differences)), 1)
    for column, name, face, difference in zip(axes.T, CLASSES, means, differences, strict=True):
        column[0].set_title(name)
        column[0].imshow(face, cmap="gray")
        shown = column[1].imshow(difference, cmap="RdBu_r", vmin=-limit, vmax=limit)
    style.row_labels(axes, ("mean", "minus the mean of all"))
    bar = figure.colorbar(shown, ax=axes, location="bottom", shrink=0.4, aspect=30)
    bar.set_label("difference, grey levels")
    return figure


def intensity_boxes(measures: pd.DataFrame) -> Figure:
    """Draw box plots of the columns `brightness` and `contrast`, a row per image, by `class`."""
    figure, axes = style.subplots(1, 2, figsize=(WIDTH, 2.7), sharey=True)
    look = {"order": CLASSES, "color": style.SKY, "fliersize": 1, "linewidth": 0.8}
    for ax, measure in zip(axes, ("brightness", "contrast"), strict=True):
        sns.boxplot(measures, x=measure, y="class", ax=ax, **look)
        ax.set(xlabel=f"{measure}, grey levels", ylabel="")
    return figure


def pairs(images: np.ndarray, labels: np.ndarray, split: np.ndarray, pairs: pd.DataFrame) -> Figure:
    """Draw the two images of each pair, one above the other.

    Parameters
    ----------
    images, labels, split
        Of the data set: (n, 48, 48), (n,) int, -1 without a label, and (n,).
    pairs
        A row per pair: the rows of its images (`first`, `second`), `correlation` and `mirrored`.

    Returns
    -------
    Figure
        A column per pair.
    """
    figure, axes = style.image_grid(2, max(len(pairs), 1), titles=0.45)
    for column, pair in zip(axes.T, pairs.itertuples(), strict=False):
        for ax, row in zip(column, (pair.first, pair.second), strict=True):
            ax.imshow(images[row], **style.FACE)
            label = CLASSES[labels[row]] if labels[row] >= 0 else "no label"
            ax.set_title(f"{label}\n{SPLITS[split[row]]}", fontsize=8)
        mirrored = "\nmirrored" if pair.mirrored else ""
        column[1].set_xlabel(f"r = {pair.correlation:.3f}{mirrored}", fontsize=8)
    return figure


def label_heat_map(table: pd.DataFrame) -> Figure:
    """Draw counts as a heat map; the colour is the share of the row."""
    figure, ax = style.subplots(figsize=(WIDTH, 3.2))
    totals = np.maximum(table.to_numpy().sum(axis=1, keepdims=True), 1)
    texts = table.map("{:,}".format)
    style.heat_map(ax, table / totals, texts)
    return figure
