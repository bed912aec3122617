"""Figures of notebook 05: confusion matrices, pairs, mistakes, calibration.

`shares` are frames whose cells are Intervals.
"""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from fer_utils.fer2013 import CLASSES

BLUE, RED = "#31597f", "#c0504d"


def counts(matrices: Mapping[str, np.ndarray]) -> plt.Figure:
    """Heat maps of confusion counts (7, 7), rows true; the colour is the share of the row."""
    panels = len(matrices)
    figure, axes = plt.subplots(1, panels, figsize=(5 * panels, 4.4), squeeze=False)
    for ax, (title, matrix) in zip(axes[0], matrices.items(), strict=True):
        share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        _matrix(ax, pd.DataFrame(share, CLASSES, CLASSES), matrix.astype(str))
        ax.set(title=title, xlabel="predicted", ylabel="label")
    return figure


def shares(
    table: pd.DataFrame, *, title: str, xlabel: str = "predicted", ax: plt.Axes | None = None
) -> plt.Axes:
    """A heat map of a row-normalised confusion in %, each cell with its 95 % interval below it."""
    if ax is None:
        _, ax = plt.subplots(figsize=(1.5 + 0.75 * table.shape[1], 4.4))
    texts = table.map(lambda s: f"{100 * s.estimate:.0f}\n{100 * s.low:.0f}–{100 * s.high:.0f}")
    _matrix(ax, table.map(float), texts.to_numpy())
    ax.set(title=title, xlabel=xlabel, ylabel="label")
    return ax


def per_class(tables: Mapping[str, pd.DataFrame]) -> plt.Figure:
    """Precision, recall and F1 of each class with intervals, a colour for each test set."""
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.3), sharey=True, layout="constrained")
    for k, (name, table) in enumerate(tables.items()):
        for ax, measure in zip(axes, ("precision", "recall", "f1"), strict=True):
            y = np.arange(len(table)) + 0.25 * (k - (len(tables) - 1) / 2)
            _dots(ax, table[measure], y, color=(BLUE, RED)[k % 2], label=name)
            ax.set(xlabel="F1" if measure == "f1" else measure, xlim=(0, 1))
    axes[0].set_yticks(range(len(CLASSES)), CLASSES)
    axes[0].invert_yaxis()
    figure.get_layout_engine().set(wspace=0.04)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


def directions(pairs: pd.DataFrame, *, ax: plt.Axes | None = None) -> plt.Axes:
    """For each pair of classes the shares taken one way (`there`) and the other (`back`)."""
    if ax is None:
        _, ax = plt.subplots(figsize=(9, 0.9 + 0.36 * len(pairs)))
    y = np.arange(len(pairs))
    _dots(ax, pairs["there"], y - 0.13, color=BLUE, label="first → second")
    _dots(ax, pairs["back"], y + 0.13, color=RED, label="second → first")
    ax.set_yticks(y, pairs["first"] + " → " + pairs["second"])
    ax.invert_yaxis()
    ax.set(xlabel="share of the images of the true class", xlim=(0, None))
    ax.legend(frameon=False)
    return ax


