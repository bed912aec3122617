"""Films: one picture every so many seconds."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from fer_utils.predict.pictures import VIDEOS, PictureError, shown


def is_video(path: Path) -> bool:
    """Whether a file is called as films are."""
    return path.suffix.lower() in VIDEOS


def frames(path: Path, every: float) -> Iterator[tuple[float, np.ndarray]]:
    """(seconds, (h, w, 3) uint8 RGB) of the first picture and of one each `every` seconds after it.

    Raises PictureError if the file is absent, or OpenCV finds no picture in it.
    """
    if not path.exists():
        raise PictureError(f"{shown(path)}: there is no such file")
    film = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        due, early = 0.0, 0.5 / (film.get(cv2.CAP_PROP_FPS) or 25)  # half a picture
        while film.grab():
            time = film.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if time < due - early:
                continue
            found, picture = film.retrieve()
            if found:
                yield round(time, 3), cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
                due = every * (int((time + early) / every) + 1)
        if not due:
            raise PictureError(f"{shown(path)}: not a film that OpenCV can read")
    finally:
        film.release()
