"""Parquet files: a row per image, which is the bytes of an image file, the path of one, or 2304
grey values as a text or a list. Rows are counted from 1."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fer_utils.data.formats import DataError, Parsed, shown
from fer_utils.data.formats.contents import opened
from fer_utils.data.formats.names import check_numbers, class_of, split_notes, split_of
from fer_utils.data.formats.pictures import content, grey
from fer_utils.data.formats.places import Member
from fer_utils.data.formats.table import (
    LABELS,
    MOST_IMAGES,
    PIXELS,
    column_of,
    label_of,
    pixels_of,
    progress,
)
from fer_utils.fer2013 import CLASSES, SIZE, SPLITS, TRAINING

if TYPE_CHECKING:
    from pyarrow import Schema
    from pyarrow.parquet import ParquetFile

IMAGE_COLUMNS = ("image", "images", "img", "picture", "file", "path", "pixels")
ROWS = 32  # read at once
MOST_BYTES = 1 << 14  # of a row, on average; 2304 grey values as a text have less than 10,000
LONGEST_PATH = 4096  # characters; 2304 grey values have more
Find = Callable[[str], Member | None]


def read(member: Member, implied: int | None, find: Find) -> Parsed:
    """Parse a Parquet file.

    `implied` is the split of all rows if there is no column for it; None: all are Training, which
    is said. `find` gives the file of a path that the table holds, or None.
    Raises DataError naming the file, and the row, at the first thing that is not as expected.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    with opened(member) as file:
        try:
            return _read(member.name, ParquetFile(file.stream), implied, find)
        except ArrowException as error:
            reason = str(error).partition("\n")[0]
            raise DataError(f"{member.name}: not a readable Parquet file ({reason})") from error


def _read(name: str, file: "ParquetFile", implied: int | None, find: Find) -> Parsed:
    count = file.metadata.num_rows
    if not 0 < count <= MOST_IMAGES:
        raise DataError(f"{name}: {count:,} rows, expected 1 to {MOST_IMAGES:,}")
    columns = _columns(name, file.schema_arrow.names, implied)
    _check_size(name, file, list(columns.values()))
    images = np.empty((count, PIXELS), np.uint8)
    values = {column: [] for column in columns.values()}
    row = 0
    with progress(name, total=count) as bar:
        for batch in file.iter_batches(ROWS, columns=list(values)):
            for value in batch.column(columns["image"]).to_pylist():
                row += 1
                images[row - 1] = _pixels(f"{name}, row {row}", value, find)
            for key in columns.keys() - {"image"}:
                values[columns[key]] += map(str, batch.column(columns[key]).to_pylist())
            bar.update(batch.num_rows)
    labels, split, notes = np.full(count, -1, np.int8), None, ()
    if "emotion" in columns:
        given = values[columns["emotion"]]
        class_names = _class_names(file.schema_arrow, columns["emotion"])
        labels, notes = _labels(name, given, class_names)
    if "usage" in columns:
        given = values[columns["usage"]]
        split = _numbers(name, columns["usage"], given, split_of, ", ".join(SPLITS))
        notes += split_notes(given)
    elif implied is None:
        notes += ("no column for the split: all count as Training",)
    if split is None:
        split = np.full(count, TRAINING if implied is None else implied, np.int8)
    return Parsed(name, images.reshape(-1, SIZE, SIZE), labels, split, notes)


def _check_size(name: str, file: "ParquetFile", columns: list[str]) -> None:
    """Raise DataError if the columns would fill the memory once they are unpacked."""
    groups = (file.metadata.row_group(i) for i in range(file.metadata.num_row_groups))
    for group in groups:
        chunks = map(group.column, range(group.num_columns))
        size = sum(
            chunk.total_uncompressed_size
            for chunk in chunks
            if chunk.path_in_schema.split(".")[0] in columns
        )
        if size > MOST_BYTES * (group.num_rows + ROWS):
            raise DataError(
                f"{name}: {size / 1e6:,.0f} MB unpacked in {group.num_rows:,} rows, expected "
                f"pictures of {SIZE}x{SIZE} pixels"
            )


def _columns(name: str, names: list[str], implied: int | None) -> dict[str, str]:
    """Which column holds what: "image", and if they are there "emotion" and "usage"."""
    columns = {column_of(column): column for column in reversed(names)}
    columns.pop("", None)
    columns.pop("pixels", None)
    lower = {column.lower(): column for column in reversed(names)}
    image = next((lower[word] for word in IMAGE_COLUMNS if word in lower), None)
    if image is None or ("emotion" not in columns and implied in (None, TRAINING)):
        found = shown(", ".join(names))
        raise DataError(f'{name}: the columns are "{found}", expected image, label, split')
    return columns | {"image": image}


def _class_names(schema: "Schema", column: str) -> list[str] | None:
    """The words for the classes 0, 1, ... of a column, where the datasets library has left them."""
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        return list(map(str, features[column]["names"]))
    except (TypeError, KeyError, ValueError):
        return None


def _labels(
    name: str, texts: list[str], class_names: list[str] | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The labels of a column, and what has to be said about them."""
    if class_names:
        words = {str(number): word for number, word in enumerate(class_names)}
        texts = [words.get(text, text) for text in texts]
        return _numbers(name, "label", texts, class_of, ", ".join(CLASSES)), ()
    whole = {text.removesuffix(".0") for text in set(texts)}
    numbers = {int(text) for text in whole if text.isdecimal()}
    if numbers and max(numbers) >= len(CLASSES):
        check_numbers(name, numbers)
    note = ("labels are taken as FER2013's numbers",) if numbers else ()
    return _numbers(name, "label", texts, label_of, LABELS), note


def _numbers(
    name: str, column: str, texts: list[str], number_of: Callable, expected: str
) -> np.ndarray:
    known = {text: number_of(text) for text in set(texts)}
    for row, text in enumerate(texts, 1):
        if known[text] is None:
            raise DataError(
                f'{name}, row {row}: {column} "{shown(text, 40)}", expected one of {expected}'
            )
    return np.array([known[text] for text in texts], np.int8)


def _pixels(where: str, value: object, find: Find) -> np.ndarray:
    """(2304,) grey values of a cell."""
    if isinstance(value, dict):  # as the datasets library writes images
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return grey(where, value).ravel()
    try:
        if isinstance(value, list):
            value = " ".join(map(str, np.ravel(value)))
        if isinstance(value, str) and len(value) > LONGEST_PATH:
            return pixels_of(value.encode())
    except ValueError as error:
        found, expected = error.args if len(error.args) == 2 else ("a ragged list", str(PIXELS))
        raise DataError(f"{where}: {found}, expected {expected}") from None
    if not isinstance(value, str):
        kind = type(value).__name__
        raise DataError(
            f"{where}: an image of type {kind}, expected bytes, a path or {PIXELS} numbers"
        )
    member = find(value)
    if member is None:
        raise DataError(f"{where}: {shown(value)} is not beside the table")
    return grey(str(member), content(member)).ravel()
