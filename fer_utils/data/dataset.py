"""FER2013 from whichever form lies on the disk, or else the drawn faces, behind a cache.

`python -m fer_utils.data [PATH]` says in one line what is found, or what is wrong with it.
"""

import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from fer_utils import provenance
from fer_utils.data import original
from fer_utils.data.drawn import faces
from fer_utils.data.formats import DataError, NothingError, recognise
from fer_utils.data.formats.names import decided
from fer_utils.data.formats.recognise import Form
from fer_utils.data.formats.unread import EXPECTED
from fer_utils.fer2013 import CLASSES, PRIVATE, SIZES, SPLITS, TRAINING
from fer_utils.files import FolderError, cache_dir, cached, data_dir, escape_unprintable, state

NAMES = ("auto", "fer2013", "drawn")  # what `load` takes besides paths
VALIDATION_SEED = 2013
VALIDATION_SHARE = 0.1  # of every class of Training


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images with labels and splits, in the order of their source.

    name: "fer2013" or "drawn"
    source: one line, what was found and where
    images: (n, 48, 48) uint8
    labels: (n,) int8, index into CLASSES; -1 where the source gives none
    split: (n,) int8, index into SPLITS
    original: whether these are FER2013's images, labels and splits in the order of fer2013.csv; a
        copy of it may have other pixels, as JPEG has
    """

    name: str
    source: str
    images: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    original: bool = False

    def __repr__(self) -> str:
        return self.source

    @property
    def title(self) -> str:
        """What it is, for a title page: "FER2013", "drawn faces", or how far it is from FER2013."""
        if self.name == "drawn" or self.original:
            return "drawn faces" if self.name == "drawn" else "FER2013"
        found = np.bincount(self.split, minlength=len(SPLITS)).tolist()
        if found == list(SIZES):
            return "FER2013's form, not the original: other images or labels"
        sizes = [" / ".join(f"{n:,}" for n in row) for row in (found, SIZES)]
        return f"FER2013's form, not the original: {sizes[0]} of {sizes[1]} images"

    def part(self, split: int) -> tuple[np.ndarray, np.ndarray]:
        """(images, labels) of one split: TRAINING, PUBLIC or PRIVATE."""
        rows = self.split == split
        return self.images[rows], self.labels[rows]

    @cached_property
    def labels_hash(self) -> str:
        """Fingerprint of labels and splits: 16 hexadecimal digits."""
        return _digest(self.labels.tobytes() + self.split.tobytes())

    @cached_property
    def images_hash(self) -> str:
        """Fingerprint of the images: 16 hexadecimal digits."""
        return original.images_hash(self.images)


def load(dataset: str = "auto") -> Dataset:
    """The data set named by `dataset`.

    "auto": the path in the environment's FER_DATA, else what lies in data/, else the drawn faces;
    "fer2013": the same without the drawn faces; "drawn": only those, all three also in capitals;
    anything else: the path of a file, or of a folder to search.

    Raises DataError if the data are absent or not as expected.
    """
    form = _form(dataset)
    return _fer2013(form) if form else _drawn()


def source(dataset: str = "auto") -> list[Path]:
    """The files and folders that `load(dataset)` reads; [] for the drawn faces. Raises DataError.

    They are recognised by their beginnings, not yet read to the end.
    """
    form = _form(dataset)
    return list(form.sources) if form else []


def folders(dataset: str, files: Sequence[Path]) -> list[Path]:
    """Return the folders in which files that belong to the data are looked for.

    They lie beside the `files` that `load(dataset)` reads, and from there up to the folder named.
    """
    place, found = _place(dataset), []
    for path in files:
        beside = path if path.is_dir() else path.parent
        found += [beside, *(up for up in beside.parents if place and up.is_relative_to(place))]
    return list(dict.fromkeys(found))


def named(dataset: str) -> str:
    """`dataset` as in NAMES if it is one of them in any case; else as it is: a path."""
    return dataset.lower() if dataset.lower() in NAMES else dataset


def path_named(dataset: str, given: str) -> Path | None:
    """The absolute path that `dataset` is or, where it is one of NAMES, `given`; None for ""."""
    path = given if named(dataset) in NAMES else dataset
    return Path(os.path.abspath(os.path.expanduser(path))) if path else None


def _place(dataset: str) -> Path | None:
    """Where `load(dataset)` looks: the path that was named, or data/; None for the drawn faces."""
    if named(dataset) == "drawn":
        return None
    return path_named(dataset, os.environ.get("FER_DATA", "")) or data_dir()


def _form(dataset: str) -> Form | None:
    """What is found, or None: the drawn faces. Raises DataError."""
    path = _place(dataset)
    if path is None:
        return None
    try:
        return recognise.at(path)
    except NothingError as error:
        if path != data_dir():
            raise
        if named(dataset) == "auto":
            if error.skipped:
                print(f"skipped in data/: {error.skipped}")
            return None
        raise DataError(
            f"no FER2013 in data/: run `make data`, set FER_DATA, or put there {EXPECTED}"
        ) from None


def validation_split(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Split the labelled Training rows into (fit_rows, validation_rows), sorted indices of rows.

    VALIDATION_SHARE of every class is the validation set, the same rows each time. A row whose
    image is also in the validation set, byte by byte, is in neither.
    Raises DataError if a class has too few rows for one of them to be in it.
    """
    # RandomState: NumPy promises that its streams never change (NEP 19)
    random = np.random.RandomState(VALIDATION_SEED)
    of_class = [
        np.flatnonzero((dataset.split == TRAINING) & (dataset.labels == label))
        for label in range(len(CLASSES))
    ]
    sizes = [round(VALIDATION_SHARE * len(rows)) for rows in of_class]
    for name, rows, size in zip(CLASSES, of_class, sizes, strict=True):
        if not size:
            raise DataError(
                f"Training has {len(rows)} labelled images of {name!r}: too few for a validation "
                f"set of {VALIDATION_SHARE:.0%} of every class, by which epochs and weights are "
                "chosen"
            )
    drawn = [random.permutation(rows)[:size] for rows, size in zip(of_class, sizes, strict=True)]
    validation = np.sort(np.concatenate(drawn))
    seen = {dataset.images[row].tobytes() for row in validation}
    rows = np.sort(np.concatenate(of_class))
    fit = [row for row in rows if dataset.images[row].tobytes() not in seen]
    return np.array(fit, dtype=validation.dtype), validation


