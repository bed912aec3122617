"""Figures of notebooks 02 to 04: transforms, architecture, learning curves, accuracies."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import (
    LogLocator,
    MaxNLocator,
    NullFormatter,
    PercentFormatter,
    ScalarFormatter,
)

from fer_utils.fer2013 import SIZE
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


#: How the kinds of layers look in the diagram of a network, and what its legend calls them.
LAYERS = {
    "convolution": ("convolution", {"facecolor": style.PALE, "edgecolor": style.BLUE, "lw": 0.6}),
    "batch_normalisation": ("batch normalisation, ReLU", {"facecolor": style.BLUE, "lw": 0}),
    "pooling": ("max pooling", {"facecolor": style.BLACK, "lw": 0}),
    "dropout": ("dropout", {"facecolor": style.YELLOW, "lw": 0}),
    "dense": ("dense layer", {"facecolor": "white", "edgecolor": style.BLACK, "lw": 0.6}),
}


def architecture(layers: pd.DataFrame) -> Figure:
    """Draw a network to scale, from the image on the left to the logits on the right.

    `layers` is indexed by the layers' names and has the columns `part`, `kind` (one of LAYERS),
    `side` and `channels`. A layer is as high as the side of its output. A convolution is as wide as
    it has channels, a dense layer as it has units; all other layers are thin slabs of one width.
    """
    figure, ax = style.subplots(figsize=(style.WIDTH, 2.4))
    wide = layers["kind"].isin(["convolution", "dense"])
    thin = layers["channels"][wide].sum() / 130
    gap = 7 * thin
    ax.add_patch(Rectangle((0, 0), thin, SIZE, facecolor="0.4", lw=0))
    _below(ax, thin / 2, "image", SIZE, 1)
    x = thin + 1.6 * gap
    blocks = layers["part"].ne(layers["part"].shift()) | (layers["kind"] == "dense")
    for _, block in layers.groupby(blocks.cumsum()):
        begin = x
        for layer, is_wide in zip(block.itertuples(), wide[block.index], strict=True):
            width = layer.channels if is_wide else thin
            ax.add_patch(Rectangle((x, 0), width, layer.side, **LAYERS[layer.kind][1]))
            x += width
        first = block.iloc[0]
        name = first["part"].replace("_", " ") if first["side"] > 1 else first.name
        _below(ax, (begin + x) / 2, name, first["side"], first["channels"])
        x += gap
    kinds = [Patch(label=label, **look) for label, look in LAYERS.values()]
    ax.legend(handles=kinds, loc="upper right")
    ax.set(xlim=(-0.5 * gap, x - 0.4 * gap), ylim=(-13, SIZE + 1))
    ax.axis("off")
    return figure


def _below(ax: Axes, x: float, name: str, side: int, channels: int) -> None:
    """Write a name and the shape of an output below the diagram of a network."""
    shape = f"{side}×{side}\n×{channels}" if side > 1 else channels
    ax.text(x, -2, f"{name}\n{shape}", ha="center", va="top", fontsize=8)


def learning_curves(history: pd.DataFrame, *, title: str) -> Figure:
    """Draw loss and accuracy over the optimiser steps, with dotted lines where a phase ends.

    `history` is `Run.history`: a row per evaluation, with the columns `step`, `phase`, `optimizer`,
    `loss`, `accuracy` (on training batches), `held_out_loss` and `held_out_accuracy`.
    """
    figure, axes = style.subplots(1, 2, figsize=(style.WIDTH, 2.5))
    colour = style.NETWORKS.get(title, style.BLUE)
    ends = history.groupby("phase")["step"].max().iloc[:-1]
    names = history.groupby("phase")["optimizer"].first().map(_optimiser)
    for ax, measure in zip(axes, ("loss", "accuracy"), strict=True):
        training = history.dropna(subset=[measure])
        ax.plot(
            training["step"], training[measure], "--", color=style.GREY, label="training batches"
        )
        ax.plot(history["step"], history[f"held_out_{measure}"], color=colour, label="validation")
        for phase, step in ends.items():
            ax.axvline(step, color="0.4", ls=":", lw=1)
            text = f"{names[phase]} | {names[phase + 1]}"
            place = {"xycoords": ("data", "axes fraction"), "ha": "center", "va": "bottom"}
            ax.annotate(text, (step, 1.0), fontsize=8, **place)
        ax.set(xlabel="optimiser step", ylabel=measure, ylim=(0, None))
        ax.locator_params(axis="x", nbins=5)
    axes[1].set_ylim(0, 1)
    axes[1].yaxis.set_major_formatter(PercentFormatter(1))
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
        colour = style.colour(title.partition(",")[0])
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


def _optimiser(name: str) -> str:
    """Write an optimiser's name."""
    return {"sgd": "SGD", "adamw": "AdamW", "rmsprop": "RMSprop"}.get(name, name.capitalize())


def tries(table: pd.DataFrame, reference: Sequence[str]) -> Figure:
    """Draw validation accuracy against the seconds of training, each network with its name.

    `table` is indexed by name and has the columns `seconds` and `validation_accuracy` (Interval).
    Those in `reference` are hollow.
    """
    figure, ax = style.subplots(figsize=(style.WIDTH, 2.8))
    for name, seconds, found in zip(
        table.index, table["seconds"], table["validation_accuracy"], strict=True
    ):
        fill = "white" if name in reference else style.BLUE
        style.interval_dots(ax, [found], [seconds], upright=True, mfc=fill)
        ax.annotate(name, (seconds, found.estimate), (5, 3), textcoords="offset points", size=8)
    ax.set(xscale="log", xlabel="seconds of training", ylabel="validation accuracy")
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.margins(x=0.15)  # room for the names
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    return figure


def sweep(table: pd.DataFrame) -> Figure:
    """Draw validation and training accuracy against the values of a setting.

    `table` is indexed by the values of one or two settings, and has the columns
    `validation_accuracy` (Interval) and `training_accuracy`; the second setting makes the series.
    """
    figure, ax = style.subplots(figsize=(style.WIDTH, 2.8))
    first, *others = table.index.names
    values = list(dict.fromkeys(map(str, table.index.get_level_values(first))))
    groups = table.groupby(level=others[0], sort=False) if others else [("", table)]
    for series, (value, group) in enumerate(groups):
        of_group = f", {_words(others[0])} {value}" if others else ""
        at = [values.index(str(found)) for found in group.index.get_level_values(first)]
        places = np.array(at) + 0.06 * series
        style.interval_dots(
            ax,
            group["validation_accuracy"],
            places,
            series=series,
            upright=True,
            ls="-",
            label=f"validation{of_group}",
        )
        ax.plot(places, group["training_accuracy"], ":", color=style.SERIES[series])
    ax.plot([], [], ":", color=style.GREY, label="training batches")
    ax.set_xticks(range(len(values)), values)
    ax.set(xlabel=_words(first), ylabel="accuracy")
    ax.margins(x=0.1)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _words(identifier: str) -> str:
    return identifier.replace("_", " ")


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
            colour = style.colour(name)
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
    style.percent(ax.xaxis)
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
    style.percent(ax.xaxis)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
