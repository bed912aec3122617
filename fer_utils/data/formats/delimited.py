"""CSV files, as rows of text: columns in any order, with comma, semicolon, tab or bar between them.

Without a header the columns are recognised by what the first row holds.
"""

from codecs import BOM_UTF8
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from fer_utils.data.formats import DataError, progress
from fer_utils.data.formats.contents import Opened
from fer_utils.data.formats.names import label_of, split_of
from fer_utils.data.formats.places import Member
from fer_utils.fer2013 import SIZE

PIXELS = SIZE * SIZE
DELIMITERS = (",", ";", "\t", "|")
#: Names of columns, lower case.
COLUMNS = {
    "pixels": ("pixels", "pixel"),
    "emotion": ("emotion", "emotions", "label", "labels", "class", "target"),
    "usage": ("usage", "split", "subset"),
}
AROUND = ' "\t\r\n'  # a field
LONGEST_LINE = 1 << 16  # bytes; a row of FER2013 has less than 10,000
MOST_BLANK = 4000  # lines one after the other


class Dialect(NamedTuple):
    """How the rows are divided; a column is a key of COLUMNS, or ""."""

    delimiter: str
    columns: tuple[str, ...]
    has_header: bool


def dialect(head: bytes) -> Dialect | None:
    """The dialect of a file that begins with `head`; None if it has no column of pixels."""
    line = first_line(head)
    for recognised, has_header in ((key_of, True), (_held, False)):
        for delimiter in DELIMITERS:
            columns = tuple(recognised(field.strip(AROUND)) for field in line.split(delimiter))
            if "pixels" in columns:
                return Dialect(delimiter, columns, has_header)
    return None


def first_line(head: bytes) -> str:
    """The first line of a text that is not empty."""
    return head.decode("utf-8-sig", "replace").strip().partition("\n")[0].strip()


def key_of(column: str) -> str:
    """The key of COLUMNS that a column's name stands for, or ""."""
    return next((key for key, names in COLUMNS.items() if column.strip().lower() in names), "")


def _held(field: str) -> str:
    """The key of COLUMNS whose values look like this field, or ""."""
    numbers = field.split()
    if len(numbers) == PIXELS and all(map(str.isdigit, numbers)):  # one above 255 has its own error
        return "pixels"
    if label_of(field) is not None:
        return "emotion"
    return "usage" if split_of(field) is not None else ""


def rows(member: Member, file: Opened, form: Dialect) -> Iterator[dict[str, str]]:
    """What the columns of each row hold, by their keys; lines of spaces are no rows.

    Raises DataError naming the file and the row, if one has more columns or less.
    """
    number, blank = -form.has_header, 0
    file.stream.seek(len(BOM_UTF8) if file.head.startswith(BOM_UTF8) else 0)
    with progress(member.name, total=member.size, unit="B", unit_scale=True) as bar:
        for line in iter(partial(file.stream.readline, LONGEST_LINE), b""):
            bar.update(file.raw.tell() - bar.n)
            if len(line) == LONGEST_LINE:
                found = f"a line of more than {LONGEST_LINE:,} bytes"
                raise DataError(f"{member.name}: {found}, expected about {4 * PIXELS:,} an image")
            blank = blank + 1 if line.isspace() else 0
            if blank > MOST_BLANK:
                raise DataError(f"{member.name}: thousands of empty lines one after the other")
            if blank:
                continue
            fields = line.decode("utf-8", "replace").split(form.delimiter)
            if len(fields) != len(form.columns):
                found = f"row {number + 1}: {len(fields)} columns"
                raise DataError(f"{member.name}, {found}, expected {len(form.columns)}")
            number += 1
            if number:  # not the header
                columns = zip(form.columns, fields, strict=True)
                yield {key: field.strip(AROUND) for key, field in columns if key}
