"""Tables as text: a row per image, 2304 grey values in one column. Rows are counted from 1,
without the header.

The columns may stand in any order, with comma, semicolon, tab or bar between them; those that are
not needed are ignored. Without a header they are recognised by what the first row holds.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from fer_utils.data.formats import DataError, Parsed, shown
from fer_utils.data.formats.contents import Opened, opened
from fer_utils.data.formats.names import class_of, split_notes, split_of
from fer_utils.data.formats.places import Member
from fer_utils.fer2013 import CLASSES, SIZE, SPLITS, TRAINING

PIXELS = SIZE * SIZE
BATCH_BYTES = 1 << 18  # about 32 rows
LONGEST_LINE = 1 << 16  # bytes; a row of FER2013 has less than 10,000
MOST_IMAGES = 100_000
DELIMITERS = (b",", b";", b"\t", b"|")
#: Names of columns, lower case.
COLUMNS = {
    "pixels": ("pixels", "pixel"),
    "emotion": ("emotion", "emotions", "label", "labels", "class", "target"),
    "usage": ("usage", "split", "subset"),
}
EXPECTED = "emotion, pixels, Usage"
LABELS = f"0..{len(CLASSES) - 1} or {', '.join(CLASSES)}"


class Dialect(NamedTuple):
    """How the rows are divided: `columns` holds a key of COLUMNS, or "", for each field."""

    delimiter: bytes
    columns: tuple[str, ...]
    has_header: bool


def dialect(head: bytes) -> Dialect | None:
    """The dialect of a table that begins with `head`; None if it has no column of pixels."""
    line = head.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")[0]
    for delimiter in DELIMITERS:
        names = [field.decode("utf-8", "replace").lower() for field in _fields(line, delimiter)]
        columns = tuple(column_of(name) for name in names)
        if "pixels" in columns:
            return Dialect(delimiter, columns, has_header=True)
    for delimiter in DELIMITERS:
        columns = tuple(_holds(field) for field in _fields(line, delimiter))
        if "pixels" in columns:
            return Dialect(delimiter, columns, has_header=False)
    return None


def column_of(name: str) -> str:
    """The key of COLUMNS that a column's name stands for, or ""."""
    return next((key for key, names in COLUMNS.items() if name.strip().lower() in names), "")


def header(head: bytes) -> str:
    """The first line of a text, to be quoted in a message."""
    return shown(head.lstrip(b"\xef\xbb\xbf").lstrip().partition(b"\n")[0], 40)


def _fields(line: bytes, delimiter: bytes) -> list[bytes]:
    return [field.strip(b' "\t\r\n') for field in line.split(delimiter)]


def _holds(field: bytes) -> str:
    """The key of COLUMNS whose values look like this field, or ""."""
    numbers = field.split()
    if len(numbers) == PIXELS:
        return "pixels" if all(number.isdigit() for number in numbers) else ""
    text = field.decode("utf-8", "replace")
    if label_of(text) is not None:
        return "emotion"
    return "usage" if split_of(text) is not None else ""


def label_of(text: str) -> int | None:
    """The class that a label names: "3", "3.0", "happy"; None if it names none."""
    number = text.removesuffix(".0")
    if len(number) == 1 and number in "0123456":
        return int(number)
    return class_of(text) if text[:1].isalpha() else None


