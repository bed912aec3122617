"""What a notebook shows: figures and tables under their numbers, text, and its answer."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import NamedTuple

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown, display

from fer_utils.data.dataset import Dataset
from fer_utils.report import RECORD
from fer_utils.report.tables import unbroken
from fer_utils.statistics.intervals import Interval

STATED = ("stated", "conjectured")  # of the homework, in words: `Finding.homework`


class Label(str):
    """Such as "Figure 6.3", to refer to it by a variable; at the end of a cell it shows nothing."""

    def _ipython_display_(self) -> None:
        pass


class Finding(NamedTuple):
    """A row of the report's first page: what was measured, ours, the homework's, the verdict."""

    what: str
    ours: Interval | float | str
    homework: float | str
    verdict: str


class Display:
    """Shows figures and tables under their numbers, which begin with the notebook's."""

    def __init__(self, name: str, dataset: Dataset):
        self.name, self.data = name, dataset
        self._shown = {"Figure": 0, "Table": 0}

    def say(self, text: str) -> None:
        """Show Markdown."""
        display(Markdown(text))

    def show(
        self,
        figure: plt.Figure,
        *,
        photographs: bool,
        caption: str = "",
        alt: str = "",
    ) -> Label:
        """Show a figure under its number, with a caption and a description in words.

        Parameters
        ----------
        figure
            The figure; it is closed, so that a cell which ends with it does not show it twice.
        photographs
            Whether single images of the data set can be seen in it: these may not be passed on.
        caption, alt
            What the figure shows, and what it looks like to those who can't see it. Both may be
            left out while exploring.

        Returns
        -------
        Label
            Such as "Figure 6.3".
        """
        label = self._next("Figure")
        about = {"alt": alt, "caption": caption, "label": label, "photographs": photographs}
        display(figure, metadata={"image/png": about})
        plt.close(figure)
        words = [f"**{label}.** {caption}".strip(), f"*In words: {alt}*" if alt else ""]
        text = "  \n".join(filter(None, words))
        display(Markdown(text), metadata={"text/markdown": {"caption_of": label}})
        return label

    def table(self, frame: pd.DataFrame, *, caption: str = "", digits: int = 3) -> Label:
        """Show a data frame under its number; its row labels are shown, NaN is a dash.

        Cells may be Intervals. p-values (columns "p" and "p (Holm)") have two significant digits,
        other fractions `digits` after the point. Columns after "homework" compare with it; they are
        left out on images that are not FER2013's.
        """
        label = self._next("Table")
        if "homework" in frame and not self.data.original:
            frame = frame.iloc[:, : frame.columns.get_loc("homework") + 1]
        cells = formatted(frame, digits)
        heading = f"{label}. {caption}".strip()
        html = cells.to_html(border=0).replace(">", f">\n<caption>{_escape(heading)}</caption>", 1)
        about = {"caption": caption, "label": label}
        bundle = {"text/html": unbroken(html), "text/plain": f"{heading}\n{cells.to_string()}"}
        display(bundle, raw=True, metadata={"text/html": about})
        return label

    def answer(
        self,
        english: str,
        *,
        chinese: str,
        question: int | None,
        details: str = "",
        findings: Sequence[Finding] = (),
    ) -> None:
        """Show the notebook's answer, in Markdown, and record it for the report's first page.

        Parameters
        ----------
        english, chinese
            The answer in both languages, in a sentence or two.
        question
            The number of the course's question that it answers; None for none.
        details
            What is shown below the answer, but not on the first page.
        findings
            Our figures beside the homework's, with verdicts. On images that are not FER2013's its
            figures are not compared with, and a verdict on its statements says what it is on.
        """
        if not self.data.original:
            findings = [self._of_these_images(finding) for finding in findings]
        rows = [[_cell(value, 3) for value in finding] for finding in findings]
        record = {
            "answer": {
                "question": question,
                "english": english,
                "chinese": chinese,
                "findings": [dict(zip(Finding._fields, row, strict=True)) for row in rows],
            }
        }
        text = "\n\n".join(filter(None, (english, chinese, details)))
        display({RECORD: record, "text/markdown": text}, raw=True)

    def _of_these_images(self, finding: Finding) -> Finding:
        if finding.homework in STATED:
            these = "the drawing" if self.data.name == "drawn" else "these images"
            return finding._replace(verdict=f"of {these}: {finding.verdict}")
        if isinstance(finding.homework, Real):
            return finding._replace(verdict="not compared")
        return finding

    def _next(self, kind: str) -> Label:
        """The next label of a kind, "Figure" or "Table", such as "Figure 6.3"."""
        self._shown[kind] += 1
        return Label(f"{kind} {int(self.name[:2])}.{self._shown[kind]}")


def formatted(frame: pd.DataFrame, digits: int = 3) -> pd.DataFrame:
    """The cells of a frame as text, see `Session.table`; the index's name heads its column."""
    columns = {
        position: [_cell(value, digits, _holds_p(name)) for value in frame.iloc[:, position]]
        for position, name in enumerate(frame.columns)
    }
    cells = pd.DataFrame(columns, frame.index).set_axis(frame.columns, axis=1)
    if cells.index.nlevels == 1:  # its name into the header row, not into a row of its own
        names = [None] * (cells.columns.nlevels - 1) + [cells.index.name]
        cells = cells.rename_axis(index=None).rename_axis(names, axis="columns")
    return cells


def _holds_p(column: object) -> bool:
    return (column[-1] if isinstance(column, tuple) else column) in ("p", "p_holm", "p (Holm)")


def _cell(value: object, digits: int, is_p: bool = False) -> str:
    if isinstance(value, Interval):
        return f"{value:.{digits}f}"
    if isinstance(value, str):
        return value
    if value is None or pd.isna(value):
        return "–"
    if isinstance(value, bool) or not isinstance(value, Real):
        return str(value)
    if isinstance(value, Integral):
        return f"{value:,}"
    text = f"{value:.2g}" if is_p else f"{value:,.{digits}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
