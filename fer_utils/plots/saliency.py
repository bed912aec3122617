"""Figures of notebook 06. Images are (48, 48), 0..255; maps (48, 48), shown by their magnitude."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

MAP = "inferno"
GRAY = {"cmap": "gray", "vmin": 0, "vmax": 255}
COLOURS = plt.get_cmap("tab10").colors


def _bare(ax: plt.Axes) -> None:
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)


def panels(rows: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray], titles: Sequence[str]):
    """A column per image, a row per entry; `rows` start with the images, the others are maps.

    `masks` (n, 48, 48) bool: further rows, the images with only these pixels kept.
    """
    labels = [*rows, *masks]
    images, *maps = rows.values()
    size = (1.35 * len(images) + 0.4, 1.4 * len(labels) + 0.35)
    figure, axes = plt.subplots(len(labels), len(images), figsize=size, squeeze=False)
    for column, image in enumerate(images):
        axes[0, column].imshow(image, **GRAY)
        axes[0, column].set_title(titles[column], fontsize=9)
        for ax, values in zip(axes[1:, column], maps, strict=False):
            ax.imshow(values[column], cmap=MAP, vmin=0)
        for ax, mask in zip(axes[1 + len(maps) :, column], masks.values(), strict=True):
            ax.imshow(np.full_like(image, 120), **GRAY)
            ax.imshow(np.ma.masked_where(~mask[column], image), **GRAY)
    for row, label in zip(axes, labels, strict=True):
        row[0].set_ylabel(label, fontsize=9)
        for ax in row:
            _bare(ax)
    return figure


def on_mean_face(face: np.ndarray, maps: Mapping[str, np.ndarray | None], *, columns: int = 4):
    """Each map over the mean face, by its title; None is an empty panel."""
    rows = -(-len(maps) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.2 * columns, 2.45 * rows))
    for ax in axes.flat:
        _bare(ax)
    for ax, (title, values) in zip(axes.flat, maps.items(), strict=False):
        ax.set_title(title, fontsize=9)
        ax.imshow(face, cmap="gray")
        if values is None:
            ax.text(24, 24, "no image", ha="center", va="center", bbox={"facecolor": "white"})
        else:
            ax.imshow(values, cmap=MAP, alpha=0.6, vmin=0)
    return figure


def zones(face: np.ndarray, masks: Mapping[str, np.ndarray], density: pd.DataFrame):
    """The zones on the mean face, and the class x zone table of densities as a heat map."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 3.9), gridspec_kw={"width_ratios": [1, 1.9]}
    )
    left.imshow(face, cmap="gray")
    for colour, (name, mask) in zip(COLOURS, list(masks.items())[:-1], strict=False):
        left.contour(mask, levels=[0.5], colors=[colour], linewidths=1.5)
        left.plot([], [], color=colour, label=name)
    left.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=3, frameon=False)
    _bare(left)
    right.imshow(np.log2(density), cmap="RdBu_r", vmin=-2, vmax=2)
    for (row, column), value in np.ndenumerate(density.to_numpy()):
        colour = "white" if abs(np.log2(value)) > 1.2 else "black"
        options = {"ha": "center", "va": "center", "fontsize": 8, "color": colour}
        right.text(column, row, f"{value:.2f}", **options)
    right.set_xticks(range(density.shape[1]), density.columns, rotation=35, ha="right", fontsize=8)
    right.set_yticks(range(len(density)), density.index, fontsize=8)
    right.grid(False)
    return figure


