"""Where things lie, and how a file is written so that a kill leaves no half of it."""

import errno
import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Arrays = dict[str, np.ndarray]

_PACKAGE = Path(__file__).resolve().parent
IS_CHECKOUT = (_PACKAGE.parent / "pyproject.toml").exists()
#: The checkout; of an installed package the folder of what the wheel brings (pyproject.toml).
ROOT = _PACKAGE.parent if IS_CHECKOUT else _PACKAGE / "shipped"
DAY = 24 * 60 * 60  # seconds
TEMPORARY = ".fer-*.tmp"  # folders in which `replacing` has files written


class FolderError(Exception):
    """A folder can't be used for what it was named for; the message is for the user."""


class StorageError(FolderError, OSError):
    """A folder can't be written, or its disk is full; the message is for the user."""


class DamagedFile(Exception):
    """A file does not hold what it should; the message names it."""


def data_dir() -> Path:
    """Return the folder that is searched for FER2013: `data/`."""
    return ROOT / "data"


def runs_dir() -> Path:
    """Return the folder of finished runs: `runs/`, or FER_RUNS. Raises FolderError."""
    return _folder("FER_RUNS", "runs")


def cache_dir() -> Path:
    """Return the folder of what can be computed again: `.cache/`, or FER_CACHE.

    Of an installed package it is the user's cache folder. Raises FolderError.
    """
    if not IS_CHECKOUT and not os.environ.get("FER_CACHE"):
        return platformdirs.user_cache_path("fer-utils")
    return _folder("FER_CACHE", ".cache")


def build_dir() -> Path:
    """Return the folder of the report: `report/build/`, or FER_BUILD. Raises FolderError."""
    return _folder("FER_BUILD", "report/build")


def _folder(variable: str, default: str) -> Path:
    """Return the folder that an environment variable names, absolute; unset or empty: the default.

    Of the checkout's own folders only the default will do: git ignores no other that is written.
    """
    given = os.environ.get(variable)
    if not given:
        return ROOT / default
    try:
        path = Path(given).expanduser().absolute()
        target = path.resolve()
    except (OSError, RuntimeError) as error:  # no such user; a link that leads to itself
        raise FolderError(f"{variable}={given}: {error}") from None
    inside = target.is_relative_to(ROOT) and not target.is_relative_to(ROOT / default)
    if inside or ROOT.is_relative_to(target):
        raise FolderError(
            f"{variable}={given}: the project's sources lie there; name a folder elsewhere, "
            f"or {default}"
        )
    return path


def require_checkout(what: str) -> None:
    """Raise FolderError if this is an installed package: `what` needs the project's sources."""
    if not IS_CHECKOUT:
        raise FolderError(
            f"{what} needs a checkout of the project: git clone it, and use make there"
        )


def absolute_paths() -> None:
    """Make the paths in FER_* absolute, `~` expanded, for programs that run in another folder."""
    for name in ("FER_DATA", "FER_RUNS", "FER_CACHE", "FER_BUILD"):
        path = os.path.expanduser(os.environ.get(name, ""))
        if path and not path.startswith("~"):  # there is no such user: whoever needs it says so
            os.environ[name] = os.path.abspath(path)


def own_package_first() -> None:
    """Let programs started from here import this checkout's package, whichever is installed."""
    others = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), others]))


