"""One notebook at work: its data, its runs, what it shows, and how it was made."""

import os
import platform
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import nbformat
from IPython import get_ipython
from IPython.display import Markdown, display

from fer_utils.data.dataset import Dataset, load
from fer_utils.files import ROOT, commit
from fer_utils.notebook.conclude import Told, told_or_plain
from fer_utils.notebook.display import Display, Row, rows_for_page
from fer_utils.notebook.run_selection import RunSelection
from fer_utils.plots import style
from fer_utils.report import RECORD
from fer_utils.report.parameters import defaults
from fer_utils.statistics.results import Check
from fer_utils.training import experiments, train_run

VERSIONS = ("tensorflow", "keras", "numpy", "pandas", "matplotlib", "papermill", "nbconvert")


class ParameterError(ValueError):
    """A value in the parameters cell that can't be meant; the message says what is expected."""


class Session(Display):
    """One notebook at work; `start` makes one.

    Parameters
    ----------
    name
        Of the notebook; its number heads those of figures and tables.
    dataset
        What it works on, its attribute `data`.
    profile, seed
        Of the runs that it looks at, its attribute `runs`.
    """

    def __init__(self, name: str, dataset: Dataset, profile: str, seed: int):
        super().__init__(name)
        self.data, self.profile, self.seed = dataset, profile, seed
        self.runs = RunSelection(dataset, profile, seed)
        self._started = time.monotonic()

    def __repr__(self) -> str:
        return f"{self.name}: {self.data.source}; profile {self.profile}, seed {self.seed}"

    @property
    def is_reference(self) -> bool:
        """Whether this is the build of FER2013's report: then every sentence has to be true."""
        chosen = self.runs
        return (
            os.environ.get("FER_HEADLESS") == "1"
            and (self.data.name, self.profile, self.seed) == ("fer2013", "reference", 0)
            and self.data.original
            and not (chosen.fallbacks or chosen.rescored or chosen.not_rescored)
        )

    def conclude(self, sentence: str, *checks: Check) -> None:
        """Show a sentence that a person wrote, with checks of the values that it states.

        Where a check fails, the plain lines of the results stand in its place. Raises
        UntrueSentence instead on the reference data.
        """
        shown, _ = told_or_plain(Told(sentence, "", checks), strict=self.is_reference)
        if shown:
            display(Markdown(shown))

    def answer(
        self,
        told: Told,
        *,
        question: int | None,
        rows: Sequence[Row] = (),
        note: str = "",
        drawn: Told | None = None,
    ) -> None:
        """Show the notebook's answer in both languages, and record it for the report.

        Parameters
        ----------
        told
            The answer, in two or three sentences of Markdown, with its checks as in `conclude`.
        question
            The number of the course's question that it answers; None for none.
        rows
            What the report's first page shows of it.
        note
            A caveat that the first page has below its table.
        drawn
            The answer for the drawn faces.
        """
        if drawn and self.data.name == "drawn":
            told = drawn
        english, chinese = told_or_plain(told, strict=self.is_reference)
        record = {
            "question": question,
            "english": english,
            "chinese": chinese,
            "rows": rows_for_page(rows, compared=self.data.original),
            "note": note if self.data.original else "",
        }
        text = f"{english}\n\n{chinese}"
        display({RECORD: {"answer": record}, "text/markdown": text}, raw=True)

    def finish(self) -> None:
        """Record how the notebook was made, and say which runs are fallbacks or scored again."""
        chosen = self.runs
        meta: dict[str, Any] = {
            "name": self.name,
            "dataset": self.data.name,
            "source": self.data.source,
            "profile": self.profile,
            "seed": self.seed,
            "fallbacks": sorted(chosen.fallbacks),
            "rescored": sorted(chosen.rescored),
            "not_rescored": sorted(chosen.not_rescored),
            "seconds": round(time.monotonic() - self._started, 1),
            "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "commit": commit(),
            "machine": machine(),
            "versions": {"python": platform.python_version()}
            | {package: version(package) for package in VERSIONS},
        }
        text = ""
        if meta["fallbacks"]:
            text = (
                f"> **Fallback models.** The reference runs {_code(meta['fallbacks'])} are "
                "missing; small networks trained for a few hundred steps take their place, and "
                "their figures say nothing about what the networks can reach."
            )
        if chosen.rescored or chosen.not_rescored:
            text += (
                "> **A copy.** The data are FER2013's images, but not its pixels. The finished "
                "networks were scored again on them, except where one of those compared has not "
                "kept its weights: there the predictions are those for the original's pixels "
                f"({_code(meta['not_rescored']) or 'nowhere'})."
            )
        display({RECORD: {"meta": meta}, "text/markdown": text}, raw=True)


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def machine() -> str:
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
        train_run.refuse_long(experiments.all_experiments(profile, loaded.name), loaded)
    return Session(name, loaded, profile, seed)


def expect_names(
    parameter: str, value: str | Sequence[str], known: Iterable[str], *, count: Sequence[int] = (1,)
) -> None:
    """Raise ParameterError unless a parameter's value is as many different names of those known.

    `count` lists how many there may be.
    """
    names = [value] if isinstance(value, str) else value
    if len(names) not in count or len(set(names) & set(known)) != len(names):
        wanted = " or ".join(map(str, count))
        raise ParameterError(f"{parameter} = {value!r}: expected {wanted} of {', '.join(known)}")


def _require(parameter: str, value: object, kind: type) -> None:
    """Raise ParameterError if a value is of another type; whole numbers are fractions, too."""
    allowed = {float: (float, int), tuple: (tuple, list)}.get(kind, kind)
    if not isinstance(value, allowed) or isinstance(value, bool) != (kind is bool):
        raise ParameterError(f"{parameter} = {value!r}: expected {kind.__name__}")


def _check_parameters_cell(name: str) -> None:
    """Raise ParameterError for a value of another type than the committed notebook has there."""
    shell = get_ipython()
    if shell is None:
        return
    for committed in (ROOT / "notebooks").rglob(f"{name}.ipynb"):
        for parameter, value in defaults(nbformat.read(committed, as_version=4)).items():
            _require(parameter, shell.user_ns.get(parameter, value), type(value))


def _one_line_errors() -> None:
    """In JupyterLab the package's own errors, and an interrupt, are one line."""
    shell = get_ipython()
    if shell is not None and os.environ.get("FER_HEADLESS") != "1":

        def show(shell, kind: type, error: BaseException, traceback, tb_offset=None) -> None:
            if isinstance(error, KeyboardInterrupt):
                print(str(error) or "stopped: run the cell again", file=sys.stderr)
            elif kind.__module__.startswith("fer_utils."):
                print(f"{kind.__name__}: {error}", file=sys.stderr)
            else:
                shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)

        shell.set_custom_exc((Exception, KeyboardInterrupt), show)
