"""Figures of notebooks 02 to 04: transforms, architecture, learning curves, accuracies."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from fer_utils.plots import style


def before_and_after(images: np.ndarray, normalised: np.ndarray) -> Figure:
    """Draw images (n, 48, 48), 0..255, above the same normalised, shown from -2 to 2."""
    figure, axes = style.image_grid(2, len(images), labels=0.7)
    for column, image, seen in zip(axes.T, images, normalised, strict=True):
        column[0].imshow(image, **style.FACE)
        column[1].imshow(seen, cmap="gray", vmin=-2, vmax=2)
    style.row_labels(axes, ("image", "normalised"))
    return figure


def transforms(rows: Sequence[tuple[str, np.ndarray, Sequence[str]]]) -> Figure:
    """Draw one row of images per entry: its name, the images (n, 48, 48), 0..255, and their titles.

    A row that has fewer images than another ends in empty places.
    """
    most = max(len(images) for _, images, _ in rows)
    figure, axes = style.image_grid(len(rows), most, titles=0.35, labels=0.5)
    for places, (_, images, titles) in zip(axes, rows, strict=True):
        for ax, image, title in zip(places, images, titles, strict=False):
            ax.imshow(image, **style.FACE)
            ax.set_title(title.replace(", ", ",\n"), fontsize=8, pad=2)
    style.row_labels(axes, [name for name, _, _ in rows])
    return figure


def architecture(stages: pd.DataFrame) -> Figure:
    """Draw boxes from left to right, one per row of `stages` (label, height, channels)."""
    figure, ax = style.subplots(figsize=(style.WIDTH, 2.3))
    x, tallest = 0.0, stages["height"].max()
    for stage in stages.itertuples():
        height, width = 0.25 + stage.height / tallest, 0.25 + 0.09 * np.log2(1 + stage.channels)
        look = {"facecolor": style.PALE, "edgecolor": style.BLUE}
        ax.add_patch(Rectangle((x, -height / 2), width, height, **look))
        ax.text(x + width / 2, -0.78, stage.label, ha="center", va="top", fontsize=8)
        if stage.Index < len(stages) - 1:
            ax.plot([x + width, x + width + 0.35], [0, 0], color="0.4", lw=1)
        x += width + 0.35
    ax.set(xlim=(-0.1, x), ylim=(-1.45, 0.7))
    ax.axis("off")
    return figure


def learning_curves(history: pd.DataFrame, *, title: str) -> Figure:
    """Draw loss and accuracy over the optimiser steps, with dotted lines where a phase ends.

    `history` is `Run.history`: a row per evaluation, with the columns `step`, `phase`, `optimizer`,
    `loss`, `accuracy` (on training batches), `held_out_loss` and `held_out_accuracy`.
    """
    figure, axes = style.subplots(1, 2, figsize=(style.WIDTH, 2.5))
    ends = history.groupby("phase")["step"].max().iloc[:-1]
    names = (
        history.groupby("phase")["optimizer"].first().map({"adadelta": "Adadelta", "sgd": "SGD"})
    )
    for ax, measure in zip(axes, ("loss", "accuracy"), strict=True):
        training = history.dropna(subset=[measure])
        ax.plot(
            training["step"], training[measure], "--", color=style.GREY, label="training batches"
        )
        ax.plot(
            history["step"], history[f"held_out_{measure}"], color=style.BLUE, label="validation"
        )
        for phase, step in ends.items():
            ax.axvline(step, color="0.4", ls=":", lw=1)
            text = f"{names[phase]} | {names[phase + 1]}"
            place = {"xycoords": ("data", "axes fraction"), "ha": "center", "va": "bottom"}
            ax.annotate(text, (step, 1.0), fontsize=8, **place)
        ax.set(xlabel="optimiser step", ylabel=measure)
    axes[0].legend()
    figure.suptitle(title, fontsize=9)
    return figure


def training_and_validation(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw accuracy over the optimiser steps, a panel per network, all with the same y range.

    `histories` maps titles, which begin with the network's name, to `Run.history`. The area between
    the training batches (dashed) and the validation set (solid) is shaded.
    """
    figure, axes = style.subplots(
        1, len(histories), figsize=(style.WIDTH, 2.5), sharey=True, squeeze=False
    )
    for ax, (title, history) in zip(axes[0], histories.items(), strict=True):
        colour = style.NETWORKS.get(title.partition(",")[0], style.BLACK)
        steps, training, validation = (
            history[column] for column in ("step", "accuracy", "held_out_accuracy")
        )
        ax.plot(steps, training, "--", color=colour, label="training batches")
        ax.plot(steps, validation, color=colour, label="validation set")
        ax.fill_between(steps, validation, training, color=colour, alpha=0.15, lw=0)
        ax.set(title=title, xlabel="optimiser step")
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.legend(loc="lower right", frameon=True, framealpha=1, edgecolor="white")
    axes[0, 0].set(ylabel="accuracy", ylim=(0, 1.02))
    axes[0, 0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def accuracies(
    table: pd.DataFrame,
    homework: Mapping[str, float],
    *,
    size: tuple[float, float] = (style.WIDTH, 1.9),
    legend: bool = True,
) -> Figure:
    """Draw the accuracies of networks, in percent, and the homework's as crosses.

    `table` has a row per network and the columns `all` (filled dots) and `duplicate_free` (hollow),
    Intervals. `homework` maps names to fractions.
    """
    figure, ax = style.subplots(figsize=size)
    rows = np.arange(len(table))[::-1]
    kinds = {"all": ("all images", 0.13), "duplicate_free": ("duplicate-free images", -0.13)}
    for kind, (label, above) in kinds.items():
        for name, y in zip(table.index, rows + above, strict=True):
            colour = style.NETWORKS.get(name, style.BLACK)
            fill = "white" if kind == "duplicate_free" else colour
            style.interval_dots(ax, [table[kind][name]], [y], color=colour, ms=6, mfc=fill)
        face = "white" if kind == "duplicate_free" else "0.3"
        ax.plot([], [], "o", ms=6, label=label, mfc=face, mec="0.3", color="0.3")
    known = [name for name in table.index if name in homework]
    places = [rows[table.index.get_loc(name)] + 0.3 for name in known]
    if known:
        ax.plot([homework[name] for name in known], places, "x", color="0.1", label="homework")
    ax.set_yticks(rows, table.index)
    ax.set(xlabel="accuracy", ylim=(-0.6, len(table) - 0.4))
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if legend:
        figure.legend(loc="outside upper center", ncols=3)
    return figure


def intervals(table: pd.DataFrame, *, xlabel: str) -> Figure:
    """Draw a dot with its interval per row and column of `table`, whose cells are Intervals."""
    figure, ax = style.subplots(figsize=(style.WIDTH, 0.7 + 0.4 * len(table)))
    rows = np.arange(len(table))[::-1]
    for number, column in enumerate(table):
        y = rows - 0.14 * (2 * number - len(table.columns) + 1)
        style.interval_dots(ax, table[column], y, series=number, label=column)
    ax.set_yticks(rows, table.index)
    ax.set(xlabel=xlabel, ylim=(-0.7, len(table) - 0.3))
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
