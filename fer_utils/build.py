"""`make report`: execute the notebooks that are out of date, side by side, then render the report.

The report is two documents, the core and its appendix; each is rendered when it is out of date.

    python -m fer_utils.build [--dry-run]

Parameters (DATASET, PROFILE, SEED) and folders (FER_*) come from the environment; empty is unset.
All of them, the data and the disk are checked before anything is made. A file is replaced when its
successor is complete: a build that fails leaves the last good report. `--dry-run` says what would
be made again, and why.

make itself cannot decide what is out of date: it compares times, knows no parameters, and breaks
paths at spaces. doit compares times as floats, takes any existing target as good, and has no dry
run: with its checker, its record and its reporter replaced, nothing of it would be left.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fer_utils.data import dataset
from fer_utils.data.formats import DataError
from fer_utils.files import (
    ROOT,
    FolderError,
    absolute_paths,
    cache_dir,
    escape_unprintable,
    require_checkout,
    require_space,
)
from fer_utils.report import ReportError, inputs
from fer_utils.report.folder import (
    LOCAL,
    TABLES,
    BuildFolder,
    Document,
    documents_in,
    executed_copy,
)
from fer_utils.report.parameters import defaults

NOTEBOOKS = ROOT / "notebooks"
PARAMETERS = ("DATASET", "PROFILE", "SEED")
NEEDED = 60_000_000  # bytes of disk for a build
AT_A_TIME = 2  # notebooks; each takes a core and up to 2 GB of memory


class Build:
    """What a build finds, and what it makes of that. Raises ReportError if it finds no data."""

    def __init__(self, parameters: Mapping[str, str]):
        self.parameters = {name: value for name, value in parameters.items() if value}
        self.documents = documents_in(NOTEBOOKS)
        self.notebooks = [path for paths in self.documents.values() for path in paths]
        self.folder = BuildFolder()
        cache_dir()  # a wrong one is refused even if nothing is to be done
        named = self.parameters.get("DATASET", "auto")
        try:
            data = dataset.source(named)
        except DataError as error:
            raise ReportError(str(error)) from None
        beside = dataset.folders(named, data)
        self.inputs = inputs.of_notebooks(self.parameters, data, beside)
        self.sources = {path: inputs.of_notebook(path, NOTEBOOKS) for path in self.notebooks}

    def to_execute(self) -> dict[Path, str]:
        """The notebooks that have to be executed, and why."""
        reasons = {
            path: self.folder.why_stale(_copy(path), self.inputs | source)
            for path, source in self.sources.items()
        }
        return {path: reason for path, reason in reasons.items() if reason}

    def to_render(self) -> dict[Document, str]:
        """The documents that have to be made again, and why."""
        reasons = {document: self._why_stale(document) for document in self.documents}
        return {document: reason for document, reason in reasons.items() if reason}

    def run(self) -> None:
        """Bring everything up to date. Raises ReportError."""
        if stale := self.to_execute():
            self._check(stale)
            for path, reason in stale.items():
                print(f"{path.stem}: {reason}", flush=True)
            self._execute(list(stale)[::-1])  # the last ones take longest
        for document in self.to_render():
            self._render(document)
        self._remove_what_is_left_over()
        made = (name for document in self.documents for name in (document.html, document.pdf))
        print("report:", ", ".join(str(self.folder.path / name) for name in made))

    def _check(self, notebooks: Mapping[Path, str]) -> None:
        """Try parameters, data and disk as the notebooks will. Raises ReportError, StorageError.

        This also fills the cache of parsed data, so that two notebooks need not do it at once.
        """
        from fer_utils import notebook
        from fer_utils.report import execute
        from fer_utils.training.train_run import TooLong

        require_space(self.folder.path, NEEDED)
        try:
            for path in notebooks:
                known = defaults(execute.read_source(path))
                given = known | execute.typed(self.parameters, known)
            notebook.start("check", **{name.lower(): given[name] for name in PARAMETERS})
        except (notebook.ParameterError, DataError, TooLong) as error:
            raise ReportError(str(error)) from None

    def _execute(self, notebooks: list[Path]) -> None:
        """Execute notebooks, each in a process of its own; once one fails, no other is started.

        Raises ReportError.
        """
        running: list[subprocess.Popen] = []
        failed: list[str] = []

        def one(path: Path) -> None:
            if failed:
                return
            running.append(process := subprocess.Popen(self._command(path), process_group=0))
            if process.wait():
                failed.append(path.stem)
            else:
                self._record(path)

        with ThreadPoolExecutor(AT_A_TIME) as pool:
            try:
                list(pool.map(one, notebooks))
            except BaseException:  # such as Ctrl-C
                failed.append("stopped")
                for process in running:
                    process.send_signal(signal.SIGINT)
                raise
        if failed:
            raise ReportError(f"{', '.join(sorted(failed))} failed, see above")

    def _command(self, path: Path) -> list[str]:
        given = (word for pair in self.parameters.items() for word in ("-p", *pair))
        command = [sys.executable, "-m", "fer_utils.report.execute", str(path), *given]
        return [*command, "--parent", str(os.getpid())]

    def _record(self, path: Path) -> None:
        """Note that a notebook has been executed, and on what.

        That is what was there when the build began, and runs that the build itself has trained.
        """
        at_start = {k: v for k, v in self.inputs.items() if not k.startswith(LOCAL)}
        self.folder.record(_copy(path), inputs.of_runs() | at_start | self.sources[path])

    def _why_stale(self, document: Document) -> str | None:
        """Why HTML, PDF or tables have to be made again; None if they have not."""
        made_of = self._made_of(document)
        tables = [
            name
            for name in self.folder.recorded()
            if name.startswith(TABLES) and self.folder.made_of(name) == made_of
        ]
        names = (document.html, document.pdf, *tables)
        return next(filter(None, (self.folder.why_stale(name, made_of) for name in names)), None)

    def _render(self, document: Document) -> None:
        """Make HTML, PDF and tables. Raises ReportError."""
        from fer_utils.report.document import write_document

        made_of = self._made_of(document)
        for name in write_document(document, self.documents):
            self.folder.record(name, made_of)

    def _made_of(self, document: Document) -> dict[str, str]:
        executed = [self.folder.path / _copy(path) for path in self.documents[document]]
        others = [path.stem for path in self.notebooks if path not in self.documents[document]]
        return inputs.of_document(executed, others)

    def _remove_what_is_left_over(self) -> None:
        """Remove what an older build made and this one would not, such as a table that is gone."""
        made_of = [self._made_of(document) for document in self.documents]
        copies = set(map(_copy, self.notebooks))
        for name in self.folder.recorded():
            if name not in copies and self.folder.made_of(name) not in made_of:
                self.folder.remove(name)


def _copy(path: Path) -> str:
    return executed_copy(path.stem)


def _say_what_is_stale(build: Build) -> None:
    stale = build.to_execute()
    for path, change in stale.items():
        name = path.relative_to(NOTEBOOKS).as_posix()
        print(f"python -m fer_utils.report.execute notebooks/{name}  # {change}")
    reasons = [f"{document.html}: {reason}" for document, reason in build.to_render().items()]
    for reason in ["notebooks are executed again"] if stale else reasons:
        print(f"python -m fer_utils.report.document  # {reason}")


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m fer_utils.build", description="Make the report"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be made again")
    dry_run = parser.parse_args(arguments).dry_run
    escape_unprintable()
    absolute_paths()
    parameters = {name: os.environ.get(name, "") for name in PARAMETERS}
    try:
        require_checkout("the report")
        if dry_run:
            _say_what_is_stale(Build(parameters))
            return 0
        folder = BuildFolder()
        folder.claim()
        with folder.alone():
            Build(parameters).run()
    except (ReportError, FolderError, OSError, UnicodeError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
