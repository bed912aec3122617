"""FER2013 from whichever form lies on the disk, or else the drawn faces, behind a cache.

`python -m fer_utils.data [PATH]` says in one line what is found, or what is wrong with it.
"""

import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType

import numpy as np

from fer_utils.data import formats
from fer_utils.data.drawn import action_units, faces, renderer
from fer_utils.data.formats import Arrays, DataError
from fer_utils.fer2013 import CLASSES, PRIVATE, SPLITS, TRAINING
from fer_utils.files import cache_dir, data_dir, replacing

COMPRESSIONS = ("", ".gz", ".xz", ".zip")
FORMS = (
    "fer2013.csv or icml_face_data.csv or train.csv with test.csv (each also as .gz, .xz or .zip), "
    "or folders train/<class>/ and test/<class>/ of images"
)
HOLD_OUT_SEED = 2013


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with labels and splits, in the order of their source.

    name: "fer2013" or "drawn"
    source: one line, what was found and where
    images: (n, 48, 48) uint8
    labels: (n,) int8, index into CLASSES; -1 where the source gives none
    split: (n,) int8, index into SPLITS
    """

    name: str
    source: str
    images: np.ndarray
    labels: np.ndarray
    split: np.ndarray

    def part(self, split: int) -> tuple[np.ndarray, np.ndarray]:
        """(images, labels) of one split: TRAINING, PUBLIC or PRIVATE."""
        rows = self.split == split
        return self.images[rows], self.labels[rows]

    @cached_property
    def rows(self) -> str:
        """Fingerprint of labels and splits: 16 hexadecimal digits."""
        return _digest(self.labels.tobytes() + self.split.tobytes())

    @cached_property
    def pixels(self) -> str:
        """Fingerprint of the images: 16 hexadecimal digits."""
        return _digest(np.ascontiguousarray(self.images).data)


def load(dataset: str = "auto") -> Dataset:
    """The data set named by `dataset`.

    "auto": the path in the environment's FER_DATA, else what lies in data/, else the drawn faces;
    "fer2013": the same without the drawn faces; "drawn": only those; anything else: a path of a
    file, or of a folder to search.

    Raises DataError if the data are absent or not as expected.
    """
    files = source(dataset)
    return _fer2013(files) if files else _drawn()


def source(dataset: str = "auto") -> list[Path]:
    """What `load(dataset)` reads, as `find` gives it; [] for the drawn faces. Raises DataError."""
    if dataset == "drawn":
        return []
    named = os.environ.get("FER_DATA") if dataset in ("auto", "fer2013") else dataset
    if not named:
        files = find(data_dir())
        if files or dataset == "auto":
            return files
        raise DataError(
            f"no FER2013 in data/: run `make data`, or set FER_DATA, or put there {FORMS}"
        )
    path = Path(os.path.expanduser(named))
    if not path.exists():
        raise DataError(f"{named}: no such file or folder")
    files = find(path) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{named}: no FER2013 in this folder, expected {FORMS}")
    return files


def find(folder: Path) -> list[Path]:
    """The form of FER2013 in `folder`, or in the first folder below it that has one.

    Returns [CSV file], [train.csv, test.csv], [folder of train/ and test/], or [] if none is there.
    """
    if not folder.is_dir():
        return []
    below = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    for place in (folder, *below):
        for stems in (("fer2013",), ("icml_face_data",), ("train", "test")):
            files = [_csv_file(place, stem) for stem in stems]
            if files[0]:
                return [file for file in files if file]
        if (place / "train").is_dir():
            return [place]
    return []


def hold_out(dataset: Dataset, fraction: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Split the labelled Training rows into (fit_rows, held_out_rows), sorted indices of rows.

    `fraction` of every class is held out, the same rows each time. A row whose image is also
    held out, byte by byte, is in neither.
    Raises DataError if a class has too few rows for one of them to be held out.
    """
    # RandomState: NumPy promises that its streams never change (NEP 19)
    random = np.random.RandomState(HOLD_OUT_SEED)
    of_class = [
        np.flatnonzero((dataset.split == TRAINING) & (dataset.labels == label))
        for label in range(len(CLASSES))
    ]
    for name, rows in zip(CLASSES, of_class, strict=True):
        if not round(fraction * len(rows)):
            raise DataError(
                f"Training has {len(rows)} labelled images of {name!r}: too few to hold out "
                f"{fraction:.0%} of every class, by which epochs and weights are chosen"
            )
    held_out = np.sort(
        np.concatenate([random.permutation(r)[: round(fraction * len(r))] for r in of_class])
    )
    seen = {dataset.images[row].tobytes() for row in held_out}
    rows = np.sort(np.concatenate(of_class))
    fit = [row for row in rows if dataset.images[row].tobytes() not in seen]
    return np.array(fit, dtype=held_out.dtype), held_out


