"""From images to what a network sees: normalisation, and the x13 and x20 transforms."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np

from fer_utils.fer2013 import SIZE


@dataclass(frozen=True)
class Transform:
    """A fixed warp of an image: mirror, then rotate about the centre, then shift.

    `right` and `down` are in pixels, `degrees` counter-clockwise as seen.
    """

    right: int = 0
    down: int = 0
    mirror: bool = False
    degrees: float = 0.0

    def __str__(self) -> str:
        parts = ["mirror"] if self.mirror else []
        if self.degrees:
            parts.append(f"rotate {self.degrees:+g}°")
        for amount, towards, away in ((self.right, "right", "left"), (self.down, "down", "up")):
            if amount:
                parts.append(f"{towards if amount > 0 else away} {abs(amount)} px")
        return ", ".join(parts) or "original"


def _shifts(by: int, mirror: bool = False) -> tuple[Transform, ...]:
    """Left, right, up and down by as many pixels."""
    return tuple(
        Transform(right, down, mirror) for right, down in ((-by, 0), (by, 0), (0, -by), (0, by))
    )


def _moves(shift: int, degrees: float, mirror: bool = False) -> tuple[Transform, ...]:
    """The four shifts, and both rotations by `degrees`."""
    rotations = (Transform(mirror=mirror, degrees=angle) for angle in (-degrees, degrees))
    return (*_shifts(shift, mirror), *rotations)


_X13 = (Transform(), *_moves(4, 10), *_moves(4, 10, mirror=True))
_X20 = (*_X13, Transform(mirror=True), *_moves(7, 5))

#: The homework moves, mirrors and rotates each image into 13 or 20; the exact lists are ours.
SHIPPED: Mapping[str, tuple[Transform, ...]] = MappingProxyType(
    {"x1": (Transform(),), "x13": _X13, "x20": _X20}
)
#: The same, to which a notebook may add sets of its own.
TRANSFORMS = dict(SHIPPED)


@cache
def _warp_tables(transforms: tuple[Transform, ...], fill: str) -> tuple[np.ndarray, np.ndarray]:
    """Bilinear warps as tables over the flattened image.

    Returns `source` (t, 4, SIZE²) int32, the four pixels that each pixel is made from (SIZE² stands
    for an extra black pixel), and `weight` (t, 4, SIZE²) float32.
    """
    centre = (SIZE - 1) / 2
    y, x = np.mgrid[:SIZE, :SIZE].reshape(2, -1) - centre
    sources, weights = [], []
    for transform in transforms:
        angle = np.deg2rad(transform.degrees)
        shifted_x, shifted_y = x - transform.right, y - transform.down
        from_x = np.cos(angle) * shifted_x - np.sin(angle) * shifted_y
        from_y = np.sin(angle) * shifted_x + np.cos(angle) * shifted_y
        from_x = centre + (-from_x if transform.mirror else from_x)
        from_y = centre + from_y
        left, top = np.floor(from_x).astype(int), np.floor(from_y).astype(int)
        beyond_left, beyond_top = from_x - left, from_y - top
        corners = []
        for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
            weight = np.abs(1 - down - beyond_top) * np.abs(1 - right - beyond_left)
            corners.append((_pixel(left + right, top + down, fill), weight))
        sources.append([pixel for pixel, _ in corners])
        weights.append([weight for _, weight in corners])
    return np.array(sources, np.int32), np.array(weights, np.float32)


def _pixel(x: np.ndarray, y: np.ndarray, fill: str) -> np.ndarray:
    """Flat index of pixel (x, y); outside the image the black pixel, or the reflected one."""
    if fill == "reflect":
        period = 2 * (SIZE - 1)
        x, y = (SIZE - 1 - np.abs(SIZE - 1 - c % period) for c in (x, y))
        return y * SIZE + x
    inside = (x >= 0) & (x < SIZE) & (y >= 0) & (y < SIZE)
    return np.where(inside, y * SIZE + x, SIZE * SIZE)


def augment(
    images: np.ndarray,
    which: np.ndarray,
    transforms: tuple[Transform, ...],
    fill: str = "zero",
) -> np.ndarray:
    """Each image under one of the transforms, bilinearly.

    As `scipy.ndimage.affine_transform` with order 1 and mode "grid-constant" or "mirror", from
    tables, which is quicker.

    Parameters
    ----------
    images
        (n, 48, 48) uint8.
    which
        (n,) int: image i is put under `transforms[which[i]]`.
    transforms
        Such as `TRANSFORMS["x20"]`.
    fill
        What comes in from outside: "zero", black pixels, or "reflect", the image mirrored at its
        outermost pixels.

    Returns
    -------
    numpy.ndarray
        (n, 48, 48) float32 in [0, 255].
    """
    if transforms == (Transform(),):
        return images.astype(np.float32)
    source, weight = _warp_tables(transforms, fill)
    pixels = np.zeros((len(images), SIZE * SIZE + 1), np.float32)
    pixels[:, :-1] = images.reshape(len(images), -1)
    warped = np.zeros((len(images), SIZE * SIZE), np.float32)
    for transform in np.unique(which):
        rows = np.flatnonzero(which == transform)
        block = pixels[rows]
        for corner in range(4):
            factor = weight[transform, corner]
            if factor.any():
                warped[rows] += factor * np.take(block, source[transform, corner], axis=1)
    return warped.reshape(-1, SIZE, SIZE)


#: Bounds of the random transforms, of which `augment_randomly` draws one for each image.
RANDOM_SHIFT, RANDOM_DEGREES, RANDOM_SCALE, CUTOUT = 5.0, 12.0, (0.85, 1.12), 12


def augment_randomly(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image mirrored or not, shifted, rotated, scaled; a square cut out (arXiv 1708.04552).

    images (n, 48, 48) uint8 -> (n, 48, 48) float32 in [0, 255]; what lies outside is 0, the square,
    of CUTOUT x CUTOUT pixels and cut off at the border, is the image's mean.
    """
    import cv2

    n, centre = len(images), (SIZE - 1) / 2
    shift = rng.uniform(-RANDOM_SHIFT, RANDOM_SHIFT, (n, 2))
    angle = np.deg2rad(rng.uniform(-RANDOM_DEGREES, RANDOM_DEGREES, n))
    scale, mirrored = rng.uniform(*RANDOM_SCALE, n), rng.integers(0, 2, n) * -2 + 1
    corners = rng.integers(-CUTOUT // 2, SIZE - CUTOUT // 2, (n, 2))
    warped = np.empty((n, SIZE, SIZE), np.float32)
    for i, image in enumerate(images):
        cos, sin = scale[i] * np.cos(angle[i]), scale[i] * np.sin(angle[i])
        turn = np.array([[mirrored[i] * cos, -sin], [mirrored[i] * sin, cos]])
        offset = centre - turn @ (centre, centre) + shift[i]
        matrix = np.column_stack([turn, offset])
        warped[i] = cv2.warpAffine(image.astype(np.float32), matrix, (SIZE, SIZE))
        top, left = np.maximum(corners[i], 0)
        bottom, right = corners[i] + CUTOUT
        warped[i, top:bottom, left:right] = warped[i].mean()
    return warped


def normalise(images: np.ndarray, per_image: bool) -> np.ndarray:
    """What a network sees: images (n, 48, 48), 0..255 -> (n, 48, 48, 1) float32.

    per_image: (image - mean) / std as in the homework, a constant image giving zeros;
    otherwise the grey values scaled to [0, 1].
    """
    images = np.asarray(images, np.float32)
    if per_image:
        images = images - images.mean(axis=(1, 2), keepdims=True)
        deviation = images.std(axis=(1, 2), keepdims=True)
        images = images / np.where(deviation < 1e-3, 1, deviation)
    else:
        images = images / 255
    return images[..., None]
