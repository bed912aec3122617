"""Expressions of the faces in photographs: `fer-predict photo.jpg`.

    python -m fer_utils.predict PICTURE_OR_FOLDER ... [--run NAME] [--save FOLDER]

Prints a row per face: the probabilities of the seven expressions. `--save` writes, per picture, a
copy with the faces framed, and the saliency maps of what was answered.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError
from scipy.special import softmax
from tqdm import tqdm

from fer_utils.fer2013 import CLASSES, SIZE
from fer_utils.files import replacing
from fer_utils.plots.saliency import panels
from fer_utils.training import experiments, runs
from fer_utils.training.experiments import Config

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
SALIENCY = {"gradient": "gradient", "smoothgrad": "SmoothGrad", "grad_cam": "Grad-CAM"}
LONGEST_SIDE = 1200  # pixels; larger pictures are searched at this size
SMALLEST = 30  # pixels of what is searched; among smaller squares the detector sees many non-faces


class PictureError(Exception):
    """A picture can't be judged, or no network is there to do it; the message says what to do."""


@dataclass(frozen=True)
class Prediction:
    """The faces of one picture.

    `picture` (h, w, 3) uint8 RGB, upright; `boxes` (n, 4) int: left, top, width, height in pixels;
    `faces` (n, 48, 48) uint8, what the network saw; `probabilities` (n, 7), rows sum to 1.
    """

    picture: np.ndarray
    boxes: np.ndarray
    faces: np.ndarray
    probabilities: np.ndarray


def finished() -> dict[str, Config]:
    """Configs by name of the finished reference runs on FER2013 that keep their weights."""
    configs = experiments.campaign("reference")
    return {c.name: c for c in configs if (runs.folder_of(c) / "weights.npz").exists()}


def best_run() -> Config:
    """The finished reference run with the highest accuracy on its held-out part of Training.

    Raises PictureError if there is none.
    """
    configs = finished()
    if not configs:
        raise PictureError(
            "no reference run is finished: train one with "
            "`python -m fer_utils.training.campaign model1`"
        )

    def held_out(config: Config) -> float:
        text = (runs.folder_of(config) / "metrics.json").read_text(encoding="utf-8")
        return json.loads(text)["held_out"]["accuracy"]

    return max(configs.values(), key=held_out)


def read(path: Path) -> np.ndarray:
    """A picture as (h, w, 3) uint8 RGB, turned upright as its EXIF says.

    Raises PictureError if it is no picture that Pillow can read.
    """
    try:
        with Image.open(path) as file:
            return np.asarray(ImageOps.exif_transpose(file).convert("RGB"))
    except FileNotFoundError:
        raise PictureError(f"{path}: there is no such file") from None
    except UnidentifiedImageError:
        raise PictureError(f"{path}: not a picture (expected JPEG, PNG or the like)") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PictureError(f"{path}: the picture can't be read: {error}") from None


def detect(picture: np.ndarray) -> np.ndarray:
    """Frontal faces in (h, w, 3) uint8 RGB: boxes (n, 4) int, left to right.

    OpenCV's Haar cascade (Viola & Jones 2001), with which FER2013's faces were found too
    (Goodfellow et al., arXiv 1307.0414). Faces narrower than 30 pixels, or than a fortieth of the
    picture's longer side, are not looked for.
    """
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, LONGEST_SIDE / max(gray.shape))
    small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = _cascade().detectMultiScale(small, 1.1, 5, minSize=(SMALLEST, SMALLEST))
    boxes = np.rint(np.reshape(found, (-1, 4)) / scale).astype(int)
    return boxes[np.argsort(boxes[:, 0], kind="stable")]


@cache
def _cascade() -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_frontalface_alt2.xml")


