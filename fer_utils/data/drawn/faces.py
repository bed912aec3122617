"""Drawn faces: a data set in the form of FER2013 that may be shipped, because it is computed.

Each image is a pure function of (seed, index), byte for byte, on every machine. As in FER2013 the
classes are unequally frequent, some labels are wrong, a few images are constant, and some are exact
copies of earlier ones, within and across splits, at times with another label.

`python -m fer_utils.data.drawn.faces report/drawn_faces.png` draws a grid of the seven expressions.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from fer_utils.data.drawn.action_units import (
    PRESENCE,
    REGIONS,
    TRAITS,
    UNITS,
    coordinates,
    geometry,
    regions,
)
from fer_utils.data.drawn.renderer import paint
from fer_utils.fer2013 import CLASSES, SIZE

#: Of the classes in FER2013's Training; disgust is three times as frequent (436 there):
#: 60 faces among 4,000 would be too few to learn it from.
FREQUENCIES = (3995, 1308, 4097, 7215, 4830, 3171, 4965)
CONSTANT = 0.001  # share of black images
COPIES = 0.012  # share of exact copies of an earlier image
RELABELLED = 0.25  # share of the copies that are labelled again
MISLABELLED = (0.06, 0.05, 0.12, 0.02, 0.10, 0.04, 0.05)  # share of wrong labels, by class
MISTAKEN_FOR = np.array(  # for which class, as relative weights (rows: class drawn)
    [
        [0, 2, 2, 0, 3, 0, 3],
        [5, 0, 1, 0, 2, 0, 1],
        [2, 1, 0, 0, 4, 4, 1],
        [0, 0, 0, 0, 0, 1, 2],
        [2, 0, 3, 0, 0, 0, 4],
        [0, 0, 5, 2, 0, 0, 1],
        [2, 0, 1, 1, 4, 1, 0],
    ]
)
INTENSITY = (0.5, 1.1)  # of an expression, uniform
CHUNK = 16  # faces painted at a time

_REGION_OF_UNIT = np.array([[r in unit.regions for r in REGIONS] for unit in UNITS.values()])
_NEUTRAL_REGIONS = np.isin(REGIONS, ("brows", "eyes", "mouth"))


@dataclass(frozen=True)
class Face:
    """One drawn image and the truth about it.

    `image`: (48, 48) uint8. `label`: the given class index; `expression`: the one drawn.
    `masks`: region -> (48, 48) bool, its visible pixels. `evidence`: (48, 48) bool, the regions in
    which the action units of this face show; for a neutral face brows, eyes and mouth, whose rest
    tells it; nothing for a constant image. `units`: action unit -> intensity, those at work.
    `opening`, `corner`: gap between the lips and height of the mouth corners, in pixels of an
    upright face (a negative corner is raised).
    """

    image: np.ndarray
    label: int
    expression: int
    masks: dict[str, np.ndarray]
    evidence: np.ndarray
    units: dict[int, float]
    opening: float
    corner: float


def draw(index: int, seed: int = 0, expression: int | None = None) -> Face:
    """The face at `index`; with `expression`, the same person and picture making that face.

    A constant image, and a copy of an earlier face, are returned as such unless an expression is
    asked for.
    """
    row = _plan_one(index, seed) if expression is None else (index, expression, expression)
    drawn = _drawn(np.array([row]), seed)
    active = {unit: float(i) for unit, i in zip(UNITS, drawn.units[0], strict=True) if i > 0}
    return Face(
        image=drawn.images[0],
        label=row[1],
        expression=row[2],
        masks=dict(zip(REGIONS, drawn.masks[0], strict=True)),
        evidence=_evidence(drawn)[0],
        units=active,
        opening=drawn.geometry.opening.item(),
        corner=drawn.geometry.corner.item(),
    )


def dataset(
    sizes: tuple[int, int, int] = (4000, 1000, 1000), seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images (n, 48, 48) uint8, given labels (n,) int8 and splits (n,) int8.

    `sizes`: images of Training, PublicTest and PrivateTest; row i is `draw(i, seed)`.
    """
    rows = plan(range(sum(sizes)), seed)
    images = np.empty((len(rows), SIZE, SIZE), np.uint8)
    for chunk in _chunks(len(rows)):
        images[chunk] = _drawn(rows[chunk], seed).images
    return images, rows[:, 1].astype(np.int8), np.repeat(np.arange(3, dtype=np.int8), sizes)


