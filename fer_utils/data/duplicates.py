"""Constant images, exact and near duplicates, contradicting labels.

Near duplicates are found in two steps:

1. Candidates: each image is compared with all others, these moved by each of `MOVES`, by the
   cosine of two whitened thumbnails (48 numbers per image). Whitening (a principal-component basis
   scaled to equal variance) takes out what all faces share, so that the cosine of unrelated faces
   stays near 0.
2. A candidate is aligned at full size by the affine motion that maximises the correlation
   (Evangelidis and Psarakis 2008, doi:10.1109/TPAMI.2008.113, `cv2.findTransformECC`). Two Pearson
   correlations decide: of the pixels, and of their details, the pixels without a Gaussian blur of
   themselves. Different faces in the same light agree in the first, seldom in the second.

A correlation does not change with brightness or contrast. Only the central part of an image is
compared, so that the border which a motion leaves behind does not count. bench/duplicates.json
says of which distortion how many copies are found.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from fer_utils.data.dataset import Dataset, hold_out
from fer_utils.fer2013 import SIZE, TRAINING
from fer_utils.files import cache_dir, cached

NEAR = 0.90  # pixel correlation of a near duplicate
DETAIL, COARSE = 0.825, 4.0  # correlation of its details; px, Gaussian sigma of what is none
COSINE = 0.75  # of whitened thumbnails: pairs below are not aligned
MARGIN, STEP, BLUR = 4, 3, 2.0  # px: thumbnail's border left out, sampling step, Gaussian sigma
COMPONENTS, SHRINKAGE = 48, 0.01  # shrinkage: share of the largest eigenvalue added to each
ROWS = 512  # images compared at once
ECC = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-4)  # steps, least gain

THRESHOLDS = {"fer2013": NEAR, "drawn": 0.98}  # drawn faces resemble one another more

MIDDLE = (SIZE - 1) / 2
ZOOMS = (1, 1 / 1.18, 1.18)
SHIFTS = ((0, 0), *product((-2.8, 2.8), repeat=2))  # (right, down), px
# (2, 3) each: from (x, y, 1) in an image to (x, y) in the one that it is compared with
MOVES = [
    np.array([(across, 0, MIDDLE * (1 - across) + right), (0, zoom, MIDDLE * (1 - zoom) + down)])
    for sign, zoom, (right, down) in product((1, -1), ZOOMS, SHIFTS)
    for across in [sign * zoom]
]


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
    bytes). Constant images are left out. FER2013 (35,887 images) takes about 130 CPU seconds.
    """
    rows = np.flatnonzero(~constant_images(images))
    images = images[rows]

    def aligned(pair) -> float:
        return _correlation(images[pair.first], images[pair.second], MOVES[pair.move], threshold)

    pairs = _candidates(images)
    with ThreadPoolExecutor() as threads:  # OpenCV works outside of the interpreter's lock
        correlation = list(threads.map(aligned, pairs.itertuples()))
    pairs = pairs.assign(correlation=np.array(correlation, np.float32))
    pairs = pairs[pairs["correlation"] >= threshold]
    pairs = pairs.sort_values("correlation", ascending=False, kind="stable")
    pairs = pairs.drop_duplicates(["first", "second"])
    same = images[pairs["first"]] == images[pairs["second"]]
    pairs = pairs.assign(exact=same.all(axis=(1, 2)))
    pairs = pairs.assign(first=rows[pairs["first"]], second=rows[pairs["second"]])
    pairs = pairs[["first", "second", "correlation", "mirrored", "exact"]]
    return pairs.sort_values(["first", "second"], ignore_index=True)


def find(dataset: Dataset) -> pd.DataFrame:
    """`near_duplicates` of a data set at its threshold of `THRESHOLDS`, kept in the cache."""
    threshold = THRESHOLDS[dataset.name]

    def make() -> dict[str, np.ndarray]:
        pairs = near_duplicates(dataset.images, threshold)
        return {name: pairs[name].to_numpy() for name in pairs}

    key = Path(__file__).read_text(encoding="utf-8") + str(threshold)
    return pd.DataFrame(cached(cache_dir() / f"pairs-{dataset.pixels}.npz", key, make))


def unseen(dataset: Dataset) -> np.ndarray:
    """(n,) bool, one value per held-out row (`hold_out`): no near duplicate in the part trained on.

    Only these may choose weights and recipes: a network recites the others.
    """
    fit, held_out = hold_out(dataset)
    in_fit = np.zeros(len(dataset.images), bool)
    in_fit[fit] = True
    pairs = find(dataset)
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    seen = np.concatenate([first[in_fit[second]], second[in_fit[first]]])
    return ~np.isin(held_out, seen)


