"""Figures of notebook 07. Ascent images are (48, 48) in [0, 1]; test images 0..255."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

RED = "#c22"


def _bare(ax: plt.Axes) -> None:
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)


def strips(
    rows: Mapping[str, np.ndarray],
    titles: Sequence[str] | None = None,
    *,
    dead: Mapping | None = None,
):
    """A row of grey pictures per entry, each picture scaled to its own range; dead ones framed.

    `titles` None: "filter 0", "filter 1", ...
    """
    if titles is None:
        titles = [f"filter {n}" for n in range(max(map(len, rows.values())))]
    shape = len(rows), len(titles)
    size = (1.12 * shape[1] + 1.2, 1.14 * shape[0] + 0.3)
    figure, axes = plt.subplots(*shape, figsize=size, squeeze=False)
    for (label, pictures), line in zip(rows.items(), axes, strict=True):
        line[0].set_ylabel(label, fontsize=8)
        for ax in line:
            _bare(ax)
        for ax, picture in zip(line, pictures, strict=False):
            ax.imshow(picture, cmap="gray")
        _mark(line, (dead or {}).get(label, ()))
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=8)
    return figure


def ascents(found: Mapping):
    """`strips` of the images of several `ascent.Ascent`, by row label."""
    images = {label: one.images for label, one in found.items()}
    return strips(images, dead={label: one.dead for label, one in found.items()})


def ascent_grid(found, *, columns: int):
    """`grid` of an `ascent.Ascent`."""
    return grid(found.images, columns=columns, dead=found.dead)


def grid(pictures: np.ndarray, *, columns: int, dead: Sequence[bool] = (), cmap: str = "gray"):
    """Pictures (k, h, w) as a grid with their (row, column); dead filters framed in red."""
    rows = -(-len(pictures) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(1.17 * columns, 1.33 * rows))
    for ax in axes.flat:
        _bare(ax)
    for number, (ax, picture) in enumerate(zip(axes.flat, pictures, strict=False)):
        ax.imshow(picture, cmap=cmap)
        ax.set_title(f"({number // columns}, {number % columns})", fontsize=7, pad=2)
    _mark(axes.flat, dead)
    return figure


def _mark(axes, dead: Sequence[bool]) -> None:
    for ax, is_dead in zip(axes, dead, strict=False):
        if is_dead:
            for spine in ax.spines.values():
                spine.set(visible=True, color=RED, linewidth=2)
            ax.set_xlabel("never active", fontsize=6, color=RED, labelpad=1)


def border_example(images: Mapping[str, np.ndarray]):
    """A few test images side by side, by title."""
    figure, axes = plt.subplots(1, len(images), figsize=(2 * len(images), 2.2))
    for ax, (title, image) in zip(axes, images.items(), strict=True):
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)
        ax.set_title(title, fontsize=9)
        _bare(ax)
    return figure


def border_responses(frame: pd.DataFrame, order: Sequence[str]):
    """Each filter's response at the frame and at the seam by condition; bars are the means."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 2.9), sharey=True)
    for ax, place in zip(axes, ("frame", "seam"), strict=True):
        chosen = frame[frame["place"] == place]
        options = {"data": chosen, "x": "response", "y": "condition", "order": order, "ax": ax}
        sns.stripplot(**options, size=4, alpha=0.5, color="#31597f", jitter=0.2, legend=False)
        sns.pointplot(
            **options, errorbar=None, linestyle="none", marker="|", markersize=22, color=RED
        )
        ax.axvline(0.5, color="0.5", ls=":")
        ax.set_title(f"at the {place}", fontsize=10)
        ax.set(xlabel="border response of a filter", ylabel="")
    return figure


def flips(epsilons: Mapping[str, np.ndarray], *, maximum: float):
    """Share of the images that have flipped at each epsilon, in grey levels of 255."""
    figure, ax = plt.subplots(figsize=(6.5, 3))
    for (name, values), style in zip(epsilons.items(), ("-", "--"), strict=False):
        levels = np.sort(values[np.isfinite(values)]) * 255
        share = np.arange(len(levels) + 1) / len(values)
        places, heights = [0, *levels, maximum * 255], [*share, share[-1]]
        ax.step(places, heights, style, where="post", label=name)
    ax.set(xlabel="change of each pixel in grey levels (of 255)", ylabel="share flipped")
    ax.set(ylim=(-0.02, 1.02), xlim=(0, maximum * 255))
    ax.legend(frameon=False, fontsize=9)
    return figure


def adversarial(images: np.ndarray, changes: np.ndarray, moved: np.ndarray, titles: Sequence[str]):
    """Rows: image, change (scaled to be seen), sum; images in [0, 1]; a title over each column."""
    figure, axes = plt.subplots(3, len(images), figsize=(1.4 * len(images) + 0.5, 4.7))
    for column, (image, change, sum_) in enumerate(zip(images, changes, moved, strict=True)):
        axes[0, column].imshow(image, cmap="gray", vmin=0, vmax=1)
        axes[1, column].imshow(change, cmap="gray", vmin=-1, vmax=1)
        axes[2, column].imshow(sum_, cmap="gray", vmin=0, vmax=1)
        axes[0, column].set_title(titles[column], fontsize=8)
    for row, label in zip(axes, ("image", "signs of change", "changed image"), strict=True):
        row[0].set_ylabel(label, fontsize=8)
        for ax in row:
            _bare(ax)
    return figure
