"""Where faces are in a picture: BlazeFace, applied at several sizes, and each face twice.

BlazeFace (Bazarevsky et al. 2019, arXiv 1907.05047) sees 128 x 128 pixels and is best at a face
that fills half of them. So a picture is searched in windows of several sizes, and around what is
found there it looks again, upright and at that size: that look gives the box and the score. The
network is MediaPipe's `face_detection_short_range.tflite`, run by OpenCV; its licence lies beside
it. FER2013's faces were found with a Haar cascade (arXiv 1307.0414); the cascades of
OpenCV find fewer faces (bench/detection.py).
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

NETWORK = Path(__file__).parent / "blazeface" / "face_detection_short_range.tflite"
INPUT = 128  # pixels, both ways
SIZES = (
    64,
    128,
    256,
    512,
)  # pixels: the picture's longer side as it is searched; 64: with a border
STEP = 96  # pixels between windows: what is at most INPUT - STEP wide lies whole in one of them
PROPOSED = 0.5  # least score of the first look
FOUND, CONFIDENT = (
    0.7,
    0.8,
)  # of the second: of faces that are LARGE in an upright picture; of others
LARGE = 1 / 4  # of the picture's longer side: of smaller windows there are many, and more err
OVERLAP = 0.3  # intersection over union from which on two boxes are one face


class Face(NamedTuple):
    """A face in a picture.

    `x`, `y`: its centre, and `side`: its width, in pixels; `turned`: degrees clockwise from
    upright; `score`: the detector's, 0 to 1.
    """

    x: float
    y: float
    side: float
    turned: float
    score: float

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of the upright square, in pixels."""
        left, top = self.x - self.side / 2, self.y - self.side / 2
        return round(left), round(top), round(self.side), round(self.side)


def detect(picture: np.ndarray) -> list[Face]:
    """The faces in (h, w, 3) uint8 RGB, left to right.

    Where none is found, the picture is turned by a quarter, a half and three quarters.
    """
    longest = max(picture.shape[:2])
    for quarters in range(4):
        faces = [
            face
            for face in _search(np.ascontiguousarray(np.rot90(picture, quarters)))
            if face.score >= (CONFIDENT if quarters or face.side < LARGE * longest else FOUND)
        ]
        if faces:
            return sorted(_turned_back(face, quarters, picture.shape) for face in faces)
    return []


def _turned_back(face: Face, quarters: int, shape: tuple[int, ...]) -> Face:
    """A face of a picture that was turned counter-clockwise, in the picture as it was."""
    height, width = shape[:2]
    x, y = {
        0: (face.x, face.y),
        1: (width - face.y, face.x),
        2: (width - face.x, height - face.y),
        3: (face.y, height - face.x),
    }[quarters]
    turned = (face.turned + 90 * quarters + 180) % 360 - 180
    return face._replace(x=x, y=y, turned=turned)


def _search(picture: np.ndarray) -> list[Face]:
    proposed = [face for window, at in _windows(picture) for face in _placed(window, at)]
    seen_twice = [_second_look(picture, face) for face in _distinct(proposed)]
    return _distinct([face for face in seen_twice if face])


def _windows(picture: np.ndarray) -> Iterator[tuple[np.ndarray, tuple[float, float, float]]]:
    """(128, 128, 3) parts of the picture, each with its left, top and pixels for one of its own."""
    longest = max(picture.shape[:2])
    for size in SIZES:
        if size > INPUT and size > longest:
            return
        scale = longest / size
        small = _resized(picture, 1 / scale)
        for top in _steps(small.shape[0]):
            for left in _steps(small.shape[1]):
                part = small[max(top, 0) : top + INPUT, max(left, 0) : left + INPUT]
                above, before = max(-top, 0), max(-left, 0)
                yield (
                    cv2.copyMakeBorder(
                        part,
                        above,
                        INPUT - above - part.shape[0],
                        before,
                        INPUT - before - part.shape[1],
                        cv2.BORDER_CONSTANT,
                    ),
                    (left * scale, top * scale, scale),
                )