def without_test_duplicates(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """(k,) bool: which of the images at `rows` (k,) have no near duplicate in the test splits."""
    tested = dataset.split != TRAINING
    pairs = find(dataset)
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    return ~np.isin(rows, np.concatenate([first[tested[second]], second[tested[first]]]))


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def _sampling(move: np.ndarray) -> np.ndarray:
    """(2304, 196) float32: weights that make of an image the thumbnail of the moved one, mean 0."""
    grid = np.arange(MARGIN, SIZE - MARGIN + 1, STEP) - 0.5
    points = np.array([(x, y, 1) for y, x in product(grid, repeat=2)]) @ move.T
    weights = np.exp(-(((points[..., None] - np.arange(SIZE)) / BLUR) ** 2) / 2)
    across, down = np.moveaxis(weights / weights.sum(axis=2, keepdims=True), 1, 0)
    sampling = np.einsum("ky,kx->yxk", down, across).reshape(SIZE * SIZE, -1)
    return (sampling - sampling.mean(axis=1, keepdims=True)).astype(np.float32)


def _whitened(images: np.ndarray) -> np.ndarray:
    """(moves, n, 48) float32, rows of length 1: of each image, moved by each of MOVES."""
    pixels = images.reshape(-1, SIZE * SIZE).astype(np.float32)
    thumbs = _unit(pixels @ _sampling(MOVES[0]))
    variances, axes = np.linalg.eigh(thumbs.T @ thumbs / max(len(thumbs), 1))
    variances, axes = variances[-COMPONENTS:], axes[:, -COMPONENTS:]
    scale = np.sqrt(np.maximum(variances, 0) + SHRINKAGE * variances[-1])
    axes = axes / np.maximum(scale, 1e-6)
    return np.stack([_unit(pixels @ (_sampling(move) @ axes)) for move in MOVES])


def _candidates(images: np.ndarray) -> pd.DataFrame:
    """Pairs `first` < `second`, `mirrored` or not, and the `move` by which they are most alike."""
    features, found = _whitened(images), []
    for start, move in product(range(0, max(len(images), 1), ROWS), range(len(MOVES))):
        cosines = features[0, start : start + ROWS] @ features[move, start:].T
        # np.nonzero of two dimensions is several times slower
        alike = np.flatnonzero(cosines >= COSINE)
        first, second = np.divmod(alike, cosines.shape[1])
        pairs = {"first": first + start, "second": second + start, "move": move}
        pairs = pd.DataFrame(pairs | {"cosine": cosines.ravel()[alike]})
        found.append(pairs[second > first])
    pairs = pd.concat(found)
    pairs = pairs.assign(mirrored=pairs["move"] >= len(MOVES) // 2)
    pairs = pairs.sort_values("cosine", ascending=False, kind="stable")
    return pairs.drop_duplicates(["first", "second", "mirrored"])


def _correlation(
    first: np.ndarray, second: np.ndarray, move: np.ndarray, threshold: float
) -> float:
    """Pixel correlation of two images, aligned from `move` unless that suffices; else -1."""
    first = first[MARGIN:-MARGIN, MARGIN:-MARGIN]
    motion = move.astype(np.float32)
    motion[:, 2] += MARGIN * motion[:, :2].sum(axis=1)
    correlation = _moved_correlation(first, second, motion)
    if correlation < threshold:
        try:
            _, motion = cv2.findTransformECC(first, second, motion, cv2.MOTION_AFFINE, ECC, None, 3)
            correlation = _moved_correlation(first, second, motion)
        except cv2.error:  # nothing to align by
            pass
    return correlation


def _moved_correlation(first: np.ndarray, second: np.ndarray, motion: np.ndarray) -> float:
    """Pearson correlation of the pixels, the second image moved; -1 if the details disagree."""
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(second, motion, first.shape, flags=how, borderMode=cv2.BORDER_REPLICATE)
    pair = np.stack([first, moved]).astype(np.float32)
    details = [image - cv2.GaussianBlur(image, (0, 0), COARSE) for image in pair]
    return _pearson(*pair) if _pearson(*details) >= DETAIL else -1.0


def _pearson(one: np.ndarray, other: np.ndarray) -> float:
    one, other = _unit(np.stack([part.ravel() - part.mean() for part in (one, other)]))
    return float(one @ other)
