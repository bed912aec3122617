"""Figures of notebook 01: classes, faces, intensities, duplicates, votes."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from fer_utils.fer2013 import CLASSES, SPLITS


def class_balance(shares: pd.DataFrame, *, ax: plt.Axes | None = None) -> plt.Axes:
    """Bars with intervals: share of each class (rows) in each split (columns)."""
    if ax is None:
        _, ax = plt.subplots(figsize=(9, 3.4))
    height = 0.8 / max(shares.shape[1], 1)
    y = np.arange(len(shares))
    for k, split in enumerate(shares):
        column = [(s.estimate, s.estimate - s.low, s.high - s.estimate) for s in shares[split]]
        estimates, *ends = 100 * np.array(column).T
        # rounding can leave an estimate of 0 outside its interval by 1e-17
        errors = {"xerr": np.maximum(ends, 0), "error_kw": {"lw": 1, "ecolor": "0.25"}}
        ax.barh(y + (k - 1) * height, estimates, height, label=split, **errors)
    ax.set_yticks(y, shares.index)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set(xlabel="share of the split, %")
    ax.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 0.05))
    return ax


def sample_grid(images: Mapping[str, np.ndarray], *, columns: int) -> plt.Figure:
    """A row of faces per class; `images` maps a class to (k <= columns, 48, 48), 0..255."""
    size = 9 / columns
    figure, axes = plt.subplots(
        len(images),
        columns,
        figsize=(10, size * len(images)),
        squeeze=False,
        layout="constrained",
    )
    for row, (name, faces) in zip(axes, images.items(), strict=True):
        for ax in row:
            _clear(ax)
        for ax, face in zip(row, faces, strict=False):
            ax.imshow(face, cmap="gray", vmin=0, vmax=255)
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=11)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    return figure


def mean_faces(means: np.ndarray, overall: np.ndarray) -> plt.Figure:
    """Mean face of each class (7, 48, 48) and, below, its difference from `overall` (48, 48)."""
    figure, axes = plt.subplots(2, len(CLASSES), figsize=(10, 3.3))
    differences = means - overall
    limit = max(np.nanmax(np.abs(differences)), 1)
    for column, name, face, difference in zip(axes.T, CLASSES, means, differences, strict=True):
        for ax in column:
            _clear(ax)
        column[0].set_title(name, fontsize=11)
        column[0].imshow(face, cmap="gray")
        shown = column[1].imshow(difference, cmap="RdBu_r", vmin=-limit, vmax=limit)
    bar = figure.colorbar(shown, ax=axes[1], shrink=0.9, pad=0.01)
    bar.set_label("grey levels", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    return figure


def intensity(measures: pd.DataFrame) -> plt.Figure:
    """Box plots of `brightness` and `contrast`, a row per image, for each `class`."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.2), sharey=True)
    for ax, measure in zip(axes, ("brightness", "contrast"), strict=True):
        sns.boxplot(
            measures, x=measure, y="class", order=CLASSES, ax=ax, color="#9ebcda", fliersize=1.5
        )
        ax.set(xlabel=f"{measure}, grey levels", ylabel="")
    return figure


def pairs(
    images: np.ndarray, labels: np.ndarray, split: np.ndarray, pairs: pd.DataFrame
) -> plt.Figure:
    """The two images of each of the `pairs` (columns first, second), one above the other."""
    columns = max(len(pairs), 1)
    figure, axes = plt.subplots(2, columns, figsize=(max(1.35 * columns, 4), 3.9), squeeze=False)
    for ax in axes.flat:
        _clear(ax)
    for column, pair in zip(axes.T, pairs.itertuples(), strict=False):
        for ax, row in zip(column, (pair.first, pair.second), strict=True):
            ax.imshow(images[row], cmap="gray", vmin=0, vmax=255)
            label = CLASSES[labels[row]] if labels[row] >= 0 else "no label"
            ax.set_title(f"{label}\n{SPLITS[split[row]]}", fontsize=8)
        mirrored = "\nmirrored" if pair.mirrored else ""
        column[1].set_xlabel(f"r = {pair.correlation:.3f}{mirrored}", fontsize=8)
    if pairs.empty:
        axes[0, 0].text(0.5, 0.5, "no such pair", ha="center", va="center", fontsize=10)
    return figure


def counts(table: pd.DataFrame, *, ax: plt.Axes | None = None) -> plt.Axes:
    """A heat map of counts; the colour is the share of the row."""
    if ax is None:
        _, ax = plt.subplots(figsize=(9, 3.8))
    totals = np.maximum(table.to_numpy().sum(axis=1, keepdims=True), 1)
    sns.heatmap(
        table / totals,
        annot=table.map("{:,}".format),
        fmt="",
        cmap="Blues",
        vmin=0,
        vmax=1,
        cbar_kws={"label": "share of the row"},
        annot_kws={"fontsize": 9},
        ax=ax,
    )
    ax.tick_params(axis="x", labelrotation=35)
    ax.tick_params(axis="y", labelrotation=0)
    return ax


def _clear(ax: plt.Axes) -> None:
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    for side in ax.spines.values():
        side.set_visible(False)
