"""A table of the forms in which people have FER2013, and of what they take for it: a row per input,
with the line that `python -m fer_utils.data` prints of it.

Inputs are made here, of random pixels. Whatever lies there, no line is a traceback, and none says
"drawn faces".
"""

import bz2
import gzip
import lzma
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fer2013_files import (
    CSV,
    IMAGES,
    LABELS,
    ROWS,
    SPLIT,
    TEXTS,
    Files,
    below,
    csv,
    image,
    parquet,
    tarred,
    tree,
    write,
    zipped,
)
from PIL import Image

from fer_utils.data import dataset as data
from fer_utils.data.dataset import DataError, load
from fer_utils.data.formats import pictures, shown
from fer_utils.fer2013 import CLASSES, SPLITS

FORM = "FER2013's form, not the original: 4 / 2 / 1 of 28,709 / 3,589 / 3,589 images; from "
COUNTS = ": 4 Training, 2 PublicTest, 1 PrivateTest images"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty data/ and an empty cache; FER_DATA not set."""
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(data, "data_dir", lambda: tmp_path / "data")
    monkeypatch.setattr(sys, "argv", ["data"])
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FER_DATA", raising=False)
    return tmp_path / "data"


def part(split: int) -> np.ndarray:
    return np.flatnonzero(split == SPLIT)


def csv_of(split: int) -> str:
    return csv((f"{LABELS[row]},{TEXTS[row]}" for row in part(split)), "emotion,pixels")


def shards(name: str, split: int) -> Files:
    """A split in two Parquet files, as the datasets library writes them; none without rows."""
    words = sorted(CLASSES)
    return {
        f"data/{name}-0000{shard}-of-00002.parquet": parquet(
            {
                "image": [{"bytes": image(IMAGES[row]), "path": None} for row in rows],
                "label": [words.index(CLASSES[LABELS[row]]) for row in rows],
            },
            words,
        )
        for shard, rows in enumerate(np.array_split(part(split), 2))
        if len(rows)
    }


def one(
    name: str, content: str | bytes, inside: str = "", notes: str = ""
) -> tuple[Files, str, str]:
    """A row of FORMS: a single file, and what is read `inside` it."""
    return {name: content}, f"{inside}{name}", notes


def divided(files: Files, notes: str = "") -> tuple[Files, str, str]:
    """A row of FORMS: folders train/, validation/ and test/."""
    return files, FOLDERS, VALIDATION + notes


RAW = CSV.encode()
PUBLISHED = {"fer2013.csv": CSV}
TWO = tree("train", "test", "test")
FACE = image(IMAGES[0])
PICTURES = [image(pixels) for pixels in IMAGES]
USAGE = [SPLITS[s] for s in SPLIT]
PACKED = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}
TARRED = {"": "w", ".gz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}
WORDS = {
    **{"angry": "Anger", "disgust": "disgusted", "fear": "fearful", "happy": "Happiness"},
    **{"sad": "sadness", "surprise": "surprised", "neutral": "中立"},
}
LEFT_BEHIND = [
    *("ehthumbs.db", "Icon\r", "@eaDir", "$RECYCLE.BIN", "System Volume Information"),
    *("lost+found", "__pycache__", ".git", ".Spotlight-V100", ".~lock.fer2013.csv#"),
]
COMPETITION = {
    "example_submission.csv": "id,emotion\n1,0\n",
    "fer2013.tar.gz": tarred({"fer2013/fer2013.csv": CSV}, "w:gz"),
    "icml_face_data.csv": CSV.replace(",", ", "),
    "test.csv": csv_of(1),
    "train.csv": csv_of(0),
}
SYSTEM_FILES = {
    "train/happy/._2.png": b"AppleDouble",
    "train/happy/.DS_Store": b"\0",
    "train/sad/Thumbs.db": b"\0",
    "train/.ipynb_checkpoints/2-checkpoint.png": FACE,
    "__MACOSX/train/happy/._2.png": b"AppleDouble",
    "desktop.ini": "[.ShellClassInfo]",
}
BYSTANDERS = {"README.md": "#", "model.h5": b"\x89HDF\r\n\x1a\n", "notes.txt": "to do"}
INSIDE = "fer2013.csv in "
FOLDERS = "test/, train/ and validation/"
TEST = "; test counts as PrivateTest"
VALIDATION = f"; validation counts as PublicTest{TEST}"
NO_HEADER = "; no header: the columns were recognised by their content"
AS_NUMBERS = "; labels are taken as FER2013's numbers"

#: What lies in data/, what the line about it calls it, and what it adds.
FORMS = {
    "fer2013.csv": one("fer2013.csv", CSV),
    "in capitals": one("FER2013.CSV", CSV),
    "any other name": one("mine.txt", CSV),
    **{f"fer2013.csv{s}": one(f"fer2013.csv{s}", pack(RAW)) for s, pack in PACKED.items()},
    "gzip called .csv": one("fer2013.csv", gzip.compress(RAW)),
    "xz called .csv": one("fer2013.csv", lzma.compress(RAW)),
    "bzip2 called .csv": one("fer2013.csv", bz2.compress(RAW)),
    "gzip in gzip": one("fer2013.csv.gz", gzip.compress(gzip.compress(RAW))),
    "zip": one("archive.zip", zipped(PUBLISHED), INSIDE),
    "zip called .csv": one("fer2013.csv", zipped(PUBLISHED), INSIDE),
    "zip, nested two folders down": one("archive.zip", zipped({"a/b/fer2013.csv": CSV}), INSIDE),
    **{
        f"tar{suffix}": one(
            f"fer2013.tar{suffix}", tarred(below("fer2013/", PUBLISHED), mode), INSIDE
        )
        for suffix, mode in TARRED.items()
    },
    **{
        f"tar{suffix} called .csv": one("fer2013.csv", tarred(PUBLISHED, mode), INSIDE)
        for suffix, mode in TARRED.items()
    },
    "the competition's zip": one(
        "challenges.zip",
        zipped(COMPETITION),
        "icml_face_data.csv in ",
        "; not read: fer2013.tar.gz, test.csv and train.csv",
    ),
    "a tar.gz in a zip": one(
        "archive.zip",
        zipped({"fer2013.tar.gz": tarred(PUBLISHED, "w:gz")}),
        "fer2013.csv in fer2013.tar.gz in ",
    ),
    "folders in a zip": one("archive.zip", zipped(tree()), f"{FOLDERS} in ", VALIDATION),
    "folders in a tar.gz, below others": one(
        "archive.tgz", tarred(below("fer/images/", tree()), "w:gz"), "fer/images/ in ", VALIDATION
    ),
    "folders": divided(tree()),
    **{
        ", ".join(names): (tree(*names), "{2}/, {1}/ and {0}/".format(*names))
        for names in [
            ("Training", "PublicTest", "PrivateTest"),
            ("training", "publictest", "privatetest"),
            ("TRAINING", "PUBLICTEST", "PRIVATETEST"),
        ]
    },
    **{
        ", ".join(names): (
            tree(*names),
            "{}/, {}/ and {}/".format(*sorted(names)),
            f"; {names[1]} counts as PublicTest{TEST}",
        )
        for names in [
            ("train", "val", "test"),
            ("training", "valid", "testing"),
            ("Train_Set", "Val_Set", "Test_Set"),
            ("train_images", "dev_images", "test_images"),
        ]
    },
    "test images called as in FER2013": (
        {
            f"{Path(path).parent}/{SPLITS[s]}_{Path(path).name}": picture
            for s, (path, picture) in zip(SPLIT, TWO.items(), strict=True)
        },
        "test/ and train/",
    ),
    "images/images": (below("images/images/", tree()), "images/images/", VALIDATION),
    "images/ and images/images/": (
        below("images/", tree()) | below("images/images/", tree()),
        "images/",
        f"{VALIDATION}; not read: images/images/",
    ),
    "class folders 0 to 6": (
        tree(**{name: str(index) for index, name in enumerate(CLASSES)}),
        FOLDERS,
        VALIDATION.replace("; test", "; class folders are taken as FER2013's numbers; test"),
    ),
    "class folders 0_angry": divided(tree(**{n: f"{i}_{n}" for i, n in enumerate(CLASSES)})),
    "class folders in capitals": divided(tree(**{n: n.upper() for n in CLASSES})),
    "other words for classes": divided(tree(**WORDS)),
    "three tables": (
        {"train.csv": csv_of(0), "val.csv": csv_of(1), "test.csv": csv_of(2)},
        "train.csv, val.csv and test.csv",
        f"; val counts as PublicTest{TEST}",
    ),
    "labels 0.0": one("fer2013.csv", csv(row.replace(",", ".0,", 1) for row in ROWS)),
    "labels in words": one("fer2013.csv", csv(CLASSES[int(row[0])] + row[1:] for row in ROWS)),
    "semicolons between columns": one("fer2013.csv", CSV.replace(",", ";")),
    "tabs between columns": one("fer2013.csv", CSV.replace(",", "\t")),
    "bars between columns": one("fer2013.csv", CSV.replace(",", "|")),
    "no header": one("fer2013.csv", "\n".join(ROWS), notes=NO_HEADER),
    "no header, byte order mark": one("fer2013.csv", "\ufeff" + "\r\n".join(ROWS), notes=NO_HEADER),
    "Parquet, bytes": one(
        "fer2013.parquet",
        parquet({"image": PICTURES, "label": LABELS.tolist(), "usage": USAGE}),
        notes=AS_NUMBERS,
    ),
    "Parquet, as the datasets library writes it": (
        shards("train", 0) | shards("valid", 1) | shards("test", 2),
        "train-00000-of-00002.parquet, train-00001-of-00002.parquet, "
        "valid-00000-of-00002.parquet, valid-00001-of-00002.parquet and "
        "test-00000-of-00002.parquet",
        f"; valid counts as PublicTest{TEST}",
    ),
    "Parquet, paths": (
        {f"faces/{row}.png": picture for row, picture in enumerate(PICTURES)}
        | {
            "fer.parquet": parquet(
                {
                    "path": [f"faces/{row}.png" for row in range(7)],
                    "emotion": [CLASSES[label] for label in LABELS],
                    "split": [("train", "val", "test")[s] for s in SPLIT],
                }
            )
        },
        "fer.parquet",
        f"; val counts as PublicTest{TEST}",
    ),
    "Parquet, pixels as text": one(
        "fer.parquet",
        parquet({"pixels": TEXTS, "emotion": LABELS.tolist(), "Usage": USAGE}),
        notes=AS_NUMBERS,
    ),
    "what systems leave behind": divided(
        tree() | SYSTEM_FILES,
        "; skipped: 1 .DS_Store, 1 ._*, 1 .ipynb_checkpoints, 1 Thumbs.db, "
        "1 __MACOSX and 1 desktop.ini",
    ),
    **{
        f"{name} left behind": divided(
            tree() | {f"train/{name}/x.png": FACE}, f"; skipped: 1 {shown(name)}"
        )
        for name in LEFT_BEHIND
    },
    "left behind in an archive": one(
        "archive.zip",
        zipped(tree() | {"__MACOSX/train/._a.png": b"A", "train/sad/.DS_Store": b"\0"}),
        f"{FOLDERS} in ",
        VALIDATION.replace("; test", "; skipped: 1 .DS_Store and 1 __MACOSX; test"),
    ),
    "bystanders": (
        PUBLISHED | BYSTANDERS | below("b/", PUBLISHED),
        "fer2013.csv",
        "; not read: model.h5, notes.txt and b/fer2013.csv",
    ),
}


@pytest.mark.parametrize(
    ("files", "line"),
    [(row[0], f"{FORM}{row[1]}{COUNTS}{''.join(row[2:])}") for row in FORMS.values()],
    ids=FORMS,
)
def test_forms(folder, files, line, capsys):
    write(folder, files)
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
        arrays = (dataset.images, dataset.labels, dataset.split)
        assert [array.dtype for array in arrays] == ["u1", "i1", "i1"]


#: Folders train/ and test/ alone, and how the line calls the place.
TWO_FOLDERS = {
    "folders": (TWO, "test/ and train/"),
    "nested": (below("images/images/", TWO), "images/images/"),
    **{
        f"zip, nested {above!r}": (
            {"archive.zip": zipped(below(above, TWO))},
            f"{above or 'test/ and train/'} in archive.zip",
        )
        for above in ("", "fer2013/", "data/fer2013/")
    },
    "tar.gz": ({"fer2013.tgz": tarred(TWO, "w:gz")}, "test/ and train/ in fer2013.tgz"),
}


@pytest.mark.parametrize(("files", "where"), TWO_FOLDERS.values(), ids=TWO_FOLDERS)
def test_folders_train_and_test_alone(folder, files, where, capsys):
    write(folder, files)
    assert data.main() == 0
    assert capsys.readouterr().out == (
        "FER2013's form, not the original: 4 / 3 / 0 of 28,709 / 3,589 / 3,589 images; from "
        f"{where}: 4 Training, 3 PublicTest images; none is marked as PrivateTest; "
        "test counts as PublicTest\n"
    )


def link(name: str, target: str, others: Files | None = None) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        write(folder, others or {})
        (folder / name).symlink_to(target)

    return make


def numbered(numbers: range | tuple[int, ...]) -> Files:
    """One picture in each class folder that is called so."""
    return {f"train/{number}/a.png": FACE for number in numbers}


HTML = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 301079529\n"
EXCEL = zipped({"[Content_Types].xml": "<?xml version='1.0'?>", "xl/a.xml": "<?xml"})
HEIC = b"\0\0\0\x18ftypheic" + bytes(40)
ANIMATION = image(
    Image.fromarray(IMAGES[0]), "gif", save_all=True, append_images=[Image.fromarray(IMAGES[1])]
)

#: What lies in data/, and words of the one line that refuses it.
REFUSED = {
    ".h5": ({"fer.h5": b"\x89HDF\r\n\x1a\n" + bytes(99)}, "fer.h5: an HDF5 file", "export"),
    "Git LFS pointer": ({"fer2013.csv": POINTER}, "fer2013.csv: a Git LFS", "git lfs pull"),
    "HTML saved as CSV": ({"fer2013.csv": HTML}, "fer2013.csv: an HTML page", "login"),
    "HTML saved as zip": ({"archive.zip": "\n" + HTML}, "archive.zip: an HTML page"),
    "HTML beside a good table": (PUBLISHED | {"test.csv": HTML}, "test.csv: an HTML page"),
    "7-Zip": ({"fer.7z": b"7z\xbc\xaf\x27\x1c\0\4"}, "fer.7z: a 7-Zip archive: unpack it"),
    "RAR": ({"fer.rar": b"Rar!\x1a\7\0"}, "fer.rar: a RAR archive: unpack it"),
    "Zstandard": ({"fer.csv.zst": b"\x28\xb5\x2f\xfd\0"}, "a Zstandard file: unpack it"),
    "pickle": ({"fer.pkl": b"\x80\4\x95"}, "fer.pkl: a Python pickle", "never loaded"),
    "NumPy": ({"fer.npy": b"\x93NUMPY\1\0"}, "fer.npy: a NumPy array"),
    "npz": ({"fer.npz": zipped({"x.npy": b"\x93NUMPY\1\0"})}, "x.npy: a NumPy array"),
    "PDF": ({"fer.pdf": b"%PDF-1.7"}, "fer.pdf: a PDF document"),
    "SQLite": ({"fer.db": b"SQLite format 3\0"}, "fer.db: a SQLite database"),
    "UTF-16": ({"fer2013.csv": CSV.encode("utf-16")}, "fer2013.csv: text in UTF-16"),
    "JSON": ({"fer.json": '[{"emotion": 0}]'}, "fer.json: JSON"),
    "Excel": ({"fer.xlsx": EXCEL}, "fer.xlsx: an Office document: save the table as a CSV file"),
    "empty file": ({"fer2013.csv": ""}, "fer2013.csv: an empty file"),
    "unknown bytes": ({"blob": bytes(range(256))}, "blob: a file of unknown kind"),
    "a download not finished": ({"fer2013.csv.part": CSV}, "an unfinished download"),
    "text": ({"labels.csv": "file,label\na.png,3\n"}, "labels.csv: text that", "file,label"),
    "a picture": ({"face.png": FACE}, "1 pictures in no class folder", "face.png"),
    "class folders without splits": (
        {"photos/happy/a.png": FACE, "photos/sad/b.png": image(IMAGES[1])},
        "class folders (happy and sad) without train/ and test/ above them",
    ),
    "empty folders": (
        lambda folder: (folder / "train" / "happy").mkdir(parents=True),
        "only empty folders (train/happy)",
    ),
    "several tables": ({"a.csv": CSV, "b.csv": CSV}, "which of a.csv and b.csv? name one of them"),
    "several archives": (
        {"a.zip": zipped(PUBLISHED), "b.zip": zipped(PUBLISHED)},
        "which of a.zip and b.zip?",
    ),
    "a dangling link": (
        link("train/happy/x.png", "nowhere.png", tree()),
        "train/happy/x.png: a link that leads nowhere",
    ),
    "a link to itself": (link("fer2013.csv", "fer2013.csv"), "symbolic links"),
    "a link to a folder above": (
        link("train/again", "..", tree()),
        "train/again: a link to a folder that it lies in",
    ),
    "a pipe": (lambda folder: os.mkfifo(folder / "fer2013.csv"), "neither a file nor a folder"),
    "votes alone": ({"fer2013new.csv": "Usage,neutral"}, "only fer2013new.csv in it"),
    "notes alone": ({"notes.md": "#"}, "only notes.md in it"),
    "folders in folders": ({"a/" * 40 + "fer2013.csv": CSV}, "folders deep"),
    "classes 1 to 7": (
        numbered(range(1, 8)),
        "not FER2013's order (0 angry, 1 disgust",
        "RAF-DB's: 1 surprise",
    ),
    "classes 0 to 7": (numbered(range(8)), "AffectNet's: 0 neutral, 1 happy"),
    "classes 1 to 3": (numbered((1, 2, 3)), "not FER2013's order", "another data set's"),
    **{
        name: (tree() | {path: content}, *words)
        for name, path, content, *words in [
            ("contempt", "train/contempt/a.png", FACE, "train/contempt: not a class"),
            ("a picture in no class", "train/a.png", FACE, "train: not a class"),
            ("folders in class folders", "train/sad/1/a.png", FACE, "train/sad/1: not"),
            (
                *("another size", "train/sad/a.png", image(Image.new("L", (64, 48)))),
                "sad/a.png: 64x48 pixels, expected 48x48; `make data FROM=FOLDER`",
            ),
            ("no image", "train/sad/a.png", b"no", "train/sad/a.png: not a readable image"),
            ("notes in a class folder", "train/sad/a.txt", b"no", "a.txt: not a readable image"),
            (
                *("HEIC", "train/sad/a.heic", HEIC),
                "a.heic: not a readable image; save it as .jpg or .png",
            ),
            ("animation", "train/sad/a.gif", ANIMATION, "a.gif: 2 pictures in one file"),
            (
                *("float pixels", "train/sad/a.tif", image(Image.new("F", (48, 48)), "tiff")),
                "fractions as pixels",
            ),
            ("a huge picture", "train/sad/a.png", bytes(17 << 20), "a.png: 18 MB"),
        ]
    },
    "an encrypted zip": ({"archive.zip": b"PK\3\4\x14\0\1\0" + bytes(40)}, "archive.zip"),
    "a damaged tar": (
        {"fer.tar": tarred(PUBLISHED)[:9000]},
        "fer.tar",
        "cannot be read to its end",
    ),
    "archives without end": (
        {"a.zip": zipped({"b.zip": zipped({"c.zip": zipped({"d.zip": zipped(PUBLISHED)})})})},
        "d.zip: more than 3 archives in one another",
    ),
    "nothing in an archive": ({"a.zip": zipped({"README.md": "#"})}, "a.zip: nothing in it"),
    "Parquet without images": (
        {"fer.parquet": parquet({"id": [1], "label": [1]})},
        'fer.parquet: the columns are "id, label", expected image, label, split',
    ),
    "Parquet, RAF-DB's order": (
        {"fer.parquet": parquet({"image": PICTURES, "label": list(range(1, 8))})},
        "fer.parquet: classes are numbered 1, 2, 3, 4, 5, 6, 7",
        "RAF-DB's",
    ),
    "Parquet, a path that is not there": (
        {"fer.parquet": parquet({"image": ["a.png"], "label": [0]})},
        "fer.parquet, row 1: a.png is not beside the table",
    ),
    "Parquet, a bomb": (
        {"fer.parquet": parquet({"image": [bytes(1 << 21)] * 40, "label": [0] * 40})},
        "fer.parquet: ",
    ),
    "Parquet, damaged": (
        {"fer.parquet": b"PAR1" + bytes(50) + b"PAR1"},
        "fer.parquet: cannot be read to its end",
    ),
    "two columns of labels": (
        {"fer2013.csv": CSV.replace("emotion,", "emotion,label,")},
        "2 columns could be the emotion",
    ),
    "no column of labels": ({"fer.csv": f"pixels\n{TEXTS[0]}\n"}, "fer.csv: no column of labels"),
}


@pytest.mark.parametrize(
    ("files", "words"), [(row[0], row[1:]) for row in REFUSED.values()], ids=REFUSED
)
def test_what_is_not_understood_is_refused_in_one_line(folder, capsys, files, words):
    write(folder, files)
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
    ("files", "said"),
    [({"README.md": "#"}, ""), ({".DS_Store": b"\0"}, "skipped in data/: 1 .DS_Store\n")],
    ids=["README", "hidden"],
)
def test_drawn_faces_where_nothing_lies(folder, files, said, monkeypatch, capsys):
    monkeypatch.setattr(data.faces, "dataset", lambda: (IMAGES, LABELS, SPLIT))
    write(folder, files)
    assert load().name == "drawn"
    assert capsys.readouterr().out == said
    with pytest.raises(DataError, match="no FER2013 in data/: run `make data`"):
        load("fer2013")
    write(folder / "below", files)
    with pytest.raises(DataError, match="below: nothing in it"):
        load(str(folder / "below"))


GREY = np.outer(np.arange(48), np.full(48, 5)).astype(np.uint8)
RAMP = np.linspace(0, 65535, 48 * 48).round().astype(np.uint16).reshape(48, 48)
LEFT = np.arange(48) < 24  # opaque
CLEAR = Image.fromarray(np.dstack([GREY] * 3 + [255 * LEFT * np.ones((48, 1))]).astype("u1"))
ON_WHITE = np.where(LEFT, GREY, 255)
UPSIDE_DOWN = b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\3\0\0\0\0\0\0"
COLOUR = Image.fromarray(GREY)
KINDS = {
    "16-bit PNG": (image(RAMP), np.round(RAMP / 257), 0),
    "16-bit TIFF": (image(RAMP, "tiff"), np.round(RAMP / 257), 0),
    "alpha": (image(CLEAR), ON_WHITE, 0),
    "grey and alpha": (image(CLEAR.convert("LA")), ON_WHITE, 0),
    "colour": (image(COLOUR.convert("RGB")), GREY, 0),
    "palette": (image(COLOUR.convert("P")), GREY, 0),
    "upright by EXIF": (image(GREY, exif=UPSIDE_DOWN), GREY[::-1, ::-1], 0),
    **{kind: (image(GREY, kind.lower()), GREY, 0) for kind in ("BMP", "GIF", "TIFF")},
    "WebP": (image(GREY, "webp", lossless=True), GREY, 0),
    "JPEG": (image(GREY, "jpeg"), GREY, 9),
    "CMYK JPEG": (image(COLOUR.convert("CMYK"), "jpeg"), GREY, 9),
    "AVIF": (image(GREY, "avif"), GREY, 9),
}


@pytest.mark.parametrize(("content", "expected", "within"), KINDS.values(), ids=KINDS)
def test_kinds_of_pictures(content, expected, within):
    found = pictures.grey("a", content)
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found, expected, atol=within)


@pytest.mark.parametrize("suffix", ["bmp", "webp", "jfif", "avif", "tif", "JPG", "png", ""])
def test_a_pictures_suffix_does_not_matter(folder, suffix):
    write(folder, {k.replace("png", suffix).rstrip("."): v for k, v in tree().items()})
    assert len(load().images) == 7


def test_names_that_a_terminal_cannot_show(folder):
    write(folder, tree() | {"train/sad/a\nb\x1b[2J.png": b"no"})
    with pytest.raises(DataError, match=r"a\\nb\\x1b\[2J\.png: not a readable image"):
        load()


def test_a_chinese_name_where_the_terminal_is_not_utf_8(folder):
    def run(path: Path) -> subprocess.CompletedProcess:
        ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
        command = [sys.executable, "-m", "fer_utils.data", str(path)]
        return subprocess.run(command, env=os.environ | ascii_only, capture_output=True)

    write(folder, {"表情/fer2013.csv": CSV})
    done = run(folder / "表情" / "fer2013.csv")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode("ascii") == f"{FORM}fer2013.csv{COUNTS}\n"
    write(folder, {"表情/fer2013.csv": "no"})
    done = run(folder)
    assert done.returncode == 1
    assert b"/fer2013.csv: text that is no table" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_cache_that_cannot_be_written_costs_time_only(folder, tmp_path, monkeypatch, capsys):
    write(folder, PUBLISHED)
    (tmp_path / "file").touch()
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "file"))
    assert len(load().images) == 7
    said = capsys.readouterr().err
    assert said.startswith("not kept, and so computed again next time: ")
    assert said.count("\n") == 1


def test_a_path_with_an_apostrophe_and_a_tilde(folder, monkeypatch):
    place = folder / "O'Neill's \"data\""
    write(place, PUBLISHED)
    assert load(str(place)).source.startswith(FORM)
    monkeypatch.setenv("HOME", str(place))
    assert load("~/fer2013.csv").source.startswith(FORM)
    monkeypatch.setenv("FER_DATA", "~/fer2013.csv")
    assert load().source.startswith(FORM)


def test_an_unreadable_folder_or_file(folder, monkeypatch, capsys):
    write(folder, tree())
    scandir = os.scandir

    def denied(path):
        if str(path).endswith("train/happy"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    assert data.main() == 1
    assert "train/happy: cannot be listed (Permission denied)" in capsys.readouterr().err


START = b"emotion,pixels,Usage\n"
BOMBS = {
    "a gigabyte of zeros": lambda: START + bytes(1 << 25),
    "a line of 100 MB": lambda: START + b"0," + b"1 " * 50_000_000,
    "a header of 100 MB": lambda: START.strip() + b",x" * 50_000_000,
    "empty lines": lambda: START + b"\n" * (1 << 25),
}


@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS)
def test_a_bomb_or_an_endless_line_is_refused_in_bounded_memory(folder, make):
    zeros = gzip.compress(bytes(1 << 25), 1) * 32
    write(folder, {"fer2013.csv": gzip.compress(make(), 1) + zeros})
    tracemalloc.start()
    with pytest.raises(DataError, match=r"fer2013\.csv: ") as error:
        load()
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert len(str(error.value)) < 300
