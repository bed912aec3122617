"""Where things lie, and how a file is written so that a kill leaves no half of it."""

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class FolderError(Exception):
    """A folder that can't be used for what it was named for; the message is for the user."""


def data_dir() -> Path:
    """The folder searched for FER2013: `data/`."""
    return ROOT / "data"


def runs_dir() -> Path:
    """Finished runs: `runs/`, or the environment's FER_RUNS. Raises FolderError."""
    return _folder("FER_RUNS", "runs")


def cache_dir() -> Path:
    """Parsed data and training checkpoints: `.cache/`, or FER_CACHE. Raises FolderError."""
    return _folder("FER_CACHE", ".cache")


def build_dir() -> Path:
    """Executed notebooks, HTML and PDF: `report/build/`, or FER_BUILD. Raises FolderError."""
    return _folder("FER_BUILD", "report/build")


def _folder(variable: str, default: str) -> Path:
    """The folder that an environment variable names, absolute; unset or empty: the default.

    Inside the checkout only the default will do: git ignores nothing else that is written there.
    """
    given = os.environ.get(variable)
    if not given:
        return ROOT / default
    try:
        path = Path(given).expanduser().absolute()
        place = path.resolve()
    except (OSError, RuntimeError) as error:  # no such user; a link that leads to itself
        raise FolderError(f"{variable}={given}: {error}") from None
    if ROOT.is_relative_to(place):
        raise FolderError(f"{variable}={given}: the project lies in it; name another folder")
    if place.is_relative_to(ROOT) and not place.is_relative_to(ROOT / default):
        raise FolderError(
            f"{variable}={given}: of the project's own folders only {default} will do; "
            "name a folder elsewhere"
        )
    return path


def absolute_paths() -> None:
    """Make the paths in FER_* absolute, `~` expanded, for programs that run in another folder."""
    for name in ("FER_DATA", "FER_RUNS", "FER_CACHE", "FER_BUILD"):
        path = os.path.expanduser(os.environ.get(name, ""))
        if path and not path.startswith("~"):  # there is no such user: whoever needs it says so
            os.environ[name] = os.path.abspath(path)


def state(path: Path) -> str:
    """Digest of the size and time of change (ns) of a file, or of every file below a folder.

    Links are followed, each folder once; what is absent or can't be read counts as such.
    """
    digest = hashlib.sha256()
    for line in _states(os.fsencode(path), set()):
        digest.update(line + b"\0")
    return digest.hexdigest()[:16]


def _states(path: bytes, entered: set[tuple[int, int]]) -> Iterator[bytes]:
    try:
        status = os.stat(path)
        names = sorted(os.listdir(path)) if stat.S_ISDIR(status.st_mode) else []
    except OSError as error:
        yield b"%s|%d" % (path, error.errno)
        return
    if not stat.S_ISDIR(status.st_mode):
        yield b"%s|%d|%d" % (path, status.st_size, status.st_mtime_ns)
        return
    folder = status.st_dev, status.st_ino
    yield b"%s|%d|%d" % (path, *folder)
    if folder not in entered:
        entered.add(folder)
        for name in names:
            yield from _states(b"%s/%s" % (path, name), entered)


@contextmanager
def locked(path: Path, waiting: str) -> Iterator[None]:
    """Hold the lock file `path` in the block; print `waiting` if another process holds it."""
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        print(waiting, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds.

    If the block raises, the temporary file or folder is removed and `path` is as it was.
    An existing folder is replaced as a whole.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        if path.is_dir():
            shutil.rmtree(path)
        os.replace(temporary, path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(
            json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