def scores(image: np.ndarray, maps: Mapping[str, np.ndarray], curves: Mapping[str, np.ndarray]):
    """One image, its map of each score, and cumulative shares (n,) over the images per score."""
    ratios = [1, *[1] * len(maps), 1.5]
    figure, axes = plt.subplots(
        1, len(ratios), figsize=(10, 2.7), gridspec_kw={"width_ratios": ratios}
    )
    axes[0].imshow(image, **GRAY)
    axes[0].set_title("image", fontsize=9)
    for ax, (name, values) in zip(axes[1:], maps.items(), strict=False):
        ax.imshow(values, cmap=MAP, vmin=0)
        ax.set_title(f"map of the {name}", fontsize=9)
    for ax in axes[:-1]:
        _bare(ax)
    for name, curve in curves.items():
        axes[-1].plot(np.arange(1, len(curve) + 1) / len(curve), curve, label=name)
    axes[-1].plot([0, 1], [0, 1], color="0.6", ls=":", label="all images alike")
    axes[-1].set_xlabel("share of the images", fontsize=8)
    axes[-1].set_ylabel("share of the summed maps", fontsize=8)
    axes[-1].tick_params(labelsize=7)
    axes[-1].legend(frameon=False, fontsize=7)
    return figure


def atlas(image: np.ndarray, maps: Mapping[str, np.ndarray], *, columns: int = 5):
    """One image and its maps by title."""
    rows = -(-(1 + len(maps)) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(1.9 * columns, 2.15 * rows))
    for ax in axes.flat:
        _bare(ax)
        ax.set_visible(False)
    for ax, (title, values) in zip(axes.flat, {"image": image, **maps}.items(), strict=False):
        ax.set_visible(True)
        ax.imshow(values, **(GRAY if title == "image" else {"cmap": MAP, "vmin": 0}))
        ax.set_title(title.replace("_", " "), fontsize=9)
    return figure


def dots(tables: Mapping[str, pd.DataFrame], controls: Sequence[str]):
    """A panel per measure: a dot with its interval per map (columns estimate, low, high)."""
    height = 0.8 + 0.27 * max(map(len, tables.values()))
    figure, axes = plt.subplots(1, len(tables), figsize=(10, height), sharey=True, squeeze=False)
    for ax, (title, table) in zip(axes[0], tables.items(), strict=True):
        for y, (name, row) in enumerate(table.iloc[::-1].iterrows()):
            error = [[row["estimate"] - row["low"]], [row["high"] - row["estimate"]]]
            colour = "0.55" if name in controls else "#31597f"
            ax.errorbar(row["estimate"], y, xerr=error, fmt="o", capsize=3, color=colour)
        ax.set_yticks(range(len(table)), [name.replace("_", " ") for name in table.index[::-1]])
        ax.set_title(title, fontsize=10)
        ax.tick_params(labelsize=8)
    return figure


def cascade(curves: pd.DataFrame):
    """Spearman and SSIM against how many layers are random (`trust.randomisation_curves`)."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.3), sharex=True)
    for ax, (measure, title) in zip(
        axes, {"spearman": "rank correlation (Spearman)", "ssim": "SSIM"}.items(), strict=True
    ):
        chosen = curves[curves["measure"] == measure]
        for colour, (method, line) in zip(
            COLOURS, chosen.groupby("method", sort=False), strict=False
        ):
            place = range(1, len(line) + 1)
            ax.plot([0, *place], [1, *line["estimate"]], "o-", ms=3, color=colour, label=method)
            ax.fill_between(place, line["low"], line["high"], color=colour, alpha=0.15, lw=0)
        ax.set_xticks([0, *place], ["none", *line["layer"]], fontsize=8)
        ax.set_xlabel("random from the top down to", fontsize=9)
        ax.set_title(title, fontsize=10)
        ax.axhline(0, color="0.6", lw=0.8)
    handles, labels = ax.get_legend_handles_labels()
    labels = [label.replace("_", " ") for label in labels]
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def evidence(images: np.ndarray, maps: np.ndarray, masks: np.ndarray, titles: Sequence[str]):
    """Images and their maps in two rows, with the outline of the evidence on both."""
    figure = panels({"image": images, "map": maps}, {}, titles)
    axes = np.reshape(figure.axes, (2, -1))
    for column, mask in zip(axes.T, masks, strict=True):
        for ax in column:
            ax.contour(mask, levels=[0.5], colors="#35d0ff", linewidths=1)
    return figure
