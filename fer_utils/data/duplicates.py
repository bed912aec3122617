"""Constant images, exact and near duplicates, contradicting labels.

Near duplicates are found in three steps, each on the survivors of the one before:

1. every pair, also mirrored, by the cosine of two whitened thumbnails (48 numbers per image);
2. the same cosine with the second image moved by each of `SHIFTS`, which leaves no movement of
   up to 2 px further than 1 px away;
3. the Pearson correlation of the pixels at full size, at the best whole shift of up to 3 px.

Whitening (a principal-component basis scaled to equal variance) takes out what all faces share,
so that the cosine of unrelated faces stays near 0. A correlation does not change with brightness
or contrast. Only the central part of an image is compared, so that the border which a shift
leaves behind does not count.
"""

from itertools import product

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d

from fer_utils import provenance
from fer_utils.data.dataset import Dataset, validation_split
from fer_utils.fer2013 import SIZE, TRAINING
from fer_utils.files import cache_dir, cached

NEAR = 0.90  # pixel correlation of a near duplicate; at 0.85 half of FER2013's pairs are chance
LOOSE, TIGHT = 0.5, 0.75  # cosines that steps 1 and 2 let through
SHIFTS = ((0, 0), (-1, -2), (-2, 1), (1, 2), (2, -1))  # (down, right), px
REACH = 3  # px, the largest shift tried at full size
MARGIN, STEP, BLUR = 4, 3, 2.0  # px: thumbnail's border left out, sampling step, Gaussian sigma
COMPONENTS, SHRINKAGE = 48, 0.01  # shrinkage: share of the largest eigenvalue added to each
ROWS = 512  # images compared at once


THRESHOLDS = {"fer2013": NEAR, "drawn": 0.97}  # drawn faces resemble one another more


def constant_images(images: np.ndarray) -> np.ndarray:
    """(n,) bool: whether all pixels of an image are equal. `images` is (n, height, width)."""
    return (images == images[:, :1, :1]).all(axis=(1, 2))


def duplicate_groups(images: np.ndarray) -> np.ndarray:
    """(n,) int: for each image the first row that holds the same bytes (its own if it is new)."""
    first: dict[bytes, int] = {}
    return np.array([first.setdefault(image.tobytes(), row) for row, image in enumerate(images)])


