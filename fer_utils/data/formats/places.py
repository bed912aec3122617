"""Where files lie: a folder, a zip archive or a tar archive; each lists what is in it.

Names that an operating system or an editor leaves behind are skipped, and counted. What can't be
listed (a folder without permission, a link that leads nowhere) raises DataError.
"""

import os
import stat
import struct
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import IO

from fer_utils.data.formats import DataError, shown

MOST_FILES = 150_000  # in one place
DEEPEST = 30  # folders in folders
MOST_BYTES = 4 << 30  # of one file in an archive; FER2013's table has 0.3 GB
LEFT_BEHIND = {
    *("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir"),
    *("$recycle.bin", "system volume information", "lost+found", "__pycache__"),
}


@dataclass(frozen=True)
class Member:
    """A file in a place.

    place: the place's name, as the user gave it
    path: below the place, with "/" between folders and file
    size: bytes
    open: gives a binary stream, to be closed by whoever opened it
    file: the file on the disk that it is, or is part of
    """

    place: str
    path: str
    size: int
    open: Callable[[], IO[bytes]] = field(repr=False)
    file: str

    @property
    def name(self) -> str:
        """The file's name, printable."""
        return shown(self.path.rpartition("/")[2])

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders that the file lies in, from the place down."""
        return tuple(self.path.split("/")[:-1])

    def __str__(self) -> str:
        return shown(f"{self.place}/{self.path}")


@dataclass
class Place:
    """What lies in a folder or an archive.

    name: in messages
    file: the folder, or the archive's file
    members: the files
    skipped: how many files or folders of which kind were left out unread
    empty: folders with nothing in them, as `Member.path`
    """

    name: str
    file: str
    members: list[Member] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    empty: list[str] = field(default_factory=list)

    @cached_property
    def by_path(self) -> dict[str, Member]:
        """The members by their paths."""
        return {member.path: member for member in self.members}

    def skips(self, name: str) -> bool:
        """Whether a file or folder of this name is skipped; if so, it is counted."""
        if not name.startswith(".") and name.lower() not in LEFT_BEHIND:
            return False
        self.skipped["._*" if name.startswith("._") else shown(name)] += 1
        return True

    def add(self, path: str, size: int, open: Callable[[], IO[bytes]], file: str) -> None:
        """Take a file in, see `Member`. Raises DataError beyond MOST_FILES."""
        if len(self.members) == MOST_FILES:
            raise DataError(
                f"{self.name}: more than {MOST_FILES:,} files; name the data set's own folder"
            )
        self.members.append(Member(self.name, path, size, open, file))


def reached(path: str) -> os.stat_result:
    """The status of the folder or file at `path`. DataError if it is neither, or out of reach."""
    try:
        status = os.stat(path)
    except OSError as error:
        nowhere = isinstance(error, FileNotFoundError)
        reason = "a link that leads nowhere" if nowhere else error.strerror
        raise DataError(f"{shown(path)}: {reason}") from error
    if not stat.S_ISDIR(status.st_mode) and not stat.S_ISREG(status.st_mode):
        raise DataError(f"{shown(path)}: neither a file nor a folder")
    return status


def single(path: str) -> Member:
    """A file as the only member of its folder."""
    folder, name = os.path.split(path)
    return Member(shown(folder or "."), name, os.stat(path).st_size, partial(_open, path), path)


def folder(path: str) -> Place:
    """List a folder and all below it, links followed. Raises DataError."""
    place = Place(shown(path), path)
    _walk(place, path, "", ())
    return place


def _walk(place: Place, path: str, below: str, inside: tuple[tuple[int, int], ...]) -> None:
    """List what lies `below` the place, inside these folders (device and inode)."""
    status, where = os.stat(path), shown(path)
    this = status.st_dev, status.st_ino
    if this in inside:
        raise DataError(f"{where}: a link to a folder that it lies in")
    if len(inside) == DEEPEST:
        raise DataError(
            f"{where}: more than {DEEPEST} folders deep; name the data set's own folder"
        )
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if not place.skips(entry.name))
    except OSError as error:
        raise DataError(f"{where}: cannot be listed ({error.strerror})") from error
    for name in names:
        file = os.path.join(path, name)
        status = reached(file)
        if stat.S_ISDIR(status.st_mode):
            _walk(place, file, f"{below}{name}/", (*inside, this))
        else:
            place.add(below + name, status.st_size, partial(_open, file), file)
    if below and not names:
        place.empty.append(below.rstrip("/"))


def _open(path: str) -> IO[bytes]:
    return open(path, "rb")


def archive(member: Member, stream: IO[bytes], is_zip: bool) -> Place:
    """List the archive that `stream`, the content of `member`, is; it stays open.

    Raises DataError, zipfile.BadZipFile or tarfile.TarError.
    """
    place = Place(member.name, member.file)
    try:
        for path, size, opener in (_zip if is_zip else _tar)(stream):
            parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
            if size > MOST_BYTES:
                unpacked = f"{size / 1e9:.0f} GB unpacked"
                raise DataError(f"{place.name}: {shown(path)} in it has {unpacked}")
            if parts and not any(map(place.skips, parts)):
                place.add("/".join(parts), size, opener, member.file)
    except (ValueError, KeyError, IndexError, OverflowError, struct.error) as error:
        raise DataError(f"{place.name}: a damaged archive ({error})") from error
    return place


def _zip(stream: IO[bytes]) -> Iterator[tuple[str, int, Callable[[], IO[bytes]]]]:
    packed = zipfile.ZipFile(stream)
    for info in packed.infolist():
        if not info.is_dir():
            yield info.filename, info.file_size, partial(packed.open, info)


def _tar(stream: IO[bytes]) -> Iterator[tuple[str, int, Callable[[], IO[bytes]]]]:
    packed = tarfile.TarFile(fileobj=stream)
    for info in packed:
        if not info.isdir():
            yield info.name, info.size, partial(_extracted, packed, info)


def _extracted(packed: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = packed.extractfile(info)
    if file is None:
        raise tarfile.TarError(f"{shown(info.name)} in it is no file")
    return file