def _csv_file(folder: Path, stem: str) -> Path | None:
    paths = (folder / f"{stem}.csv{suffix}" for suffix in COMPRESSIONS)
    return next((path for path in paths if path.is_file()), None)


def _fer2013(files: list[Path]) -> Dataset:
    """Read [CSV file], [train.csv, test.csv] or [folder of train/ and test/]."""
    is_folder = files[0].is_dir()
    paths = [str(file.resolve()) for file in files]

    def parse() -> Arrays:
        if is_folder:
            return formats.read_folder(files[0])
        parts = [formats.read_csv(file) for file in files]
        return parts[0] if len(parts) == 1 else tuple(map(np.concatenate, zip(*parts, strict=True)))

    state = sorted(line for path in paths for line in _state(path))
    arrays = _cached("fer2013", " ".join(paths), "\n".join([_code(formats), *state]), parse)
    names = " and ".join(file.name for file in files)
    return Dataset("fer2013", f"FER2013 from {names}{'/' * is_folder}: {_counts(arrays)}", *arrays)


def _state(path: str) -> Iterator[str]:
    """Path, size and time of change of a file, or of every file below a folder (35,887 of them)."""
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        for name in os.listdir(path):
            yield from _state(f"{path}/{name}")
    else:
        yield f"{path}|{status.st_size}|{status.st_mtime_ns}"


def _drawn() -> Dataset:
    arrays = _cached("drawn", "", _code(faces, action_units, renderer), faces.dataset)
    return Dataset("drawn", f"drawn faces: {_counts(arrays)}", *arrays)


def _counts(arrays: Arrays) -> str:
    """The size of each split, and what the source left open."""
    _, labels, split = arrays
    sizes = np.bincount(split, minlength=len(SPLITS))
    counts = [f"{size:,} {name}" for size, name in zip(sizes, SPLITS, strict=True) if size]
    text = f"{', '.join(counts)} images"
    if unlabelled := np.count_nonzero(labels < 0):
        text += f"; {unlabelled:,} without a label"
    if not sizes[PRIVATE]:
        text += "; none is marked as PrivateTest"
    return text


def _cached(name: str, where: str, key: str, make: Callable[[], Arrays]) -> Arrays:
    """The arrays kept for the source `where` if its key is still `key`; else make and keep them.

    An entry is an uncompressed .npz, a zip archive: reading an array verifies its CRC-32.
    """
    path = cache_dir() / f"{name}-{_digest(where.encode())}.npz"
    key = _digest(key.encode())
    try:
        with np.load(path) as kept:
            if kept["key"] == key:
                return kept["images"], kept["labels"], kept["split"]
    except Exception:  # absent, or damaged in whichever way: it is made again
        pass
    images, labels, split = make()
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, key=key, images=images, labels=labels, split=split)
    return images, labels, split


def _code(*modules: ModuleType) -> str:
    return "".join(Path(module.__file__).read_text(encoding="utf-8") for module in modules)


def _digest(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def main() -> int:
    try:
        print(load(*sys.argv[1:2]).source)
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