def crop(picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The boxes of a picture as FER2013 has its faces: (n, 48, 48) uint8 grey.

    The detector's box is taken as it is: on FER2013 itself its median side is 0.96 of the frame.
    """
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    faces = [
        cv2.resize(
            gray[max(top, 0) : top + height, max(left, 0) : left + width],
            (SIZE, SIZE),
            interpolation=cv2.INTER_AREA if height > SIZE else cv2.INTER_LINEAR,
        )
        for left, top, width, height in boxes
    ]
    return np.stack(faces) if faces else np.empty((0, SIZE, SIZE), np.uint8)


def predict(path: Path, model, config: Config) -> Prediction:
    """Find the faces in the picture at `path` and let the `model` of a run's `config` judge them.

    Raises PictureError if the file can't be read, or no face is found in it.
    """
    from fer_utils.data.transforms import normalise

    picture = read(path)
    boxes = detect(picture)
    if not len(boxes):
        raise PictureError(
            f"{path}: no face found (expected one seen from the front, upright, at least "
            f"{SMALLEST} pixels and 1/{LONGEST_SIDE // SMALLEST} of the picture wide)"
        )
    faces = crop(picture, boxes)
    logits = model.predict_on_batch(normalise(faces, config.per_image_norm))
    return Prediction(picture, boxes, faces, softmax(np.asarray(logits, np.float64), axis=1))


def table(predictions: dict[str, Prediction]) -> pd.DataFrame:
    """A row per face: picture, number of the face from the left, answer, seven probabilities."""
    rows = [
        {
            "picture": name,
            "face": number,
            "answer": CLASSES[values.argmax()],
            **dict(zip(CLASSES, values.round(3), strict=True)),
        }
        for name, found in predictions.items()
        for number, values in enumerate(found.probabilities, 1)
    ]
    return pd.DataFrame(rows)


def annotated(found: Prediction) -> Image.Image:
    """The picture with a numbered frame around each face, and the answer under it."""
    image = Image.fromarray(found.picture)
    draw = ImageDraw.Draw(image)
    for number, (box, values) in enumerate(zip(found.boxes, found.probabilities, strict=True), 1):
        left, top, width, height = (int(value) for value in box)
        font = ImageFont.load_default(max(12, width // 9))
        text = f"{number} {CLASSES[values.argmax()]} {values.max():.0%}"
        draw.rectangle((left, top, left + width, top + height), outline="yellow", width=3)
        at = min(left, image.width - draw.textlength(text, font)), top + height + 4
        if at[1] + font.size > image.height:
            at = at[0], top + height - font.size - 8
        draw.rectangle(draw.textbbox(at, text, font), fill="black", outline="black", width=2)
        draw.text(at, text, fill="yellow", font=font)
    return image


def saliency_panel(found: Prediction, model, config: Config):
    """A column per face: what the network saw, and maps of the answer's logit."""
    from fer_utils.data.transforms import normalise
    from fer_utils.interpret.maps import visible
    from fer_utils.interpret.saliency import explain

    inputs = normalise(found.faces, config.per_image_norm)
    answers = found.probabilities.argmax(axis=1)
    maps = {
        title: visible(explain(method, model, inputs, answers))
        for method, title in SALIENCY.items()
    }
    titles = [f"{number} {CLASSES[answer]}" for number, answer in enumerate(answers, 1)]
    return panels({"face": found.faces, **maps}, {}, titles)


def save(folder: Path, name: str, found: Prediction, model, config: Config) -> list[Path]:
    """Write `<name>-faces.png` and `<name>-saliency.png` into `folder`; returns their paths."""
    faces, saliency = folder / f"{name}-faces.png", folder / f"{name}-saliency.png"
    with replacing(faces) as temporary:
        annotated(found).save(temporary, format="png")
    figure = saliency_panel(found, model, config)
    with replacing(saliency) as temporary:
        figure.savefig(temporary, format="png", bbox_inches="tight", dpi=150)
    plt.close(figure)
    return [faces, saliency]


def pictures(paths: Sequence[Path]) -> list[Path]:
    """The files among `paths` and the pictures directly in the folders among them, by name.

    Raises PictureError for a folder without pictures.
    """
    files = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        if not inside:
            raise PictureError(f"{path}: no picture in this folder ({', '.join(SUFFIXES)})")
        files += inside
    return files


def _network(name: str | None) -> tuple:
    """(Keras model, config) of the named run, or of the best."""
    config = finished().get(name) if name else best_run()
    if config is None:
        known = ", ".join(finished()) or "none yet"
        raise PictureError(f"no finished run with weights is called {name}; there are: {known}")
    return runs.trained_model(config), config


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the expressions of faces in photographs. Exit status 1 if any picture had none."""
    parser = argparse.ArgumentParser(prog="fer-predict", description=main.__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PICTURE", help="file or folder")
    parser.add_argument("--run", metavar="NAME", help="run in runs/ (default: best held-out)")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write annotated pictures here")
    chosen = parser.parse_args(arguments)
    try:
        files = pictures(chosen.paths)
        twice = [stem for stem, count in Counter(f.stem for f in files).items() if count > 1]
        if chosen.save and twice:
            raise PictureError(f"several pictures are called {twice[0]}: save them one at a time")
        model, config = _network(chosen.run)
    except PictureError as error:
        print(error, file=sys.stderr)
        return 1
    found, failed = {}, False
    for file in tqdm(files, unit="picture", disable=len(files) == 1 or None):
        try:
            found[str(file)] = predict(file, model, config)
            if chosen.save:
                save(chosen.save, file.stem, found[str(file)], model, config)
        except PictureError as error:
            failed = True
            tqdm.write(str(error), file=sys.stderr)
    if found:
        print(f"Network: {config.name}")
        print(table(found).to_string(index=False))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
