"""Pictures: one image file to 48 x 48 grey values, and the form `<split>/<class>/<picture>`."""

import io
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

from fer_utils.data.formats import MOST_IMAGES, DataError, Parsed, progress
from fer_utils.data.formats.contents import UNREADABLE, readable
from fer_utils.data.formats.names import TEST, check_numbers, class_of, split_notes, split_of
from fer_utils.data.formats.places import Member
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
            if (frames := getattr(image, "n_frames", 1)) > 1:
                raise DataError(f"{name}: {frames} pictures in one file, expected one")
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


def trees(members: Sequence[Member]) -> dict[tuple[str, ...], list[Member]]:
    """The files of each folder form, by the folders that its splits' folders lie in.

    There is one where a file lies in `<split>/<class>/`; all below folders of splits beside that
    is of it, and pictures in them.
    """
    roots = {m.folders[:-2] for m in members if _in_class_folder(m.folders)}
    found = defaultdict(list)
    for member in members:
        root = next((root for root in roots if _belongs(member, root)), None)
        if root is not None:
            found[root].append(member)
    return found


def _in_class_folder(folders: tuple[str, ...]) -> bool:
    """Whether the last of the folders names a class, and the one above it a split."""
    *_, above, name = ("", "", *folders)
    return split_of(above) is not None and (name.isdecimal() or class_of(name) is not None)


def _belongs(member: Member, root: tuple[str, ...]) -> bool:
    """Whether a file is one of the pictures of the tree at `root`, or should be one."""
    above, below = member.folders[: len(root)], member.folders[len(root) :]
    if above != root or not below or split_of(below[0]) is None:
        return False
    return len(below) > 1 or is_picture(member.name)


def read(where: str, pictures: Sequence[Member], depth: int) -> Parsed:
    """Parse the folder form: `pictures` lie `depth` + 1 folders down, below those of splits.

    They are sorted by split, class folder and name. An image of a test folder whose own name begins
    with PublicTest or PrivateTest is of that split.
    Raises DataError naming the path, if an image is unreadable or of another size, or if a folder
    is no class; `where` is what all are called.
    """
    if len(pictures) > MOST_IMAGES:
        raise DataError(f"{where}: more than {MOST_IMAGES:,} images")
    labels = np.array([_label(member, depth) for member in pictures])
    is_number = np.array([member.folders[-1].isdecimal() for member in pictures])
    check_numbers(where, set(labels[is_number].tolist()))
    # read as they lie: in a compressed archive each step back unpacks it from its start
    images = np.stack([grey(str(m), content(m)) for m in progress(where, iterable=pictures)])
    folders = [member.folders[depth] for member in pictures]
    named = [_split_named(member.name) for member in pictures]
    split = np.array(
        [
            name if split_of(folder) == TEST and name in (PUBLIC, PRIVATE) else split_of(folder)
            for folder, name in zip(folders, named, strict=True)
        ],
        np.int8,
    )
    notes = split_notes(folders)
    if is_number.any():
        notes += ("class folders are taken as FER2013's numbers",)
    if odd := sum(n not in (None, s) for n, s in zip(named, split, strict=True)):
        notes += (f"{odd:,} images are named after another split than their folder",)
    order = sorted(range(len(pictures)), key=lambda i: (split_of(folders[i]), pictures[i].path))
    return Parsed(where, images[order], labels[order].astype(np.int8), split[order], notes)


def _label(member: Member, depth: int) -> int:
    """The class that the folder below a split's folder names, by a word or a number."""
    word = member.folders[-1] if len(member.folders) == depth + 2 else ""
    label = int(word) if word.isdecimal() else class_of(word)
    if label is None:
        folder = str(member).rpartition("/")[0]
        raise DataError(f"{folder}: not a class folder, expected one of {', '.join(CLASSES)}")
    return label


def _split_named(name: str) -> int | None:
    """The split that a file's name begins with, such as PrivateTest_7.jpg."""
    return next((k for k, word in enumerate(SPLITS) if name.lower().startswith(word.lower())), None)


def content(member: Member) -> bytes:
    """What is in a picture's file. DataError if it can't be read or is too large for a picture."""
    if member.size > MOST_BYTES:
        raise DataError(f"{member}: {member.size / 1e6:.0f} MB, expected a picture of 48x48 pixels")
    with readable(str(member)), member.open() as file:
        return file.read()
