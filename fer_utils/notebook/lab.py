"""`make lab`: JupyterLab on working copies of the notebooks, which git does not see.

    python -m fer_utils.notebook.lab [JupyterLab's options]

The copies lie in `lab/`. One that has been edited stays; any other is renewed when its notebook
changes. Where the environment names no data, those of the last report are used. What JupyterLab is
told is in `jupyter_server_config.py`; what the user's own files say holds besides.
"""

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook

from fer_utils.data import dataset
from fer_utils.data.formats import DataError
from fer_utils.files import (
    ROOT,
    FolderError,
    absolute_paths,
    escape_unprintable,
    own_package_first,
    replacing,
    require_checkout,
)
from fer_utils.report.folder import CORE, BuildFolder, executed_copy

NOTEBOOKS = ROOT / "notebooks"
WORKING = ROOT / "lab"
CONFIG = Path(__file__).parent
START = "00_start.ipynb"
KERNEL = {"display_name": "Python 3", "name": "python3"}  # so that JupyterLab asks for none
WELCOME = """# Facial expressions: the notebooks 表情辨識

These are working copies: change and run whatever you like. They lie in `lab/`, which git ignores;
a copy that you have edited is kept when the project changes, until you delete it.

The data are **{data}**. Others: `make lab FER_DATA=path/to/fer2013.csv`, or `DATASET` in a
notebook's first cell.

| Notebook | What it asks |
|---|---|
"""


def names_in(folder: Path) -> list[str]:
    """Return the notebooks in a folder and in its `appendix`, as paths relative to it."""
    found = [*sorted(folder.glob("*.ipynb")), *sorted(folder.glob("appendix/*.ipynb"))]
    return [path.relative_to(folder).as_posix() for path in found]


def working_copies(originals: Path, folder: Path) -> Iterator[str]:
    """Copy the notebooks into `folder` but for edited copies; yield what there is to say."""
    for name in names_in(originals):
        path, copy = originals / name, folder / name
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata["copy_of"] = digest = _digest(notebook)
        if copy.exists():
            try:
                old = nbformat.read(copy, as_version=4)
            except (ValueError, nbformat.ValidationError):
                yield f"lab/{name} can't be read: delete it to get a new copy"
                continue
            copied = old.metadata.get("copy_of")
            if copied == digest:
                continue
            if copied != _digest(old):
                yield f"lab/{name} is kept, with your changes; notebooks/{name} is newer"
                continue
        _write(notebook, copy)


def start_page(originals: Path, data: str) -> nbformat.NotebookNode:
    """Return a notebook that leads to the others, with title and first sentence of each."""
    rows = []
    for name in names_in(originals):
        opening = nbformat.read(originals / name, as_version=4).cells[:1]
        text = "\n".join(cell.source for cell in opening)
        title = re.search(r"^# (.+)", text, re.M)
        lead = re.search(r"^(?:\*\*Question(?: \d)?\.\*\* )?(\w.+)", text, re.M)
        rows.append(f"| [{title[1] if title else name}]({name}) | {lead[1] if lead else ''} |")
    text = WELCOME.format(data=data) + "\n".join(rows)
    page = new_notebook(cells=[new_markdown_cell(text)], metadata={"kernelspec": KERNEL})
    page.cells[0]["id"] = "start"
    return page


def data_of_last_report() -> Path | None:
    """Return the path of the data of the last report; None for the default data."""
    names = sorted(path.stem for path in NOTEBOOKS.glob(CORE.pattern))
    made_of = BuildFolder().made_of(executed_copy(names[0]))
    return dataset.path_named(made_of.get("DATASET", "auto"), made_of.get("FER_DATA", ""))


def _choose_data() -> str:
    """Set FER_DATA where it is not set; return the names of the files of data.

    Raises DataError for what only a report takes.
    """
    for name in ("DATASET", "PROFILE", "SEED"):
        if os.environ.get(name):
            raise DataError(
                f"make lab takes no {name}: set it in a notebook's parameters cell "
                "(and name other data by FER_DATA=...)"
            )
    absolute_paths()
    if not os.environ.get("FER_DATA") and (last := data_of_last_report()):
        os.environ["FER_DATA"] = str(last)
    files = dataset.source()
    return ", ".join(file.name for file in files) if files else "the drawn faces"


def _digest(notebook: nbformat.NotebookNode) -> str:
    """Return a digest of what a person edits: kind, source and tags of the cells."""
    cells = [[c.cell_type, c.source, c.metadata.get("tags", [])] for c in notebook.cells]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()[:16]


def _write(notebook: nbformat.NotebookNode, path: Path) -> None:
    with replacing(path) as temporary:
        nbformat.write(notebook, temporary)


def main() -> int:
    """Run JupyterLab until it is stopped; return the exit status."""
    escape_unprintable()
    try:
        require_checkout("make lab")
        data = _choose_data()
        for line in working_copies(NOTEBOOKS, WORKING):
            print(line, flush=True)
        _write(start_page(NOTEBOOKS, data), WORKING / START)
    except (DataError, FolderError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    own_package_first()
    kernels = Path(sys.prefix, "share", "jupyter")  # this environment's python3 comes first
    for variable, folder in (("JUPYTER_PATH", kernels), ("JUPYTER_CONFIG_PATH", CONFIG)):
        others = os.environ.get(variable)
        os.environ[variable] = os.pathsep.join(filter(None, [str(folder), others]))
    from jupyterlab.labapp import LabApp

    LabApp.launch_instance(sys.argv[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
