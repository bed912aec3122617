"""Faces and their expressions: arrays in, a data frame out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fer_utils.fer2013 import CLASSES
from fer_utils.predict.crops import Faces, find_faces
from fer_utils.predict.networks import Network
from fer_utils.predict.pictures import as_rgb

UNSURE = "unsure"
BATCH = 64  # faces that a network sees at once
BOX = ("left", "top", "width", "height")
COLUMNS = (
    *("picture", "time", "face", "found", "answer", "likeliest", *CLASSES),
    *("score", *BOX, "turned", "run", "run_accuracy"),
)


@dataclass(frozen=True)
class Prediction:
    """The faces of one picture and their probabilities, (n, 7)."""

    faces: Faces
    probabilities: np.ndarray


def read_expressions(
    pictures: Sequence[np.ndarray],
    network: Network,
    *,
    cropped: bool = False,
    names: Sequence[str | int] | None = None,
) -> pd.DataFrame:
    """The expressions of all faces in some pictures.

    Parameters
    ----------
    pictures
        (h, w[, 3 or 4]) each, RGB or grey: uint8, uint16, or floats from 0 to 1.
    network
        As `networks.best_network()` or `networks.network(name)` gives it.
    cropped
        Whether each picture is a face already, and is not searched.
    names
        What the pictures are called in the table; by default 0, 1, ...

    Returns
    -------
    pandas.DataFrame
        A row per face with the columns `COLUMNS`, and one for each picture without. `answer` is a
        class, or "unsure" below the network's `confidence_threshold`; then, too, `likeliest` is the
        class with the largest probability. `left`, `top`, `width`, `height` in pixels; `turned` in
        degrees.

    Raises
    ------
    ValueError
        If an array is no picture.
    """
    names = range(len(pictures)) if names is None else names
    found = (find_faces(as_rgb(picture), cropped=cropped) for picture in pictures)
    rows = []
    for name, prediction in zip(names, predictions(found, network), strict=True):
        rows += rows_of(name, prediction, network)
    return table(rows)


def predictions(found: Iterable[Faces], network: Network) -> Iterator[Prediction]:
    """The probabilities of the faces of each picture, in order, BATCH faces or more at once."""
    waiting: list[Faces] = []
    for faces in found:
        waiting.append(faces)
        if sum(len(each.crops) for each in waiting) >= BATCH or len(waiting) >= BATCH:
            yield from _predicted(waiting, network)
            waiting = []
    yield from _predicted(waiting, network)


def _predicted(waiting: list[Faces], network: Network) -> list[Prediction]:
    counts = [len(faces.crops) for faces in waiting]
    if not sum(counts):
        return [Prediction(faces, np.empty((0, len(CLASSES)))) for faces in waiting]
    values = network.probabilities(np.concatenate([faces.crops for faces in waiting]))
    parts = np.split(values, np.cumsum(counts)[:-1])
    return [Prediction(faces, part) for faces, part in zip(waiting, parts, strict=True)]


def predicted_class(probabilities: np.ndarray, network: Network) -> str:
    """The likeliest class, or "unsure" if it is not likely enough."""
    least = network.confidence_threshold
    if least is not None and probabilities.max() < least:
        return UNSURE
    return CLASSES[probabilities.argmax()]


def rows_of(
    name: str | int, prediction: Prediction, network: Network, time: float | None = None
) -> list:
    """A dictionary per face of a picture, by `COLUMNS`; one without a face if there is none.

    Parameters
    ----------
    name
        Of the picture: its path, or its number among arrays.
    prediction
        Its faces and their probabilities.
    network
        Which gave them.
    time
        Seconds from the start, for an image of a film.
    """
    if not prediction.faces.places:
        return [failure(name, "no face", network, time)]
    common = failure(name, prediction.faces.how, network, time)
    pairs = zip(prediction.faces.places, prediction.probabilities, strict=True)
    return [
        common
        | {"face": number, "answer": predicted_class(values, network)}
        | {"likeliest": CLASSES[values.argmax()], "score": round(place.score, 3)}
        | dict(zip(CLASSES, values.round(4).tolist(), strict=True))
        | dict(zip(BOX, place.box, strict=True))
        | {"turned": round(place.turned)}
        for number, (place, values) in enumerate(pairs, 1)
    ]


def failure(name: str | int, found: str, network: Network, time: float | None = None) -> dict:
    """The row of a picture without a face, by `COLUMNS`.

    Parameters
    ----------
    name, network, time
        As in `rows_of`.
    found
        Why there is none.
    """
    run = {"run": network.name, "run_accuracy": round(network.accuracy, 4)}
    return {"picture": name, "time": time, "found": found} | run


def table(rows: Sequence[dict]) -> pd.DataFrame:
    """Rows as a data frame; whole numbers stay whole where a row has none."""
    whole = dict.fromkeys(("face", *BOX, "turned"), "Int64")
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(whole)
    return frame if frame["time"].notna().any() else frame.drop(columns="time")
