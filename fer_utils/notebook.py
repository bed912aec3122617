"""What a notebook imports first: its data, its runs, and how it shows figures, tables, answers.

    nb = notebook.start("03_model_training", dataset=DATASET, profile=PROFILE, seed=SEED)
    run = nb.model("model2")
    nb.show(figure, photographs=False, caption="...", alt="...")
    nb.table(frame, caption="...")
    nb.say(f"Markdown with computed values: {run.accuracy:.3f}")
    nb.answer(f"...", chinese=f"...", question=1, findings=[...])
    nb.finish()

What the report needs to know is displayed as outputs of the type `RECORD`.
"""

import os
import platform
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from numbers import Integral, Real
from typing import NamedTuple

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
from IPython import get_ipython
from IPython.display import Markdown, display

from fer_utils.data.dataset import Dataset, load
from fer_utils.files import ROOT, commit
from fer_utils.plots import style
from fer_utils.report import RECORD
from fer_utils.report.parameters import defaults
from fer_utils.report.tables import unbroken
from fer_utils.statistics.intervals import Interval
from fer_utils.training import campaign, experiments, runs

STATED = ("stated", "conjectured")  # of the homework, in words: `Finding.homework`
VERSIONS = ("tensorflow", "keras", "numpy", "pandas", "matplotlib", "papermill", "nbconvert")


class ParameterError(ValueError):
    """A value in the parameters cell that can't be meant; the message says what is expected."""


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


class Session:
    """One notebook at work; `start` makes one.

    Parameters
    ----------
    name
        Of the notebook; its number heads those of figures and tables.
    dataset
        What it works on, its attribute `data`.
    profile, seed
        Of the runs that it looks at; `stand_ins` are the names of those that are missing.
    """

    def __init__(self, name: str, dataset: Dataset, profile: str, seed: int):
        self.name, self.data, self.profile, self.seed = name, dataset, profile, seed
        self.stand_ins: list[str] = []
        self._scored: dict[str, set[str]] = {"anew": set(), "original": set()}  # on a copy
        self._shown = {"Figure": 0, "Table": 0}
        self._started = time.monotonic()

    def __repr__(self) -> str:
        return f"{self.name}: {self.data.source}; profile {self.profile}, seed {self.seed}"

    def model(self, role: str) -> runs.Run:
        """The run of one model, such as "model2"."""
        return self.models(role)[role]

    def models(self, *roles: str) -> dict[str, runs.Run]:
        """The runs of some models by name, to be compared with each other."""
        found = self._comparable([partial(experiments.model, role) for role in roles], seeds=1)
        return {role: seeds[0] for role, seeds in zip(roles, found, strict=True)}

    def finished(self, *roles: str) -> bool:
        """Whether all of these models are finished; none is trained here."""
        given = {"profile": self.profile, "seed": self.seed}
        makers = [partial(experiments.model, role) for role in roles]
        return all(campaign.finished(make, self.data, **given) for make in makers)

    def committee_and_students(self) -> dict[str, runs.Run]:
        """By name the finished members of the committee and its students; none is trained here.

        Only the reference on FER2013 has them; a copy those alone that are scored anew on it.
        """
        if (self.profile, self.data.name) != ("reference", "fer2013"):
            return {}
        configs = experiments.committee_and_students()
        found = {
            config.name: run
            for config in configs
            if (run := runs.find(config, self.data))
            and (runs.is_scored_anew(run) or not runs.is_on_copy(run, self.data))
        }
        self._note([list(found.values())])
        return found

    def ablations(self, *cells: dict) -> list[list[runs.Run]]:
        """For each cell (arguments of `experiments.ablation`) its runs, one per seed."""
        makers = [partial(experiments.ablation, **cell) for cell in cells]
        return self._comparable(makers, seeds=experiments.scale(self.profile, self.data.name).seeds)

    def factorial(self) -> dict[tuple[bool, bool, bool], list[runs.Run]]:
        """Runs by (per-image normalisation, batch normalisation, x20 augmentation).

        All eight cells where they are finished, otherwise the five that the homework's tables
        and the interaction of the two normalisations need.
        """
        found, missing = campaign.factorial(self.data, profile=self.profile, seed=self.seed)
        self.stand_ins += missing
        self._note(found.values())
        return found

    def _comparable(self, makers: list, seeds: int) -> list[list[runs.Run]]:
        found, missing = campaign.comparable(
            makers, self.data, profile=self.profile, seed=self.seed, seeds=seeds
        )
        self.stand_ins += missing
        self._note(found)
        return found

    def _note(self, groups: Iterable[list[runs.Run]]) -> None:
        """Note which runs were made on the original of these data, for `finish`."""
        for run in (run for group in groups for run in group):
            if runs.is_on_copy(run, self.data):
                on = "anew" if runs.is_scored_anew(run) else "original"
                self._scored[on].add(run.config.name)

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
            figures are not compared with, and a verdict on its statements says of what it speaks.
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

    def finish(self) -> None:
        """Record how the notebook was made, and say which runs stood in or were scored anew."""
        meta = {
            "name": self.name,
            "dataset": self.data.name,
            "source": self.data.source,
            "profile": self.profile,
            "seed": self.seed,
            "stand_ins": sorted(set(self.stand_ins)),
            "scored_anew": sorted(self._scored["anew"]),
            "scored_on_original": sorted(self._scored["original"]),
            "seconds": round(time.monotonic() - self._started, 1),
            "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "commit": commit(),
            "machine": _machine(),
            "versions": {"python": platform.python_version()}
            | {package: version(package) for package in VERSIONS},
        }
        text = ""
        if self.stand_ins:
            names = ", ".join(f"`{name}`" for name in meta["stand_ins"])
            text = (
                f"> **Stand-ins.** The reference runs {names} are missing; narrow networks "
                "trained for a few hundred steps stand in for them, and their figures say "
                "nothing about what the networks can reach."
            )
        if any(self._scored.values()):
            text += (
                "> **A copy.** The data are FER2013's images, but not its pixels. The finished "
                "networks were scored anew on them, but where one is compared that did not keep "
                "its weights: there the answers are those to the original's pixels "
                f"({', '.join(f'`{name}`' for name in meta['scored_on_original']) or 'nowhere'})."
            )
        display({RECORD: {"meta": meta}, "text/markdown": text}, raw=True)

    def _next(self, kind: str) -> Label:
        """The next label of a kind, "Figure" or "Table", such as "Figure 6.3"."""
        self._shown[kind] += 1
        return Label(f"{kind} {int(self.name[:2])}.{self._shown[kind]}")


