"""The forms in which people have FER2013, parsed strictly.

CSV files (plain, .gz, .xz, .zip): `fer2013.csv`, `icml_face_data.csv`, and the competition's
`train.csv` and `test.csv`. Folders: `train/<class>/*.jpg|png` and `test/<class>/...`.
Every parser returns `(images, labels, split)`: (n, 48, 48) uint8, (n,) int8 class index or -1
without a label, (n,) int8 index into SPLITS. Rows are counted from 1, without the header.
"""

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from fer_utils.fer2013 import CLASSES, PRIVATE, PUBLIC, SIZE, SPLITS, TRAINING

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]

PIXELS = SIZE * SIZE
BATCH_BYTES = 1 << 18  # about 32 rows: the parser's temporary arrays stay in the CPU's cache
# columns that must be there, by file name; any other name needs all three
REQUIRED = {"train": ("emotion", "pixels"), "test": ("pixels",)}
ALL_COLUMNS = ("emotion", "pixels", "usage")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
# class folders sort differently from the CSV's numbers, so they are mapped by name
CLASS_OF = {name: index for index, name in enumerate(CLASSES)} | {
    "anger": 0,
    "disgusted": 1,
    "fearful": 2,
    "happiness": 3,
    "sadness": 4,
    "surprised": 5,
}
LABEL_OF = {str(index).encode(): index for index in range(len(CLASSES))}
SPLIT_OF = {name.encode(): index for index, name in enumerate(SPLITS)}
UNREADABLE = (OSError, EOFError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


class DataError(Exception):
    """What is wrong with the data, in one line: file, row or path, and what was expected."""


def read_csv(path: Path) -> Arrays:
    """Parse one CSV file; columns may be in any order. `Usage` may be absent in train.csv
    (all Training) and test.csv (all PublicTest), `emotion` in test.csv (-1).

    Raises DataError naming the file, and the row, at the first thing that is not as expected.
    """
    columns: list[str] = []
    rows: list[Arrays] = []
    count = 0
    for lines in _batches(path):
        if not columns:
            columns = _columns(path, lines.pop(0))
        lines = [line for line in lines if not line.isspace()]
        if lines:
            rows.append(_parse(path, columns, count + 1, lines))
        count += len(lines)
    if not columns:
        raise DataError(f"{path.name}: an empty file, expected a header and one row per image")
    if not rows:
        raise DataError(f"{path.name}: a header without rows, expected one row per image")
    images, labels, split = (np.concatenate(arrays) for arrays in zip(*rows, strict=True))
    return images, labels, split


def _batches(path: Path) -> Iterator[list[bytes]]:
    """The lines of a file, about BATCH_BYTES at a time, under a progress bar.

    A thread reads and decompresses the next batch meanwhile.
    """
    try:
        with (
            path.open("rb") as raw,
            io.BufferedReader(_decompressed(path, raw), 1 << 20) as file,
            _progress(path.name, total=path.stat().st_size, unit="B", unit_scale=True) as bar,
            ThreadPoolExecutor(1) as reader,
        ):
            upcoming = reader.submit(file.readlines, BATCH_BYTES)
            while lines := upcoming.result():
                upcoming = reader.submit(file.readlines, BATCH_BYTES)
                bar.update(raw.tell() - bar.n)
                yield lines
    except UNREADABLE as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path.name}: cannot be read to its end ({reason})") from error


def _progress(what: str, **options) -> tqdm:
    """A bar that shows up after a second, and only in a terminal."""
    return tqdm(desc=f"reading {what}", delay=1, disable=None, leave=False, **options)


def _decompressed(path: Path, raw: io.BufferedReader) -> io.BufferedIOBase:
    match path.suffix.lower():
        case ".gz":
            return gzip.GzipFile(fileobj=raw)
        case ".xz":
            return lzma.LZMAFile(raw)
        case ".zip":
            archive = zipfile.ZipFile(raw)
            names = [name for name in archive.namelist() if Path(name).suffix == ".csv"]
            if len(names) != 1:
                raise DataError(f"{path.name}: {len(names)} .csv files in it, expected one")
            return archive.open(names[0])
        case _:
            return raw


def _columns(path: Path, header: bytes) -> list[str]:
    names = header.decode("utf-8-sig", errors="replace").split(",")
    columns = [name.strip(' "\t\r\n').lower() for name in names]
    required = REQUIRED.get(path.name.split(".")[0].lower(), ALL_COLUMNS)
    if not set(required) <= set(columns):
        raise DataError(
            f'{path.name}: the columns are "{_shown(header)}", expected {", ".join(required)}'
        )
    return columns


def _shown(text: bytes) -> str:
    """The first characters of a field, printable."""
    shown = text.strip().decode("ascii", errors="backslashreplace")
    return shown if len(shown) <= 40 else f"{shown[:40]}..."


