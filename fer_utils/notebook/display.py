"""What a notebook shows: numbered figures and tables, and what the report takes of it."""

import base64
import html
from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display

from fer_utils.notebook import labels
from fer_utils.notebook.numbers import cell
from fer_utils.report import RECORD
from fer_utils.statistics.intervals import Comparison, Interval


class Row(NamedTuple):
    """A row of the report's first page.

    `ours` and `homework` are numbers, Intervals or words; `agrees` says how the two compare, as a
    verdict (`labels.AGREES` has its word) or in a word.
    """

    what: str
    ours: object
    homework: object = ""
    agrees: object = ""


class Display:
    """Shows figures and tables under their numbers, which begin with the notebook's."""

    def __init__(self, name: str):
        self.name = name
        self._shown = {"Figure": 0, "Table": 0}

    def show(
        self,
        figure: plt.Figure,
        *,
        caption: str = "",
        alt: str = "",
        photographs: bool = False,
    ) -> None:
        """Show a figure under its number, with a caption and a description in words.

        Parameters
        ----------
        figure
            The figure; it is closed, so that a cell which ends with it does not show it twice.
        caption, alt
            What the figure shows, and what it looks like to those who can't see it. Both may be
            left out while exploring.
        photographs
            Whether single images of the data set can be seen in it: these may not be passed on.
        """
        label = self._next("Figure")
        about = {"alt": alt, "caption": caption, "label": label, "photographs": photographs}
        display(figure, metadata={"image/png": about})
        plt.close(figure)
        words = [f"**{label}.** {caption}".strip(), f"*In words: {alt}*" if alt else ""]
        text = "  \n".join(filter(None, words))
        bundle = {"text/markdown": text, "text/plain": text}
        display(bundle, raw=True, metadata={"text/markdown": {"caption_of": label}})

    def panel(
        self,
        place: str,
        figure: plt.Figure,
        *,
        caption: str,
        alt: str,
        instead: plt.Figure | None = None,
    ) -> None:
        """Give the report's first page a picture at `place`, "A" to "D"; here nothing is shown.

        A figure in which single images of the data set can be seen comes with another one,
        `instead`, that may be passed on.
        """
        panel = {
            "place": place,
            "caption": caption,
            "alt": alt,
            "png": _png(figure),
            "photographs": instead is not None,
            "instead": _png(instead) if instead else None,
        }
        display({RECORD: {"panel": panel}, "text/plain": ""}, raw=True)

    def table(
        self,
        frame: pd.DataFrame,
        *,
        caption: str = "",
        percent: bool = True,
        digits: int = 1,
        full: pd.DataFrame | None = None,
    ) -> None:
        """Show a data frame under its number; identifiers get their labels, NaN is a dash.

        Parameters
        ----------
        frame
            Cells may be Intervals, verdicts, numbers or text. A column `p` holds p-values.
        caption
            What it shows.
        percent, digits
            Whether fractions are shares, which are written in percent, and their decimals.
        full
            The table from which `frame` was shortened, to be saved as CSV; by default `frame`.
        """
        label = self._next("Table")
        cells = formatted(frame, percent=percent, digits=digits)
        heading = f"{label}. {caption}".strip()
        caption_text = html.escape(heading, quote=False).replace(" ", "\u00a0", 1)
        title = f">\n<caption>{caption_text}</caption>"
        shown = cells.to_html(border=0, escape=False).replace(">", title, 1)
        about = {"caption": caption, "label": label}
        csv = tidy(frame if full is None else full).to_csv()
        bundle: dict[str, Any] = {
            RECORD: {"tables": {label: csv}},
            "text/html": shown,
            "text/plain": f"{heading}\n{_plain(cells).to_string()}",
        }
        display(bundle, raw=True, metadata={"text/html": about})

    def _next(self, kind: str) -> str:
        """The next label of a kind, "Figure" or "Table", such as "Figure 6.3"."""
        self._shown[kind] += 1
        chapter, is_numbered, _ = self.name.partition("_")
        return f"{kind} {chapter.lstrip('0') + '.' if is_numbered else ''}{self._shown[kind]}"


def formatted(frame: pd.DataFrame, *, percent: bool = True, digits: int = 1) -> pd.DataFrame:
    """Write a frame's cells as HTML, see `Display.table`; the index's name heads its column."""
    columns = {
        position: [
            _escaped(value)
            if isinstance(value, str)
            else cell(value, percent=percent, digits=digits, is_p=_last(name) == "p")
            for value in frame.iloc[:, position]
        ]
        for position, name in enumerate(frame.columns)
    }
    cells = pd.DataFrame(columns, frame.index).set_axis(frame.columns, axis=1)
    cells = cells.rename(index=_escaped, columns=_escaped)
    names = [_escaped(name) if name else name for name in frame.index.names]
    if cells.index.nlevels > 1:
        return cells.rename_axis(index=names)
    heads = [None] * (cells.columns.nlevels - 1) + names  # the name heads the index's column
    return cells.rename_axis(index=None).rename_axis(heads, axis="columns")


def tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """Make a table for machines of a table for readers: an Interval becomes three columns."""
    columns: dict[str, Any] = {}
    for position, name in enumerate(frame.columns):
        values = frame.iloc[:, position]
        name = " ".join(map(str, name)) if isinstance(name, tuple) else str(name)
        if any(isinstance(value, Interval) for value in values):
            parts = ["estimate", "low", "high"]
            if any(isinstance(value, Comparison) for value in values):
                parts.append("p")
            for part in parts:
                columns[f"{name} {part}"] = [getattr(value, part, None) for value in values]
        else:
            columns[name] = [getattr(value, "value", value) for value in values]
    return pd.DataFrame(columns, frame.index)


def rows_for_page(rows: Sequence[Row], *, compared: bool) -> list[dict[str, str]]:
    """Write rows of the first page; without the homework's columns unless it is `compared`."""
    if not compared:
        rows = [row._replace(homework="", agrees="") for row in rows]
    return [
        {
            "what": row.what,
            "ours": _short(row.ours),
            "homework": _short(row.homework),
            "agrees": labels.AGREES.get(row.agrees, str(row.agrees)),
        }
        for row in rows
    ]


def _short(value: object) -> str:
    """Write a value without its interval: a share in percent, a difference with its sign."""
    if isinstance(value, Comparison):
        return cell(value).partition(" <")[0]
    if isinstance(value, Interval | float):
        return f"{cell(float(value))} %"
    return cell(value)


def _png(figure: plt.Figure) -> str:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=200)
    plt.close(figure)
    return base64.b64encode(buffer.getvalue()).decode()


def _last(column: object) -> object:
    return column[-1] if isinstance(column, tuple) else column


def _escaped(identifier: object) -> str:
    return html.escape(labels.english(identifier), quote=False)


def _plain(cells: pd.DataFrame) -> pd.DataFrame:
    """Take the HTML out of the cells."""
    bare = cells.replace({r'<span class="ci">(.*)</span>': r"(\1)"}, regex=True)
    return bare.map(html.unescape).rename(index=_unescaped, columns=_unescaped)


def _unescaped(label: object) -> object:
    return html.unescape(label) if isinstance(label, str) else label