def _machine() -> str:
    """System, processor, cores, and the GPUs that TensorFlow uses, if the notebook wanted it."""
    backend = sys.modules.get("fer_utils.backend")
    gpus = backend.devices() if backend else "no GPU"
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {gpus}"


def start(name: str, *, dataset: str = "auto", profile: str = "auto", seed: int = 0) -> Session:
    """Open a notebook's session: load the data and say what was found.

    Parameters
    ----------
    name
        Of the notebook.
    dataset
        As in `data.dataset.load`.
    profile
        Of `experiments.PROFILES`; "auto" is "reference".
    seed
        Of the runs that the notebook looks at.

    Raises
    ------
    ParameterError
        For a value that is none of those expected.
    DataError
        As `data.dataset.load`.
    TooLong
        If the profile wants a GPU and there is none.
    """
    _one_line_errors()
    _require("DATASET", dataset, str)
    _require("PROFILE", profile, str)
    _require("SEED", seed, int)
    _check_parameters_cell(name)
    if profile not in ("auto", *experiments.PROFILES):
        known = ", ".join(experiments.PROFILES)
        raise ParameterError(f"PROFILE = {profile!r}: expected auto, {known}")
    if seed < 0:
        raise ParameterError(f"SEED = {seed}: expected 0 or more")
    style.use()
    loaded = load(dataset)
    if profile == "auto":
        profile = "reference"
    print(f"{loaded.source}\nprofile: {profile}, seed: {seed}")
    if profile == "paper":
        campaign.refuse_long(experiments.campaign(profile, loaded.name), loaded)
    return Session(name, loaded, profile, seed)


def expect_names(
    parameter: str, value: str | Sequence[str], known: Iterable[str], *, count: int = 1
) -> None:
    """Raise ParameterError unless a parameter's value is `count` different ones of those known."""
    names = [value] if isinstance(value, str) else value
    if len(names) != count or len(set(names) & set(known)) != count:
        raise ParameterError(f"{parameter} = {value!r}: expected {count} of {', '.join(known)}")


def _require(parameter: str, value: object, kind: type) -> None:
    """Raise ParameterError if a value is of another type; whole numbers are fractions, too."""
    allowed = {float: (float, int), tuple: (tuple, list)}.get(kind, kind)
    if not isinstance(value, allowed) or isinstance(value, bool):
        raise ParameterError(f"{parameter} = {value!r}: expected {kind.__name__}")


def _check_parameters_cell(name: str) -> None:
    """Raise ParameterError for a value of another type than the committed notebook has there."""
    shell, committed = get_ipython(), ROOT / "notebooks" / f"{name}.ipynb"
    if shell is not None and committed.exists():
        for parameter, value in defaults(nbformat.read(committed, as_version=4)).items():
            _require(parameter, shell.user_ns.get(parameter, value), type(value))


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


def _one_line_errors() -> None:
    """In JupyterLab the package's own errors, which are the user's to mend, are one line."""
    shell = get_ipython()
    if shell is not None and os.environ.get("FER_HEADLESS") != "1":

        def show(shell, kind: type, error: Exception, traceback, tb_offset=None) -> None:
            if kind.__module__.startswith("fer_utils."):
                print(f"{kind.__name__}: {error}", file=sys.stderr)
            else:
                shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)

        shell.set_custom_exc((Exception,), show)
