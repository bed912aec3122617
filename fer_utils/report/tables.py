"""Tables of the report: columns of numbers, headers to hear, rows that stack on a phone."""

import re
from collections.abc import Collection

from bs4 import BeautifulSoup, Tag

from fer_utils.report.folder import TABLES

NUMBER = re.compile(r"[-+−±<]? ?[\d.,]+( ?%)?( ?[±–([].*)?|nan|–|")
INTERVAL = re.compile(r"\[(\S+), (\S+)\]")  # not to be broken within the brackets
PERCENT = re.compile(r"(?<=\d) (?=%)")
WIDE = 8  # columns from which a table is printed smaller
LONG = 14  # rows from which a table may be broken over pages


def arrange(table: Tag, soup: BeautifulSoup) -> None:
    """Prepare one table, in place; it ends up in a `div.table`."""
    if table.thead and not table.thead.get_text(strip=True):
        table.thead.decompose()
    rows = [row.find_all(["th", "td"], recursive=False) for row in table.find_all("tr")]
    if max(map(len, rows), default=0) >= WIDE:
        table["class"] = [*table.get("class", []), "wide"]
    if not table.find(rowspan=True) and not table.find(colspan=True):
        _mark_numbers(rows)
    _label(table)
    _join(table)
    # What can scroll must be reachable by keyboard, and named.
    kind = "table long" if len(rows) >= LONG else "table"
    name = table.caption.get_text(" ", strip=True) if table.caption else "Table"
    place = {"class": kind, "tabindex": "0", "role": "group", "aria-label": name}
    table.wrap(soup.new_tag("div", attrs=place))


def unbroken(text: str) -> str:
    """A text whose intervals and percentages stay on one line."""
    return PERCENT.sub("\u00a0", INTERVAL.sub("[\\1,\u00a0\\2]", text))


def file_of(label: str) -> str:
    """Return the name of the file of a table, such as tables/table-3.2.csv of "Table 3.2"."""
    return f"{TABLES}{re.sub('[^a-z0-9.]+', '-', label.lower())}.csv"


def link_tables(soup: BeautifulSoup, labels: Collection[str]) -> None:
    """Put links to the full tables into the captions, in place; a caption starts with its label."""
    for caption in soup.find_all("caption"):
        label = next((one for one in labels if _text(caption).startswith(f"{one}.")), None)
        if label:
            about = {"class": "csv", "href": file_of(label), "aria-label": f"{label} as CSV"}
            link = soup.new_tag("a", attrs=about)
            link.string = "CSV"
            caption.extend([" ", link])


def _text(caption: Tag) -> str:
    return caption.get_text().replace("\u00a0", " ")


def _mark_numbers(rows: list[list[Tag]]) -> None:
    """Set columns that hold nothing but numbers and their intervals flush right."""
    for column in zip(*rows, strict=False):
        cells = [cell for cell in column if cell.name == "td"]
        if cells and all(map(_holds_number, cells)):
            for cell in column:
                cell["class"] = "number"


def _holds_number(cell: Tag) -> bool:
    outside = (text for text in cell.find_all(string=True) if not text.find_parent(class_="ci"))
    return bool(NUMBER.fullmatch("".join(outside).strip()))


def _label(table: Tag) -> None:
    """Give header cells their scope, and each cell the name of its column, for narrow screens."""
    head = table.thead.find_all("tr", recursive=False) if table.thead else []
    names = _column_names(head)
    for cell in (cell for row in head for cell in row.find_all("th")):
        if cell.get_text(strip=True):
            cell["scope"] = "colgroup" if cell.get("colspan") else "col"
        else:
            cell.name = "td"  # nothing to announce
    for row in (table.tbody or table).find_all("tr", recursive=False):
        cells = row.find_all(["th", "td"], recursive=False)
        for cell in row.find_all("th", recursive=False):
            cell["scope"] = "row"
        # where a row label spans rows, the cells below it are aligned from the right
        for cell, name in zip(reversed(cells), reversed(names), strict=False):
            if cell.name == "td" and name:
                cell["data-label"] = name


def _join(table: Tag) -> None:
    """Mark the rows that a row label spans, but for its first: no page may end before them."""
    for label in (table.tbody or table).find_all("th", rowspan=True):
        for row in label.parent.find_next_siblings("tr", limit=int(label["rowspan"]) - 1):
            row["class"] = "joined"


def _column_names(head: list[Tag]) -> list[str]:
    """What stands above each column, of all header rows that are as long as the longest."""
    levels = [
        [
            cell.get_text(" ", strip=True)
            for cell in row.find_all(["th", "td"], recursive=False)
            for _ in range(int(cell.get("colspan", 1)))
        ]
        for row in head
    ]
    width = max(map(len, levels), default=0)
    levels = [level for level in levels if len(level) == width]
    return [", ".join(dict.fromkeys(filter(None, names))) for names in zip(*levels, strict=True)]