def escape_unprintable() -> None:
    """Let stdout escape what the terminal can't show, such as the bytes of a foreign file name."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def state(path: Path) -> str:
    """Return a digest of the size and time of change (ns) of a file, or of every file of a folder.

    No file is read. Links are followed, into each folder once; what is absent or can't be read
    counts as such.
    """
    digest = hashlib.sha256()
    entered: set[tuple[int, ...]] = set()
    waiting = [str(path)]
    while waiting:
        name = waiting.pop()
        try:
            status = os.stat(name)
            facts: tuple[int, ...] = (status.st_size, status.st_mtime_ns)
            if stat.S_ISDIR(status.st_mode):
                facts = (status.st_dev, status.st_ino)
                if facts not in entered:
                    entered.add(facts)
                    waiting += (f"{name}/{child}" for child in sorted(os.listdir(name)))
        except OSError as error:
            facts = (error.errno or 0,)
        digest.update(os.fsencode(f"{name} {facts}\0"))
    return digest.hexdigest()[:16]


@contextmanager
def locked(path: Path, waiting: str) -> Iterator[None]:
    """Hold the lock file `path` in the block; print `waiting` if another process holds it."""
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        held = lock.acquire(blocking=False)
    except Timeout:
        print(waiting, flush=True)
        held = lock.acquire()
    with held:
        yield


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write a file or a folder to; it takes the place of `path` after the block.

    If the block raises, `path` is as it was. It is written in a temporary folder beside `path`; an
    existing folder is moved there first, so that no reader sees half of one. What a killed process
    left is removed when it is a day old.
    Raises StorageError if the disk is full or the folder can't be written.
    """
    path = Path(path)
    scratch = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path.parent)
        scratch = Path(tempfile.mkdtemp(prefix=".fer-", suffix=".tmp", dir=path.parent))
        yield scratch / "new"
        if (scratch / "new").is_dir() and os.path.lexists(path):
            os.replace(path, scratch / "old")
        os.replace(scratch / "new", path)
    except OSError as error:
        raise _storage_error(error, path.parent, scratch) from error
    finally:
        if scratch:
            if not os.path.lexists(path):  # stopped between the two moves
                with suppress(OSError):
                    os.replace(scratch / "old", path)
            shutil.rmtree(scratch, ignore_errors=True)


def _remove_stale(folder: Path) -> None:
    for left in folder.glob(TEMPORARY):
        with suppress(OSError):  # another process removes it, too
            if time.time() - left.stat().st_mtime > DAY:
                shutil.rmtree(left)


def require_space(folder: Path, size: int) -> None:
    """Raise StorageError if `folder` can't be written, or its disk has less than `size` bytes."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        raise _storage_error(error, folder) from error
    if free < size:
        missing = (size - free) / 1e6
        raise StorageError(f"{folder}: the disk is full, {missing:,.1f} MB more are needed")


def _storage_error(error: OSError, folder: Path, scratch: Path | None = None) -> OSError:
    """Return a StorageError if the error says that `folder` can't be written, else the error."""
    elsewhere = error.filename and not Path(os.fsdecode(error.filename)).is_relative_to(folder)
    if isinstance(error, StorageError) or elsewhere:
        return error
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        files = scratch.rglob("*") if scratch else ()
        written = sum(file.stat().st_size for file in files if file.is_file())
        return StorageError(f"{folder}: the disk is full after {written / 1e6:,.1f} MB")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
        return StorageError(f"{folder}: can't be written ({error.strerror})")
    return error


def read_arrays(path: Path) -> "Arrays":
    """Return all arrays of an .npz file. Raises DamagedFile, or FileNotFoundError.

    The file is a zip archive: reading an array verifies its CRC-32.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except FileNotFoundError:
        raise
    except Exception as error:  # zipfile, zlib, struct and NumPy each have their own
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DamagedFile(f"{path}: {reason}") from error


def write_arrays(
    path: Path, arrays: "Mapping[str, npt.ArrayLike]", *, compressed: bool = True
) -> None:
    """Write an .npz file, atomically. Raises StorageError."""
    import numpy as np

    write = np.savez_compressed if compressed else np.savez
    with replacing(path) as temporary, temporary.open("wb") as file:
        write(file, allow_pickle=False, **arrays)


def cached(path: Path, key: str, compute: Callable[[], "Arrays"]) -> "Arrays":
    """Return the arrays that the .npz file `path` holds under `key`, else compute and write them.

    A damaged file is computed again; one that can't be written is named on stderr, and costs time.
    """
    key = hashlib.sha256(key.encode()).hexdigest()
    try:
        arrays = read_arrays(path)
        if arrays.pop("key", "") == key:
            return arrays
    except (OSError, DamagedFile):  # absent, damaged or not ours to read
        pass
    arrays = compute()
    try:
        write_arrays(path, {**arrays, "key": key}, compressed=False)
    except OSError as error:
        print(f"not kept, and so computed again next time: {error}", file=sys.stderr)
    return arrays


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON, atomically. Raises StorageError."""
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def commit() -> str:
    """Return the commit of the checkout, "-dirty" if it is changed; "unknown" if there is none."""
    if not IS_CHECKOUT:
        return "unknown"
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