def _fer2013(form: Form) -> Dataset:
    paths = [path.resolve() for path in form.sources]
    name = _digest("\n".join(map(str, paths)).encode(errors="surrogateescape"))
    signatures = original.FILE.read_bytes()
    key = provenance.key(recognise.at, signatures, form.where, *map(state, paths))
    key = provenance.key(_parsed, key)
    arrays = cached(cache_dir() / f"parsed-{name}.npz", key, lambda: _parsed(form))
    where, *notes = arrays.pop("about").tolist()
    is_original = bool(arrays.pop("original"))
    dataset = Dataset("fer2013", "", **arrays, original=is_original)
    return _with_source(dataset, where, (*notes, *form.notes))


def _parsed(form: Form) -> dict[str, np.ndarray]:
    """The arrays of a form; the original's images are put into its order."""
    parsed = form.parse()
    images, labels, notes = parsed.images, parsed.labels, parsed.notes
    found = original.arranged(images, labels, parsed.split)
    if found is None:
        split, remarks = decided(parsed.split)
        notes += remarks
    else:
        order, split = found
        if np.any(order[1:] < order[:-1]):
            images, labels = images[order], labels[order]
            notes += ("put into the order of fer2013.csv",)
        if not original.has_pixels(images):
            notes += ("not the pixels of fer2013.csv, as in a copy as JPEG",)
    about = np.array([parsed.where, *notes])
    arrays = {"images": images, "labels": labels, "split": split, "about": about}
    return arrays | {"original": np.array(found is not None)}


def _drawn() -> Dataset:
    def make() -> dict[str, np.ndarray]:
        return dict(zip(("images", "labels", "split"), faces.dataset(), strict=True))

    arrays = cached(cache_dir() / "drawn.npz", provenance.key(faces.dataset), make)
    found = f"drawn faces: {_counts(arrays['split'])} images"
    return Dataset("drawn", found, **arrays, original=False)


def _with_source(dataset: Dataset, where: str, notes: Sequence[str]) -> Dataset:
    """The data set with its `source`: what it is, from where, how many, and what is to be said."""
    labels, split = dataset.labels, dataset.split
    if unlabelled := np.count_nonzero(labels < 0):
        notes = (f"{unlabelled:,} without a label", *notes)
    if PRIVATE not in split:
        notes = ("none is marked as PrivateTest", *notes)
    title = dataset.title if dataset.original else f"{dataset.title};"
    line = "; ".join([f"{title} from {where}: {_counts(split)} images", *notes])
    return replace(dataset, source=line)


def _counts(split: np.ndarray) -> str:
    """The size of each split that there is: "4,000 Training, 1,000 PublicTest"."""
    sizes = np.bincount(split, minlength=len(SPLITS))
    return ", ".join(f"{n:,} {name}" for n, name in zip(sizes, SPLITS, strict=True) if n)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def main() -> int:
    """Command line; returns the exit status."""
    escape_unprintable()  # names may be in any script
    try:
        print(load(*sys.argv[1:2]).source)
    except (DataError, FolderError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
