"""What a build depends on: a state by label for each source, run and data set.

Sources count by content; runs and data, which may be large, by size and time of change.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from fer_utils.files import ROOT, runs_dir, state

REPORT_SOURCES = ROOT / "fer_utils" / "report"  # have no part in a notebook's execution but these:
EXECUTING = [REPORT_SOURCES / name for name in ("__init__.py", "execute.py", "parameters.py")]
VOTES = "fer2013new.csv"


def of_notebooks(
    parameters: Mapping[str, str], data: Sequence[Path], beside: Sequence[Path]
) -> dict[str, str]:
    """What all notebooks depend on: parameters, data, finished runs, package, versions.

    `data`: the files, or the folders, that the data set is read from; none for the drawn faces.
    `beside`: folders in which a file of votes is looked for.
    """
    package = set((ROOT / "fer_utils").rglob("*.py")) - set(REPORT_SOURCES.glob("*.py"))
    return {
        **parameters,
        "FER_DATA": os.environ.get("FER_DATA", ""),
        "the data set": " ".join(map(state, data)),
        "the file of votes": " ".join(state(folder / VOTES) for folder in beside),
        **of_runs(),
        **_contents([*package, *EXECUTING, ROOT / "uv.lock"]),
    }


def of_notebook(path: Path, folder: Path) -> dict[str, str]:
    """The notebook itself, named by its path in the folder of all notebooks."""
    return {f"notebooks/{path.relative_to(folder).as_posix()}": _digest(path)}


def of_document(executed: Iterable[Path], others: Iterable[str]) -> dict[str, str]:
    """What HTML and PDF depend on: executed notebooks, templates, style, fonts, the renderer.

    `others`: the names of the notebooks of the other document, which this one links to.
    """
    report = ROOT / "report"
    by_hand = [*report.glob("template/*"), *report.glob("fonts/*"), report / "style.css"]
    states = {f"the executed {path.name}": state(path) for path in executed}
    states["the names of the other document's notebooks"] = " ".join(others)
    return states | _contents([*REPORT_SOURCES.glob("*.py"), *filter(Path.is_file, by_hand)])


def of_runs() -> dict[str, str]:
    """Every file of the finished runs; a name that starts with a dot is none of them."""
    folder = runs_dir()
    return {
        f"runs/{path.relative_to(folder).as_posix()}": state(path)
        for path in folder.rglob("*")
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    }


def _contents(paths: Iterable[Path]) -> dict[str, str]:
    return {path.relative_to(ROOT).as_posix(): _digest(path) for path in paths}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
