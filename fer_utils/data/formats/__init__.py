"""The forms in which people have FER2013, recognised by their content and parsed strictly.

A place (folder, zip or tar archive) holds members; `recognise` finds the form in it: a table
(CSV or Parquet) or pictures in `<split>/<class>/`. What is skipped or not read is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

MOST_IMAGES = 100_000  # in one form


class DataError(Exception):
    """What is wrong with the data, in one line: file, row or path, and what was expected."""


class NothingError(DataError):
    """There is nothing, but perhaps a README; `skipped` says what was skipped by its name."""

    def __init__(self, message: str, skipped: str = ""):
        super().__init__(message)
        self.skipped = skipped


@dataclass(frozen=True, eq=False)
class Parsed:
    """What was read.

    where: in words, such as "fer2013.csv in archive.zip"
    images: (n, 48, 48) uint8
    labels: (n,) int8, index into CLASSES, or -1 without a label
    split: (n,) int8, index into SPLITS, or `names.TEST`: a test image of either test split
    notes: what the first line has to say about it
    """

    where: str
    images: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    notes: tuple[str, ...] = ()


def shown(text: str, longest: int = 200) -> str:
    """A name or a field on one line, printable in any terminal that can print the rest."""
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= longest else f"{text[:longest]}..."


def joined(names: Sequence[str], most: int = 5) -> str:
    """Names as a list in words, the first `most` of them: "a, b and c", "a, b and 7 more"."""
    names = list(names)
    if len(names) > most:
        names[most:] = [f"{len(names) - most:,} more"]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def progress(what: str, **options) -> tqdm:
    """A bar that shows up after a second, and only in a terminal; `options` are tqdm's."""
    return tqdm(desc=f"reading {what}", delay=1, disable=None, leave=False, **options)
