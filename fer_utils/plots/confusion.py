"""Figures of notebook 05: confusion matrices, pairs, mistakes, calibration.

Cells of the frames are Intervals, but for counts.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_utils.fer2013 import CLASSES
from fer_utils.plots import style
from fer_utils.plots.style import BLUE, GREY, ORANGE, WIDTH

COLUMNS = 2  # of faces among the mistakes


def counts(matrices: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw confusion counts, rows true, as heat maps; the colour is the share of the row."""
    panels = len(matrices)
    figure, axes = style.subplots(
        1, panels, figsize=(min(WIDTH, 3.6 * panels), 3.2), sharey=True, squeeze=False
    )
    for ax, (title, matrix) in zip(axes[0], matrices.items(), strict=True):
        share = matrix.div(matrix.sum(axis=1).clip(lower=1), axis=0)
        style.heat_map(ax, share.rename_axis(None, axis=0), matrix.astype(str).to_numpy())
        ax.set(title=title, xlabel="predicted")
    axes[0, 0].set_ylabel("label")
    return figure


def shares(table: pd.DataFrame, *, xlabel: str = "predicted") -> Figure:
    """Draw a row-normalised confusion in % as a heat map, each interval below its estimate."""
    figure, ax = style.subplots(figsize=(min(WIDTH, 1.2 + 0.7 * table.shape[1]), 3.9))
    texts = table.map(lambda s: f"{100 * s.estimate:.0f}\n{100 * s.low:.0f}–{100 * s.high:.0f}")
    style.heat_map(ax, table.map(float), texts.to_numpy())
    ax.set(xlabel=xlabel, ylabel="label")
    return figure


def class_figures(tables: Mapping[str, pd.DataFrame], measures: Sequence[str]) -> Figure:
    """Draw a panel for each of `measures`, a row per class, a marker for each set of images."""
    figure, axes = style.subplots(
        1, len(measures), figsize=(WIDTH, 3.2), sharey=True, squeeze=False
    )
    for k, (name, table) in enumerate(tables.items()):
        y = np.arange(len(table)) + 0.25 * (k - (len(tables) - 1) / 2)
        for ax, measure in zip(axes[0], measures, strict=True):
            style.interval_dots(ax, table[measure], y, series=k, label=name)
            ax.set(xlabel=measure, xlim=(0, 1))
    axes[0, 0].set_yticks(range(len(CLASSES)), CLASSES)
    axes[0, 0].invert_yaxis()
    _legend_above(figure, axes[0, 0])
    return figure


def directions(pairs: pd.DataFrame) -> Figure:
    """Draw for each pair of classes the shares confused one way (`there`) and back (`back`)."""
    figure, ax = style.subplots(figsize=(WIDTH, 1.0 + 0.32 * len(pairs)))
    y = np.arange(len(pairs))
    style.interval_dots(ax, pairs["there"], y - 0.15, series=0, label="predicted as second class")
    style.interval_dots(ax, pairs["back"], y + 0.15, series=1, label="the reverse")
    ax.set_yticks(y, pairs["first"] + " → " + pairs["second"])
    ax.invert_yaxis()
    ax.set(xlabel="share of the images of the true class", xlim=(0, None))
    _legend_above(figure, ax)
    return figure


def mistakes(images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> Figure:
    """Draw each face beside its seven probabilities; the label is hatched, the prediction blue.

    `images` are (n, 48, 48), 0..255, `labels` (n,) int and `probabilities` (n, 7).
    """
    rows = max(-(-len(images) // COLUMNS), 1)
    size = (WIDTH, 1.55 * rows)
    widths = [1, 1.1] * COLUMNS
    figure, axes = style.subplots(rows, 2 * COLUMNS, figsize=size, width_ratios=widths)
    for ax in axes.flat:
        ax.axis("off")
    pairs = axes.reshape(-1, 2)
    for (left, right), image, label, seven in zip(
        pairs, images, labels, probabilities, strict=False
    ):
        left.imshow(image, **style.FACE)
        left.set_title(f"{CLASSES[label]} → {CLASSES[seven.argmax()]}")
        _bars(right, seven, label)
    return figure


def reliability(models: Mapping[str, pd.DataFrame], labels: Mapping[Hashable, str]) -> Figure:
    """Draw accuracy against confidence, with a dashed line where both are equal.

    Parameters
    ----------
    models
        Tables as `calibration.confidence_bins` makes them, by title.
    labels
        What the legend says of each verdict in their column `verdict`: first that on a confidence
        above the accuracy, then that on one below it, last that on neither.

    Returns
    -------
    Figure
        A panel per model.
    """
    figure, axes = style.subplots(
        1, len(models), figsize=(WIDTH, 3.1), sharex=True, sharey=True, squeeze=False
    )
    for ax, (title, bins) in zip(axes[0], models.items(), strict=True):
        ax.plot([0, 1], [0, 1], color=GREY, ls="--", lw=1)
        for (verdict, label), look in zip(labels.items(), _VERDICTS, strict=True):
            chosen = bins[bins["verdict"] == verdict]
            if len(chosen):
                options: dict[str, Any] = {"upright": True, "ms": 5, "label": label}
                style.interval_dots(ax, chosen["accuracy"], chosen["confidence"], **options, **look)
        ax.set(title=title, xlabel="confidence", xlim=(0, 1), ylim=(0, 1), aspect="equal")
        ax.legend(loc="lower right")
    axes[0, 0].set_ylabel("accuracy")
    return figure


def coverage(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the accuracy on the most confident share of the images, with intervals as bands."""
    figure, ax = style.subplots(figsize=(WIDTH, 2.9))
    for k, (name, curve) in enumerate(curves.items()):
        estimate, low, high = (
            [getattr(a, end) for a in curve["accuracy"]] for end in ("estimate", "low", "high")
        )
        look = {"color": style.SERIES[k], "marker": style.MARKERS[k], "ls": style.DASHES[k]}
        ax.plot(curve["coverage"], estimate, ms=3, lw=1, label=name, **look)
        ax.fill_between(curve["coverage"], low, high, color=style.SERIES[k], alpha=0.15, lw=0)
    ax.set(xlabel="share of the images kept, most confident first", ylabel="accuracy")
    ax.legend()
    return figure


#: How bins of a confidence above, below and near the accuracy are drawn.
_VERDICTS: tuple[dict[str, Any], ...] = (
    {"fmt": "v", "color": ORANGE},
    {"fmt": "^", "color": BLUE},
    {"fmt": "o", "color": "0.3", "mfc": "white"},
)


def _bars(ax: Axes, seven: np.ndarray, label: int) -> None:
    """Draw bars of seven probabilities: the largest is blue, that of the label hatched."""
    ax.axis("on")
    style.bare(ax)
    y = np.arange(len(CLASSES))
    ax.barh(y, seven, color=[BLUE if k == seven.argmax() else "0.75" for k in y])
    ax.barh(label, max(seven[label], 0.02), color="white", edgecolor=ORANGE, hatch="////")
    names = [f"{name} (label)" if k == label else name for k, name in enumerate(CLASSES)]
    ax.set_yticks(y, names)
    for k, value in enumerate(seven):
        ax.text(1.03, k, f"{value:.2f}", fontsize=8, va="center")
    ax.set(xlim=(0, 1.3))
    ax.tick_params(pad=1)
    ax.invert_yaxis()


def _legend_above(figure: Figure, ax: Axes) -> None:
    """Put the legend of `ax` above all axes, in one row."""
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
