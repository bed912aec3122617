"""Photographs in class folders to training data: `make data FROM=photos TO=faces`.

    python -m fer_utils.predict.training_data PHOTOS [FOLDER]

PHOTOS has a folder for each class, perhaps below train/ and test/. Of every picture with one face,
that face goes into FOLDER/faces/<split>/<class>/, 48 x 48 pixels, in the folder form that the
project reads. FOLDER/contact_sheet.png shows them, faces.csv says where each comes from, and
left_out.csv what was left out, and why.
"""

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from fer_utils.data.formats.names import TEST, class_of, split_of
from fer_utils.fer2013 import CLASSES, PRIVATE, PUBLIC, SIZE, TRAINING
from fer_utils.files import FolderError, replacing
from fer_utils.predict.crops import find_faces
from fer_utils.predict.detection import Face
from fer_utils.predict.pictures import PICTURES, PictureError, list_files, read, shown

SPLITS = {TRAINING: "train", PUBLIC: "validation", PRIVATE: "test", TEST: "test"}
ONE_IN = 5  # pictures of a class becomes a test image, where folders don't say which
ENOUGH = 6  # training images of a class: with fewer none of them is in the validation set
COLUMNS, ROWS = 24, 10  # of a class in the contact sheet


@dataclass
class Example:
    """A face that was found: (48, 48) uint8, its class, its split (None: not said), its picture."""

    crop: np.ndarray
    label: int
    split: str | None
    place: Face
    how: str
    source: Path

    @property
    def digest(self) -> str:
        """SHA-256 of the face's pixels."""
        return hashlib.sha256(self.crop.tobytes()).hexdigest()


def collect(photos: Path) -> tuple[list[Example], pd.DataFrame]:
    """The faces of the pictures in class folders; and `picture` and `reason` of what is left out.

    A picture is left out if it can't be read, lies in no class folder, has no face or several, or
    gives the same face as one before it. Raises PictureError if there is no picture.
    """
    listing = list_files([photos], recursive=True, kinds=PICTURES)
    if listing.problems or not listing.files:
        raise PictureError("; ".join(listing.problems) or f"{shown(photos)}: no picture in it")
    if note := listing.note():
        print(note, file=sys.stderr)
    examples: dict[str, Example] = {}
    left_out = []
    for file in tqdm(listing.files, unit="picture", disable=None):
        try:
            example = _example(file, photos)
            if duplicate := examples.get(example.digest):
                raise PictureError(f"the same face as in {shown(duplicate.source)}")
            examples[example.digest] = example
        except PictureError as error:
            left_out.append((shown(file), str(error).removeprefix(f"{shown(file)}: ")))
    found = list(examples.values())
    _choose_tests(found)
    return found, pd.DataFrame(left_out, columns=["picture", "reason"])


def _example(file: Path, photos: Path) -> Example:
    folders = file.relative_to(photos).parts[:-1]
    label = class_of(folders[-1]) if folders else None
    if label is None:
        raise PictureError(f"not in a folder of a class ({', '.join(CLASSES)})")
    faces = find_faces(read(file))
    if len(faces.places) != 1:
        raise PictureError(f"{len(faces.places) or 'no'} faces found, expected one")
    splits = [SPLITS[split] for name in folders[:-1] if (split := split_of(name)) is not None]
    return Example(
        faces.crops[0], label, splits[-1] if splits else None, faces.places[0], faces.how, file
    )


def _choose_tests(examples: Sequence[Example]) -> None:
    """Give every example a split: one in ONE_IN of each class, by its fingerprint, is for tests."""
    for label in range(len(CLASSES)):
        open_ones = [e for e in examples if e.label == label and e.split is None]
        open_ones.sort(key=lambda example: example.digest)
        for number, example in enumerate(open_ones):
            example.split = "test" if number < len(open_ones) // ONE_IN else "train"


def write(folder: Path, examples: Sequence[Example], left_out: pd.DataFrame) -> None:
    """Write the whole folder, or nothing. Raises FolderError if it is there already."""
    if folder.exists():
        raise FolderError(f"{shown(folder)} is there already: remove it, or name another with TO=")
    rows = []
    with replacing(folder) as temporary:
        for number, example in enumerate(examples, 1):
            name = f"faces/{example.split}/{CLASSES[example.label]}/{number:05d}.png"
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(example.crop).save(temporary / name)
            left, top, side, _ = example.place.box
            rows.append((name, shown(example.source), example.how, left, top, side))
        columns = ["face", "picture", "found", "left", "top", "side"]
        pd.DataFrame(rows, columns=columns).to_csv(temporary / "faces.csv", index=False)
        left_out.to_csv(temporary / "left_out.csv", index=False)
        contact_sheet(examples).save(temporary / "contact_sheet.png")


def contact_sheet(examples: Sequence[Example]) -> Image.Image:
    """The faces by class, those with the lowest scores of the detector first; ROWS rows at most."""
    step, line = SIZE + 2, 16
    blocks = []
    for label, name in enumerate(CLASSES):
        of_class = [example for example in examples if example.label == label]
        of_class.sort(key=lambda example: np.nan_to_num(example.place.score))
        drawn = of_class[: COLUMNS * ROWS]
        height = line + step * max(1, -(-len(drawn) // COLUMNS))
        block = Image.new("L", (COLUMNS * step, height), 255)
        text = f"{name}: {len(of_class)}" + (f", {len(drawn)} shown" if drawn != of_class else "")
        ImageDraw.Draw(block).text((2, 0), text, fill=0, font=ImageFont.load_default(12))
        for number, example in enumerate(drawn):
            row, column = divmod(number, COLUMNS)
            block.paste(Image.fromarray(example.crop), (column * step, line + row * step))
        blocks.append(block)
    sheet = Image.new("L", (COLUMNS * step, sum(block.height for block in blocks)), 255)
    top = 0
    for block in blocks:
        sheet.paste(block, (0, top))
        top += block.height
    return sheet


def summary(folder: Path, examples: Sequence[Example], left_out: pd.DataFrame) -> str:
    """What was found, what is missing, and what to do next."""
    training = Counter(example.label for example in examples if example.split == "train")
    counts = Counter(CLASSES[example.label] for example in examples)
    few = [name for label, name in enumerate(CLASSES) if training[label] < ENOUGH]
    lines = [
        f"{len(examples)} faces: {', '.join(f'{counts[name]} {name}' for name in CLASSES)}",
        f"{len(left_out)} pictures left out: {shown(folder / 'left_out.csv')}",
        f"look at {shown(folder / 'contact_sheet.png')}; delete from faces/ what is no such face",
    ]
    if few:
        lines.append(f"to train, at least {ENOUGH} faces in train/ are wanted of: {', '.join(few)}")
    else:
        lines.append(f'then: make report PROFILE=quick FER_DATA="{shown(folder / "faces")}"')
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Cut the faces out of photographs in class folders, as training data."""
    parser = argparse.ArgumentParser(
        prog="python -m fer_utils.predict.training_data", description=main.__doc__
    )
    parser.add_argument("photos", type=Path, help="a folder with a folder for each class")
    parser.add_argument("folder", type=Path, nargs="?", help="to write (default: PHOTOS-faces)")
    options = parser.parse_args(arguments)
    photos = options.photos.expanduser().absolute()
    folder = (options.folder or photos.with_name(f"{photos.name}-faces")).expanduser()
    try:
        if not photos.is_dir():
            raise PictureError(f"{shown(photos)}: no such folder")
        examples, left_out = collect(photos)
        write(folder, examples, left_out)
    except (PictureError, FolderError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(summary(folder, examples, left_out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
