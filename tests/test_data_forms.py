"""A table of the forms in which people have FER2013, and of what they take for it: a row per input,
with the line that `python -m fer_utils.data` prints of it.

Inputs are made here, of random pixels. Whatever lies there, no line is a traceback, and none says
"drawn faces".
"""

import bz2
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_utils.data import dataset as data
from fer_utils.data.dataset import DataError, load
from fer_utils.data.formats import pictures, shown
from fer_utils.fer2013 import CLASSES, SPLITS

LABELS = np.array([0, 6, 3, 1, 4, 5, 2], np.int8)
SPLIT = np.array([0, 0, 0, 0, 1, 1, 2], np.int8)
IMAGES = np.random.default_rng(0).integers(0, 256, (7, 48, 48)).astype(np.uint8)
TEXTS = [" ".join(map(str, image.ravel())) for image in IMAGES]
ROWS = [f"{y},{text},{SPLITS[s]}" for y, text, s in zip(LABELS, TEXTS, SPLIT, strict=True)]
CSV = "\n".join(["emotion,pixels,Usage", *ROWS, ""])
FORM = "FER2013's form, not the original: 4 / 2 / 1 of 28,709 / 3,589 / 3,589 images; from "
COUNTS = ": 4 Training, 2 PublicTest, 1 PrivateTest images"

Make = Callable[[Path], None]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty data/ and an empty cache; FER_DATA not set."""
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(data, "data_dir", lambda: tmp_path / "data")
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FER_DATA", raising=False)
    return tmp_path / "data"


def put(name: str, content: str | bytes) -> Make:
    """A file."""

    def make(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return make


def several(*makes: Make) -> Make:
    def make(folder: Path) -> None:
        for each in makes:
            each(folder)

    return make


def png(image: np.ndarray, kind: str = "png") -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind)
    return file.getvalue()


def files(*names: str) -> dict[str, bytes]:
    """Pictures, of which `names` says where they lie; the class is the folder's."""
    return {name: png(IMAGES[row % 7]) for row, name in enumerate(names)}


def tree(
    train: str = "train", public: str = "validation", private: str = "test", **classes: str
) -> dict[str, bytes]:
    """The set as pictures, by path; `classes` are other names for class folders."""
    parts = (train, public, private)
    words = {name: classes.get(name, name) for name in CLASSES}
    return {
        f"{parts[s]}/{words[CLASSES[y]]}/{row}.png": png(IMAGES[row])
        for row, (y, s) in enumerate(zip(LABELS, SPLIT, strict=True))
    }


def unpacked(content: dict[str, bytes], below: str = "") -> Make:
    return several(*(put(below + name, data) for name, data in content.items()))


