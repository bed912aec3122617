"""Figures of notebook 07. Pictures found by ascent are (48, 48) in [0, 1]; test images 0..255."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_utils.fer2013 import CLASSES
from fer_utils.plots import style


def rows_of_pictures(
    rows: Mapping[str, np.ndarray],
    titles: Sequence[str],
    *,
    dead: Mapping[str, Sequence[bool]] | None = None,
) -> Figure:
    """Draw a row of grey pictures per entry, each picture scaled to its own range.

    `dead` says, by row, which pictures are of filters that never became active; these are crossed
    out.
    """
    figure, axes = style.image_grid(len(rows), len(titles), titles=0.05, labels=1.0)
    for (label, pictures), line in zip(rows.items(), axes, strict=True):
        for ax, picture in zip(line, pictures, strict=False):
            ax.imshow(picture, cmap="gray")
        _cross_out(line, (dead or {}).get(label, ()))
    style.row_labels(axes, list(rows))
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=8)
    return figure


def addressed_grid(
    pictures: np.ndarray, *, columns: int, dead: Sequence[bool] = (), cmap: str = "gray"
) -> Figure:
    """Draw pictures in a grid under their (row, column).

    Parameters
    ----------
    pictures
        (k, h, w).
    columns
        Of the grid.
    dead
        (k,) whether a filter never became active: its picture is crossed out.
    cmap
        Of Matplotlib.

    Returns
    -------
    Figure
        Row by row, each picture on its own scale.
    """
    rows = -(-len(pictures) // columns)
    figure, axes = style.image_grid(rows, columns, titles=0.2)
    for number, (ax, picture) in enumerate(zip(axes.flat, pictures, strict=False)):
        ax.imshow(picture, cmap=cmap)
        ax.set_title(f"({number // columns}, {number % columns})", fontsize=8, pad=2)
    _cross_out(list(axes.flat), dead)
    return figure


def _cross_out(axes: Sequence[Axes], dead: Sequence[bool]) -> None:
    """Cross out the pictures of dead filters."""
    for ax, is_dead in zip(axes, dead, strict=False):
        if is_dead:
            ax.plot([0, 1], [0, 1], transform=ax.transAxes, color=style.ORANGE, lw=2)
            ax.plot([0, 1], [1, 0], transform=ax.transAxes, color=style.ORANGE, lw=2)


def faces(images: Mapping[str, np.ndarray]) -> Figure:
    """Draw a few faces (48, 48), 0..255, side by side, by title."""
    figure, axes = style.image_grid(1, len(images), titles=0.2, width=1.5 * len(images))
    for ax, (title, image) in zip(axes[0], images.items(), strict=True):
        ax.imshow(image, **style.FACE)
        ax.set_title(title)
    return figure


def border_responses(measured: pd.DataFrame, order: Sequence[str]) -> Figure:
    """Draw each filter's response at the image border and at the padding edge, by condition.

    `measured` has a row per filter with the columns `place` ("image border" or "padding edge"),
    `condition` (one of `order`) and `response`. Bars are the means.
    """
    figure, axes = style.subplots(1, 2, figsize=(style.WIDTH, 2.3), sharey=True)
    jitter = np.random.default_rng(0)
    for ax, place in zip(axes, ("image border", "padding edge"), strict=True):
        for y, condition in enumerate(order):
            chosen = (measured["place"] == place) & (measured["condition"] == condition)
            values = measured.loc[chosen, "response"].dropna()
            height = y + jitter.uniform(-0.2, 0.2, len(values))
            ax.plot(values, height, "o", ms=3, alpha=0.5, color=style.BLUE)
            ax.plot([values.mean()] * 2, [y - 0.35, y + 0.35], color=style.ORANGE, lw=2.5)
        ax.axvline(0.5, color="0.5", ls=":")
        ax.set(title=f"at the {place}", xlabel="border response of a filter")
    axes[0].set_yticks(range(len(order)), order)
    axes[0].invert_yaxis()
    return figure


def kernel_row(values: np.ndarray) -> Figure:
    """Draw kernels (k, 3, 3), black negative, white positive, each on its own scale."""
    figure, axes = style.image_grid(1, len(values), titles=0.2)
    for number, (ax, kernel) in enumerate(zip(axes[0], values, strict=True)):
        limit = np.abs(kernel).max()
        ax.imshow(kernel, cmap="gray", vmin=-limit, vmax=limit)
        ax.set_title(str(number), fontsize=8)
    return figure


def changed_predictions(epsilons: np.ndarray, names: Sequence[str], *, largest: float) -> Figure:
    """Draw the share of images whose prediction has changed against the change of their pixels.

    `epsilons` (2, n) are the smallest changes in [0, 1] that do so, inf where none does; `names`
    are those of the two rows. The figure has them in grey levels of 255, up to `largest` in [0, 1].
    """
    figure, ax = style.subplots(figsize=(style.WIDTH * 0.8, 2.6))
    for number, (name, values) in enumerate(zip(names, epsilons, strict=True)):
        levels = np.sort(values[np.isfinite(values)]) * 255
        part = np.arange(len(levels) + 1) / len(values)
        places, heights = [0, *levels, largest * 255], [*part, part[-1]]
        look = {"color": style.SERIES[number], "ls": style.DASHES[number], "label": name}
        ax.step(places, heights, where="post", **look)
    ax.set(xlabel="change of each pixel in grey levels (of 255)", ylabel="predictions changed")
    ax.set(ylim=(-0.02, 1.02), xlim=(0, largest * 255))
    ax.legend()
    return figure


def adversarial(
    images: np.ndarray, changes: np.ndarray, moved: np.ndarray, titles: Sequence[str]
) -> Figure:
    """Draw rows of images, changes (scaled to be seen) and sums.

    Parameters
    ----------
    images, changes, moved
        (k, h, w) each; the first and the last in [0, 1].
    titles
        k, over the columns.

    Returns
    -------
    Figure
        Three rows, a column per image.
    """
    figure, axes = style.image_grid(3, len(images), titles=0.2, labels=0.6)
    for column, (image, change, sum_) in enumerate(zip(images, changes, moved, strict=True)):
        axes[0, column].imshow(image, cmap="gray", vmin=0, vmax=1)
        axes[1, column].imshow(change, cmap="gray", vmin=-1, vmax=1)
        axes[2, column].imshow(sum_, cmap="gray", vmin=0, vmax=1)
        axes[0, column].set_title(titles[column], fontsize=8)
    style.row_labels(axes, ("image", "signs", "changed"))
    return figure


def class_images(pictures: Mapping[str, np.ndarray]) -> Figure:
    """Draw a row of the seven class images per entry, (7, 48, 48) in [0, 1]."""
    return rows_of_pictures(pictures, CLASSES)
