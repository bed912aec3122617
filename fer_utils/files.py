"""Where things lie, and how a file is written so that a kill leaves no half of it."""

import errno
import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    Arrays = dict[str, np.ndarray]

ROOT = Path(__file__).resolve().parents[1]
DAY = 24 * 60 * 60

#: Names of temporary files: machine, process, and a number drawn for each.
TEMPORARY = re.compile(r"\.([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.tmp")


class FolderError(Exception):
    """A folder that can't be used for what it was named for; the message is for the user."""


class StorageError(FolderError, OSError):
    """A folder that can't be written, or whose disk is full; the message is for the user."""


class DamagedFile(Exception):
    """A file that does not hold what it should; the message names it."""


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


def own_package_first() -> None:
    """Let programs started from here import this checkout's package, whichever is installed."""
    others = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), others]))


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

    If the block raises, the temporary file or folder is removed and `path` is as it was. An
    existing folder is moved aside first, so that no reader meets half of one. What a killed process
    has left in the same folder is removed.
    Raises StorageError if the disk is full or the folder can't be written.
    """
    path = Path(path)
    temporary = path.with_name(_temporary_name())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path.parent)
        yield temporary
        _put(temporary, path)
    except OSError as error:
        raise _storage_error(error, path.parent, _size(temporary)) from error
    finally:
        with suppress(OSError):
            _remove(temporary)


def _put(temporary: Path, path: Path) -> None:
    """Rename `temporary` to `path`; of a folder, what is there goes when it has its place."""
    if not (temporary.is_dir() and os.path.lexists(path)):
        os.replace(temporary, path)
        return
    aside = path.with_name(_temporary_name())
    os.replace(path, aside)
    try:
        os.replace(temporary, path)
    except OSError:
        os.replace(aside, path)
        raise
    with suppress(OSError):
        _remove(aside)


def require_space(folder: Path, size: int) -> None:
    """Raises StorageError if `folder` can't be written, or its disk has less than `size` bytes."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "no right to write", str(folder))
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise _storage_error(error, folder, 0) from error
    if free < size:
        missing = (size - free) / 1e6
        raise StorageError(f"{folder}: the disk is full, {missing:,.1f} MB more are needed")


def _storage_error(error: OSError, folder: Path, written: int) -> OSError:
    """A StorageError if the error says that `folder` can't be written, else the error itself."""
    elsewhere = error.filename and not Path(os.fsdecode(error.filename)).is_relative_to(folder)
    if isinstance(error, StorageError) or elsewhere:
        return error
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StorageError(f"{folder}: the disk is full after {written / 1e6:,.1f} MB")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
        return StorageError(f"{folder}: can't be written ({error.strerror})")
    return error


def _machine() -> str:
    """Who process numbers belong to: containers of one machine count their own."""
    space = Path("/proc/self/ns/pid")
    spaces = os.readlink(space) if space.is_symlink() else ""
    return hashlib.sha256(f"{platform.node()} {spaces}".encode()).hexdigest()[:8]


def _temporary_name() -> str:
    """A name of this process alone; `_remove_stale` knows it by its form."""
    return f".{_machine()}-{os.getpid()}-{secrets.token_hex(4)}.tmp"


def _remove_stale(folder: Path) -> None:
    """Remove what processes that are no more have left; of another machine's, what is a day old."""
    for name in os.listdir(folder):
        if not (form := TEMPORARY.fullmatch(name)):
            continue
        machine, process = form.groups()
        with suppress(OSError):
            old = time.time() - (folder / name).lstat().st_mtime > DAY
            if old or (machine == _machine() and not _alive(int(process))):
                _remove(folder / name)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        pass
    return True


def _size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; 0 if it is absent."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def read_arrays(path: Path) -> "Arrays":
    """All arrays of an .npz file. Raises DamagedFile, or FileNotFoundError.

    The file is a zip archive: reading an array verifies its CRC-32.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except FileNotFoundError:
        raise
    except Exception as error:  # zipfile, zlib, struct and NumPy each have their own
        reason = str(error).splitlines()[:1] or [type(error).__name__]
        raise DamagedFile(f"{path}: {reason[0]}") from error


def write_arrays(path: Path, arrays: "Arrays", *, compressed: bool = True) -> None:
    """Write an .npz file, atomically. Raises StorageError."""
    import numpy as np

    write = np.savez_compressed if compressed else np.savez
    with replacing(path) as temporary, temporary.open("wb") as file:
        write(file, **arrays)


def cached(path: Path, key: str, make: Callable[[], "Arrays"]) -> "Arrays":
    """The arrays that the file `path` keeps under `key`; else made, and kept if it can be written.

    A damaged file is made anew; one that can't be written costs time, and is named.
    """
    key = hashlib.sha256(key.encode()).hexdigest()
    try:
        arrays = read_arrays(path)
        if arrays.pop("key", "") == key:
            return arrays
    except (OSError, DamagedFile):  # absent, damaged or not ours to read: it is made again
        pass
    arrays = make()
    try:
        write_arrays(path, {**arrays, "key": key}, compressed=False)
    except OSError as error:
        print(f"not kept, and so computed again next time: {error}", file=sys.stderr)
    return arrays


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(
            json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def commit() -> str:
    """The commit of the working tree, "-dirty" if it has changes; "unknown" outside git."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