def zipped(content: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return file.getvalue()


def tarred(content: dict[str, bytes], mode: str = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def parquet(name: str, columns: dict, class_names: list[str] | None = None) -> Make:
    def make(folder: Path) -> None:
        import pyarrow
        from pyarrow.parquet import write_table

        table = pyarrow.Table.from_pydict(columns)
        if class_names:
            features = {"label": {"names": class_names}}
            table = table.replace_schema_metadata(
                {"huggingface": json.dumps({"info": {"features": features}})}
            )
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_table(table, folder / name)

    return make


def part(split: int) -> np.ndarray:
    return np.flatnonzero(split == SPLIT)


def csv_of(split: int, header: str = "emotion,pixels") -> str:
    rows = [f"{LABELS[row]},{TEXTS[row]}" for row in part(split)]
    return "\n".join([header, *rows])


PUBLISHED = {"fer2013.csv": CSV.encode()}
TWO = tree("train", "test", "test")
NUMBERS = {name: str(index) for index, name in enumerate(CLASSES)}
VALIDATION = "; validation counts as PublicTest; test counts as PrivateTest"
SPLIT_FOLDERS = f"{FORM}test/, train/ and validation/{COUNTS}{VALIDATION}"

#: What lies in data/, and the line about it.
FORMS = {
    "fer2013.csv": (put("fer2013.csv", CSV), f"{FORM}fer2013.csv{COUNTS}"),
    "in capitals": (put("FER2013.CSV", CSV), f"{FORM}FER2013.CSV{COUNTS}"),
    "any other name": (put("mine.txt", CSV), f"{FORM}mine.txt{COUNTS}"),
    **{
        f"fer2013.csv{suffix}": (
            put(f"fer2013.csv{suffix}", pack(CSV.encode())),
            f"{FORM}fer2013.csv{suffix}{COUNTS}",
        )
        for suffix, pack in {
            ".gz": gzip.compress,
            ".xz": lzma.compress,
            ".bz2": bz2.compress,
        }.items()
    },
    **{
        f"{kind} called .csv": (
            put("fer2013.csv", pack(CSV.encode())),
            f"{FORM}fer2013.csv{COUNTS}",
        )
        for kind, pack in {
            "gzip": gzip.compress,
            "xz": lzma.compress,
            "bzip2": bz2.compress,
        }.items()
    },
    "gzip in gzip": (
        put("fer2013.csv.gz", gzip.compress(gzip.compress(CSV.encode()))),
        f"{FORM}fer2013.csv.gz{COUNTS}",
    ),
    "zip": (put("archive.zip", zipped(PUBLISHED)), f"{FORM}fer2013.csv in archive.zip{COUNTS}"),
    "zip called .csv": (
        put("fer2013.csv", zipped(PUBLISHED)),
        f"{FORM}fer2013.csv in fer2013.csv{COUNTS}",
    ),
    "zip, nested two folders down": (
        put("archive.zip", zipped({"a/b/fer2013.csv": CSV.encode()})),
        f"{FORM}fer2013.csv in archive.zip{COUNTS}",
    ),
    **{
        f"tar{suffix}": (
            put(f"fer2013.tar{suffix}", tarred({"fer2013/fer2013.csv": CSV.encode()}, mode)),
            f"{FORM}fer2013.csv in fer2013.tar{suffix}{COUNTS}",
        )
        for suffix, mode in {"": "w", ".gz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}.items()
    },
    **{
        f"tar{suffix} called .csv": (
            put("fer2013.csv", tarred(PUBLISHED, mode)),
            f"{FORM}fer2013.csv in fer2013.csv{COUNTS}",
        )
        for suffix, mode in {"": "w", ".gz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}.items()
    },
    "the competition's zip": (
        put(
            "challenges.zip",
            zipped(
                {
                    "example_submission.csv": b"id,emotion\n1,0\n",
                    "fer2013.tar.gz": tarred({"fer2013/fer2013.csv": CSV.encode()}, "w:gz"),
                    "icml_face_data.csv": CSV.replace(",", ", ").encode(),
                    "test.csv": csv_of(1).encode(),
                    "train.csv": csv_of(0).encode(),
                }
            ),
        ),
        f"{FORM}icml_face_data.csv in challenges.zip{COUNTS}; "
        "not read: fer2013.tar.gz, test.csv and train.csv",
    ),
    "a tar.gz in a zip": (
        put("archive.zip", zipped({"fer2013.tar.gz": tarred(PUBLISHED, "w:gz")})),
        f"{FORM}fer2013.csv in fer2013.tar.gz in archive.zip{COUNTS}",
    ),
    "folders in a zip": (
        put("archive.zip", zipped(tree())),
        f"{FORM}test/, train/ and validation/ in archive.zip{COUNTS}{VALIDATION}",
    ),
    "folders in a tar.gz, below others": (
        put("archive.tgz", tarred({f"fer/images/{k}": v for k, v in tree().items()}, "w:gz")),
        f"{FORM}fer/images/ in archive.tgz{COUNTS}{VALIDATION}",
    ),
    "folders": (unpacked(tree()), SPLIT_FOLDERS),
    "train, val, test": (
        unpacked(tree(public="val")),
        f"{FORM}test/, train/ and val/{COUNTS}; val counts as PublicTest; "
        "test counts as PrivateTest",
    ),
    "Training, PublicTest, PrivateTest": (
        unpacked(tree("Training", "PublicTest", "PrivateTest")),
        f"{FORM}PrivateTest/, PublicTest/ and Training/{COUNTS}",
    ),
    "training, publictest, privatetest": (
        unpacked(tree("training", "publictest", "privatetest")),
        f"{FORM}privatetest/, publictest/ and training/{COUNTS}",
    ),
    "TRAINING, PUBLICTEST, PRIVATETEST": (
        unpacked(tree("TRAINING", "PUBLICTEST", "PRIVATETEST")),
        f"{FORM}PRIVATETEST/, PUBLICTEST/ and TRAINING/{COUNTS}",
    ),
    **{
        f"{train}, {public}, {private}": (
            unpacked(tree(train, public, private)),
            FORM + "{}/, {}/ and {}/".format(*sorted([train, public, private])) + f"{COUNTS}; "
            f"{public} counts as PublicTest; "
            "test counts as PrivateTest",
        )
        for train, public, private in [
            ("training", "valid", "testing"),
            ("Train_Set", "Val_Set", "Test_Set"),
            ("train_images", "dev_images", "test_images"),
        ]
    },
    "test images called as in FER2013": (
        unpacked(
            {
                f"{folders}/{SPLITS[SPLIT[int(row)]]}_{row}.png": picture
                for path, picture in tree("train", "test", "test").items()
                for folders, row in [path.removesuffix(".png").rsplit("/", 1)]
            }
        ),
        f"{FORM}test/ and train/{COUNTS}",
    ),
    "images/images": (
        unpacked(tree(), "images/images/"),
        f"{FORM}images/images/{COUNTS}{VALIDATION}",
    ),
    "images/ and images/images/": (
        several(unpacked(tree(), "images/"), unpacked(tree(), "images/images/")),
        f"{FORM}images/{COUNTS}{VALIDATION}; not read: images/images/",
    ),
    "class folders 0 to 6": (
        unpacked(tree(**NUMBERS)),
        SPLIT_FOLDERS.replace("; test", "; class folders are taken as FER2013's numbers; test", 1),
    ),
    "class folders 0_angry": (
        unpacked(tree(**{name: f"{index}_{name}" for name, index in NUMBERS.items()})),
        SPLIT_FOLDERS,
    ),
    "class folders in capitals": (
        unpacked(tree(**{name: name.upper() for name in CLASSES})),
        SPLIT_FOLDERS,
    ),
    "other words for classes": (
        unpacked(
            tree(
                angry="Anger",
                disgust="disgusted",
                fear="fearful",
                happy="Happiness",
                sad="sadness",
                surprise="surprised",
                neutral="中立",
            )
        ),
        SPLIT_FOLDERS,
    ),
    "three tables": (
        several(put("train.csv", csv_of(0)), put("val.csv", csv_of(1)), put("test.csv", csv_of(2))),
        f"{FORM}train.csv, val.csv and test.csv{COUNTS}; val counts as PublicTest; "
        "test counts as PrivateTest",
    ),
    "labels 0.0": (
        put(
            "fer2013.csv",
            "\n".join(line.replace(",", ".0,", i > 0) for i, line in enumerate(CSV.split("\n"))),
        ),
        f"{FORM}fer2013.csv{COUNTS}",
    ),
    "labels in words": (
        put(
            "fer2013.csv",
            "\n".join(["emotion,pixels,Usage", *(CLASSES[int(r[0])] + r[1:] for r in ROWS)]),
        ),
        f"{FORM}fer2013.csv{COUNTS}",
    ),
    **{
        f"{name} between columns": (
            put("fer2013.csv", CSV.replace(",", delimiter)),
            f"{FORM}fer2013.csv{COUNTS}",
        )
        for name, delimiter in {"semicolons": ";", "tabs": "\t", "bars": "|"}.items()
    },
    "no header": (
        put("fer2013.csv", "\n".join(ROWS)),
        f"{FORM}fer2013.csv{COUNTS}; no header: the columns were recognised by their content",
    ),
    "no header, byte order mark": (
        put("fer2013.csv", "\ufeff" + "\r\n".join(ROWS)),
        f"{FORM}fer2013.csv{COUNTS}; no header: the columns were recognised by their content",
    ),
    "Parquet, bytes": (
        parquet(
            "fer2013.parquet",
            {
                "image": [png(image) for image in IMAGES],
                "label": LABELS.tolist(),
                "usage": [SPLITS[s] for s in SPLIT],
            },
        ),
        f"{FORM}fer2013.parquet{COUNTS}; labels are taken as FER2013's numbers",
    ),
    "Parquet, as the datasets library writes it": (
        several(
            *(
                parquet(
                    f"data/{name}-0000{shard}-of-00002.parquet",
                    {
                        "image": [{"bytes": png(IMAGES[row]), "path": None} for row in rows],
                        "label": [sorted(CLASSES).index(CLASSES[LABELS[row]]) for row in rows],
                    },
                    sorted(CLASSES),
                )
                for name, split in (("train", 0), ("valid", 1), ("test", 2))
                for shard, rows in enumerate(np.array_split(part(split), 2))
                if len(rows)
            )
        ),
        f"{FORM}train-00000-of-00002.parquet, train-00001-of-00002.parquet, "
        "valid-00000-of-00002.parquet, valid-00001-of-00002.parquet and "
        f"test-00000-of-00002.parquet{COUNTS}; valid counts as PublicTest; "
        "test counts as PrivateTest",
    ),
    "Parquet, paths": (
        several(
            unpacked({f"faces/{row}.png": png(image) for row, image in enumerate(IMAGES)}),
            parquet(
                "fer.parquet",
                {
                    "path": [f"faces/{row}.png" for row in range(7)],
                    "emotion": [CLASSES[label] for label in LABELS],
                    "split": [("train", "val", "test")[s] for s in SPLIT],
                },
            ),
        ),
        f"{FORM}fer.parquet{COUNTS}; val counts as PublicTest; test counts as PrivateTest",
    ),
    "Parquet, pixels as text": (
        parquet(
            "fer.parquet",
            {"pixels": TEXTS, "emotion": LABELS.tolist(), "Usage": [SPLITS[s] for s in SPLIT]},
        ),
        f"{FORM}fer.parquet{COUNTS}; labels are taken as FER2013's numbers",
    ),
    "what systems leave behind": (
        several(
            unpacked(tree()),
            put("train/happy/._2.png", b"AppleDouble"),
            put("train/happy/.DS_Store", b"\0"),
            put("train/sad/Thumbs.db", b"\0"),
            put("train/.ipynb_checkpoints/2-checkpoint.png", png(IMAGES[0])),
            put("__MACOSX/train/happy/._2.png", b"AppleDouble"),
            put("desktop.ini", b"[.ShellClassInfo]"),
        ),
        f"{SPLIT_FOLDERS}; skipped: 1 .DS_Store, 1 ._*, 1 .ipynb_checkpoints, 1 Thumbs.db, "
        "1 __MACOSX and 1 desktop.ini",
    ),
    **{
        f"{name} left behind": (
            several(unpacked(tree()), put(f"train/{name}/x.png", png(IMAGES[0]))),
            f"{SPLIT_FOLDERS}; skipped: 1 {shown(name)}",
        )
        for name in [
            *("ehthumbs.db", "Icon\r", "@eaDir", "$RECYCLE.BIN", "System Volume Information"),
            *("lost+found", "__pycache__", ".git", ".Spotlight-V100", ".~lock.fer2013.csv#"),
        ]
    },
    "left behind in an archive": (
        put(
            "archive.zip",
            zipped(tree() | {"__MACOSX/train/._a.png": b"A", "train/sad/.DS_Store": b"\0"}),
        ),
        f"{FORM}test/, train/ and validation/ in archive.zip{COUNTS}; validation counts as "
        "PublicTest; skipped: 1 .DS_Store and 1 __MACOSX; test counts as PrivateTest",
    ),
    "bystanders": (
        several(
            put("fer2013.csv", CSV),
            put("README.md", "#"),
            put("model.h5", b"\x89HDF\r\n\x1a\n"),
            put("notes.txt", "to do"),
            put("b/fer2013.csv", CSV),
        ),
        f"{FORM}fer2013.csv{COUNTS}; not read: model.h5, notes.txt and b/fer2013.csv",
    ),
}


@pytest.mark.parametrize(("make", "line"), FORMS.values(), ids=FORMS)
def test_forms(folder, make, line, monkeypatch, capsys):
    make(folder)
    monkeypatch.setattr(sys, "argv", ["data"])
    for _ in range(2):  # parsed, then from the cache
        assert data.main() == 0
        assert capsys.readouterr() == (f"{line}\n", "")
        dataset = load()
        assert dataset.source == line
        assert repr(dataset) == line
        assert dataset.name == "fer2013"
        assert not dataset.original
        order = np.lexsort((dataset.labels, dataset.split))
        expected = np.lexsort((LABELS, SPLIT))
        np.testing.assert_array_equal(dataset.split[order], SPLIT[expected])
        np.testing.assert_array_equal(dataset.labels[order], LABELS[expected])
        np.testing.assert_array_equal(dataset.images[order], IMAGES[expected])
        for array, dtype in zip(
            (dataset.images, dataset.labels, dataset.split), ("u1", "i1", "i1"), strict=True
        ):
            assert array.dtype == dtype


#: Folders train/ and test/ alone, and how the line calls the place.
TWO_FOLDERS = {
    "folders": (unpacked(TWO), "test/ and train/"),
    "nested": (unpacked(TWO, "images/images/"), "images/images/"),
    **{
        f"zip, nested {below!r}": (
            put("archive.zip", zipped({below + k: v for k, v in TWO.items()})),
            f"{below or 'test/ and train/'} in archive.zip",
        )
        for below in ("", "fer2013/", "data/fer2013/")
    },
    "tar.gz": (put("fer2013.tgz", tarred(TWO, "w:gz")), "test/ and train/ in fer2013.tgz"),
}


@pytest.mark.parametrize(("make", "where"), TWO_FOLDERS.values(), ids=TWO_FOLDERS)
def test_folders_train_and_test_alone(folder, make, where, monkeypatch, capsys):
    make(folder)
    monkeypatch.setattr(sys, "argv", ["data"])
    assert data.main() == 0
    assert capsys.readouterr().out == (
        "FER2013's form, not the original: 4 / 3 / 0 of 28,709 / 3,589 / 3,589 images; from "
        f"{where}: 4 Training, 3 PublicTest images; none is marked as PrivateTest; "
        "test counts as PublicTest\n"
    )


def link(name: str, target: str) -> Make:
    return lambda folder: (folder / name).symlink_to(target)


def pictures_with(name: str, content: bytes) -> Make:
    """The set as folders, one of its pictures replaced or one added."""
    return unpacked(tree() | {name: content})


def raw_png(mode: str, size: tuple[int, int] = (48, 48), kind: str = "png", **options) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **options)
    return file.getvalue()


def animation() -> bytes:
    file = io.BytesIO()
    frames = [Image.fromarray(image) for image in IMAGES[:2]]
    frames[0].save(file, "gif", save_all=True, append_images=frames[1:])
    return file.getvalue()


HTML = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 301079529\n"
CLASS_FOLDERS = files("photos/happy/a.png", "photos/sad/b.png")
AFFECTNET = "AffectNet's: 0 neutral, 1 happy"

#: What lies in data/, and words of the one line that refuses it.
REFUSED = {
    ".h5": (put("fer.h5", b"\x89HDF\r\n\x1a\n" + bytes(99)), "fer.h5: an HDF5 file", "export"),
    "Git LFS pointer": (put("fer2013.csv", POINTER), "fer2013.csv: a Git LFS", "git lfs pull"),
    "HTML saved as CSV": (put("fer2013.csv", HTML), "fer2013.csv: an HTML page", "login"),
    "HTML saved as zip": (put("archive.zip", "\n" + HTML), "archive.zip: an HTML page"),
    "HTML beside a good table": (
        several(put("fer2013.csv", CSV), put("test.csv", HTML)),
        "test.csv: an HTML page",
    ),
    "7-Zip": (put("fer.7z", b"7z\xbc\xaf\x27\x1c\0\4"), "fer.7z: a 7-Zip archive: unpack it"),
    "RAR": (put("fer.rar", b"Rar!\x1a\7\0"), "fer.rar: a RAR archive: unpack it"),
    "Zstandard": (put("fer.csv.zst", b"\x28\xb5\x2f\xfd\0"), "a Zstandard file: unpack it"),
    "pickle": (put("fer.pkl", b"\x80\4\x95"), "fer.pkl: a Python pickle", "never loaded"),
    "NumPy": (put("fer.npy", b"\x93NUMPY\1\0"), "fer.npy: a NumPy array"),
    "npz": (put("fer.npz", zipped({"x.npy": b"\x93NUMPY\1\0"})), "x.npy: a NumPy array"),
    "PDF": (put("fer.pdf", b"%PDF-1.7"), "fer.pdf: a PDF document"),
    "SQLite": (put("fer.db", b"SQLite format 3\0"), "fer.db: a SQLite database"),
    "UTF-16": (put("fer2013.csv", CSV.encode("utf-16")), "fer2013.csv: text in UTF-16"),
    "JSON": (put("fer.json", '[{"emotion": 0}]'), "fer.json: JSON"),
    "Excel": (
        put(
            "fer.xlsx",
            zipped({"[Content_Types].xml": b"<?xml version='1.0'?>", "xl/a.xml": b"<?xml"}),
        ),
        "fer.xlsx: an Office document: save the table as a CSV file",
    ),
    "empty file": (put("fer2013.csv", ""), "fer2013.csv: an empty file"),
    "unknown bytes": (put("blob", bytes(range(256))), "blob: a file of unknown kind"),
    "a download not finished": (put("fer2013.csv.part", CSV), "an unfinished download"),
    "text": (put("labels.csv", "file,label\na.png,3\n"), "labels.csv: text that", "file,label"),
    "a picture": (put("face.png", png(IMAGES[0])), "1 pictures in no class folder", "face.png"),
    "class folders without splits": (
        unpacked(CLASS_FOLDERS),
        "class folders (happy and sad) without train/ and test/ above them",
    ),
    "empty folders": (
        lambda folder: (folder / "train" / "happy").mkdir(parents=True),
        "only empty folders (train/happy)",
    ),
    "several tables": (
        several(put("a.csv", CSV), put("b.csv", CSV)),
        "which of a.csv and b.csv? name one of them",
    ),
    "several archives": (
        several(put("a.zip", zipped(PUBLISHED)), put("b.zip", zipped(PUBLISHED))),
        "which of a.zip and b.zip?",
    ),
    "a dangling link": (
        several(unpacked(tree()), link("train/happy/x.png", "nowhere.png")),
        "train/happy/x.png: a link that leads nowhere",
    ),
    "a link to itself": (link("fer2013.csv", "fer2013.csv"), "symbolic links"),
    "a link to a folder above": (
        several(unpacked(tree()), link("train/again", "..")),
        "train/again: a link to a folder that it lies in",
    ),
    "a pipe": (lambda folder: os.mkfifo(folder / "fer2013.csv"), "neither a file nor a folder"),
    "votes alone": (put("fer2013new.csv", "Usage,neutral"), "only fer2013new.csv in it"),
    "notes alone": (put("notes.md", "#"), "only notes.md in it"),
    "folders in folders": (put("a/" * 40 + "fer2013.csv", CSV), "folders deep"),
    "classes 1 to 7": (
        unpacked({f"train/{k}/a.png": png(IMAGES[0]) for k in range(1, 8)}),
        "not FER2013's order (0 angry, 1 disgust",
        "RAF-DB's: 1 surprise",
    ),
    "classes 0 to 7": (unpacked({f"train/{k}/a.png": png(IMAGES[0]) for k in range(8)}), AFFECTNET),
    "classes 1 to 3": (
        unpacked({f"train/{k}/a.png": png(IMAGES[0]) for k in (1, 2, 3)}),
        "not FER2013's order",
        "another data set's",
    ),
    "contempt": (
        pictures_with("train/contempt/a.png", png(IMAGES[0])),
        "train/contempt: not a class",
    ),
    "a picture in no class": (pictures_with("train/a.png", png(IMAGES[0])), "train: not a class"),
    "folders in class folders": (
        pictures_with("train/sad/1/a.png", png(IMAGES[0])),
        "train/sad/1: not",
    ),
    "another size": (
        pictures_with("train/sad/a.png", raw_png("L", (64, 48))),
        "sad/a.png: 64x48 pixels, expected 48x48; `make data FROM=FOLDER`",
    ),
    "no image": (pictures_with("train/sad/a.png", b"no"), "train/sad/a.png: not a readable image"),
    "notes in a class folder": (
        pictures_with("train/sad/a.txt", b"no"),
        "a.txt: not a readable image",
    ),
    "HEIC": (
        pictures_with("train/sad/a.heic", b"\0\0\0\x18ftypheic" + bytes(40)),
        "a.heic: not a readable image; save it as .jpg or .png",
    ),
    "animation": (pictures_with("train/sad/a.gif", animation()), "a.gif: 2 pictures in one file"),
    "float pixels": (
        pictures_with("train/sad/a.tif", raw_png("F", kind="tiff")),
        "fractions as pixels",
    ),
    "a huge picture": (pictures_with("train/sad/a.png", bytes(17 << 20)), "a.png: 18 MB"),
    "an encrypted zip": (put("archive.zip", b"PK\3\4\x14\0\1\0" + bytes(40)), "archive.zip"),
    "a damaged tar": (
        put("fer.tar", tarred(PUBLISHED)[:9000]),
        "fer.tar",
        "cannot be read to its end",
    ),
    "archives without end": (
        put("a.zip", zipped({"b.zip": zipped({"c.zip": zipped({"d.zip": zipped(PUBLISHED)})})})),
        "d.zip: more than 3 archives in one another",
    ),
    "nothing in an archive": (put("a.zip", zipped({"README.md": b"#"})), "a.zip: nothing in it"),
    "Parquet without images": (
        parquet("fer.parquet", {"id": [1], "label": [1]}),
        'fer.parquet: the columns are "id, label", expected image, label, split',
    ),
    "Parquet, RAF-DB's order": (
        parquet("fer.parquet", {"image": [png(i) for i in IMAGES], "label": list(range(1, 8))}),
        "fer.parquet: classes are numbered 1, 2, 3, 4, 5, 6, 7",
        "RAF-DB's",
    ),
    "Parquet, a path that is not there": (
        parquet("fer.parquet", {"image": ["a.png"], "label": [0]}),
        "fer.parquet, row 1: a.png is not beside the table",
    ),
    "Parquet, a bomb": (
        parquet("fer.parquet", {"image": [bytes(1 << 21)] * 40, "label": [0] * 40}),
        "fer.parquet: ",
    ),
    "Parquet, damaged": (
        put("fer.parquet", b"PAR1" + bytes(50) + b"PAR1"),
        "fer.parquet: cannot be read to its end",
    ),
    "two columns of labels": (
        put("fer2013.csv", CSV.replace("emotion,", "emotion,label,").replace(",P", ",P")),
        "2 columns could be the emotion",
    ),
    "no column of labels": (
        put("fer.csv", f"pixels\n{TEXTS[0]}\n"),
        "fer.csv: no column of labels",
    ),
}


@pytest.mark.parametrize(
    ("make", "words"), [(row[0], row[1:]) for row in REFUSED.values()], ids=REFUSED
)
def test_what_is_not_understood_is_refused_in_one_line(folder, capsys, monkeypatch, make, words):
    make(folder)
    monkeypatch.setattr(sys, "argv", ["data"])
    assert data.main() == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert "drawn" not in printed.err
    assert len(printed.err) < 1200
    for word in words:
        assert word in printed.err
    assert not list(folder.parent.glob("cache/*"))


@pytest.mark.parametrize(
    ("make", "said"),
    [(put("README.md", "#"), ""), (put(".DS_Store", b"\0"), "skipped in data/: 1 .DS_Store\n")],
    ids=["README", "hidden"],
)
def test_drawn_faces_where_nothing_lies(folder, make, said, monkeypatch, capsys):
    monkeypatch.setattr(data.faces, "dataset", lambda: (IMAGES, LABELS, SPLIT))
    make(folder)
    assert load().name == "drawn"
    assert capsys.readouterr().out == said
    with pytest.raises(DataError, match="no FER2013 in data/: run `make data`"):
        load("fer2013")
    make(folder / "below")
    with pytest.raises(DataError, match="below: nothing in it"):
        load(str(folder / "below"))


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


RAMP = np.linspace(0, 65535, 48 * 48).round().astype(np.uint16).reshape(48, 48)
GREY = np.outer(np.arange(48), np.full(48, 5)).astype(np.uint8)
CLEAR = np.dstack([GREY] * 3 + [np.where(np.arange(48) < 24, 255, 0) * np.ones((48, 1))]).astype(
    "u1"
)
ON_WHITE = np.where(np.arange(48) < 24, GREY, 255)
KINDS = {
    "16-bit PNG": (saved(Image.fromarray(RAMP), "png"), np.round(RAMP / 257), 0),
    "16-bit TIFF": (saved(Image.fromarray(RAMP), "tiff"), np.round(RAMP / 257), 0),
    "alpha": (saved(Image.fromarray(CLEAR), "png"), ON_WHITE, 0),
    "grey and alpha": (saved(Image.fromarray(CLEAR).convert("LA"), "png"), ON_WHITE, 0),
    "colour": (saved(Image.fromarray(GREY).convert("RGB"), "png"), GREY, 0),
    "palette": (saved(Image.fromarray(GREY).convert("P"), "png"), GREY, 0),
    "upright by EXIF": (
        saved(
            Image.fromarray(GREY),
            "png",
            exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\3\0\0\0\0\0\0",
        ),
        GREY[::-1, ::-1],
        0,
    ),
    "BMP": (saved(Image.fromarray(GREY), "bmp"), GREY, 0),
    "GIF": (saved(Image.fromarray(GREY), "gif"), GREY, 0),
    "TIFF": (saved(Image.fromarray(GREY), "tiff"), GREY, 0),
    "WebP": (saved(Image.fromarray(GREY), "webp", lossless=True), GREY, 0),
    "JPEG": (saved(Image.fromarray(GREY), "jpeg"), GREY, 9),
    "CMYK JPEG": (saved(Image.fromarray(GREY).convert("CMYK"), "jpeg"), GREY, 9),
    "AVIF": (saved(Image.fromarray(GREY), "avif"), GREY, 9),
}


@pytest.mark.parametrize(("content", "expected", "within"), KINDS.values(), ids=KINDS)
def test_kinds_of_pictures(content, expected, within):
    image = pictures.grey("a", content)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image, expected, atol=within)


@pytest.mark.parametrize("suffix", ["bmp", "webp", "jfif", "avif", "tif", "JPG", "png", ""])
def test_a_pictures_suffix_does_not_matter(folder, suffix):
    content = {k.replace("png", suffix).rstrip("."): v for k, v in tree().items()}
    unpacked(content)(folder)
    assert len(load().images) == 7


def test_names_that_a_terminal_cannot_show(folder, capsys):
    unpacked(tree())(folder)
    put("train/sad/a\nb\x1b[2J.png", b"no")(folder)
    with pytest.raises(DataError, match=r"a\\nb\\x1b\[2J\.png: not a readable image"):
        load()


def test_a_chinese_name_where_the_terminal_is_not_utf_8(folder):
    put("表情/fer2013.csv", CSV)(folder)
    done = subprocess.run(
        [sys.executable, "-m", "fer_utils.data", str(folder / "表情" / "fer2013.csv")],
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"},
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode("ascii") == f"{FORM}fer2013.csv{COUNTS}\n"
    put("表情/fer2013.csv", "no")(folder)
    done = subprocess.run(
        [sys.executable, "-m", "fer_utils.data", str(folder)],
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"},
        capture_output=True,
    )
    assert done.returncode == 1
    assert b"/fer2013.csv: text that is no table" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_cache_that_cannot_be_written_costs_time_only(folder, tmp_path, monkeypatch, capsys):
    put("fer2013.csv", CSV)(folder)
    (tmp_path / "file").touch()
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "file"))
    assert len(load().images) == 7
    said = capsys.readouterr().err
    assert said.startswith("not kept, and so computed again next time: ")
    assert said.count("\n") == 1


def test_a_path_with_an_apostrophe_and_a_tilde(folder, monkeypatch):
    place = folder / "O'Neill's \"data\""
    put("fer2013.csv", CSV)(place)
    assert load(str(place)).source.startswith(FORM)
    monkeypatch.setenv("HOME", str(place))
    assert load("~/fer2013.csv").source.startswith(FORM)
    monkeypatch.setenv("FER_DATA", "~/fer2013.csv")
    assert load().source.startswith(FORM)


def test_an_unreadable_folder_or_file(folder, monkeypatch, capsys):
    unpacked(tree())(folder)
    scandir = os.scandir

    def denied(path):
        if str(path).endswith("train/happy"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    monkeypatch.setattr(sys, "argv", ["data"])
    assert data.main() == 1
    assert "train/happy: cannot be listed (Permission denied)" in capsys.readouterr().err


HEADER = b"emotion,pixels,Usage\n"
BOMBS = {
    "a gigabyte of zeros": lambda: HEADER + bytes(1 << 25),
    "a line of 100 MB": lambda: HEADER + b"0," + b"1 " * 50_000_000,
    "a header of 100 MB": lambda: HEADER.strip() + b",x" * 50_000_000,
    "empty lines": lambda: HEADER + b"\n" * (1 << 25),
}


@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS)
def test_a_bomb_or_an_endless_line_is_refused_in_bounded_memory(folder, make):
    content = make()
    put("fer2013.csv", gzip.compress(content, 1) + gzip.compress(bytes(1 << 25), 1) * 32)(folder)
    tracemalloc.start()
    with pytest.raises(DataError, match=r"fer2013\.csv: ") as error:
        load()
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert len(str(error.value)) < 300
