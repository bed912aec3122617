"""Figures of the explorer: one face, its predictions, maps, one filter."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from fer_utils.fer2013 import CLASSES
from fer_utils.plots.style import FACE, MAP, SERIES, SIDE, bare, image_grid, kept_pixels, wrapped

DPI = 130


def face(image: np.ndarray) -> Figure:
    """Draw one face (48, 48), 0..255, as a small picture."""
    figure = Figure((2.4, 2.4), dpi=DPI, layout="none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.imshow(image, **FACE)
    bare(ax)
    return figure


def probability_bars(predictions: Mapping[str, np.ndarray], label: int | None) -> Figure:
    """Draw the probabilities (7,) of each network, by its name; the label is marked by a star."""
    figure = Figure((6.8, 2.6), dpi=DPI, layout="none")
    ax = figure.add_axes((0.08, 0.11, 0.91, 0.74))  # two rows of names fit above it
    width = 0.8 / len(predictions)
    for number, (name, values) in enumerate(predictions.items()):
        x = np.arange(len(CLASSES)) + width * (number - (len(predictions) - 1) / 2)
        hatch = ("", "///", "...", "xxx", "\\\\\\")[number % 5]
        ax.bar(x, values, width, label=name, color=SERIES[number], hatch=hatch, ec="white", lw=0)
    names = [f"{name} ★" if label == k else name for k, name in enumerate(CLASSES)]
    ax.set_xticks(range(len(CLASSES)), names, fontsize=9)
    ax.set(ylim=(0, 1), ylabel="probability")
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(fontsize=8, ncols=4, frameon=False, loc="upper right", borderaxespad=0.1)
    return figure


def maps(image: np.ndarray, rows: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Draw the face, and per entry its map (48, 48) in [0, 1] above the pixels (48, 48) bool."""
    columns = 1 + len(rows)
    figure, axes = image_grid(2, columns, titles=0.2, width=SIDE * columns)
    axes[0, 0].imshow(image, **FACE)
    axes[0, 0].set_title("what it sees", fontsize=8, pad=2)
    axes[1, 0].set_axis_off()
    axes[1, 0].text(0.95, 0.5, "the pixels\nkept", fontsize=8, ha="right", va="center")
    for column, (name, (values, kept)) in zip(axes.T[1:], rows.items(), strict=True):
        column[0].imshow(values, cmap=MAP, vmin=0)
        column[0].set_title(wrapped(name, 18), fontsize=8, pad=2)
        kept_pixels(column[1], image, kept)
    return figure


def filter_and_response(ascent: np.ndarray, activation: np.ndarray, image: np.ndarray) -> Figure:
    """Draw a filter's ascent image (48, 48) in [0, 1], the face, and the filter's output on it."""
    figure, axes = image_grid(1, 3, titles=0.25, width=SIDE * 3)
    titles = ("what excites it", "the face", "where it is active")
    pictures, colours = (ascent, image, activation), ("gray", "gray", "viridis")
    for ax, title, picture, cmap in zip(axes[0], titles, pictures, colours, strict=True):
        ax.imshow(picture, cmap=cmap)
        ax.set_title(title, fontsize=8, pad=2)
    return figure
