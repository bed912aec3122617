"""Execute one notebook with papermill.

    python -m fer_utils.report.execute notebooks/04_ensemble.ipynb [-p PROFILE quick] [-p SEED 1]

The executed copy is `build_dir()/notebooks/<name>.ipynb`. It appears, by a rename, only when every
cell has run. What an earlier execution left under that name, and the report made from it, is
removed first: after a failure or a kill nothing looks finished, whatever the time stamps say.
"""

import argparse
import ast
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.engines import NBClientEngine, papermill_engines
from traitlets.config import Config

from fer_utils.files import build_dir, replacing

# One line of user-facing text, so that no traceback is printed (fer_utils.data.DataError).
USER_ERROR = "DataError"


class BuildError(Exception):
    """A notebook that cannot be executed; the message is for the user."""


class Terminal:
    """Shows what a notebook is doing: one line per code cell, its printed lines below it.

    papermill writes to it as to a text file.
    """

    def __init__(self, name: str, n_cells: int):
        self.name, self.n_cells, self.cell, self.source = name, n_cells, 0, ""
        self.line_start = True

    def start(self, source: str) -> None:
        """Say which code cell starts: its number among the code cells, its first source line."""
        self.cell, self.source = self.cell + 1, source
        self._newline()
        print(f"[{self}] {first_line(source)}", flush=True)

    def write(self, text: str) -> None:
        """Echo a piece of the cell's output, indented."""
        for line in text.splitlines(keepends=True):
            print("    " + line if self.line_start else line, end="", flush=True)
            self.line_start = line.endswith("\n")

    def flush(self) -> None:
        """Each write is flushed."""

    def finish(self, seconds: float) -> None:
        """Say that the notebook is done."""
        self._newline()
        print(f"[{self.name}] done in {seconds:.0f} s", flush=True)

    def _newline(self) -> None:
        if not self.line_start:
            print()
        self.line_start = True

    def __str__(self) -> str:
        return f"{self.name} cell {self.cell}/{self.n_cells}"


class TerminalEngine(NBClientEngine):
    """papermill's own engine, which also tells `terminal` when a cell starts.

    The messages to and from the kernel are encrypted (unencrypted, the kernel prints a warning).
    """

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, *, terminal: Terminal, **options):
        start = nb_man.cell_start

        def announce(cell, *args, **kwargs):
            if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.tags:
                terminal.start(cell.source)
            return start(cell, *args, **kwargs)

        nb_man.cell_start = announce
        config = Config(KernelManager={"transport_encryption": "auto"})
        return super().execute_managed_notebook(nb_man, kernel_name, config=config, **options)


def first_line(source: str) -> str:
    """The first line of a cell that is not blank, at most 80 characters."""
    return next((line.strip() for line in source.splitlines() if line.strip()), "")[:80]


def defaults(notebook: nbformat.NotebookNode) -> dict[str, object]:
    """The literals assigned in the cell tagged `parameters`, by name; {} without such a cell."""
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            return {
                target.id: ast.literal_eval(statement.value)
                for statement in ast.parse(cell.source).body
                if isinstance(statement, ast.Assign)
                for target in statement.targets
            }
    return {}


def typed(given: Mapping[str, str], known: Mapping[str, object]) -> dict[str, object]:
    """`given` with each value of the type of its default in `known`.

    A relative path to an existing file becomes absolute: the kernel runs in `notebooks/`.
    Raises BuildError for a name that is not in `known` or a value of another type.
    """
    parameters = {}
    for name, text in given.items():
        if name not in known:
            raise BuildError(f"unknown parameter {name}; it has {', '.join(known) or 'none'}")
        kind = type(known[name])
        try:
            parameters[name] = kind(text)
        except ValueError:
            raise BuildError(f"{name} must be {kind.__name__}, not {text!r}") from None
        if kind is str and os.sep in text and Path(text).exists():
            parameters[name] = os.path.abspath(text)
    return parameters


def prepare_environment() -> None:
    """Set the environment that the kernel inherits.

    JUPYTER_PATH comes first in Jupyter's search, so `python3` is this environment's kernel even
    where another one is registered. FER_* paths become absolute: the kernel runs in `notebooks/`.
    """
    os.environ["JUPYTER_PATH"] = os.path.join(sys.prefix, "share", "jupyter")
    os.environ["FER_HEADLESS"] = "1"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    for name in ("FER_DATA", "FER_RUNS", "FER_CACHE", "FER_BUILD"):
        if os.environ.get(name):
            os.environ[name] = os.path.abspath(os.environ[name])


def remove_outputs(name: str) -> None:
    """Remove what was made from the notebook: executed copy, facts, page, and the whole report."""
    build = build_dir()
    made = [f"notebooks/{name}.ipynb", f"facts/{name}.json", f"{name}.html"]
    for path in [*made, "index.html", "report.pdf"]:
        (build / path).unlink(missing_ok=True)


def execute(path: Path, given: Mapping[str, str]) -> Path:
    """Execute the notebook at `path` and return the path of the executed copy.

    `given` maps parameter names to their values as text. Raises BuildError.
    """
    notebook = nbformat.read(path, as_version=4)
    parameters = typed(given, defaults(notebook))
    name, started = path.stem, time.monotonic()
    terminal = Terminal(name, sum(cell.cell_type == "code" for cell in notebook.cells))
    papermill_engines.register("terminal", TerminalEngine)
    remove_outputs(name)
    try:
        executed = papermill.execute_notebook(
            path,
            None,
            parameters=parameters,
            engine_name="terminal",
            kernel_name="python3",
            language="python",
            progress_bar=False,
            cwd=path.parent,
            terminal=terminal,
            stdout_file=terminal,
            stderr_file=terminal,
        )
        target = build_dir() / "notebooks" / path.name
        with replacing(target) as temporary:
            nbformat.write(executed, temporary)
    except papermill.PapermillExecutionError as error:
        remove_outputs(name)
        if error.ename != USER_ERROR:
            print(re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback)), file=sys.stderr)
        raise BuildError(_failure(terminal, f"{error.ename}: {error.evalue}")) from None
    except DeadKernelError:
        remove_outputs(name)
        message = "the kernel died (out of memory, or killed)"
        raise BuildError(_failure(terminal, message)) from None
    terminal.finish(time.monotonic() - started)
    return target


def _failure(terminal: Terminal, message: str) -> str:
    return f"{terminal} failed, at `{first_line(terminal.source)}`\n{message}"


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m fer_utils.report.execute", description="Run a notebook"
    )
    parser.add_argument("notebook", type=Path)
    parser.add_argument(
        "-p", dest="parameters", nargs=2, action="append", default=[], metavar=("NAME", "VALUE")
    )
    options = parser.parse_args(arguments)
    prepare_environment()
    try:
        execute(options.notebook.resolve(), dict(options.parameters))
    except (BuildError, OSError) as error:
        print(f"{options.notebook}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{options.notebook}: stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