def _steps(length: int) -> list[int]:
    """Where windows begin along a side: in its middle if one is enough, else from end to end."""
    if length <= INPUT:
        return [(length - INPUT) // 2]
    count = 1 + -(-(length - INPUT) // STEP)
    return np.linspace(0, length - INPUT, count).round().astype(int).tolist()


def _resized(picture: np.ndarray, scale: float) -> np.ndarray:
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=how)


def _second_look(picture: np.ndarray, face: Face) -> Face | None:
    """The same face, upright and at half the width of what is searched; None if it is none."""
    window = sample(picture, face._replace(side=2 * face.side), INPUT)
    scale = 2 * face.side / INPUT
    found = max(_placed(window, (0, 0, 1)), key=lambda each: each.score, default=None)
    if found is None:
        return None
    angle = np.deg2rad(face.turned)
    right, down = found.x - INPUT / 2, found.y - INPUT / 2
    return Face(
        float(face.x + scale * (right * np.cos(angle) - down * np.sin(angle))),
        float(face.y + scale * (right * np.sin(angle) + down * np.cos(angle))),
        found.side * scale,
        (face.turned + found.turned + 180) % 360 - 180,
        found.score,
    )


def sample(picture: np.ndarray, face: Face, size: int) -> np.ndarray:
    """The square of a face, turned upright, as (size, size[, 3]) uint8.

    Beyond the picture's border its last pixels are repeated.
    """
    scale = size / face.side
    if scale < 1:  # averaged first: sampling alone would skip pixels
        picture, face = (
            _resized(picture, scale),
            face._replace(x=face.x * scale, y=face.y * scale, side=float(size)),
        )
    angle, step = np.deg2rad(face.turned), face.side / size
    turn = step * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([face.x, face.y]) - 0.5  # of pixels, which are squares around their number
    offset = centre - turn @ np.full(2, (size - 1) / 2)
    return cv2.warpAffine(
        picture,
        np.column_stack([turn, offset]),
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _placed(window: np.ndarray, at: tuple[float, float, float]) -> list[Face]:
    """What BlazeFace finds in a window that lies `at` (left, top, scale) of a picture."""
    left, top, scale = at
    net = _network()
    net.setInput(cv2.dnn.blobFromImage(window, 1 / 127.5, mean=(127.5,) * 3))
    values, scores = net.forward(("regressors", "classificators"))
    scores = 1 / (1 + np.exp(-np.clip(scores.ravel(), -80, 80)))
    rows = np.flatnonzero(scores >= PROPOSED)
    points = values.reshape(-1, 8, 2)[rows]  # centre, width and height, eyes, nose, mouth, ears
    points[:, [0, 2, 3, 4, 5, 6, 7]] += _anchors()[rows, None]
    eyes = points[:, 3] - points[:, 2]
    turned = np.rad2deg(np.arctan2(eyes[:, 1], eyes[:, 0]))
    faces = [
        Face(left + scale * x, top + scale * y, scale * side, angle, score)
        for (x, y), side, angle, score in zip(
            points[:, 0].tolist(),
            points[:, 1].mean(axis=1).tolist(),
            turned.tolist(),
            scores[rows].tolist(),
            strict=True,
        )
    ]
    return _distinct(faces)


@cache
def _network() -> cv2.dnn.Net:
    return cv2.dnn.readNetFromTFLite(str(NETWORK))


@cache
def _anchors() -> np.ndarray:
    """(896, 2) pixels: centres of the cells that the network's rows answer for."""
    grids = []
    for cells, per_cell in ((16, 2), (8, 6)):
        places = (np.arange(cells) + 0.5) * INPUT / cells
        grid = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)
        grids.append(np.repeat(grid, per_cell, axis=0))
    return np.concatenate(grids).astype(np.float32)


def _distinct(faces: list[Face]) -> list[Face]:
    """Of faces that overlap, the one with the highest score."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda each: -each.score):
        if all(_overlap(face, other) < OVERLAP for other in kept):
            kept.append(face)
    return kept


def _overlap(a: Face, b: Face) -> float:
    """Intersection over union of the upright squares."""
    sides = [
        max(0.0, min(p + a.side / 2, q + b.side / 2) - max(p - a.side / 2, q - b.side / 2))
        for p, q in ((a.x, b.x), (a.y, b.y))
    ]
    common = sides[0] * sides[1]
    return common / (a.side**2 + b.side**2 - common)
