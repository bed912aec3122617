"""Figures of notebooks 02 to 04: transforms, architecture, learning curves, accuracies."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle


def before_and_after(images: np.ndarray, normalised: np.ndarray) -> plt.Figure:
    """Images (n, 48, 48), 0..255, above the same normalised, shown from -2 to 2."""
    figure, axes = plt.subplots(2, len(images), figsize=(1.4 * len(images), 2.9))
    for column, pair in enumerate(zip(images, normalised, strict=True)):
        for ax, image, limits in zip(axes[:, column], pair, ((0, 255), (-2, 2)), strict=True):
            ax.imshow(image, cmap="gray", vmin=limits[0], vmax=limits[1])
            ax.axis("off")
    return figure


def transforms(images: np.ndarray, titles: list[str], *, columns: int = 7) -> plt.Figure:
    """Images (n, 48, 48), 0..255, in a grid with a title each."""
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(1.45 * columns, 1.75 * rows))
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, title in zip(axes.flat, images, titles, strict=False):
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)
        ax.set_title(title, fontsize=8)
    return figure


def architecture(stages: pd.DataFrame) -> plt.Figure:
    """Boxes from left to right, one per row of `stages` (label, height, channels)."""
    figure, ax = plt.subplots(figsize=(10, 2.8))
    x = 0.0
    for stage in stages.itertuples():
        height, width = 0.25 + stage.height / 48, 0.25 + 0.09 * np.log2(1 + stage.channels)
        ax.add_patch(
            Rectangle((x, -height / 2), width, height, facecolor="#c6d8ea", edgecolor="#31597f")
        )
        ax.text(x + width / 2, -0.78, stage.label, ha="center", va="top", fontsize=8)
        if stage.Index < len(stages) - 1:
            ax.plot([x + width, x + width + 0.3], [0, 0], color="0.4", lw=1)
        x += width + 0.3
    ax.set(xlim=(-0.1, x), ylim=(-1.35, 0.7))
    ax.axis("off")
    return figure


def learning_curves(history: pd.DataFrame, *, title: str) -> plt.Figure:
    """Loss and accuracy over the optimiser steps, with a line where SGD takes over."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.2))
    for ax, measure in zip(axes, ("loss", "accuracy"), strict=True):
        ax.plot(history["step"], history[measure], label="training batches")
        ax.plot(history["step"], history[f"held_out_{measure}"], label="held out")
        switch = history.loc[history["phase"] == 1, "step"].max()
        ax.axvline(switch, color="0.4", ls="--", lw=1)
        ax.annotate(
            "Adadelta | SGD",
            (switch, 1.0),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=8,
        )
        ax.set(xlabel="optimiser step", ylabel=measure)
    axes[0].legend(frameon=False)
    figure.suptitle(title)
    return figure


def intervals(table: pd.DataFrame, *, xlabel: str, ax: plt.Axes | None = None) -> plt.Axes:
    """A dot with its interval per row and column of `table`, whose cells are Intervals."""
    if ax is None:
        _, ax = plt.subplots(figsize=(8, 0.8 + 0.45 * len(table)))
    rows = np.arange(len(table))[::-1]
    for number, column in enumerate(table.columns):
        estimate, low, high = np.array([(c.estimate, c.low, c.high) for c in table[column]]).T
        y = rows - 0.12 * (2 * number - len(table.columns) + 1)
        ax.errorbar(
            estimate, y, xerr=[estimate - low, high - estimate], fmt="o", capsize=3, label=column
        )
    ax.set_yticks(rows, table.index)
    ax.set(xlabel=xlabel, ylim=(-0.7, len(table) - 0.3))
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax
