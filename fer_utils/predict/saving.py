"""What `--save` writes: pictures with their faces framed, saliency maps, curves over time."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from fer_utils.fer2013 import CLASSES
from fer_utils.files import StorageError, replacing
from fer_utils.plots import style
from fer_utils.plots.saliency import panels
from fer_utils.predict.crops import framed
from fer_utils.predict.expressions import Prediction, predicted_class
from fer_utils.predict.networks import Network
from fer_utils.predict.pictures import PROGRAM, is_own, shown

SALIENCY = {"gradient": "gradient", "smoothgrad": "SmoothGrad", "grad_cam": "Grad-CAM"}
MOST_COLUMNS = 10  # faces whose saliency maps are drawn side by side
LONGEST_NAME = 255  # bytes, on the usual file systems


def target(folder: Path, file: Path, inputs: Sequence[Path], kind: str) -> Path:
    """Where what is made of `file` goes: below `folder` as the file lies among all inputs.

    `photos/a/me.jpg` becomes `a/me.jpg-faces.png` if all inputs lie in `photos/`. A name that would
    be too long is cut, and gets a fingerprint.

    Parameters
    ----------
    folder
        The user's, for all that is saved.
    file
        A picture or a film.
    inputs
        All pictures and films of this call.
    kind
        What is made, "faces" or "saliency"; a part of the file's name.
    """
    parents = [os.path.abspath(each.parent) for each in inputs]
    place = Path(os.path.relpath(os.path.abspath(file.parent), os.path.commonpath(parents)))
    ending = f"-{kind}.png"
    name = file.name + ending
    if len(os.fsencode(name)) > LONGEST_NAME:
        mark = "~" + hashlib.sha256(os.fsencode(file.name)).hexdigest()[:8] + ending
        name = os.fsdecode(os.fsencode(file.name)[: LONGEST_NAME - len(mark)]) + mark
    return folder / place / name


def write(figure: Figure | Image.Image, path: Path) -> None:
    """Write a figure or an image as PNG, marked as ours.

    Raises StorageError if `path` can't be written, or holds what fer-predict did not write.
    """
    if path.exists() and not is_own(path):
        raise StorageError(f"{shown(path)}: not written by {PROGRAM} and so not replaced")
    try:
        with replacing(path) as temporary:
            if isinstance(figure, Figure):
                figure.savefig(
                    temporary, format="png", bbox_inches="tight", dpi=150, metadata=_mark()
                )
            else:
                info = PngImagePlugin.PngInfo()
                for key, value in _mark().items():
                    info.add_text(key, value)
                figure.save(temporary, format="png", pnginfo=info)
    except OSError as error:
        reason = shown(str(error)) if isinstance(error, StorageError) else error.strerror
        raise StorageError(f"{shown(path)}: not saved ({reason})") from None


def _mark() -> dict[str, str]:
    return {"Software": PROGRAM}


def framed_faces(prediction: Prediction, network: Network) -> Image.Image:
    """The picture with a numbered frame around each face, and the prediction under it."""
    image = Image.fromarray(prediction.faces.picture)
    draw = ImageDraw.Draw(image)
    line = max(1, round(max(image.size) / 400))
    pairs = zip(prediction.faces.places, prediction.probabilities, strict=True)
    for number, (place, values) in enumerate(pairs, 1):
        square = place if prediction.faces.how == "whole picture" else framed(place)
        corners = _corners(square)
        draw.polygon([tuple(corner) for corner in corners], outline="yellow", width=line)
        size = max(10, square.side / 10)
        font = ImageFont.load_default(size)
        text = f"{number} {predicted_class(values, network)} {values.max():.0%}"
        width = draw.textlength(text, font)
        left = min(max(corners[:, 0].min(), 0), max(image.width - width, 0))
        top = min(corners[:, 1].max() + line, image.height - 1.4 * size)
        draw.rectangle(draw.textbbox((left, top), text, font), fill="black", outline="black")
        draw.text((left, top), text, fill="yellow", font=font)
    return image


def _corners(square) -> np.ndarray:
    """(4, 2): x and y of the corners of a face's square."""
    angle = np.deg2rad(square.turned)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    half = square.side / 2 * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    return half @ turn + (square.x, square.y)


def saliency_panel(prediction: Prediction, network: Network) -> Figure:
    """A column per face, MOST_COLUMNS at most: what the network saw, and maps of the prediction."""
    from fer_utils.interpret.maps import visible
    from fer_utils.interpret.saliency import explain

    crops = prediction.faces.crops[:MOST_COLUMNS]
    inputs = network.inputs(crops)
    classes = prediction.probabilities[:MOST_COLUMNS].argmax(axis=1)
    maps = {
        title: visible(explain(method, network.model, inputs, classes))
        for method, title in SALIENCY.items()
    }
    titles = [f"{number} {CLASSES[each]}" for number, each in enumerate(classes, 1)]
    with style.context():
        return panels({"face": crops, **maps}, titles)


def over_time(rows: pd.DataFrame, name: str) -> Figure:
    """Probabilities of the largest face of a film over its seconds; a gap where none was found."""
    with style.context():
        figure, axes = style.subplots(len(CLASSES), 1, figsize=(style.WIDTH, 6), sharex=True)
        largest = rows.sort_values("width", kind="stable").groupby("time").tail(1)
        largest = largest.sort_values("time")
        for ax, cls in zip(axes, CLASSES, strict=True):
            ax.plot(largest["time"], largest[cls], color=style.BLUE, marker=".", ms=4, lw=1)
            ax.set(ylim=(-0.03, 1.03), yticks=(0, 1))
            ax.set_ylabel(cls, rotation=0, ha="right", va="center")
        axes[0].set_title(f"{shown(name)}: probabilities of the largest face")
        axes[-1].set_xlabel("seconds")
    return figure
