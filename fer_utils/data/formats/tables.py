"""Tables, CSV or Parquet: a row per image. Rows are counted from 1, without the header.

In a CSV file an image is 2304 grey values in one column; in a Parquet file it is that, as a text or
a list, or the bytes of an image file, or the path of one. Columns that are not needed are ignored.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fer_utils.data.formats import MOST_IMAGES, DataError, Parsed, delimited, progress, shown
from fer_utils.data.formats.contents import PARQUET, Opened, opened
from fer_utils.data.formats.delimited import COLUMNS, PIXELS, key_of
from fer_utils.data.formats.names import check_numbers, class_of, label_of, split_notes, split_of
from fer_utils.data.formats.pictures import content, grey
from fer_utils.data.formats.places import Member
from fer_utils.fer2013 import CLASSES, SIZE, SPLITS, TRAINING

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

GREY_VALUE = re.compile(r"0*(\d{1,2}|1\d\d|2[0-4]\d|25[0-5])", re.ASCII)
IMAGE_COLUMNS = ("image", "images", "img", "picture", "file", "path", "pixels")  # of Parquet files
EXPECTED = {
    "emotion": f"one of 0..{len(CLASSES) - 1} or {', '.join(CLASSES)}",
    "usage": f"one of {', '.join(SPLITS)}",
}
ROWS = 32  # of a Parquet file read at once
MOST_BYTES = 1 << 14  # of such a row, on average; 2304 grey values as a text have less than 10,000
LONGEST_PATH = 4096  # characters; 2304 grey values have more

Find = Callable[[str], Member | None]


class Table(NamedTuple):
    """What is in the columns `keys` of each row, by the same keys (of COLUMNS), and notes.

    `label_of` gives the class that a label names, or None.
    """

    keys: tuple[str, ...]
    rows: Iterator[dict]
    notes: tuple[str, ...]
    label_of: Callable[[str], int | None] = label_of


def read(member: Member, implied: int | None, find: Find) -> Parsed:
    """Parse a table.

    `implied` is the split of all rows if there is no column for it; None: all are Training, which
    is said. Only a test file may be without labels (-1). `find` gives the file of a path that a
    Parquet file holds, or None.
    Raises DataError naming the file, and the row, at the first thing that is not as expected.
    """
    with opened(member) as file:
        if file.kind != PARQUET:
            return _parsed(member.name, _csv(member, file), implied, None)
        from pyarrow import ArrowException

        try:
            return _parsed(member.name, _parquet(member, file), implied, find)
        except ArrowException as error:
            reason = shown(str(error).partition("\n")[0])
            raise DataError(f"{member.name}: not a readable Parquet file ({reason})") from error


def _parsed(name: str, table: Table, implied: int | None, find: Find | None) -> Parsed:
    if "emotion" not in table.keys and implied in (None, TRAINING):
        raise DataError(f"{name}: no column of labels, expected emotion, pixels, Usage")
    default = TRAINING if implied is None else implied
    images, labels, split, usages = bytearray(), [], [], set()
    for number, row in enumerate(table.rows, 1):
        where = f"{name}, row {number}"
        if number > MOST_IMAGES:
            raise DataError(f"{name}: more than {MOST_IMAGES:,} rows")
        images += _image(where, row["pixels"], find)
        labels.append(_number(where, row, "emotion", table.label_of, -1))
        split.append(_number(where, row, "usage", split_of, default))
        usages.add(str(row.get("usage", "")))
    if not labels:
        raise DataError(f"{name}: a table without rows, expected one row per image")
    notes = (*table.notes, *split_notes(usages))
    if "usage" not in table.keys and implied is None:
        notes += ("no column of splits: all count as Training",)
    pixels = np.frombuffer(images, np.uint8).reshape(-1, SIZE, SIZE)
    return Parsed(name, pixels, np.array(labels, np.int8), np.array(split, np.int8), notes)


def _number(where: str, row: dict, key: str, number_of: Callable, otherwise: int) -> int:
    """The class or the split that a row names; `otherwise` if there is no such column."""
    if key not in row:
        return otherwise
    number = number_of(text := str(row[key]))
    if number is None:
        raise DataError(f'{where}: {key} "{shown(text, 40)}", expected {EXPECTED[key]}')
    return number


def _image(where: str, value: object, find: Find | None) -> bytes:
    """2304 grey values of a cell; without `find` a text is never a path."""
    if isinstance(value, dict):  # as the datasets library writes images
        value = value.get("bytes") or value.get("path")
    if isinstance(value, list):
        try:
            return _grey_values(where, " ".join(map(str, np.ravel(value))))
        except ValueError:
            raise DataError(f"{where}: a ragged list, expected {PIXELS} numbers") from None
    if isinstance(value, str):
        if not find or len(value) > LONGEST_PATH:
            return _grey_values(where, value)
        member = find(value)
        if member is None:
            raise DataError(f"{where}: {shown(value)} is not beside the table")
        where, value = str(member), content(member)
    if isinstance(value, bytes):
        return grey(where, value).tobytes()
    expected = f"expected bytes, a path or {PIXELS} numbers"
    raise DataError(f"{where}: an image of type {type(value).__name__}, {expected}")


def _grey_values(where: str, text: str) -> bytes:
    try:
        values = np.fromstring(text, np.int64, sep=" ")
    except ValueError:
        values = np.empty(0, np.int64)
    if len(values) == PIXELS and values.min() >= 0 and values.max() < 256:
        return values.astype(np.uint8).tobytes()
    numbers = text.split()
    if len(numbers) != PIXELS:
        raise DataError(f"{where}: {len(numbers)} pixels, expected {PIXELS}")
    odd = next(number for number in numbers if not GREY_VALUE.fullmatch(number))
    raise DataError(f'{where}: pixel "{shown(odd, 40)}", expected an integer in 0..255')


def _csv(member: Member, file: Opened) -> Table:
    form = delimited.dialect(file.head)
    if form is None:
        found = f'the columns are "{shown(delimited.first_line(file.head), 40)}"'
        raise DataError(f"{member.name}: {found}, expected emotion, pixels, Usage")
    keys = tuple(filter(None, form.columns))
    for key in keys:
        if (count := keys.count(key)) > 1:
            raise DataError(f"{member.name}: {count} columns could be the {key}")
    by_content = ("no header: the columns were recognised by their content",)
    return Table(keys, delimited.rows(member, file, form), () if form.has_header else by_content)


def _parquet(member: Member, file: Opened) -> Table:
    from pyarrow.parquet import ParquetFile

    name, parquet = member.name, ParquetFile(file.stream)
    names = parquet.schema_arrow.names
    columns = {key_of(column): column for column in reversed(names)}
    lower = {column.lower(): column for column in reversed(names)}
    columns["pixels"] = next((lower[word] for word in IMAGE_COLUMNS if word in lower), None)
    if columns["pixels"] is None:
        found = shown(", ".join(names))
        raise DataError(f'{name}: the columns are "{found}", expected image, label, split')
    columns = {key: columns[key] for key in COLUMNS if key in columns}
    _check_size(name, parquet, columns.values())
    rows = _parquet_rows(name, parquet, columns)
    if words := _class_names(parquet, columns.get("emotion")):
        return Table(tuple(columns), rows, (), lambda text: class_of(words.get(text, text)))
    numbers = set()
    if "emotion" in columns:
        labels = map(str, parquet.read([columns["emotion"]]).column(0).to_pylist())
        whole = {label.removesuffix(".0") for label in labels}
        numbers = {int(label) for label in whole if label.isdecimal()}
    if max(numbers, default=0) >= len(CLASSES):
        check_numbers(name, numbers)
    return Table(
        tuple(columns), rows, ("labels are taken as FER2013's numbers",) if numbers else ()
    )


def _parquet_rows(name: str, parquet: "ParquetFile", columns: dict[str, str]) -> Iterator[dict]:
    with progress(name, total=parquet.metadata.num_rows) as bar:
        for batch in parquet.iter_batches(ROWS, columns=list(columns.values())):
            cells = (batch.column(column).to_pylist() for column in columns.values())
            for row in zip(*cells, strict=True):
                yield dict(zip(columns, row, strict=True))
            bar.update(batch.num_rows)


def _check_size(name: str, parquet: "ParquetFile", columns: Collection[str]) -> None:
    """Raise DataError if the columns would fill the memory once they are unpacked."""
    for group in map(parquet.metadata.row_group, range(parquet.num_row_groups)):
        chunks = map(group.column, range(group.num_columns))
        needed = (chunk for chunk in chunks if chunk.path_in_schema.split(".")[0] in columns)
        size = sum(chunk.total_uncompressed_size for chunk in needed)
        if size > MOST_BYTES * (group.num_rows + ROWS):
            unpacked = f"{size / 1e6:,.0f} MB unpacked in {group.num_rows:,} rows"
            raise DataError(f"{name}: {unpacked}, expected pictures of {SIZE}x{SIZE} pixels")


def _class_names(parquet: "ParquetFile", column: str | None) -> dict[str, str]:
    """The words for the classes "0", "1", ... where the datasets library has left them."""
    try:
        features = json.loads(parquet.schema_arrow.metadata[b"huggingface"])["info"]["features"]
        return {str(i): str(word) for i, word in enumerate(features[column]["names"])}
    except (TypeError, KeyError, ValueError):
        return {}
