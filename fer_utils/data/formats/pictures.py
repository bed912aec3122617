"""Pictures: one image file to 48 x 48 grey values, and the form `<split>/<class>/<picture>`."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

from fer_utils.data.formats import DataError, Parsed
from fer_utils.data.formats.contents import UNREADABLE
from fer_utils.data.formats.names import TEST, check_numbers, class_of, split_notes, split_of
from fer_utils.data.formats.places import Member
from fer_utils.data.formats.table import MOST_IMAGES, progress
from fer_utils.fer2013 import CLASSES, PRIVATE, PUBLIC, SIZE, SPLITS

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".avif", ".tif", ".tiff"),
    *(".gif", ".heic", ".heif"),
)
MOST_BYTES = 1 << 24  # of one picture file
DAMAGED = (*UNREADABLE, SyntaxError, ValueError, TypeError, Image.DecompressionBombError)


def is_picture(name: str) -> bool:
    """Whether a file is called as pictures are."""
    return name.lower().endswith(SUFFIXES)


def grey(name: str, content: bytes) -> np.ndarray:
    """(48, 48) uint8 of one image file, `name` in messages.

    16 bits a pixel are scaled to 8, transparent pixels lie on white, an EXIF orientation is
    applied. Raises DataError if it is unreadable, an animation, or of another size.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            if getattr(image, "n_frames", 1) > 1:
                raise DataError(f"{name}: {image.n_frames} pictures in one file, expected one")
            if image.size != (SIZE, SIZE):
                width, height = image.size
                raise DataError(
                    f"{name}: {width}x{height} pixels, expected {SIZE}x{SIZE}; `make data "
                    "FROM=FOLDER` cuts faces out of photographs"
                )
            return np.asarray(eight_bits(name, ImageOps.exif_transpose(image)).convert("L"))
    except DAMAGED as error:
        hint = "; save it as .jpg or .png" if name.lower().endswith((".heic", ".heif")) else ""
        raise DataError(f"{name}: not a readable image{hint}") from error


def eight_bits(name: str, image: Image.Image) -> Image.Image:
    """A picture of 8 bits a channel, "L" or "RGB"; `name` in messages.

    16 bits are scaled, transparent pixels lie on white. Raises DataError for other numbers.
    """
    if image.mode == "F":
        raise DataError(f"{name}: fractions as pixels, expected 8 or 16 bits")
    if image.mode.startswith("I"):
        values = np.asarray(image, np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise DataError(f"{name}: 32 bits a pixel, expected 8 or 16")
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def read(where: str, pictures: Sequence[Member], depth: int) -> Parsed:
    """Parse the folder form.

    Parameters
    ----------
    where
        What is read, for the user.
    pictures
        The files below folders that name a split.
    depth
        How many folders lie above those.

    Returns
    -------
    Parsed
        Sorted by split, class folder and name. An image of a test folder whose own name begins
        with PublicTest or PrivateTest is of that split.

    Raises
    ------
    DataError
        Naming the path, if an image is unreadable or of another size, or if a folder is no class.
    """
    label_of, notes = _labels(where, pictures, depth)
    if len(pictures) > MOST_IMAGES:
        raise DataError(f"{where}: more than {MOST_IMAGES:,} images")
    order = sorted(
        range(len(pictures)),
        key=lambda i: (split_of(pictures[i].folders[depth]), pictures[i].path),
    )
    images = np.empty((len(pictures), SIZE, SIZE), np.uint8)
    place_of = {index: row for row, index in enumerate(order)}
    for index, member in enumerate(progress(where, iterable=pictures)):
        images[place_of[index]] = grey(str(member), content(member))
    ordered = [pictures[index] for index in order]
    split = np.array([_split(member, depth) for member in ordered], np.int8)
    notes = split_notes(member.folders[depth] for member in ordered) + notes
    if odd := sum(_named(m) not in (None, s) for m, s in zip(ordered, split, strict=True)):
        notes += (f"{odd:,} images are named after another split than their folder",)
    return Parsed(
        where,
        images,
        np.array([label_of[member.folders[depth + 1]] for member in ordered], np.int8),
        split,
        notes,
    )


def _labels(
    where: str, pictures: Sequence[Member], depth: int
) -> tuple[dict[str, int], tuple[str, ...]]:
    """The class of each class folder, and what has to be said. DataError if one is no class."""
    label_of, numbers = {}, set()
    for member in pictures:
        folders = member.folders[depth:]
        word = folders[1] if len(folders) == 2 else ""
        if word.isdecimal():
            numbers.add(int(word))
            label_of[word] = int(word)
        elif word not in label_of:
            label = class_of(word)
            if label is None:
                folder = str(member).rpartition("/")[0]
                raise DataError(
                    f"{folder}: not a class folder, expected one of {', '.join(CLASSES)}"
                )
            label_of[word] = label
    check_numbers(where, numbers)
    return label_of, ("class folders are taken as FER2013's numbers",) if numbers else ()


def _split(member: Member, depth: int) -> int:
    split, named = split_of(member.folders[depth]), _named(member)
    return named if split == TEST and named in (PUBLIC, PRIVATE) else split


def _named(member: Member) -> int | None:
    """The split that a file's name begins with, such as PrivateTest_7.jpg."""
    name = member.name.lower()
    return next((k for k, split in enumerate(SPLITS) if name.startswith(split.lower())), None)


def content(member: Member) -> bytes:
    if member.size > MOST_BYTES:
        raise DataError(f"{member}: {member.size / 1e6:.0f} MB, expected a picture of 48x48 pixels")
    try:
        with member.open() as file:
            return file.read()
    except UNREADABLE as error:
        raise DataError(f"{member}: cannot be read ({error})") from error
