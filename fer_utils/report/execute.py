"""Execute one notebook with papermill.

    python -m fer_utils.report.execute notebooks/04_ensemble.ipynb [-p PROFILE quick] [-p SEED 1]

The executed copy is `build_dir()/notebooks/<name>.ipynb`. It appears, by a rename, only when every
cell has run; a failure or a kill leaves what was there before.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from traitlets.config import Config

from fer_utils.files import (
    FolderError,
    absolute_paths,
    escape_unprintable,
    own_package_first,
    replacing,
)
from fer_utils.report import ReportError
from fer_utils.report.folder import BuildFolder, executed_copy
from fer_utils.report.parameters import defaults

# Their message is for the user, in one line: no traceback is printed.
USER_ERRORS = (
    "DamagedRun",
    "DataError",
    "FolderError",
    "ParameterError",
    "StorageError",
    "TooLong",
    "TrainingError",
    "UntrueSentence",
)
SHORT = "/tmp" if os.name == "posix" else None  # a socket's path has at most 100 characters or so


class Terminal:
    """Shows what a notebook is doing: a line per code cell, below it the lines that it prints.

    Every line names the notebook, since others may be executed at the same time. papermill writes
    to it as to a text file.
    """

    def __init__(self, name: str, n_cells: int):
        self.name, self.n_cells, self.cell, self.line = name, n_cells, 0, ""
        self._pending = ""

    def start(self, cell: nbformat.NotebookNode, **_: object) -> None:
        """Say which code cell starts: its number among the code cells, its first source line."""
        if "injected-parameters" not in cell.metadata.get("tags", []):
            self.end_line()
            self.cell += 1
            self.line = cell.source.strip().partition("\n")[0][:80]
            print(f"[{self}] {self.line}", flush=True)

    def write(self, text: str) -> None:
        """Echo a piece of the cell's output, as soon as a line is complete."""
        *lines, self._pending = (self._pending + text).split("\n")
        for line in lines:
            print(f"[{self.name}]     {line}", flush=True)

    def flush(self) -> None:
        """Each line is flushed."""

    def end_line(self) -> None:
        """Echo what the last cell printed without a line end."""
        if self._pending:
            self.write("\n")

    def __str__(self) -> str:
        return f"{self.name} cell {self.cell}/{self.n_cells}"


def typed(given: Mapping[str, str], known: Mapping[str, Any]) -> dict[str, Any]:
    """`given` with each value of the type of its default in `known`.

    A path to an existing file becomes absolute: the kernel runs in the notebook's folder.
    Raises ReportError for a name that is not in `known` or a value of another type.
    """
    parameters: dict[str, Any] = {}
    for name, text in given.items():
        if name not in known:
            raise ReportError(f"unknown parameter {name}; it has {', '.join(known) or 'none'}")
        kind = type(known[name])
        try:
            parameters[name] = kind(text)
        except ValueError:
            raise ReportError(f"{name} must be {kind.__name__}, not {text!r}") from None
        path = os.path.expanduser(text)
        if kind is str and os.sep in path and Path(path).exists():
            parameters[name] = os.path.abspath(path)
    return parameters


def prepare_environment(runtime: str) -> None:
    """Set the environment that the kernel inherits; `runtime` is a folder for its sockets.

    JUPYTER_PATH comes first in Jupyter's search, so `python3` is this environment's kernel even
    where another one is registered. FER_* paths become absolute: the kernel runs in the notebook's
    folder. It imports this checkout's package, even if the environment links to another checkout's.
    """
    os.environ["JUPYTER_PATH"] = os.path.join(sys.prefix, "share", "jupyter")
    os.environ["JUPYTER_RUNTIME_DIR"] = runtime
    os.environ["FER_HEADLESS"] = "1"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # two notebooks may share a GPU
    absolute_paths()
    own_package_first()


def execute(path: Path, given: Mapping[str, str]) -> Path:
    """Execute the notebook at `path` and return the path of the executed copy.

    `given` maps parameter names to their values as text. Raises ReportError, FolderError.
    """
    notebook, started = read_source(path), time.monotonic()
    parameters = typed(given, defaults(notebook))
    terminal = Terminal(path.stem, sum(cell.cell_type == "code" for cell in notebook.cells))
    folder = BuildFolder()
    folder.claim()
    executed = _run(path, parameters, terminal)
    del executed.metadata["papermill"]  # has paths of this machine
    target = folder.path / executed_copy(path.stem)
    with replacing(target) as temporary:
        nbformat.write(executed, temporary)
    terminal.end_line()
    print(f"[{path.stem}] done in {time.monotonic() - started:.0f} s", flush=True)
    return target


def read_source(path: Path) -> nbformat.NotebookNode:
    """The notebook in a file, before its execution. Raises ReportError if it is none."""
    try:
        return nbformat.read(path, as_version=4)
    except (ValueError, nbformat.ValidationError) as error:
        raise ReportError(f"{path.name} is not a notebook ({str(error).splitlines()[0]})") from None


def _run(path: Path, parameters: dict, terminal: Terminal) -> nbformat.NotebookNode:
    """The notebook with its outputs. Raises ReportError if a cell fails.

    The kernel is spoken to through sockets in the file system, which need no network.
    """
    sockets = os.path.join(os.environ["JUPYTER_RUNTIME_DIR"], "kernel")
    try:
        return papermill.execute_notebook(
            path,
            None,
            parameters=parameters,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            cwd=path.parent,
            stdout_file=terminal,
            stderr_file=terminal,
            on_cell_execute=terminal.start,
            config=Config(KernelManager={"transport": "ipc", "ip": sockets}),
            shutdown_kernel="immediate",
        )
    except papermill.PapermillExecutionError as error:
        if error.ename not in USER_ERRORS:
            print(re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback)), file=sys.stderr)
        message = f"{error.ename}: {error.evalue}"
    except DeadKernelError:
        message = "the kernel died (out of memory, or killed)"
    except RuntimeError as error:
        raise ReportError(f"the kernel did not start ({error})") from None
    raise ReportError(f"{terminal} failed, at `{terminal.line}`\n{message}")


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m fer_utils.report.execute", description="Run a notebook"
    )
    parser.add_argument("notebook", type=Path)
    parser.add_argument(
        "-p", dest="parameters", nargs=2, action="append", default=[], metavar=("NAME", "VALUE")
    )
    parser.add_argument("--parent", type=int, help="end when this process is no longer the parent")
    options = parser.parse_args(arguments)
    escape_unprintable()
    try:
        with tempfile.TemporaryDirectory(prefix="fer-", dir=SHORT) as runtime:
            prepare_environment(runtime)
            if options.parent:
                threading.Thread(target=_end_with, args=[options.parent], daemon=True).start()
            execute(options.notebook.resolve(), dict(options.parameters))
    except (ReportError, FolderError, OSError) as error:
        print(f"{options.notebook}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{options.notebook}: stopped", file=sys.stderr)
        return 130
    return 0


def _end_with(parent: int) -> None:
    """End this process, and by that its kernel, as soon as `parent` is no longer its parent."""
    while os.getppid() == parent:
        time.sleep(0.5)
    shutil.rmtree(os.environ["JUPYTER_RUNTIME_DIR"], ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