def read(member: Member, implied: int | None) -> Parsed:
    """Parse a table.

    `implied` is the split of all rows if there is no column for it; None: all are Training, which
    is said. Only a test file may be without labels (-1).
    Raises DataError naming the file, and the row, at the first thing that is not as expected.
    """
    name = member.name
    with opened(member) as file:
        form = dialect(file.head)
        if form is None:
            raise DataError(f'{name}: the columns are "{header(file.head)}", expected {EXPECTED}')
        _check(name, form, implied)
        images, labels, split, usages = bytearray(), [], [], set()
        rows = _Rows(name, form, TRAINING if implied is None else implied, usages)
        for lines in _batches(member, file, form.has_header):
            new = rows.parse(len(images) // PIXELS + 1, lines)
            images += new[0].tobytes()
            labels.append(new[1])
            split.append(new[2])
            if len(images) > MOST_IMAGES * PIXELS:
                raise DataError(f"{name}: more than {MOST_IMAGES:,} rows")
    if not images:
        raise DataError(f"{name}: a header without rows, expected one row per image")
    notes = list(split_notes(usages))
    if not form.has_header:
        notes.append("no header: the columns were recognised by their content")
    if "usage" not in form.columns and implied is None:
        notes.append("no column Usage: all count as Training")
    pixels = np.frombuffer(images, np.uint8).reshape(-1, SIZE, SIZE)
    return Parsed(name, pixels, np.concatenate(labels), np.concatenate(split), tuple(notes))


def _check(name: str, form: Dialect, implied: int | None) -> None:
    """Raise DataError if a column is there twice, or labels are absent where they must be."""
    for key in COLUMNS:
        if form.columns.count(key) > 1:
            raise DataError(f"{name}: {form.columns.count(key)} columns could be the {key}")
    if "emotion" not in form.columns and implied in (None, TRAINING):
        raise DataError(f"{name}: no column of labels, expected {EXPECTED}")


def _batches(member: Member, file: Opened, has_header: bool) -> Iterator[list[bytes]]:
    """The rows that hold something, about BATCH_BYTES at a time, under a progress bar.

    A thread reads and decompresses the next batch meanwhile.
    """

    def read() -> list[bytes]:
        lines, size = [], 0
        while size < BATCH_BYTES and (line := file.stream.readline(LONGEST_LINE)):
            if len(line) == LONGEST_LINE:
                raise DataError(
                    f"{member.name}: a line of more than {LONGEST_LINE:,} bytes, "
                    f"expected about {4 * PIXELS:,} for each image"
                )
            lines.append(line)
            size += len(line) + 64  # what Python adds
        return lines

    with (
        progress(member.name, total=member.size, unit="B", unit_scale=True) as bar,
        ThreadPoolExecutor(1) as reader,
    ):
        upcoming, starts = reader.submit(read), True
        while lines := upcoming.result():
            upcoming = reader.submit(read)
            bar.update(file.raw.tell() - bar.n)
            lines = [line for line in lines if not line.isspace()]
            if not lines:
                raise DataError(f"{member.name}: thousands of empty lines one after the other")
            if starts and lines:
                lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
                del lines[:has_header]
                starts = False
            if lines:
                yield lines


def progress(what: str, **options) -> tqdm:
    """A bar that shows up after a second, and only in a terminal."""
    return tqdm(desc=f"reading {what}", delay=1, disable=None, leave=False, **options)


@dataclass(frozen=True)
class _Rows:
    """Parses rows of a table; `usages` collects the words for splits."""

    name: str
    form: Dialect
    implied: int
    usages: set[str]

    def parse(self, first: int, lines: list[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Images, labels and splits of `lines`, the first of which is row number `first`."""
        rows = [_fields(line, self.form.delimiter) for line in lines]
        for row, fields in enumerate(rows, first):
            if len(fields) != len(self.form.columns):
                expected = str(len(self.form.columns))
                raise self._wrong(row, f"{len(fields)} columns", expected)
        fields = dict(zip(self.form.columns, zip(*rows, strict=True), strict=True))
        images = [self._image(row, text) for row, text in enumerate(fields["pixels"], first)]
        labels = np.full(len(lines), -1, np.int8)
        split = np.full(len(lines), self.implied, np.int8)
        if "emotion" in fields:
            labels = self._numbers("emotion", first, fields["emotion"], label_of, LABELS)
        if "usage" in fields:
            split = self._numbers("usage", first, fields["usage"], split_of, ", ".join(SPLITS))
            self.usages.update(text.decode() for text in set(fields["usage"]))
        return np.array(images, np.uint8), labels, split

    def _numbers(
        self, column: str, first: int, texts: Sequence[bytes], number_of: Callable, expected: str
    ) -> np.ndarray:
        known = {text: number_of(text.decode("utf-8", "replace")) for text in set(texts)}
        for row, text in enumerate(texts, first):
            if known[text] is None:
                raise self._wrong(row, f'{column} "{shown(text, 40)}"', f"one of {expected}")
        return np.array([known[text] for text in texts], np.int8)

    def _image(self, row: int, text: bytes) -> np.ndarray:
        try:
            return pixels_of(text)
        except ValueError as error:
            found, expected = error.args
            raise self._wrong(row, found, expected) from None

    def _wrong(self, row: int, found: str, expected: str) -> DataError:
        return DataError(f"{self.name}, row {row}: {found}, expected {expected}")


def pixels_of(text: bytes) -> np.ndarray:
    """(2304,) int64 of a text of grey values. Raises ValueError(what was found, expected)."""
    try:
        pixels = np.fromstring(text, np.int64, sep=" ")
    except ValueError:
        pixels = np.empty(0)
    if len(pixels) == PIXELS and pixels.min() >= 0 and pixels.max() < 256:
        return pixels
    numbers = text.split()
    if len(numbers) != PIXELS:
        raise ValueError(f"{len(numbers)} pixels", str(PIXELS))
    odd = next(n for n in numbers if not n.isdigit() or int(n[:4]) > 255)
    raise ValueError(f'pixel "{shown(odd, 40)}"', "an integer in 0..255")
