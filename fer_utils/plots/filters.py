"""Figures of chapter 7 and its appendix.

Pictures found by gradient ascent are (48, 48) in [0, 1]; test images 0..255.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from fer_utils.fer2013 import CLASSES
from fer_utils.plots import style

OUTPUT = "viridis"  # the colours of a filter's output
RIM = 2.5  # pixels of a pale rim
SCALE = 0.7  # inches of a colour scale
_SCALES = {"gray": ("darkest", "brightest"), OUTPUT: ("0", "largest")}


class Row(NamedTuple):
    """A row of pictures `(k, h, w)`, each on its own scale.

    To the left of it stands its label or, for a row of filters' outputs, the `face` (48, 48) that
    they belong to. The pictures of `dead` filters, which never became active, are crossed out. With
    `rim` each picture stands on a pale rim, so that a black or white border of it is seen.
    """

    label: str
    pictures: np.ndarray
    titles: Sequence[str] = ()
    face: np.ndarray | None = None
    dead: Sequence[bool] = ()
    rim: bool = False


def picture_rows(rows: Sequence[Row], *, width: float = style.WIDTH, titles: float = 0.1) -> Figure:
    """Draw rows of pictures, each with its scale on the right.

    Parameters
    ----------
    rows
        From top to bottom.
    width
        Of the figure, in inches.
    titles
        Inches that a row needs above it for its titles.
    """
    columns = max(len(row.pictures) for row in rows)
    size = {"labels": SCALE, "titles": titles, "width": width}
    figure, axes = style.image_grid(len(rows), columns + 1, **size)
    for row, (head, *line) in zip(rows, axes, strict=True):
        cmap = "gray" if row.face is None else OUTPUT
        if row.face is None:
            where = {"transform": head.transAxes, "ha": "right", "va": "center"}
            head.text(0.95, 0.5, style.wrapped(row.label), fontsize=8, **where)
        else:
            head.imshow(row.face, **style.FACE)
            head.set_title(row.label, fontsize=8, pad=2)
        for ax, picture in zip(line, row.pictures, strict=False):
            ax.imshow(picture, cmap=cmap, vmin=None if row.face is None else 0)
            if row.rim:
                side = len(picture) - 0.5
                ax.set(xlim=(-0.5 - RIM, side + RIM), ylim=(side + RIM, -0.5 - RIM))
                ax.set_facecolor(style.PALE)
        for ax, title in zip(line, row.titles, strict=False):
            ax.set_title(title, fontsize=8, pad=2)
        for ax in line[len(row.pictures) :]:
            ax.set_visible(False)
        _cross_out(line, row.dead)
        _scale(figure, line, cmap)
    return figure


def addresses(count: int, columns: int, start: int = 0) -> list[str]:
    """Write the (row, column) of `count` filters from number `start` on, in a grid."""
    numbers = range(start, start + count)
    return [f"({number // columns}, {number % columns})" for number in numbers]


def filters_and_outputs(
    pictures: np.ndarray,
    outputs: np.ndarray,
    face: np.ndarray,
    *,
    columns: int,
    width: float = style.WIDTH,
    addressed: bool = True,
    dead: Sequence[bool] = (),
) -> Figure:
    """Draw filters' pictures by gradient ascent and, below each, the filter's output for one face.

    Parameters
    ----------
    pictures, outputs
        (k, 48, 48) in [0, 1], and (k, h, w) from 0 on.
    face
        (48, 48), 0..255.
    columns
        How many filters stand in a row.
    width
        Of the figure, in inches.
    addressed
        Whether each filter has its (row, column) above it.
    dead
        (k,) whether a filter never became active.
    """
    rows = []
    for start in range(0, len(pictures), columns):
        some = slice(start, start + columns)
        titles = addresses(len(pictures[some]), columns, start) if addressed else ()
        rows.append(Row("gradient ascent", pictures[some], titles, dead=dead[some]))
        rows.append(Row("", outputs[some], face=face))
    return picture_rows(rows, width=width, titles=0.1 if addressed else 0)


def addressed_grid(pictures: np.ndarray, *, columns: int, cmap: str = "gray") -> Figure:
    """Draw pictures `(k, h, w)` in a grid under their (row, column), each on its own scale."""
    rows = -(-len(pictures) // columns)
    figure, axes = style.image_grid(rows, columns, titles=0.2, labels=SCALE)
    titles = addresses(len(pictures), columns)
    for ax, picture, title in zip(axes.flat, pictures, titles, strict=False):
        ax.imshow(picture, cmap=cmap)
        ax.set_title(title, fontsize=8, pad=2)
    _scale(figure, list(axes.flat), cmap)
    return figure


def _scale(figure: Figure, axes: Sequence[Axes], cmap: str) -> None:
    """Add a colour scale to the right of axes, from the least to the largest value of each."""
    look = {"fraction": 0.015, "pad": 0.01, "aspect": 10, "shrink": 0.9}
    bar = figure.colorbar(ScalarMappable(cmap=cmap), ax=list(axes), **look)
    bar.set_ticks([0.05, 0.95], labels=_SCALES[cmap], fontsize=7)
    bar.ax.tick_params(length=0, pad=2)
    bar.outline.set_visible(False)


def _cross_out(axes: Sequence[Axes], dead: Sequence[bool]) -> None:
    """Cross out the pictures of dead filters."""
    for ax, is_dead in zip(axes, dead, strict=False):
        if is_dead:
            ax.plot([0, 1], [0, 1], transform=ax.transAxes, color=style.ORANGE, lw=2)
            ax.plot([0, 1], [1, 0], transform=ax.transAxes, color=style.ORANGE, lw=2)


def kernel_row(values: np.ndarray) -> Figure:
    """Draw kernels (k, 3, 3), black negative, white positive, each on its own scale."""
    figure, axes = style.image_grid(1, len(values), titles=0.2, labels=0.3)
    for number, (ax, kernel) in enumerate(zip(axes[0], values, strict=True)):
        limit = np.abs(kernel).max()
        ax.imshow(kernel, cmap="gray", vmin=-limit, vmax=limit)
        ax.set_title(str(number), fontsize=8, pad=2)
    look = {"fraction": 0.015, "pad": 0.01, "aspect": 8}
    bar = figure.colorbar(ScalarMappable(cmap="gray"), ax=list(axes[0]), **look)
    bar.set_ticks([0, 0.5, 1], labels=["−", "0", "+"], fontsize=8)
    return figure


def zone_preferences(table: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Draw how much the best filter for each zone prefers it, trained and untrained.

    `table` has a row per zone, with Intervals in the columns `trained` and `untrained` and the
    address of the trained filter in `filter`; `names` are those of the zones for readers.
    """
    figure, ax = style.subplots(figsize=(style.WIDTH, 0.3 * len(table) + 0.6))
    places = np.arange(len(table))
    looks = {
        "trained": {"color": style.NETWORKS["model2"]},
        "untrained": {"color": "white", "edgecolor": style.BLACK, "hatch": "////"},
    }
    for (column, look), shift in zip(looks.items(), (-0.2, 0.2), strict=True):
        values = list(table[column])
        reach = style.ends(values)
        widths = [value.estimate for value in values]
        bars = {"xerr": reach, "error_kw": {"lw": 1, "capsize": 2}, "label": column}
        ax.barh(places + shift, widths, height=0.38, **look, **bars)
        if column == "trained":
            for place, value, address in zip(places, values, table["filter"], strict=True):
                ax.text(value.high + 0.06, place + shift, address, fontsize=8, va="center")
    ax.axvline(1, color=style.BLACK, ls=":", lw=1)
    xlabel = "preference: share of the activation in the zone ÷ share of the area"
    ax.set(yticks=places, yticklabels=names, xlabel=xlabel, xlim=(0, None))
    ax.grid(visible=False, axis="y")
    ax.invert_yaxis()
    ax.legend(title="best filter", loc="center right")
    return figure


