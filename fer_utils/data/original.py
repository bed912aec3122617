"""FER2013 itself, recognised in a copy whose images are stored in another way or another order.

Of each image of `fer2013.csv` there is a signature in `original.npz`, in that file's order: the
signs of 64 random projections of the means of 4 x 4 pixels (Charikar 2002, "Similarity estimation
techniques from rounding algorithms"), from which no picture can be made. A copy as JPEG differs
from it by a few bits. Each split and class has a mask of its own that the signature is combined
with: the same image under two labels has two signatures, and no label is told. Among images that
are nearly the same a checksum tells which is which, where the pixels are the original's.

    python -m fer_utils.data.original path/to/fer2013.csv      write original.npz again
"""

import argparse
import hashlib
import sys
import zlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fer_utils.data.formats import DataError, recognise
from fer_utils.data.formats.names import TEST
from fer_utils.fer2013 import CLASSES, PRIVATE, PUBLIC, SIZE, SPLITS
from fer_utils.files import read_arrays, write_arrays

FILE = Path(__file__).with_name("original.npz")
BLOCK = 4  # pixels
SIDE = SIZE // BLOCK
FLAT = 4.0  # grey levels; the means of all other images of FER2013 deviate by 8 and more
FARTHEST = 8  # bits by which a copy may differ; JPEG at quality 75 changes 4 at most
AT_ONCE = 100  # images that are compared with all others


class Marks(NamedTuple):
    """What images are known by: signatures (n,) uint64, checksums (n,) uint16."""

    signatures: np.ndarray
    checksums: np.ndarray


def marks(images: np.ndarray) -> Marks:
    """The marks of images (n, 48, 48) uint8; their signatures are without a mask."""
    signatures = []
    for start in range(0, len(images), AT_ONCE):
        blocks = images[start : start + AT_ONCE].reshape(-1, SIDE, BLOCK, SIDE, BLOCK)
        means = blocks.mean(axis=(2, 4), dtype=np.float32).reshape(len(blocks), -1)
        means -= means.mean(axis=1, keepdims=True)
        means[means.std(axis=1) < FLAT] = 0  # the signs would be those of noise
        signatures.append(np.packbits(means @ _projections() > 0, axis=1).view("<u8")[:, 0])
    checksums = np.array([zlib.crc32(image.tobytes()) & 0xFFFF for image in images], np.uint16)
    return Marks(np.concatenate(signatures), checksums)


@cache
def _projections() -> np.ndarray:
    """(144, 64) float32; NumPy promises that RandomState's streams never change (NEP 19)."""
    return np.random.RandomState(2013).standard_normal((SIDE**2, 64)).astype("f4")


@cache
def _masks() -> np.ndarray:
    """(3, 7) uint64 by split and class; any two differ by 22 bits or more."""
    drawn = np.random.RandomState(2013).bytes(8 * len(SPLITS) * len(CLASSES))
    return np.frombuffer(drawn, "<u8").reshape(len(SPLITS), len(CLASSES))


def arranged(
    images: np.ndarray, labels: np.ndarray, split: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Which row of a copy is which of the original's; None if these are not FER2013's images.

    Parameters
    ----------
    images
        (n, 48, 48) uint8
    labels
        (n,) int8, class index
    split
        (n,) int8, index into SPLITS, or TEST for one of both test splits

    Returns
    -------
    (order, split) or None
        (n,) int, the copy's row for each row of the original, so that `images[order]` has its
        order; (n,) int8, the original's splits.
    """
    stored = read_arrays(FILE)
    reference = Marks(stored["signatures"], stored["checksums"])
    if len(images) != len(reference.signatures) or labels.min() < 0:
        return None
    found = marks(images)
    if TEST not in split:
        apart = np.bitwise_count(_masked(found, split, labels) ^ reference.signatures)
        if apart.max() <= FARTHEST:
            return np.arange(len(images)), split
    order = _matched(found, labels, split, reference)
    if order is None:
        return None
    public = _masked(found, np.full_like(split, PUBLIC), labels)[order]
    is_public = np.bitwise_count(public ^ reference.signatures) <= FARTHEST
    test = np.where(is_public, np.int8(PUBLIC), np.int8(PRIVATE))
    return order, np.where(split[order] == TEST, test, split[order])


def images_hash(images: np.ndarray) -> str:
    """Fingerprint of images (n, 48, 48) uint8: 16 hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(images).data).hexdigest()[:16]


def has_pixels(images: np.ndarray) -> bool:
    """Whether images (n, 48, 48) uint8 are those of fer2013.csv, pixel by pixel, in its order."""
    return str(read_arrays(FILE)["pixels"]) == images_hash(images)


def _masked(given: Marks, split: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return given.signatures ^ _masks()[split, labels]


def _matched(
    found: Marks, labels: np.ndarray, split: np.ndarray, reference: Marks
) -> np.ndarray | None:
    """The one-to-one assignment with the fewest differing bits, as `arranged`'s order."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    undecided = split == TEST
    rows, columns, costs = [], [], []
    for assumed in (PUBLIC, PRIVATE):
        masked = _masked(found, np.where(undecided, np.int8(assumed), split), labels)
        chosen = np.flatnonzero(undecided) if assumed == PRIVATE else np.arange(len(split))
        for start in range(0, len(chosen), AT_ONCE):
            some = chosen[start : start + AT_ONCE]
            apart = np.bitwise_count(masked[some, None] ^ reference.signatures)
            row, column = np.nonzero(apart <= FARTHEST)
            other = found.checksums[some[row]] != reference.checksums[column]
            rows.append(some[row])
            columns.append(column)
            costs.append(1 + apart[row, column] + 0.5 * other)
    pairs = (np.concatenate(rows), np.concatenate(columns))
    graph = coo_array((np.concatenate(costs), pairs), (len(split), len(split))).tocsr()
    try:
        row, column = min_weight_full_bipartite_matching(graph)
    except ValueError:  # an image without a counterpart
        return None
    return row[np.argsort(column)]


def write(images: np.ndarray, labels: np.ndarray, split: np.ndarray) -> None:
    """Write `original.npz` from the original.

    Parameters
    ----------
    images
        (n, 48, 48) uint8, in the original's order.
    labels, split
        (n,) int8 each, as in `formats.Parsed`.
    """
    found = marks(images)
    signatures, pixels = _masked(found, split, labels), np.array(images_hash(images))
    arrays = {"signatures": signatures, "checksums": found.checksums, "pixels": pixels}
    write_arrays(FILE, arrays, compressed=False)


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Write original.npz, from fer2013.csv itself.")
    parser.add_argument("file", type=Path)
    try:
        parsed = recognise.at(parser.parse_args().file).parse()
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    write(parsed.images, parsed.labels, parsed.split)
    return 0


if __name__ == "__main__":
    sys.exit(main())
