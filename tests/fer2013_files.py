"""Seven random images in FER2013's form, and how tests put them into files."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow
from PIL import Image
from pyarrow.parquet import write_table

from fer_utils.fer2013 import CLASSES, SPLITS

LABELS = np.array([0, 6, 3, 1, 4, 5, 2], np.int8)
SPLIT = np.array([0, 0, 0, 0, 1, 1, 2], np.int8)
IMAGES = np.random.default_rng(0).integers(0, 256, (7, 48, 48)).astype(np.uint8)
IMAGES[0, 0, :6] = (0, 9, 10, 99, 100, 255)
TEXTS = [" ".join(map(str, image.ravel())) for image in IMAGES]
ROWS = [f"{y},{text},{SPLITS[s]}" for y, text, s in zip(LABELS, TEXTS, SPLIT, strict=True)]

Files = dict[str, str | bytes]  # content by path


def write(folder: Path, files: Files | Callable[[Path], None]) -> None:
    """Write the files; or let a function make what is no file."""
    if callable(files):
        files(folder)
        return
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def image(pixels: np.ndarray | Image.Image, kind: str = "png", **options) -> bytes:
    file = io.BytesIO()
    pixels = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    pixels.save(file, kind, **options)
    return file.getvalue()


def tree(
    train: str = "train", public: str = "validation", private: str = "test", **classes: str
) -> Files:
    """The set as pictures; `classes` are other names for class folders."""
    parts = (train, public, private)
    words = {name: classes.get(name, name) for name in CLASSES}
    return {
        f"{parts[s]}/{words[CLASSES[y]]}/{row}.png": image(IMAGES[row])
        for row, (y, s) in enumerate(zip(LABELS, SPLIT, strict=True))
    }


def below(folder: str, files: Files) -> Files:
    return {f"{folder}{name}": content for name, content in files.items()}


def zipped(files: Files) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(files: Files, mode: str = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in files.items():
            content = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def parquet(columns: dict, class_names: list[str] | None = None) -> bytes:
    table = pyarrow.Table.from_pydict(columns)
    if class_names:
        about = {"info": {"features": {"label": {"names": class_names}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(about)})
    file = io.BytesIO()
    write_table(table, file)
    return file.getvalue()


def csv(rows: Iterable[str], header: str = "emotion,pixels,Usage") -> str:
    return "\n".join([header, *rows, ""])


CSV = csv(ROWS)
