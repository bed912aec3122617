"""Figures of chapter 6. Images are (48, 48), 0..255; maps (48, 48), shown by their magnitude."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import PercentFormatter

from fer_utils.plots.style import (
    DASHES,
    FACE,
    GREY,
    MAP,
    MARKERS,
    SERIES,
    SKY,
    WIDTH,
    bare,
    image_grid,
    interval_dots,
    kept_pixels,
    row_labels,
    subplots,
    wrapped,
)

COLUMNS = 5  # of the atlas
MARK = "▲"
DENSITY = "attribution density (1: uniform map)"
RELATIVE = "relative to the map's brightest percent"
BAR: dict[str, Any] = {"orientation": "horizontal", "aspect": 40, "fraction": 0.03}
OUTLINED = [withStroke(linewidth=2, foreground="black")]  # white letters on any grey


def explained(
    images: Mapping[str, np.ndarray],
    maps: Mapping[str, np.ndarray],
    kept: Mapping[str, np.ndarray],
    used: pd.DataFrame,
    *,
    width: float = WIDTH,
) -> Figure:
    """Draw a row per image: the face, then under each method its map and the kept pixels.

    Parameters
    ----------
    images
        By row label (48, 48), 0..255.
    maps
        By method densities (images, 48, 48), 1 is a uniform map; all are drawn on one scale.
    kept
        By method (images, 48, 48) bool: the pixels that are kept.
    used
        (row labels, methods) bool: a map that is not used leaves its place empty.
    width
        Of the figure, in inches.
    """
    columns = 1 + 2 * len(maps)
    figure, axes = image_grid(len(images), columns, labels=0.6, width=width)
    figure.set_figheight(figure.get_figheight() + 1.0)
    top = min(
        np.percentile(each, 99)
        for method, densities in maps.items()
        for name, each in zip(images, densities, strict=True)
        if used.loc[name, method]
    )
    for row, (name, image) in enumerate(images.items()):
        axes[row, 0].imshow(image, **FACE)
        for column, method in enumerate(maps):
            ax, pixels = axes[row, 1 + 2 * column : 3 + 2 * column]
            if not used.loc[name, method]:
                ax.text(0.5, 0.5, "not used", ha="center", va="center", transform=ax.transAxes)
                continue
            bar = ax.imshow(maps[method][row], cmap=MAP, vmin=0, vmax=top)
            kept_pixels(pixels, image, kept[method][row])
    titles = ["face", *(title for method in maps for title in (wrapped(method), "kept pixels"))]
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=8)
    row_labels(axes, list(images))
    figure.colorbar(bar, ax=axes, label=DENSITY, extend="max", **BAR)
    return figure


def panels(rows: Mapping[str, np.ndarray], titles: Sequence[str]) -> Figure:
    """Draw a column per image and a row per entry of `rows`, by row label.

    `rows` start with the images (n, 48, 48), the others are maps in [0, 1].
    """
    images, *maps = rows.values()
    figure, axes = image_grid(len(rows), len(images), titles=0.08, labels=0.75)
    figure.set_figheight(figure.get_figheight() + 0.6)
    for column, image in enumerate(images):
        axes[0, column].imshow(image, **FACE)
        axes[0, column].set_title(titles[column], fontsize=8)
        for ax, values in zip(axes[1:, column], maps, strict=True):
            shown = ax.imshow(values[column], cmap=MAP, vmin=0, vmax=1)
    row_labels(axes, list(rows))
    figure.colorbar(shown, ax=axes, label=RELATIVE, **BAR)
    return figure


def average_maps(
    rows: Mapping[str, np.ndarray], titles: Sequence[str], outlines: Sequence[np.ndarray]
) -> Figure:
    """Draw average maps (classes, 48, 48) by row label, on one scale on which 1 is a uniform map.

    NaN gives an empty panel. `outlines` (48, 48) bool are drawn on each, such as the zones.
    """
    figure, axes = image_grid(len(rows), len(titles), titles=0.04, labels=0.85)
    figure.set_figheight(figure.get_figheight() + 0.9)
    top = np.nanpercentile(np.stack(list(rows.values())), 99.5)
    for line, maps in zip(axes, rows.values(), strict=True):
        for ax, values in zip(line, maps, strict=True):
            if np.isnan(values).all():
                ax.text(0.5, 0.5, "no map", ha="center", transform=ax.transAxes, fontsize=8)
                continue
            shown = ax.imshow(values, cmap=MAP, vmin=0, vmax=top)
            for mask in outlines:
                ax.contour(mask, levels=[0.5], colors="white", linewidths=0.4, alpha=0.7)
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=8)
    row_labels(axes, list(rows))
    figure.colorbar(shown, ax=axes, label=DENSITY, extend="max", **BAR)
    return figure


def zone_densities(
    densities: Mapping[str, pd.DataFrame],
    marked: Mapping[str, pd.DataFrame],
    face: np.ndarray,
    zones: Mapping[str, np.ndarray],
) -> Figure:
    """Draw tables of densities as heat maps, and beside them the zones on a face.

    Parameters
    ----------
    densities
        By method (classes, zones), 1 is a uniform map.
    marked
        The same in bool: the cells with a mark.
    face
        (48, 48), on which the zones are drawn, each with its name.
    zones
        By name (48, 48) bool.
    """
    rows = [len(table) for table in densities.values()]
    figure, axes = subplots(
        len(densities),
        2,
        figsize=(WIDTH, 0.6 + 0.22 * sum(rows) + 0.2 * len(rows)),
        width_ratios=(2.6, 1),
        height_ratios=rows,
        squeeze=False,
    )
    for ax, (method, density) in zip(axes[:, 0], densities.items(), strict=True):
        _heat_map(ax, density, marked[method])
        ax.set_title(method)
    for ax in axes[:-1, 0]:
        ax.set_xticklabels([])
    for ax in axes[:, 1]:
        ax.set_visible(False)
    _zone_outlines(figure.add_subplot(axes[0, 1].get_gridspec()[:, 1]), face, zones)
    return figure


def _heat_map(ax: Axes, density: pd.DataFrame, marked: pd.DataFrame) -> None:
    ax.imshow(np.log2(density), cmap="RdBu_r", vmin=-2, vmax=2, aspect="auto")
    ax.grid(visible=False)
    for (row, column), value in np.ndenumerate(density.to_numpy()):
        colour = "white" if abs(np.log2(value)) > 1.2 else "black"
        text = f"{value:.1f} {MARK * bool(marked.iloc[row, column])}".rstrip()
        ax.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    labels = [name.replace(" and ", " and\n").replace("mouth ", "mouth\n") for name in density]
    ax.set_xticks(range(density.shape[1]), labels, rotation=40, ha="right")
    ax.set_yticks(range(len(density)), density.index)
    ax.tick_params(length=0)


def _zone_outlines(ax: Axes, face: np.ndarray, zones: Mapping[str, np.ndarray]) -> None:
    bare(ax)
    ax.imshow(face, cmap="gray")
    for name, mask in zones.items():
        ax.contour(mask, levels=[0.5], colors=SKY, linewidths=1.2)
        y, x = np.nonzero(mask)
        look = {"color": "white", "fontsize": 7, "va": "center", "path_effects": OUTLINED}
        if name == "mouth corners":  # too narrow for its name
            ax.text(x.max() + 1, y.mean(), "mouth\ncorners", ha="left", **look)
        else:
            right = x >= mask.shape[1] / 2 if name == "cheeks" else x >= 0
            ax.text(x[right].mean(), y[right].mean(), name, ha="center", **look)


def atlas(image: np.ndarray, maps: Mapping[str, np.ndarray]) -> Figure:
    """Draw one image (48, 48) and its maps (48, 48) in [0, 1], by title."""
    rows = -(-(1 + len(maps)) // COLUMNS)
    figure, axes = image_grid(rows, COLUMNS, titles=0.2)
    figure.set_figheight(figure.get_figheight() + 1.0)
    for ax in axes.flat[1 + len(maps) :]:
        ax.set_visible(False)
    axes[0, 0].imshow(image, **FACE)
    axes[0, 0].set_title("image", fontsize=8)
    for ax, (title, values) in zip(axes.flat[1:], maps.items(), strict=False):
        shown = ax.imshow(values, cmap=MAP, vmin=0, vmax=1)
        ax.set_title(wrapped(title, 14), fontsize=8)
    figure.colorbar(shown, ax=axes, label=RELATIVE, **BAR)
    return figure


def dots(measures: Mapping[str, Mapping], baselines: Sequence[str]) -> Figure:
    """Draw a panel per measure, with a dot and its interval per map; baselines are grey squares."""
    height = 0.7 + 0.22 * max(map(len, measures.values()))
    figure, axes = subplots(1, len(measures), figsize=(WIDTH, height), sharey=True, squeeze=False)
    for ax, (title, values) in zip(axes[0], measures.items(), strict=True):
        names = list(values)[::-1]
        for y, name in enumerate(names):
            look: dict[str, Any] = {"color": GREY, "fmt": MARKERS[1]} if name in baselines else {}
            interval_dots(ax, [values[name]], [y], **look)
        ax.set_yticks(range(len(names)), names)
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        ax.set_title(title)
    return figure


def cascade(
    curves: Mapping[str, Mapping[str, Sequence]], layers: Sequence[str], line: float
) -> Figure:
    """Draw the similarity to the trained model's maps against how many layers are random.

    `curves` has by measure and method an Interval per entry of `layers`, of which the last one
    means that all are random; `line` is drawn into the first panel.
    """
    figure, axes = subplots(1, len(curves), figsize=(WIDTH, 2.9), sharex=True, sharey=True)
    for ax, (measure, methods) in zip(axes, curves.items(), strict=True):
        for number, intervals in enumerate(methods.values()):
            place = np.arange(1, len(intervals) + 1)
            look = {"color": SERIES[number], "marker": MARKERS[number], "ls": DASHES[number]}
            values = [1, *(x.estimate for x in intervals)]
            ax.plot([0, *place], values, ms=4, lw=1.2, **look)
            ends = [[x.low for x in intervals], [x.high for x in intervals]]
            ax.fill_between(place, *ends, color=SERIES[number], alpha=0.12, lw=0)
        ax.set_xticks(range(len(layers) + 1), ["none", *layers], rotation=40, ha="right")
        ax.set_title(measure)
        ax.axhline(0, color=GREY, lw=0.8)
    axes[0].axhline(line, color="black", lw=0.8, ls=(0, (1, 3)))
    axes[0].set_ylabel("1 is the trained model's map")
    figure.supxlabel("random from the last layer down to", fontsize=9)
    handles = axes[0].get_lines()[: len(methods)]
    figure.legend(handles, list(methods), loc="outside upper center", ncols=len(methods))
    return figure


def evidence_outlines(
    images: np.ndarray, maps: np.ndarray, masks: np.ndarray, titles: Sequence[str]
) -> Figure:
    """Draw images and their maps in two rows, with the outline of the evidence on both.

    Parameters
    ----------
    images, maps
        (k, 48, 48) each.
    masks
        (k, 48, 48) bool, the evidence.
    titles
        k, over the columns.

    Returns
    -------
    Figure
        A column per image.
    """
    figure = panels({"image": images, "map": maps}, titles)
    axes = np.reshape(figure.axes[:-1], (2, -1))  # without the colour bar
    for column, mask in zip(axes.T, masks, strict=True):
        for ax in column:
            ax.contour(mask, levels=[0.5], colors=SKY, linewidths=1)
    return figure