def contradictions(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(k,) int: rows of images of which an identical copy has another label.

    Constant images show nothing that a label could contradict, and unlabelled ones (-1) have
    none: both are left out.
    """
    rows = np.flatnonzero(~constant_images(images) & (labels >= 0))
    groups = duplicate_groups(images[rows])
    return rows[pd.Series(labels[rows]).groupby(groups).transform("nunique").to_numpy() > 1]


def near_duplicates(images: np.ndarray, threshold: float = NEAR) -> pd.DataFrame:
    """Pairs of images that show the same picture, exact duplicates among them.

    Parameters: `images` (n, 48, 48) uint8; `threshold`, the least pixel correlation.
    Returns one row per pair: `first` < `second` (rows of `images`), `correlation` (the larger of
    direct and mirrored), `mirrored` (bool: the larger is the mirrored one), `exact` (bool: same
    bytes). Constant images are left out. FER2013 (35,887 images) takes about 15 s of one core.
    """
    rows = np.flatnonzero(~constant_images(images))
    images = images[rows]
    features = _whitened(images)
    found = [_compare(images, features, start, threshold) for start in range(0, len(rows), ROWS)]
    pairs = pd.concat([_no_pairs(), *found])
    pairs = pairs.sort_values("correlation", ascending=False, kind="stable")
    pairs = pairs.drop_duplicates(["first", "second"])
    same = images[pairs["first"]] == images[pairs["second"]]
    pairs = pairs.assign(exact=same.all(axis=(1, 2)), mirrored=pairs["mirrored"].astype(bool))
    pairs = pairs.assign(first=rows[pairs["first"]], second=rows[pairs["second"]])
    return pairs.sort_values(["first", "second"], ignore_index=True)


def find(dataset: Dataset) -> pd.DataFrame:
    """`near_duplicates` of a data set at its threshold of `THRESHOLDS`, kept in the cache."""
    threshold = THRESHOLDS[dataset.name]

    def make() -> dict[str, np.ndarray]:
        pairs = near_duplicates(dataset.images, threshold)
        return {name: pairs[name].to_numpy() for name in pairs}

    key = provenance.key("data.duplicates:near_duplicates", threshold)
    return pd.DataFrame(cached(cache_dir() / f"pairs-{dataset.images_hash}.npz", key, make))


def duplicate_free_validation(dataset: Dataset) -> np.ndarray:
    """(n,) bool over the validation set's rows: no near duplicate in the part trained on.

    Only these may select checkpoints and recipes: a network memorises the others.
    """
    fit, validation = validation_split(dataset)
    in_fit = np.zeros(len(dataset.images), bool)
    in_fit[fit] = True
    pairs = find(dataset)
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    seen = np.concatenate([first[in_fit[second]], second[in_fit[first]]])
    return ~np.isin(validation, seen)


def without_test_duplicates(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """(k,) bool: which of the images at `rows` (k,) have no near duplicate in the test splits."""
    tested = dataset.split != TRAINING
    pairs = find(dataset)
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    return ~np.isin(rows, np.concatenate([first[tested[second]], second[tested[first]]]))


def _no_pairs() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "first": np.empty(0, int),
            "second": np.empty(0, int),
            "correlation": np.empty(0, np.float32),
            "mirrored": np.empty(0, bool),
        }
    )


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows with mean 0 and length 1, so that a dot product is a Pearson correlation."""
    rows = rows - rows.mean(axis=1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def _thumbnails(images: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    """(n, 196) float32: blurred, sampled every 3 px from `shift`, mean 0 and length 1."""
    blur = gaussian_filter1d(np.eye(SIZE), BLUR, axis=0).astype(np.float32)
    down, right = (blur[MARGIN + s : SIZE - MARGIN + 1 + s : STEP] for s in shift)
    parts = [np.empty((0, len(down) * len(right)), np.float32)]
    for start in range(0, len(images), ROWS):
        thumbs = down @ (images[start : start + ROWS].astype(np.float32) @ right.T)
        parts.append(_unit(thumbs.reshape(len(thumbs), -1)))
    return np.concatenate(parts)


def _whitened(images: np.ndarray) -> np.ndarray:
    """(2, shifts, n, 48) float32, rows of length 1: direct and mirrored, for each of SHIFTS."""
    base = _thumbnails(images, (0, 0))
    variances, axes = np.linalg.eigh(base.T @ base / max(len(base), 1))
    variances, axes = variances[-COMPONENTS:], axes[:, -COMPONENTS:]
    scale = np.sqrt(np.maximum(variances, 0) + SHRINKAGE * variances[-1])
    axes = axes / np.maximum(scale, 1e-6)
    features = np.empty((2, len(SHIFTS), len(images), COMPONENTS), np.float32)
    for mirrored, source in enumerate((images, images[:, :, ::-1])):
        for k, shift in enumerate(SHIFTS):
            projected = _thumbnails(source, shift) @ axes
            length = np.linalg.norm(projected, axis=1, keepdims=True)
            features[mirrored, k] = projected / np.maximum(length, 1e-6)
    return features


def _compare(
    images: np.ndarray, features: np.ndarray, start: int, threshold: float
) -> pd.DataFrame:
    """Near duplicates of rows `start` .. `start + ROWS` among themselves and the rows after."""
    queries = features[0, 0]
    found = [_no_pairs()]
    for mirrored in (False, True):
        shifted = features[int(mirrored)]
        alike = queries[start : start + ROWS] @ shifted[0, start:].T >= LOOSE
        # np.nonzero of two dimensions is several times slower
        first, second = np.divmod(np.flatnonzero(alike), alike.shape[1])
        first, second = first[second > first] + start, second[second > first] + start
        cosine = np.full(len(first), -1, np.float32)
        for other in shifted:
            np.maximum(cosine, _dot(queries[first], other[second]), out=cosine)
        first, second = first[cosine >= TIGHT], second[cosine >= TIGHT]
        correlation = _best_correlation(images, first, second, mirrored)
        pairs = {"first": first, "second": second, "correlation": correlation}
        found.append(pd.DataFrame(pairs)[correlation >= threshold].assign(mirrored=mirrored))
    return pd.concat(found)


def _dot(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", one, other)


def _best_correlation(
    images: np.ndarray, first: np.ndarray, second: np.ndarray, mirrored: bool
) -> np.ndarray:
    """(pairs,) float32: pixel correlation at the best of the (2 * REACH + 1)^2 whole shifts."""
    best = np.full(len(first), -1, np.float32)
    for start in range(0, len(first), ROWS):
        chunk = slice(start, start + ROWS)
        others = images[second[chunk]]
        if mirrored:
            others = others[:, :, ::-1]
        middle = _crop(images[first[chunk]], 0, 0)
        for down, right in product(range(-REACH, REACH + 1), repeat=2):
            np.maximum(best[chunk], _dot(middle, _crop(others, down, right)), out=best[chunk])
    return best


def _crop(images: np.ndarray, down: int, right: int) -> np.ndarray:
    """(n, 40 * 40) float32: the central part, moved by the shift, mean 0 and length 1."""
    size = SIZE - 2 * MARGIN
    top, left = MARGIN + down, MARGIN + right
    part = images[:, top : top + size, left : left + size]
    return _unit(part.reshape(len(part), -1).astype(np.float32))
