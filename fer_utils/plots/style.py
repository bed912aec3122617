"""What all figures share: size, colours, one grid of images, one error bar, one heat map.

What draws into axes of a figure takes them as its first argument and returns nothing.
"""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

WIDTH = 6.7  # inches: the width of the text on a printed page, so that 8 pt stay 8 pt
SIDE = 1.4  # inches: the most that an image in a grid is wide

#: Okabe and Ito's colours, told apart by people with any common kind of colour blindness; always
#: together with a marker, a dash or a label, which also survive a black-and-white print.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, YELLOW, BLACK, GREY = "#56B4E9", "#E69F00", "#000000", "0.55"
PALE = "#c6d8ea"  # fills what BLUE outlines
SERIES = (BLUE, ORANGE, GREEN, PURPLE, YELLOW, SKY, BLACK)
#: One colour for one network through the whole report.
NETWORKS = {
    "model0": YELLOW,
    "model1": ORANGE,
    "model2": BLUE,
    "model2-seed3": SKY,
    "ensemble": GREEN,
    "ensemble of seven": PURPLE,
}
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))

FACE = {"cmap": "gray", "vmin": 0, "vmax": 255}  # how a photograph is shown
MAP = "inferno"  # the colours of a saliency map
REMOVED = 120  # the grey level of pixels that are not kept
SETTINGS = {
    "figure.dpi": 144,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.prop_cycle": plt.cycler(color=SERIES),
}


def colour(network: str) -> str:
    """Return the colour of a network; one of the user's own is black."""
    return NETWORKS.get(network, BLACK)


def percent(*axes: Axis) -> None:
    """Write the ticks of shares in percent, at whole ones."""
    for axis in axes:
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))  # not 2.5 %
        axis.set_major_formatter(PercentFormatter(1, decimals=0))


def use() -> None:
    """Draw all further figures of this process in the project's style."""
    sns.set_theme(style="whitegrid", context="paper", rc=SETTINGS)


@contextmanager
def context() -> Iterator[None]:
    """Draw the figures of a `with` block in the project's style, whatever the caller's is."""
    with plt.rc_context():
        use()
        yield


def subplots(*shape: int, **options) -> tuple[Figure, Any]:
    """Call `plt.subplots`, and let pyplot keep nothing of it.

    A notebook then shows the figure once, also on a cell's last line, and nobody has to close it.
    """
    figure, axes = plt.subplots(*shape, **options)
    plt.close(figure)
    return figure, axes


def bare(ax: Axes) -> None:
    """Take ticks, grid and frame off axes that show an image."""
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)


def image_grid(
    rows: int, columns: int, *, titles: float = 0.0, labels: float = 0.0, width: float = WIDTH
) -> tuple[Figure, np.ndarray]:
    """Make a figure of bare square axes that fills the width of the page.

    Parameters
    ----------
    rows, columns
        Of the axes.
    titles, labels
        Inches that each row needs above it for titles, and the figure on its left for row labels.
    width
        Of the figure, in inches.

    Returns
    -------
    tuple
        The figure, and its axes (rows, columns).
    """
    side = min((width - labels) / columns, SIDE)
    size = (side * columns + labels, (side + titles) * rows)
    figure, axes = subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    for ax in axes.flat:
        bare(ax)
    return figure, axes


def kept_pixels(ax: Axes, image: np.ndarray, mask: np.ndarray) -> None:
    """Show an image (48, 48), 0..255, with only the pixels in `mask` (48, 48) bool, on grey."""
    ax.imshow(np.where(mask, image, REMOVED), **FACE)


def row_labels(axes: np.ndarray, labels: Sequence[str]) -> None:
    """Write a label to the left of each row of an `image_grid`, in short lines."""
    for ax, label in zip(axes[:, 0], labels, strict=True):
        ax.set_ylabel(wrapped(label), rotation=0, ha="right", va="center")


def wrapped(label: str, letters: int = 11) -> str:
    """Break a label into lines of at most so many letters, for a small image; words stay whole."""
    return textwrap.fill(label, letters, break_long_words=False, break_on_hyphens=False)


def ends(intervals: Sequence) -> np.ndarray:
    """Return (2, n) float: how far the intervals reach below and above their estimates."""
    reach = np.array([(x.estimate - x.low, x.high - x.estimate) for x in intervals]).T
    return np.maximum(reach, 0)  # rounding can leave an estimate of 0 or 1 outside by 1e-17


def interval_dots(
    ax: Axes,
    intervals: Sequence,
    places: npt.ArrayLike,
    *,
    series: int = 0,
    upright: bool = False,
    **options,
) -> None:
    """Draw dots with their 95 % intervals.

    Parameters
    ----------
    ax
        Where they are drawn.
    intervals, places
        The intervals, and where each stands on the other axis.
    series
        Picks colour and marker.
    upright
        Whether the intervals run along y rather than along x.
    **options
        Of `Axes.errorbar`.
    """
    look = {"fmt": MARKERS[series], "color": SERIES[series], "ms": 4, "capsize": 2, "lw": 1}
    estimates = [x.estimate for x in intervals]
    reach = {"yerr" if upright else "xerr": ends(intervals)}
    x, y = (places, estimates) if upright else (estimates, places)
    ax.errorbar(x, y, **reach, **{**look, **options})


def heat_map(ax: Axes, shares: pd.DataFrame, texts: np.ndarray) -> None:
    """Draw a table of shares as blues, 1 the darkest, with a text in each cell."""
    look = {"annot": texts, "fmt": "", "annot_kws": {"fontsize": 8}, "linewidths": 0.5}
    sns.heatmap(shares, cmap="Blues", vmin=0, vmax=1, cbar=False, ax=ax, **look)
    ax.set_xticks(ax.get_xticks(), shares.columns, rotation=40, ha="right")
    ax.set_yticks(ax.get_yticks(), shares.index, rotation=0)
