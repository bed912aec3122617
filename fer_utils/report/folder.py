"""The build folder: what a build has made in it, and of what; nothing else in it is removed.

    python -m fer_utils.report.folder       remove what builds made here (`make clean`)

`fer-build.json` has an entry for each file made: its size and time, by which a file that something
else has changed is known, and the states of all that it was made of. A folder that holds anything
but no `fer-build.json` is no build folder, and is refused. The command needs Python's standard
library only.
"""

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from fer_utils.files import (
    ROOT,
    TEMPORARY,
    FolderError,
    build_dir,
    escape_unprintable,
    locked,
    state,
    write_json,
)

RECORD = "fer-build.json"  # a name that nothing else has: it marks the folder as a build's
LOCK = ".lock"
LOCAL = "runs/local/"  # labels of runs that a build itself may have trained
TABLES = "tables/"  # the folder of the full tables, as CSV


class Document(NamedTuple):
    """One document of the report: where its notebooks lie, and the names of its files."""

    title: str
    pattern: str
    html: str
    pdf: str


CORE = Document("Facial expression recognition", "[0-9]*.ipynb", "index.html", "report.pdf")
APPENDIX = Document("Appendix", "appendix/A*.ipynb", "appendix.html", "appendix.pdf")


def documents_in(folder: Path) -> dict[Document, list[Path]]:
    """Return the notebooks in a folder, in order, by document; the appendix may have none."""
    core, appendix = (sorted(folder.glob(document.pattern)) for document in (CORE, APPENDIX))
    return {CORE: core} | ({APPENDIX: appendix} if appendix else {})


def executed_copy(notebook: str) -> str:
    """Return the name of a notebook's executed copy, relative to the build folder."""
    return f"notebooks/{notebook}.ipynb"


class BuildFolder:
    """`build_dir()` and its record. Raises FolderError if there is something else in it."""

    def __init__(self):
        self.path = build_dir()
        self._file = self.path / RECORD
        default = self.path == ROOT / "report" / "build"
        if not default and not self._file.exists() and _holds_anything(self.path):
            raise FolderError(
                f"{self.path}: not empty, and not of a build; name another folder in FER_BUILD"
            )
        self._writing = Lock()
        self._entries = _entries(self._file)

    def claim(self) -> None:
        """Make the folder, if it is not there, and mark it as that of a build."""
        if not self._file.exists():
            write_json(self._file, {})

    def alone(self) -> AbstractContextManager[None]:
        """Hold the folder: a second build of it waits until the first has ended."""
        return locked(self.path / LOCK, f"another build is at work in {self.path}; waiting for it")

    def why_stale(self, name: str, made_of: Mapping[str, str]) -> str | None:
        """Why the file `name` (relative to the folder) has to be made again; None if it has not.

        `made_of`: the state, by label, of all that it would be made of now.
        """
        entry = self._entries.get(name)
        if not (self.path / name).exists():
            return "not there"
        if entry is None or entry["file"] != state(self.path / name):
            return "not as the last build left it"
        return first_difference(entry["made_of"], made_of)

    def record(self, name: str, made_of: Mapping[str, str]) -> None:
        """Note that the file `name` has been made, and of what."""
        with self._writing:
            self._entries[name] = {"file": state(self.path / name), "made_of": dict(made_of)}
            write_json(self._file, self._entries)

    def made_of(self, name: str) -> dict[str, str]:
        """What the file was made of; {} for one that no build has made."""
        return self._entries.get(name, {}).get("made_of", {})

    def recorded(self) -> list[str]:
        """The names of all files that builds have made here."""
        return list(self._entries)

    def remove(self, name: str) -> None:
        """Remove a file that a build has made."""
        (self.path / name).unlink(missing_ok=True)
        del self._entries[name]
        write_json(self._file, self._entries)

    def clean(self, notebooks: Iterable[str]) -> tuple[list[str], list[str]]:
        """Remove all that builds made, and the folder itself if nothing else is in it.

        Returns the names of what was removed, and of what was left.
        """
        unfinished = list(self.path.rglob(TEMPORARY))
        for temporary in unfinished:
            shutil.rmtree(temporary)
        made = {
            *map(executed_copy, notebooks),
            *(name for document in (CORE, APPENDIX) for name in (document.html, document.pdf)),
            *self._entries,
        }
        removed = sorted(name for name in made if (self.path / name).is_file())
        for name in (*removed, RECORD, LOCK):
            (self.path / name).unlink(missing_ok=True)
        for folder in (self.path / "notebooks", self.path / TABLES, self.path):
            if folder.is_dir() and not _holds_anything(folder):
                folder.rmdir()
        removed += [str(temporary.relative_to(self.path)) for temporary in unfinished]
        return removed, sorted(str(p.relative_to(self.path)) for p in self.path.rglob("*"))


def first_difference(before: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    """What has changed, appeared or gone, in words; None if nothing has.

    A run in `runs/local/` that is new was trained by the build itself, and is no difference.
    """
    for label in sorted({*before, *now}):
        if label not in now:
            return f"{label} is gone"
        if label not in before and not label.startswith(LOCAL):
            return f"{label} is new"
        if label in before and before[label] != now[label]:
            return f"{label} has changed"
    return None


def _entries(file: Path) -> dict[str, dict]:
    """What the record holds; what is damaged in it, or names a file outside, is left out."""
    try:
        named = json.loads(file.read_text(encoding="utf-8")).items()
    except (FileNotFoundError, ValueError, AttributeError):
        return {}
    return {
        name: entry
        for name, entry in named
        if isinstance(entry, dict)
        and {"file", "made_of"} <= set(entry)
        and not Path(name).is_absolute()
        and ".." not in Path(name).parts
    }


def _holds_anything(path: Path) -> bool:
    return path.is_dir() and any(path.iterdir())


def _clean() -> Iterator[str]:
    """Remove what was made here; yield what there is to say of it."""
    folder = BuildFolder()
    if folder.path.exists():
        with folder.alone() if find_spec("filelock") else nullcontext():
            notebooks = [path.stem for path in (ROOT / "notebooks").rglob("*.ipynb")]
            removed, left = folder.clean(notebooks)
        yield f"removed from {folder.path}: {', '.join(removed) or 'nothing'}"
        if left:
            yield f"left in {folder.path}, not made by a build: {', '.join(left)}"
    for path in (ROOT / ".cache", ROOT / "runs" / "local"):
        if path.exists() and path.resolve() != ROOT.resolve() / path.relative_to(ROOT):
            yield f"left {path}: it lies elsewhere, behind a link"
        elif path.exists():
            shutil.rmtree(path)
            yield f"removed {path}"


def main() -> int:
    """Command line; returns the exit status."""
    escape_unprintable()
    try:
        for line in _clean():
            print(line)
    except (FolderError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