def mistakes(
    images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, *, columns: int = 2
) -> plt.Figure:
    """Each face (48, 48) beside its seven probabilities; the label is red, the prediction blue."""
    rows = max(-(-len(images) // columns), 1)
    figure, axes = plt.subplots(
        rows, 2 * columns, figsize=(8.5, 1.8 * rows), width_ratios=[1, 1] * columns
    )
    for ax in axes.flat:
        ax.axis("off")
    for pair, image, label, shares in zip(
        axes.reshape(-1, 2), images, labels, probabilities, strict=False
    ):
        predicted = shares.argmax()
        pair[0].imshow(image, cmap="gray", vmin=0, vmax=255)
        pair[0].set_title(f"{CLASSES[label]} → {CLASSES[predicted]}", fontsize=10)
        _bars(pair[1], shares, {predicted: BLUE, label: RED})
    return figure


def reliability(bins: Mapping[str, pd.DataFrame]) -> plt.Figure:
    """Accuracy against confidence for each of some models, and below how many images a bin has."""
    figure, axes = plt.subplots(
        2,
        len(bins),
        figsize=(9, 4.6),
        sharex=True,
        sharey="row",
        height_ratios=[3, 1],
        layout="constrained",
    )
    for column, (title, table) in zip(axes.T, bins.items(), strict=True):
        filled = table[table["n"] > 0]
        column[0].plot([0, 1], [0, 1], color="0.5", ls="--", lw=1)
        errors = _errors(filled["accuracy"])
        column[0].errorbar(
            filled["confidence"],
            filled["accuracy"].map(float),
            errors,
            fmt="o-",
            capsize=2,
            color=BLUE,
            ms=4,
            lw=1,
        )
        column[0].set(title=title, ylim=(0, 1.02))
        width = table["high"] - table["low"]
        column[1].bar(table["low"], table["n"], width, align="edge", color="0.75", ec="white")
        column[1].set(xlabel="confidence", xlim=(0, 1))
    figure.get_layout_engine().set(wspace=0.05)
    axes[0, 0].set_ylabel("accuracy")
    axes[1, 0].set_ylabel("images")
    return figure


def coverage(curves: Mapping[str, pd.DataFrame], *, ax: plt.Axes | None = None) -> plt.Axes:
    """Accuracy on the most confident share of the images, with intervals as bands."""
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 3.4))
    for color, (name, curve) in zip((BLUE, RED), curves.items(), strict=False):
        low, high = ([getattr(a, end) for a in curve["accuracy"]] for end in ("low", "high"))
        ax.plot(
            curve["coverage"], curve["accuracy"].map(float), "o-", ms=3, color=color, label=name
        )
        ax.fill_between(curve["coverage"], low, high, color=color, alpha=0.15, lw=0)
    ax.set(xlabel="coverage: share of the images kept, most confident first", ylabel="accuracy")
    ax.legend(frameon=False)
    return ax


def _bars(ax: plt.Axes, shares: np.ndarray, colors: Mapping[int, str]) -> None:
    ax.axis("on")
    y = range(len(CLASSES))
    ax.barh(y, shares, color=[colors.get(k, "0.6") for k in y])
    ax.set_yticks(y, CLASSES, fontsize=8)
    for k, tick in enumerate(ax.get_yticklabels()):
        tick.set_color(colors.get(k, "black"))
        ax.text(1.04, k, f"{shares[k]:.3f}", fontsize=8, va="center", color=colors.get(k, "0.3"))
    ax.set(xlim=(0, 1), xticks=[])
    ax.tick_params(pad=1)
    ax.invert_yaxis()
    ax.grid(visible=False)


def _matrix(ax: plt.Axes, share: pd.DataFrame, texts: np.ndarray) -> None:
    style = {"annot": texts, "fmt": "", "annot_kws": {"fontsize": 9}, "linewidths": 0.5}
    sns.heatmap(share, cmap="Blues", vmin=0, vmax=1, cbar=False, ax=ax, **style)
    ax.set_xticks(ax.get_xticks(), share.columns, rotation=40, ha="right", fontsize=10)
    ax.set_yticks(ax.get_yticks(), share.index, rotation=0, fontsize=10)


def _dots(ax: plt.Axes, intervals: pd.Series, y: np.ndarray, **style) -> None:
    ax.errorbar(intervals.map(float), y, xerr=_errors(intervals), fmt="o", ms=4, capsize=2, **style)


def _errors(intervals: pd.Series) -> np.ndarray:
    ends = np.array([(s.estimate - s.low, s.high - s.estimate) for s in intervals]).T
    return np.maximum(ends, 0)  # rounding can leave an estimate of 0 or 1 outside by 1e-17
