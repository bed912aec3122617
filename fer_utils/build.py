"""`make report`: execute the notebooks that are out of date, side by side, then render the report.

    python -m fer_utils.build [--dry-run]

Parameters (DATASET, PROFILE, SEED) and folders (FER_*) come from the environment; empty is unset.
All of them, the data and the disk are checked before anything is removed. `--dry-run` says what
would be made again, and why.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from fer_utils.data import dataset
from fer_utils.data.formats import DataError
from fer_utils.files import ROOT, FolderError, absolute_paths, cache_dir, require_space
from fer_utils.report import RECORDED, inputs
from fer_utils.report.folder import LOCAL, REPORT, BuildFolder, products
from fer_utils.report.parameters import defaults
from fer_utils.report.side_by_side import execute_all

NOTEBOOKS = ROOT / "notebooks"
PARAMETERS = ("DATASET", "PROFILE", "SEED")
NEEDED = 60_000_000  # bytes of disk for a build


class Failed(Exception):
    """A build that can't go on; the message is for the user."""


class Build:
    """What a build finds, and what it makes of that. Raises Failed if it finds no data."""

    def __init__(self, parameters: Mapping[str, str]):
        self.parameters = {name: value for name, value in parameters.items() if value}
        self.notebooks = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
        self.folder = BuildFolder()
        cache_dir()  # a wrong one is refused even if nothing is to be done
        named = self.parameters.get("DATASET", "auto")
        try:
            data = dataset.source(named)
        except DataError as error:
            raise Failed(str(error)) from None
        beside = dataset.folders(named, data)
        self.inputs = inputs.of_notebooks(self.parameters, data, beside)

    def to_execute(self) -> dict[Path, str]:
        """The notebooks that have to be executed, and why."""
        reasons = {
            path: self.folder.why_stale(_copy(path), self._made_of(path)) for path in self.notebooks
        }
        return {path: reason for path, reason in reasons.items() if reason}

    def to_render(self) -> str | None:
        """Why HTML and PDF have to be made again; None if they have not."""
        made_of = self._report_made_of()
        reasons = (self.folder.why_stale(name, made_of) for name in self._rendered())
        return next(filter(None, reasons), None)

    def run(self) -> None:
        """Bring everything up to date. Raises Failed."""
        if stale := self.to_execute():
            self._check(list(stale))
            for path, reason in stale.items():
                print(f"{path.stem}: {reason}", flush=True)
            self.folder.remove([*REPORT, *(p for path in stale for p in products(path.stem))])
            self._execute(list(stale))
        if self.to_render():
            self._render()
        print("report:", ", ".join(str(self.folder.path / name) for name in REPORT))

    def _check(self, notebooks: list[Path]) -> None:
        """Try parameters, data and disk as the notebooks will. Raises Failed, StorageError.

        This also fills the cache of parsed data, so that two notebooks need not do it at once.
        """
        from fer_utils import notebook
        from fer_utils.report import execute
        from fer_utils.training.train_run import TooLong

        require_space(self.folder.path, NEEDED)
        try:
            for path in notebooks:
                known = defaults(execute.read(path))
                given = known | execute.typed(self.parameters, known)
            notebook.start("check", **{name.lower(): given[name] for name in PARAMETERS})
        except (execute.BuildError, notebook.ParameterError, DataError, TooLong) as error:
            raise Failed(str(error)) from None

    def _execute(self, notebooks: list[Path]) -> None:
        """Execute notebooks, those first that took longest. Raises Failed."""
        longest = sorted(notebooks, key=lambda path: (self.folder.seconds(_copy(path)), path))
        if failed := execute_all(longest[::-1], self.parameters, self._record):
            raise Failed(f"{', '.join(path.stem for path in failed)} failed, see above")
        if unfinished := [path.stem for path in notebooks if not self._is_finished(path)]:
            raise Failed(f"{', '.join(unfinished)}: the last cell must be `nb.finish()`")
        for path in notebooks:  # what the others have trained since
            self._record(path, self.folder.seconds(_copy(path)))

    def _is_finished(self, path: Path) -> bool:
        """Whether the executed copy says how it was made, without which there is no report."""
        copy = json.loads((self.folder.path / _copy(path)).read_text(encoding="utf-8"))
        return "meta" in copy["metadata"].get(RECORDED, {})

    def _record(self, path: Path, seconds: float) -> None:
        """Note that a notebook has been executed: on what was there when the build began, and on
        runs that the build itself has trained.
        """
        if not self._is_finished(path):
            return
        made_of = {k: v for k, v in self._made_of(path).items() if not k.startswith(LOCAL)}
        self.folder.record(_copy(path), inputs.of_runs() | made_of, seconds)

    def _render(self) -> None:
        """Make HTML and PDF. Raises Failed."""
        from fer_utils.report import document, page

        made_of = self._report_made_of()
        try:
            document.write([path.stem for path in self.notebooks])
        except page.ReportError as error:
            raise Failed(str(error)) from None
        for name in self._rendered():
            self.folder.record(name, made_of)

    def _made_of(self, path: Path) -> dict[str, str]:
        return self.inputs | inputs.of_notebook(path)

    def _report_made_of(self) -> dict[str, str]:
        return inputs.of_report(self.folder.path / _copy(path) for path in self.notebooks)

    def _rendered(self) -> list[str]:
        return [*REPORT, *(products(path.stem)[1] for path in self.notebooks)]


def _copy(path: Path) -> str:
    return products(path.stem)[0]


def _say_what_is_stale(build: Build) -> None:
    stale = build.to_execute()
    for path, reason in stale.items():
        print(f"python -m fer_utils.report.execute notebooks/{path.name}  # {reason}")
    if reason := "notebooks are executed again" if stale else build.to_render():
        print(f"python -m fer_utils.report.document  # {reason}")


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m fer_utils.build", description="Make the report"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be made again")
    dry_run = parser.parse_args(arguments).dry_run
    sys.stdout.reconfigure(errors="backslashreplace")
    absolute_paths()
    parameters = {name: os.environ.get(name, "") for name in PARAMETERS}
    try:
        if dry_run:
            _say_what_is_stale(Build(parameters))
            return 0
        folder = BuildFolder()
        folder.claim()
        with folder.alone():
            Build(parameters).run()
    except (Failed, FolderError, OSError, UnicodeError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
