"""CSV files, as rows of text: columns in any order, with comma, semicolon, tab or bar between them.

Without a header the columns are recognised by what the first row holds.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from fer_utils.data.formats import DataError, progress
from fer_utils.data.formats.contents import Opened
from fer_utils.data.formats.names import label_of, split_of
from fer_utils.data.formats.places import Member
from fer_utils.fer2013 import SIZE

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyarrow.csv import InvalidRow

PIXELS = SIZE * SIZE
GREY_VALUE = re.compile(r"0*(\d{1,2}|1\d\d|2[0-4]\d|25[0-5])", re.ASCII)
DELIMITERS = (",", ";", "\t", "|")
#: Names of columns, lower case.
COLUMNS = {
    "pixels": ("pixels", "pixel"),
    "emotion": ("emotion", "emotions", "label", "labels", "class", "target"),
    "usage": ("usage", "split", "subset"),
}
BLOCK = 1 << 18  # bytes read at once; a longer line may be refused, one of two such is
MOST_BLANK = 1000  # lines of spaces


class Dialect(NamedTuple):
    """How the rows are divided; a column is a key of COLUMNS, or ""."""

    delimiter: str
    columns: tuple[str, ...]
    has_header: bool


def dialect(head: bytes) -> Dialect | None:
    """The dialect of a file that begins with `head`; None if it has no column of pixels."""
    line = first_line(head).decode("utf-8", "replace")
    for recognised, has_header in ((key_of, True), (_held, False)):
        for delimiter in DELIMITERS:
            columns = tuple(recognised(field.strip(' "\t')) for field in line.split(delimiter))
            if "pixels" in columns:
                return Dialect(delimiter, columns, has_header)
    return None


def first_line(head: bytes) -> bytes:
    """The first line of a text that is not empty."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")[0].rstrip(b"\r")


def key_of(column: str) -> str:
    """The key of COLUMNS that a column's name stands for, or ""."""
    return next((key for key, names in COLUMNS.items() if column.strip().lower() in names), "")


def _held(field: str) -> str:
    """The key of COLUMNS whose values look like this field, or ""."""
    numbers = field.split()
    if len(numbers) == PIXELS and all(map(GREY_VALUE.fullmatch, numbers)):
        return "pixels"
    if label_of(field) is not None:
        return "emotion"
    return "usage" if split_of(field) is not None else ""


def rows(
    member: Member, file: Opened, form: Dialect, keys: Sequence[str]
) -> Iterator[dict[str, str]]:
    """What the columns `keys` of each row hold, the header too.

    Raises DataError naming the file and the row, if one has more columns or less.
    """
    from pyarrow import ArrowInvalid, binary, csv

    blank, wrong = 0, f": a line of more than {BLOCK:,} bytes, expected {4 * PIXELS:,} an image"

    def irregular(row: "InvalidRow") -> str:
        """Skip lines of spaces; of others keep what is wrong, as what is raised here is lost."""
        nonlocal blank, wrong
        if row.text.isspace() and blank < MOST_BLANK:
            blank += 1
            return "skip"
        number = row.number - blank - form.has_header
        wrong = f", row {number}: {row.actual_columns} columns, expected {row.expected_columns}"
        return "error"

    names = [key or f"column {place}" for place, key in enumerate(form.columns)]
    try:
        batches = csv.open_csv(
            file.stream,
            csv.ReadOptions(column_names=names, block_size=BLOCK, use_threads=False),
            csv.ParseOptions(
                delimiter=form.delimiter,
                quote_char=False,  # one that is not closed must not join rows
                invalid_row_handler=irregular,
            ),
            csv.ConvertOptions(column_types=dict.fromkeys(names, binary()), include_columns=keys),
        )
        with progress(member.name, total=member.size, unit="B", unit_scale=True) as bar:
            for batch in batches:
                bar.update(file.raw.tell() - bar.n)
                for row in rows_of(batch, keys):
                    yield {k: v.decode("utf-8", "replace").strip(' "\t') for k, v in row.items()}
    except ArrowInvalid as error:
        raise DataError(f"{member.name}{wrong}") from error


def rows_of(batch: "RecordBatch", keys: Sequence[str]) -> Iterator[dict]:
    """Each row of a batch, its values under `keys`, of which there is one for each column."""
    cells = zip(*(column.to_pylist() for column in batch.columns), strict=True)
    return (dict(zip(keys, row, strict=True)) for row in cells)