def faces(images: Mapping[str, np.ndarray]) -> Figure:
    """Draw a few faces (48, 48), 0..255, side by side, by title."""
    figure, axes = style.image_grid(1, len(images), titles=0.2, width=1.5 * len(images))
    for ax, (title, image) in zip(axes[0], images.items(), strict=True):
        ax.imshow(image, **style.FACE)
        ax.set_title(title)
    return figure


def border_responses(measured: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """Draw each filter's response at the image border and at the padding edge, by condition.

    `measured` has a row per filter with the columns `place`, `condition` and `response`; `names`
    are those of the conditions and places for readers, the conditions in the order of the rows.
    Bars are the means.
    """
    places = list(measured["place"].unique())
    order = [name for name in names if name not in places]
    figure, axes = style.subplots(1, 2, figsize=(style.WIDTH, 2.3), sharey=True, sharex=True)
    jitter = np.random.default_rng(0)
    for ax, place in zip(axes, places, strict=True):
        for y, condition in enumerate(order):
            chosen = (measured["place"] == place) & (measured["condition"] == condition)
            values = measured.loc[chosen, "response"].dropna()
            height = y + jitter.uniform(-0.2, 0.2, len(values))
            ax.plot(values, height, "o", ms=3, alpha=0.5, color=style.BLUE)
            ax.plot([values.mean()] * 2, [y - 0.35, y + 0.35], color=style.ORANGE, lw=2.5)
        ax.axvline(0.5, color="0.5", ls=":")
        ax.set(title=f"at the {names[place]}", xlabel="border response of a filter")
    axes[0].xaxis.set_major_formatter(PercentFormatter(1))
    axes[0].set_yticks(range(len(order)), [names[condition] for condition in order])
    axes[0].invert_yaxis()
    return figure


def adversarial(
    images: np.ndarray,
    signs: np.ndarray,
    changed: np.ndarray,
    levels: np.ndarray,
    predictions: Sequence[tuple[int, int]],
) -> Figure:
    """Draw rows of faces, signs and changed faces.

    Parameters
    ----------
    images, changed
        (k, h, w), 0..255, and in [0, 1].
    signs
        (k, h, w) of -1, 0 and 1.
    levels
        (k,) by how many grey levels of 255 each pixel is changed; inf where nothing changes the
        prediction.
    predictions
        k pairs of the class that is predicted before and after the change.
    """
    figure, axes = style.image_grid(3, len(images), titles=0.2, labels=0.6)
    for column, (ax, level, (old, new)) in enumerate(zip(axes.T, levels, predictions, strict=True)):
        ax[0].imshow(images[column], **style.FACE)
        ax[1].imshow(signs[column], cmap="gray", vmin=-1, vmax=1)
        ax[2].imshow(changed[column], cmap="gray", vmin=0, vmax=1)
        found = f"→ {CLASSES[new]}\nby {level:.1f}" if np.isfinite(level) else "not\nchanged"
        ax[0].set_title(f"{CLASSES[old]}\n{found}", fontsize=8)
    style.row_labels(axes, ("face", "signs", "changed"))
    return figure


def class_images(pictures: Mapping[str, np.ndarray]) -> Figure:
    """Draw a row of the seven class images per entry, (7, 48, 48) in [0, 1]."""
    return picture_rows([Row(name, images, CLASSES) for name, images in pictures.items()])
