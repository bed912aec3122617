"""Figures of chapter 5 and its appendix: confusion matrices, pairs, mistakes, calibration.

Cells of the frames are Intervals, but for counts. Shares are shown in percent.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_utils.fer2013 import CLASSES
from fer_utils.plots import style
from fer_utils.plots.style import BLUE, GREY, ORANGE, WIDTH

COLUMNS = 3  # of faces among the mistakes


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


def shares(
    table: pd.DataFrame,
    *,
    xlabel: str = "predicted",
    intervals: bool = False,
    size: tuple[float, float] = (WIDTH, 3.6),
) -> Figure:
    """Draw a row-normalised confusion in whole percent as a heat map.

    With `intervals` each one stands below its estimate.
    """
    figure, ax = style.subplots(figsize=size)
    texts = table.map(lambda share: f"{100 * share.estimate:.0f}")
    if intervals:
        texts += table.map(lambda share: f"\n{100 * share.low:.0f}–{100 * share.high:.0f}")
    style.heat_map(ax, table.map(float), texts.to_numpy())
    ax.set(xlabel=xlabel, ylabel="label")
    return figure


def recalls(table: pd.DataFrame, *, network: str) -> Figure:
    """Draw a row per class with its recall on `duplicate_free` images (hollow) and on `all`."""
    figure, ax = style.subplots(figsize=(WIDTH, 2.8))
    y = np.arange(len(table))
    look: dict[str, Any] = {"color": style.colour(network), "ms": 5}
    style.interval_dots(ax, table["all"], y - 0.15, label="all images", **look)
    look |= {"label": "duplicate-free images", "mfc": "white"}
    style.interval_dots(ax, table["duplicate_free"], y + 0.15, **look)
    ax.set_yticks(y, table.index)
    ax.invert_yaxis()
    style.percent(ax.xaxis)
    ax.set(xlabel="recall", xlim=(0, 1))
    _legend_above(figure, ax)
    return figure


def directions(pairs: pd.DataFrame, *, network: str) -> Figure:
    """Draw the shares confused one way (`there`) and `back`, for rows (first, second)."""
    figure, ax = style.subplots(figsize=(WIDTH, 0.9 + 0.32 * len(pairs)))
    y = np.arange(len(pairs))
    look: dict[str, Any] = {"color": style.colour(network), "ms": 5}
    style.interval_dots(ax, pairs["there"], y - 0.15, label="first predicted as second", **look)
    style.interval_dots(ax, pairs["back"], y + 0.15, label="the reverse", mfc="white", **look)
    ax.set_yticks(y, [f"{first}, {second}" for first, second in pairs.index])
    ax.invert_yaxis()
    style.percent(ax.xaxis)
    ax.set(xlabel="share of the images with that label", xlim=(0, None))
    _legend_above(figure, ax)
    return figure


def mistakes(images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> Figure:
    """Draw faces, each above the probabilities of its label and of the prediction.

    `images` are (n, 48, 48), 0..255, `labels` (n,) int and `probabilities` (n, 7).
    """
    rows = max(-(-len(images) // COLUMNS), 1)
    size = (WIDTH, 2.3 * rows)
    figure, axes = style.subplots(rows, COLUMNS, figsize=size, squeeze=False)
    for ax in axes.flat:
        style.bare(ax)
    for ax, image, label, seven in zip(axes.flat, images, labels, probabilities, strict=False):
        ax.imshow(image, **style.FACE)
        predicted = seven.argmax()
        ax.set_title(
            f"label {CLASSES[label]}: {seven[label]:.0%}\n"
            f"predicted {CLASSES[predicted]}: {seven[predicted]:.0%}"
        )
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
        style.percent(ax.xaxis, ax.yaxis)
        ax.set(title=title, xlabel="confidence", xlim=(0, 1), ylim=(0, 1), aspect="equal")
        ax.legend(loc="lower right")
    axes[0, 0].set_ylabel("accuracy")
    return figure


def coverage(curve: pd.DataFrame, *, network: str) -> Figure:
    """Draw the accuracy on the most confident share of the images, with intervals as a band."""
    figure, ax = style.subplots(figsize=(WIDTH, 2.6))
    estimate, low, high = (
        [getattr(share, end) for share in curve["accuracy"]] for end in ("estimate", "low", "high")
    )
    look: dict[str, Any] = {"lw": 1, "color": style.colour(network)}
    ax.plot(curve["coverage"], estimate, "-o", ms=3, **look)
    ax.fill_between(curve["coverage"], low, high, alpha=0.15, **look)
    style.percent(ax.xaxis, ax.yaxis)
    ax.set(xlabel="share of the images kept, most confident first", ylabel="accuracy")
    return figure


#: How bins of a confidence above, below and near the accuracy are drawn.
_VERDICTS: tuple[dict[str, Any], ...] = (
    {"fmt": "v", "color": ORANGE},
    {"fmt": "^", "color": BLUE},
    {"fmt": "o", "color": "0.3", "mfc": "white"},
)


def _legend_above(figure: Figure, ax: Axes) -> None:
    """Put the legend of `ax` above all axes, in one row."""
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
