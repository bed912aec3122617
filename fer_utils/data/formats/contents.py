"""What a file is, by its first bytes; names and suffixes don't count."""

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Any, NamedTuple

from fer_utils.data.formats import DataError, shown
from fer_utils.data.formats.places import Member

HEAD = 1 << 16  # bytes looked at
XZ_MEMORY = 100 << 20  # bytes; `xz -9` takes 65 MB
LAYERS = 3  # of compression, one in another
PARQUET, ZIP, TAR = "parquet", "zip", "tar"
PICTURE = "a single picture (`fer-predict` says what it shows)"
TEXT, OTHER = "text that is no table of pixels", "a file of unknown kind"
#: By the first bytes what is read, and what is refused with what to do about it.
SIGNATURES = {
    rb"PK\x03\x04.{26}(\[Content_Types\]|_rels/|docProps/|mimetype)": (
        "an Office document: save the table as a CSV file"
    ),
    rb"PK(\x03\x04|\x05\x06)": ZIP,
    rb"PAR1": PARQUET,
    rb"\xff\xd8\xff|\x89PNG\r\n|GIF8|BM.{4}\0{4}|RIFF.{4}WEBP|II\*\0|MM\0\*": PICTURE,
    rb".{4}ftyp(avif|avis|heic|heix|mif1|msf1)": PICTURE,
    rb"\x89HDF\r\n": "an HDF5 file (.h5): export its images as a CSV file or into folders",
    rb"version https://git-lfs": (
        "a Git LFS pointer in place of the file: run `git lfs pull` in the checkout it is from"
    ),
    rb"(\xef\xbb\xbf)?\s*<(!doctype|html|head|\?xml|!--)": (
        "an HTML page: the download asked for a login or failed; fetch the file again"
    ),
    rb"7z\xbc\xaf\x27\x1c": "a 7-Zip archive: unpack it",
    rb"Rar!": "a RAR archive: unpack it",
    rb"\x28\xb5\x2f\xfd": "a Zstandard file: unpack it",
    rb"\x1f[\x9d\xa0]|LZIP": "a compressed file of an old kind: unpack it",
    rb"\x93NUMPY": "a NumPy array: export the images as a CSV file or into folders",
    rb"\x80[\x02-\x05]": "a Python pickle, which may run code and is never loaded",
    rb"%PDF": "a PDF document",
    rb"SQLite format 3": "a SQLite database: export the table as a CSV file",
    rb"\xff\xfe|\xfe\xff": "text in UTF-16: save it as UTF-8",
    rb"\s*[\[{]": "JSON: export the table as a CSV file",
    rb"\Z": "an empty file",
}
UNREADABLE = (
    *(OSError, EOFError, RuntimeError, zlib.error, lzma.LZMAError),
    *(zipfile.BadZipFile, tarfile.TarError),
)


class Opened(NamedTuple):
    """A file's content without the compression around it.

    kind: one of the kinds above, or what it is in words
    stream: at its start
    head: the first HEAD bytes
    raw: what `stream` unpacks
    """

    kind: str
    stream: IO[bytes]
    head: bytes
    raw: IO[bytes]


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Raise DataError, which names the file, if the block can't read it."""
    try:
        yield
    except UNREADABLE as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise DataError(f"{name}: cannot be read to its end ({shown(reason)})") from error


@contextmanager
def opened(member: Member) -> Iterator[Opened]:
    """Open a file and see what it is. DataError if it is damaged, now or as the block reads it."""
    with readable(member.name), ExitStack() as stack:
        raw = stream = stack.enter_context(member.open())
        head = _head(stream)
        for _ in range(LAYERS):
            unpack = next((u for magic, u in COMPRESSED.items() if head.startswith(magic)), None)
            if unpack is None:
                break
            stream = stack.enter_context(io.BufferedReader(unpack(stream), 1 << 20))
            head = _head(stream)
        yield Opened(_kind(head), stream, head, raw)


def _unxz(stream: IO[bytes]) -> lzma.LZMAFile:
    """Raises LZMAError if unpacking would take more memory than `xz` ever needs."""
    lzma.LZMADecompressor(memlimit=XZ_MEMORY).decompress(_head(stream), max_length=1)
    return lzma.open(stream)


COMPRESSED: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"\xfd7zXZ\0": _unxz,
    b"BZh": bz2.open,
}


def _head(stream: IO[bytes]) -> bytes:
    head = stream.read(HEAD)
    stream.seek(0)
    return head


def _kind(head: bytes) -> str:
    for pattern, kind in SIGNATURES.items():
        if re.match(pattern, head, re.IGNORECASE | re.DOTALL):
            return kind
    try:
        tarfile.TarInfo.frombuf(head[:512], "utf-8", "surrogateescape")
        return TAR
    except tarfile.TarError:
        return OTHER if min(head) < 9 else TEXT  # control characters
