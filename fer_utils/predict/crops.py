"""Faces cut out as FER2013 has them: 48 x 48 grey pixels, framed as its faces are.

MARGIN, RAISED and UPRIGHT were chosen on validation images (bench/detection.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from fer_utils.fer2013 import SIZE
from fer_utils.predict.detection import INPUT, Face, detect, sample

MARGIN = 1.1  # side of the crop, in sides of the detector's box
RAISED = 0.1  # how much higher than the box its centre lies, in sides of the box
UPRIGHT = 15  # degrees; only faces that are turned by more are turned back
SQUARE = 1.34  # longer side by shorter side, at most, of a picture that may be a face cut out
SMALL = 2 * INPUT  # pixels, the longer side of such a picture, at most


@dataclass(frozen=True)
class Faces:
    """The faces of one picture, and how they were found.

    picture: (h, w, 3) uint8 RGB
    how: "face", or "whole picture" where that counts as one
    places: a `Face` each, left to right
    crops: (n, 48, 48) uint8 grey, what a network sees
    """

    picture: np.ndarray
    how: str
    places: list[Face]
    crops: np.ndarray


def find_faces(picture: np.ndarray, *, cropped: bool = False) -> Faces:
    """The faces of a picture (h, w, 3) uint8 RGB; none if there are none.

    A small, nearly square picture in which no face is found counts as a face cut out already; with
    `cropped` any picture does, and is not searched.
    """
    places = [] if cropped else detect(picture)
    if not places and (cropped or _may_be_a_face(picture)):
        return Faces(picture, "whole picture", [whole(picture)], _whole_crop(picture)[None])
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    crops = [sample(gray, framed(face), SIZE) for face in places]
    return Faces(picture, "face", places, np.reshape(crops, (-1, SIZE, SIZE)).astype(np.uint8))


def framed(face: Face, margin: float = MARGIN, raised: float = RAISED) -> Face:
    """The square to cut out for a face that was detected."""
    turned = face.turned if abs(face.turned) > UPRIGHT else 0.0
    angle, up = np.deg2rad(turned), raised * face.side
    return face._replace(
        x=face.x + up * np.sin(angle),
        y=face.y - up * np.cos(angle),
        side=face.side * margin,
        turned=turned,
    )


def whole(picture: np.ndarray) -> Face:
    """The largest square in the middle of a picture, which no detector has judged."""
    height, width = picture.shape[:2]
    return Face(width / 2, height / 2, float(min(height, width)), 0.0, float("nan"))


def _whole_crop(picture: np.ndarray) -> np.ndarray:
    return sample(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), whole(picture), SIZE)


def _may_be_a_face(picture: np.ndarray) -> bool:
    shorter, longer = sorted(picture.shape[:2])
    return longer <= SMALL and longer <= SQUARE * shorter


def largest(faces: Sequence[Face]) -> int:
    """The number of the largest face."""
    return int(np.argmax([face.side for face in faces]))