def plan(indices: Sequence[int], seed: int = 0) -> np.ndarray:
    """What is drawn at each index: (n, 3) int64 of source, given label, class drawn.

    The source is the index whose picture is shown: another one for a copy, -1 for a black image.
    """
    return np.array([_plan_one(int(index), seed) for index in indices], int).reshape(-1, 3)


def evidence(indices: Sequence[int], seed: int = 0) -> np.ndarray:
    """`Face.evidence` of many images: (n, 48, 48) bool."""
    rows = plan(indices, seed)
    masks = np.empty((len(rows), SIZE, SIZE), bool)
    for chunk in _chunks(len(rows)):
        masks[chunk] = _evidence(_drawn(rows[chunk], seed))
    return masks


def grid(columns: int = 8, seed: int = 0) -> np.ndarray:
    """A sample picture, 7 rows of `columns` faces: (342, 49 * columns - 1) uint8."""
    step = SIZE + 1
    picture = np.full((len(CLASSES) * step, columns * step), 255, np.uint8)
    for cell in range(len(CLASSES) * columns):
        row, column = divmod(cell, columns)
        top, left = row * step, column * step
        picture[top : top + SIZE, left : left + SIZE] = draw(cell, seed, row).image
    return picture[:-1, :-1]


def _stream(index: int, seed: int) -> np.random.Generator:
    return np.random.default_rng((seed, index))


def _chunks(n: int) -> list[slice]:
    return [slice(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]


def _plan_one(index: int, seed: int) -> tuple[int, int, int]:
    """The index whose picture is shown (-1: a black image), the given label, the class drawn."""
    kind, which, relabel, drawn, wrong, other = _stream(index, seed).random(6)
    expression = int(np.searchsorted(np.cumsum(FREQUENCIES), drawn * sum(FREQUENCIES), "right"))
    if kind < CONSTANT:
        return -1, expression, expression
    if kind < CONSTANT + COPIES and index > 0:
        source, label, original = _plan_one(int(which * index), seed)
        return source, expression if relabel < RELABELLED else label, original
    label = expression
    if wrong < MISLABELLED[expression]:
        weights = np.cumsum(MISTAKEN_FOR[expression])
        label = int(np.searchsorted(weights, other * weights[-1], "right"))
    return index, label, expression


def _random(sources: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Uniform numbers (n, ...) and noise of mean 0 and variance 1 (n, 48, 48), both float32."""
    uniform = np.empty((len(sources), 1 + 2 * len(UNITS) + len(TRAITS)), np.float32)
    bytes_ = np.empty((len(sources), 4, SIZE, SIZE), np.uint8)
    for row, source in enumerate(sources):
        stream = _stream(max(int(source), 0), seed)
        stream.random(6)  # those of `_plan_one`
        uniform[row] = stream.random(uniform.shape[1], np.float32)
        bytes_[row] = stream.integers(0, 256, bytes_.shape[1:], np.uint8)
    mean, deviation = np.float32(510), np.float32(147.8)  # of the sum of four uniform bytes
    return uniform, (bytes_.sum(1, dtype=np.uint16) - mean) / deviation


def _drawn(rows: np.ndarray, seed: int) -> SimpleNamespace:
    """`images`, `masks` (n, len(REGIONS), 48, 48), `units` (n, len(UNITS)) and `geometry`."""
    sources, _, expressions = rows.T
    uniform, grain = _random(sources, seed)
    n = len(UNITS)
    overall, part, strength, traits = np.split(uniform, (1, 1 + n, 1 + 2 * n), axis=1)
    low, high = map(np.float32, INTENSITY)
    units = (low + (high - low) * overall) * (np.float32(0.7) + np.float32(0.4) * strength)
    units[part >= PRESENCE[expressions]] = 0
    face = geometry(traits, units)
    at = coordinates(face)
    images, hidden = paint(face, at, grain)
    masks = np.stack(list(regions(face, at).values()), axis=1) & ~hidden[:, None]
    black = sources < 0
    images[black], masks[black], units[black] = 0, False, 0
    return SimpleNamespace(images=images, masks=masks, units=units, geometry=face)


def _evidence(drawn: SimpleNamespace) -> np.ndarray:
    at_work = drawn.units > 0
    carries = (at_work[:, :, None] & _REGION_OF_UNIT).any(1)
    carries |= ~at_work.any(1, keepdims=True) & _NEUTRAL_REGIONS
    return (drawn.masks & carries[:, :, None, None]).any(1)


if __name__ == "__main__":
    from PIL import Image

    Image.fromarray(grid(seed=2).repeat(2, 0).repeat(2, 1)).save(sys.argv[1], optimize=True)
