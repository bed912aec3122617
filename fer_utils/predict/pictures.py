"""Pictures as people have them: which files are read, and each as RGB, upright."""

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fer_utils.data.formats import DataError
from fer_utils.data.formats.pictures import SUFFIXES, eight_bits

HEIC = (".heic", ".heif", ".hif")
PICTURES = tuple(suffix for suffix in SUFFIXES if suffix not in HEIC)
VIDEOS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm")
CONVERT = (
    "convert it first (`heif-convert a.heic a.jpg` on Linux, `sips -s format jpeg a.heic --out "
    "a.jpg` on a Mac), or set the phone's camera to JPEG"
)
SYSTEM_FILES = ("thumbs.db", "desktop.ini")
PROGRAM = "fer-predict"  # stands in the field Software of the pictures that it writes


class PictureError(Exception):
    """A picture can't be read or judged; the message names it and says what was expected."""


@dataclass
class Listing:
    """The files to read; how many were left out, by kind; folders that can't be looked into."""

    files: list[Path] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def note(self) -> str:
        """What was left out, in one line; "" if nothing was."""
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(self.left_out.items()))
        hint = f"; HEIC: {CONVERT}" if any(kind in HEIC for kind in self.left_out) else ""
        return f"left out: {counts}{hint}" if counts else ""


def shown(path: Path | str) -> str:
    """A file's name as text that every output takes: what is not UTF-8 or not printable escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def list_files(
    paths: Sequence[Path], *, recursive: bool = False, kinds: Sequence[str] = PICTURES + VIDEOS
) -> Listing:
    """The files among `paths`, and the files of these kinds in the folders among them, each once.

    Left out are pictures that fer-predict wrote; of a folder also hidden files, files of another
    kind, and folders unless it is `recursive`; links to folders in any case.
    """
    found = Listing()
    for path in paths:
        if path.is_dir():
            _list_folder(path, recursive, kinds, found)
        elif is_own(path):
            found.left_out[f"written by {PROGRAM}"] += 1
        else:
            found.files.append(path)
    found.files = list({os.path.abspath(file): file for file in found.files}.values())
    return found


def _list_folder(folder: Path, recursive: bool, kinds: Sequence[str], found: Listing) -> None:
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        found.problems.append(f"{shown(folder)}: the folder can't be read: {error.strerror}")
        return
    for path in inside:
        if recursive and path.is_dir() and not path.is_symlink() and not _is_hidden(path):
            _list_folder(path, recursive, kinds, found)
        elif reason := _why_left_out(path, kinds):
            found.left_out[reason] += 1
        else:
            found.files.append(path)


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in SYSTEM_FILES


def _why_left_out(path: Path, kinds: Sequence[str]) -> str | None:
    """What kind of thing it is that is not read; None for what is."""
    suffix = path.suffix.lower()
    if _is_hidden(path):
        return "hidden"
    if path.is_dir():
        return "link to a folder" if path.is_symlink() else "folder"
    if suffix in kinds:
        return f"written by {PROGRAM}" if is_own(path) else None
    return shown(suffix) or "without a suffix"


def is_own(path: Path) -> bool:
    """Whether a picture says that fer-predict wrote it."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as file:
            return file.info.get("Software") == PROGRAM
    except Exception:  # whatever it is: reading it will say
        return False


def read(path: Path) -> np.ndarray:
    """A picture as (h, w, 3) uint8 RGB, turned upright as its EXIF says.

    Raises PictureError if it is no picture that Pillow can read.
    """
    name = shown(path)
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as file:
            return np.asarray(eight_bits(name, ImageOps.exif_transpose(file)).convert("RGB"))
    except FileNotFoundError:
        raise PictureError(f"{name}: there is no such file") from None
    except UnidentifiedImageError:
        raise PictureError(f"{name}: {_what_it_is(path)}") from None
    except DataError as error:
        raise PictureError(str(error)) from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or shown(str(error))
        raise PictureError(f"{name}: the picture can't be read: {reason}") from None


def as_rgb(picture: np.ndarray) -> np.ndarray:
    """An array as (h, w, 3) uint8 RGB.

    Takes (h, w), (h, w, 1), (h, w, 3), or (h, w, 4) with an alpha channel, which is laid on white:
    uint8, uint16 (scaled), bool, or floats from 0 to 1. Raises ValueError for anything else.
    """
    values = np.asarray(picture)
    if values.dtype == np.uint16:
        values = (values / 257).round().astype(np.uint8)
    elif values.dtype != np.uint8:
        if not (values.size and values.min() >= 0 and values.max() <= 1):
            raise ValueError(
                f"a picture of {values.dtype} that is not within 0 to 1: give uint8 (0 to 255), "
                "uint16, or floats from 0 to 1"
            )
        values = (values * 255.0).round().astype(np.uint8)
    if values.ndim == 2:
        values = values[..., None]
    if values.ndim != 3 or values.shape[2] not in (1, 3, 4) or 0 in values.shape:
        raise ValueError(f"a picture of shape {np.shape(picture)}: expected (h, w) or (h, w, 3)")
    if values.shape[2] == 4:
        alpha = values[..., 3:] / 255
        values = (values[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(values, (*values.shape[:2], 3)))


def _what_it_is(path: Path) -> str:
    """What a file is that Pillow does not know."""
    with path.open("rb") as file:
        start = file.read(12)
    if start[4:8] == b"ftyp" and start[8:] in (b"heic", b"heix", b"mif1", b"msf1"):
        return f"a HEIC picture: {CONVERT}"
    return "not a picture (expected JPEG, PNG or the like)"