def _parse(path: Path, columns: list[str], first: int, lines: list[bytes]) -> Arrays:
    """Parse the data rows `lines`, the first of which is row number `first`."""

    def wrong(index: int, found: str, expected: str) -> DataError:
        return DataError(f"{path.name}, row {first + index}: {found}, expected {expected}")

    rows = [[field.strip(b' "\t\r\n') for field in line.split(b",")] for line in lines]
    for index, row in enumerate(rows):
        if len(row) != len(columns):
            raise wrong(index, f"{len(row)} columns", str(len(columns)))
    fields = dict(zip(columns, zip(*rows, strict=True), strict=True))

    def numbers(column: str, number_of: dict[bytes, int], absent: int, expected: str) -> np.ndarray:
        texts = fields.get(column)
        found = [number_of.get(text) for text in texts] if texts else [absent] * len(rows)
        if None in found:
            index = found.index(None)
            raise wrong(index, f'{column} "{_shown(texts[index])}"', expected)
        return np.array(found, np.int8)

    images = _fast_images(fields["pixels"])
    if images is None:
        images = np.stack(
            [_image_of(text, partial(wrong, index)) for index, text in enumerate(fields["pixels"])]
        )
    labels = numbers("emotion", LABEL_OF, -1, "an integer in 0..6")
    implied = PUBLIC if path.name.lower().startswith("test") else TRAINING
    split = numbers("usage", SPLIT_OF, implied, f"one of {', '.join(SPLITS)}")
    return images, labels, split


def _fast_images(texts: Sequence[bytes]) -> np.ndarray | None:
    """(n, 48, 48) uint8 of n pixel texts, by arithmetic on all their bytes at once.

    Accepts only 2304 numbers of one to three digits, at most 255, one space between them;
    None if any text is anything else.
    """
    digits = np.frombuffer(b" ".join([b"   ", *texts, b""]), np.uint8) - np.uint8(ord("0"))
    is_space = digits == (ord(" ") - ord("0")) % 256
    ends = np.flatnonzero(is_space[3:])[1:]  # the space after each number, less 3
    rows_end = np.cumsum([len(text) + 1 for text in texts])
    if len(ends) != PIXELS * len(texts) or np.any(ends[PIXELS - 1 :: PIXELS] != rows_end):
        return None
    hundreds, tens, ones = (digits[shift:].take(ends) for shift in range(3))
    has_tens = tens < 10
    has_hundreds = has_tens & (hundreds < 10)
    tens *= has_tens
    hundreds *= has_hundreds
    rest = tens * np.uint8(10) + ones
    counted = len(ends) + np.count_nonzero(has_tens) + np.count_nonzero(has_hundreds)
    if (
        ones.max() > 9  # two spaces, or not a digit
        or counted != len(digits) - len(ends) - 4  # a longer number, or not a digit
        or np.any((hundreds > 2) | (hundreds == 2) & (rest > 55))
    ):
        return None
    return (hundreds * np.uint8(100) + rest).reshape(-1, SIZE, SIZE)


def _image_of(text: bytes, wrong: Callable[[str, str], DataError]) -> np.ndarray:
    """(48, 48) uint8 of one pixel text with any white space; raises `wrong(found, expected)`."""
    numbers = text.split()
    if len(numbers) != PIXELS:
        raise wrong(f"{len(numbers)} pixels", str(PIXELS))
    for number in numbers:
        if not number.isdigit() or len(number) > 3 or int(number) > 255:
            raise wrong(f'pixel "{_shown(number)}"', "an integer in 0..255")
    return np.array(numbers, dtype=np.uint8).reshape(SIZE, SIZE)


def list_images(folder: Path) -> list[Path]:
    """The image files of the folder form, sorted by part, class folder and name.

    Raises DataError if a class folder is not one of the seven classes, or if there is no image.
    """
    files = []
    for part in (folder / "train", folder / "test"):
        classes = [p for p in part.glob("*") if p.is_dir() and not p.name.startswith(".")]
        for class_folder in sorted(classes):
            if class_folder.name.lower() not in CLASS_OF:
                raise DataError(
                    f"{class_folder}: not a class folder, expected one of {', '.join(CLASSES)}"
                )
            files += sorted(p for p in class_folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise DataError(f"{folder}: no images in train/<class>/, expected .jpg or .png files")
    return files


def read_folder(folder: Path) -> Arrays:
    """Parse the folder form. Images below train/ are Training; those below test/ are
    PrivateTest if their name says so (`PrivateTest_10131363.jpg`), else PublicTest.

    Raises DataError naming the path of an unreadable image, one of another size, or a folder
    that is not a class.
    """
    files = list_images(folder)
    images = np.empty((len(files), SIZE, SIZE), np.uint8)
    for index, file in enumerate(_progress(folder.name, iterable=files)):
        images[index] = _read_image(file)
    labels = np.array([CLASS_OF[file.parent.name.lower()] for file in files], np.int8)
    return images, labels, np.array([_split_of(file) for file in files], np.int8)


def _split_of(file: Path) -> int:
    if file.parents[1].name == "train":
        return TRAINING
    return PRIVATE if file.name.startswith(SPLITS[PRIVATE]) else PUBLIC


def _read_image(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as image:
            if image.size != (SIZE, SIZE):
                width, height = image.size
                raise DataError(f"{path}: {width}x{height} pixels, expected {SIZE}x{SIZE}")
            return np.asarray(image.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: not a readable image") from error
