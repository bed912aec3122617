"""Figures of chapter 1: faces, intensities, duplicates, votes."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from fer_utils.fer2013 import CLASSES, SPLITS
from fer_utils.plots import style
from fer_utils.plots.style import WIDTH


def sample_grid(images: Mapping[str, np.ndarray], *, rows: int) -> Figure:
    """Draw a column of faces per class; `images` maps a class to (k <= rows, 48, 48), 0..255."""
    figure, axes = style.image_grid(rows, len(images), titles=0.25 / rows)
    for column, (name, faces) in zip(axes.T, images.items(), strict=True):
        column[0].set_title(name)
        for ax, face in zip(column, faces, strict=False):
            ax.imshow(face, **style.FACE)
    return figure


def mean_faces(means: np.ndarray, overall: np.ndarray) -> Figure:
    """Draw the mean face of each class (7, 48, 48) above its difference from `overall` (48, 48)."""
    figure, axes = style.image_grid(2, len(CLASSES), titles=0.4, labels=0.7)
    differences = means - overall
    limit = max(np.nanmax(np.abs(differences)), 1)
    for column, name, face, difference in zip(axes.T, CLASSES, means, differences, strict=True):
        column[0].set_title(name)
        column[0].imshow(face, cmap="gray")
        shown = column[1].imshow(difference, cmap="gray", vmin=-limit, vmax=limit)
    style.row_labels(axes, ("mean", "minus the mean of all"))
    bar = figure.colorbar(shown, ax=axes, location="bottom", shrink=0.4, aspect=30)
    bar.set_label("difference, grey levels (dark: darker than the mean of all)")
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
    """Draw a table of counts as a heat map of the shares of each row, in percent."""
    figure, ax = style.subplots(figsize=(WIDTH, 2.8))
    shares = table / np.maximum(table.to_numpy().sum(axis=1, keepdims=True), 1)
    shares = shares.rename(columns=lambda name: name.replace("_", " "))
    style.heat_map(ax, shares, (100 * shares).map("{:.0f}".format).to_numpy())
    ax.set(xlabel="majority of the FER+ annotators", ylabel="label in FER2013")
    return figure
