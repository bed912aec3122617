"""Figures of notebook 06. Images are (48, 48), 0..255; maps (48, 48), shown by their magnitude."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

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
ABOVE, BELOW = "▲", "▼"
OUTLINED = [withStroke(linewidth=2, foreground="black")]  # white letters on any grey


def panels(
    rows: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray], titles: Sequence[str]
) -> Figure:
    """Draw a column per image and a row per entry of `rows` and `masks`, by row label.

    `rows` start with the images (n, 48, 48), the others are maps; `masks` (n, 48, 48) bool make
    further rows, the images with only these pixels kept.
    """
    names = [*rows, *masks]
    images, *maps = rows.values()
    figure, axes = image_grid(len(names), len(images), titles=0.08, labels=0.75)
    for column, image in enumerate(images):
        axes[0, column].imshow(image, **FACE)
        axes[0, column].set_title(titles[column], fontsize=8)
        for ax, values in zip(axes[1:, column], maps, strict=False):
            ax.imshow(values[column], cmap=MAP, vmin=0)
        for ax, mask in zip(axes[1 + len(maps) :, column], masks.values(), strict=True):
            kept_pixels(ax, image, mask[column])
    row_labels(axes, names)
    return figure


def average_maps(
    rows: Mapping[str, np.ndarray], titles: Sequence[str], outlines: Sequence[np.ndarray]
) -> Figure:
    """Draw average maps (classes, 48, 48) by row label, on one scale on which 1 is a uniform map.

    NaN gives an empty panel. `outlines` (48, 48) bool are drawn on each, such as the zones.
    """
    figure, axes = image_grid(len(rows), len(titles), titles=0.04, labels=0.85)
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
    place = {"orientation": "horizontal", "aspect": 40, "fraction": 0.03, "extend": "max"}
    figure.colorbar(shown, ax=axes, label="times a uniform map", **place)
    return figure


def zone_outlines(face: np.ndarray, zones: Mapping[str, np.ndarray]) -> Figure:
    """Draw the zones (48, 48) bool on the mean face (48, 48), each with its name."""
    figure, ax = subplots(figsize=(0.42 * WIDTH, 0.42 * WIDTH))
    bare(ax)
    ax.imshow(face, cmap="gray")
    for name, mask in zones.items():
        ax.contour(mask, levels=[0.5], colors=SKY, linewidths=1.2)
        y, x = np.nonzero(mask)
        right = x >= mask.shape[1] / 2 if name in ("cheeks", "mouth corners") else x >= 0
        at = x[right].mean(), y[right].mean()
        text = name.replace(" ", "\n") if name == "mouth corners" else name
        style = {"color": "white", "fontsize": 8, "path_effects": OUTLINED}
        ax.text(*at, text, ha="center", va="center", **style)
    return figure


def zone_densities(density: pd.DataFrame, marks: pd.DataFrame) -> Figure:
    """Draw a class x zone table of densities as a heat map, with a number and a mark in each cell.

    `marks` may lack rows, such as that of a baseline.
    """
    figure, ax = subplots(figsize=(WIDTH, 0.6 + 0.3 * len(density)))
    ax.imshow(np.log2(density), cmap="RdBu_r", vmin=-2, vmax=2, aspect="auto")
    ax.grid(visible=False)
    for (row, column), value in np.ndenumerate(density.to_numpy()):
        colour = "white" if abs(np.log2(value)) > 1.2 else "black"
        name, zone = density.index[row], density.columns[column]
        mark = marks.loc[name, zone] if name in marks.index else ""
        options = {"ha": "center", "va": "center", "fontsize": 8, "color": colour}
        ax.text(column, row, f"{value:.2f} {mark}".rstrip(), **options)
    labels = [name.replace(" and ", " and\n").replace("mouth ", "mouth\n") for name in density]
    ax.set_xticks(range(density.shape[1]), labels)
    ax.set_yticks(range(len(density)), density.index)
    ax.tick_params(length=0)
    return figure


def atlas(image: np.ndarray, maps: Mapping[str, np.ndarray]) -> Figure:
    """Draw one image (48, 48) and its maps (48, 48) by title."""
    rows = -(-(1 + len(maps)) // COLUMNS)
    figure, axes = image_grid(rows, COLUMNS, titles=0.2)
    for ax in axes.flat[1 + len(maps) :]:
        ax.set_visible(False)
    for ax, (title, values) in zip(axes.flat, {"image": image, **maps}.items(), strict=False):
        ax.imshow(values, **(FACE if title == "image" else {"cmap": MAP, "vmin": 0}))
        ax.set_title(wrapped(title, 14), fontsize=8)
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
    figure = panels({"image": images, "map": maps}, {}, titles)
    axes = np.reshape(figure.axes, (2, -1))
    for column, mask in zip(axes.T, masks, strict=True):
        for ax in column:
            ax.contour(mask, levels=[0.5], colors=SKY, linewidths=1)
    return figure
