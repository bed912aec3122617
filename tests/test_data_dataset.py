"""What is wrong with a row, the cache, the validation set, `make data`; forms: test_data_forms."""

import gzip
import lzma
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fer2013_files import (
    CSV,
    IMAGES,
    LABELS,
    ROWS,
    SPLIT,
    TEXTS,
    csv,
    image,
    parquet,
    write,
    zipped,
)

from fer_utils.data import dataset as data
from fer_utils.data import fetch
from fer_utils.data.dataset import DataError, Dataset, load, validation_split
from fer_utils.data.formats import tables
from fer_utils.fer2013 import CLASSES, PRIVATE, PUBLIC, SPLITS, TRAINING


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty data/ and an empty cache; FER_DATA not set."""
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(data, "data_dir", lambda: tmp_path / "data")
    monkeypatch.setattr(fetch, "data_dir", lambda: tmp_path / "data")
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FER_DATA", raising=False)
    return tmp_path / "data"


def cache_files(folder: Path) -> list[Path]:
    return list(folder.parent.glob("cache/*"))


def assert_is_the_set(dataset: Dataset) -> None:
    for array, expected in zip(
        (dataset.images, dataset.labels, dataset.split), (IMAGES, LABELS, SPLIT), strict=True
    ):
        np.testing.assert_array_equal(array, expected)
        assert array.dtype == expected.dtype


ODD = CSV.replace(TEXTS[1], f'"{TEXTS[1].replace(" ", "  ")} "').replace("\n", "\r\n") + "\r\n"
ODD = ODD.replace("emotion,", " Emotion , ").replace("\r\n", "\r\n \r\n\r\n", 3)


@pytest.mark.parametrize("text", [CSV, ODD], ids=["as published", "quotes, spaces, CRLF"])
def test_rows_are_kept_in_order(folder, text):
    write(folder, {"fer2013.csv": text})
    for _ in range(2):  # parsed, then from the cache
        assert_is_the_set(load())


def test_many_batches(folder, monkeypatch):
    monkeypatch.setattr(tables, "ROWS", 3)
    columns = {"pixels": TEXTS, "label": LABELS.tolist(), "split": [SPLITS[s] for s in SPLIT]}
    write(folder, {"fer2013.parquet": parquet(columns)})
    assert_is_the_set(load())


def test_competition_files_are_one_set(folder):
    train = csv([f"0,{TEXTS[0]}", f"6,{TEXTS[1]}"], "emotion,pixels")
    test = gzip.compress(csv(TEXTS[2:], "pixels").encode())
    write(folder, {"train.csv": train, "test.csv.gz": test})
    dataset = load("fer2013")
    np.testing.assert_array_equal(dataset.images, IMAGES)
    np.testing.assert_array_equal(dataset.labels, [0, 6, -1, -1, -1, -1, -1])
    np.testing.assert_array_equal(dataset.split, [TRAINING] * 2 + [PUBLIC] * 5)
    assert "train.csv and test.csv.gz" in dataset.source
    assert "5 without a label" in dataset.source
    assert "none is marked as PrivateTest" in dataset.source


def test_test_images_of_folders_are_divided_by_their_names(folder):
    for stem, label in (("PublicTest_8", 3), ("PrivateTest_7", 0), ("PrivateTest_9", 0)):
        write(folder, {f"set/test/{CLASSES[label]}/{stem}.png": image(IMAGES[label])})
    dataset = load()
    np.testing.assert_array_equal(dataset.split, [PRIVATE, PRIVATE, PUBLIC])
    np.testing.assert_array_equal(dataset.labels, [0, 0, 3])


def changed(old: str, new: str, row: int = 3) -> str:
    """The CSV file with one change in one of its rows."""
    lines = CSV.split("\n")
    assert old in lines[row]
    lines[row] = lines[row].replace(old, new, 1)
    return "\n".join(lines)


def first_pixel(new: str) -> str:
    """The CSV file with another first pixel in row 3."""
    return changed(TEXTS[2], f"{new} {TEXTS[2].partition(' ')[2]}")


#: The file fer2013.csv, and words of the error, which names it too.
TABLES = {
    "missing column": (CSV.replace("emotion", "id"), "no column of labels"),
    "renamed column": (CSV.replace("pixels", "x"), '"emotion,x,Usage"'),
    "short row": (changed(",Training", ""), "row 3", "2 columns, expected 3"),
    "2305 pixels": (changed(",", ",7 "), "row 3", "2305 pixels, expected 2304"),
    "2303 pixels": (
        changed(TEXTS[5], TEXTS[5].rpartition(" ")[0], row=6),
        "row 6",
        "2303 pixels, expected 2304",
    ),
    "not an integer": (first_pixel("1x"), "row 3", 'pixel "1x"', "integer in 0..255"),
    "a fraction": (first_pixel("1.5"), "row 3", 'pixel "1.5"'),
    "above 255": (first_pixel("256"), "row 3", 'pixel "256"'),
    "above 255, with zeros": (first_pixel("00256"), "row 3", 'pixel "00256"'),
    "above 255, no header": (
        "\n".join(ROWS).replace(TEXTS[0], f"712{TEXTS[0][1:]}"),
        "row 1",
        'pixel "712"',
    ),
    "below 0": (first_pixel("-1"), "row 3", 'pixel "-1"'),
    "very long number": (first_pixel("9" * 257), "row 3", "integer in 0..255"),
    "in the middle": (changed(" 255 ", " 255x "), "row 3", 'pixel "255x"'),
    "at the end": (changed(",Training", "x,Training"), "row 3", "in 0..255"),
    "label 7": (changed("3,", "7,"), "row 3", 'emotion "7"', "0..6"),
    "label -1": (changed("3,", "-1,"), "row 3", 'emotion "-1"', "0..6"),
    "no label": (changed("3,", ","), "row 3", 'emotion ""', "0..6"),
    "Usage": (changed("PublicTest", "Elsewhere", row=5), "row 5", 'usage "Elsewhere"', *SPLITS),
    "empty file": ("", "empty file"),
    "header only": ("emotion,pixels,Usage\n", "without rows"),
    "truncated .csv": (CSV[:-5000], "row 7", "columns"),
}
PACKED = {
    ".gz": gzip.compress(CSV.encode()),
    ".xz": lzma.compress(CSV.encode()),
    ".zip": zipped({"fer2013.csv": CSV}),
}
PICTURE = {"train/happy/a.png": image(IMAGES[0])}
NARROW = image(np.zeros((48, 40), np.uint8))
ERRORS = {
    **{name: ({"fer2013.csv": row[0]}, "fer2013.csv", *row[1:]) for name, row in TABLES.items()},
    "train.csv": ({"train.csv": "emotion,pixel\n0,1"}, "train.csv", "row 1", "1 pixels"),
    "not text": ({"fer2013.csv.gz": "\0" * 99}, "fer2013.csv.gz", "a file of unknown kind"),
    **{
        f"truncated {suffix}": (
            {f"fer2013.csv{suffix}": content[:-40]},
            f"fer2013.csv{suffix}",
            "cannot be read to its end",
        )
        for suffix, content in PACKED.items()
    },
    "unreadable": (PICTURE | {"train/happy/b.jpg": b"\xff\xd8 no"}, "b.jpg", "not a readable"),
    "size": (PICTURE | {"train/happy/b.png": NARROW}, "b.png", "40x48"),
    "class folder": (
        PICTURE | {"test/contempt/b.png": image(IMAGES[1])},
        "test/contempt",
        *CLASSES,
    ),
    "no image": (lambda path: (path / "train").mkdir(), "only empty folders"),
    "empty folder": ({}, "make data", "train/<class>/"),
}


@pytest.mark.parametrize(
    ("files", "expected"), [(row[0], row[1:]) for row in ERRORS.values()], ids=ERRORS
)
def test_errors(folder, files, expected):
    write(folder, files)
    with pytest.raises(DataError) as error:
        load(str(folder))
    message = str(error.value)
    assert "\n" not in message
    for part in expected:
        assert part in message
    assert cache_files(folder) == []


@pytest.mark.parametrize("cut", [40, 2000, 6000])
def test_truncated_image(folder, cut):
    content = image(IMAGES[0], "jpeg")
    write(folder, {"train/sad/a.jpg": content[: -min(cut, len(content) - 4)]})
    with pytest.raises(DataError, match=r"a\.jpg: not a readable image"):
        load()


def test_absent_path_or_set(folder, monkeypatch):
    tried = re.escape(f"{Path('nowhere').absolute()}: no such file")
    with pytest.raises(DataError, match=tried):
        load("nowhere")
    for name in ("fer2013", "FER2013"):
        with pytest.raises(DataError, match="no FER2013 in data/"):
            load(name)
    monkeypatch.setenv("FER_DATA", "nowhere.csv")
    with pytest.raises(DataError, match=r"nowhere\.csv: no such file or folder; expected a CSV"):
        load("auto")


def test_fer_data_goes_before_the_folder(folder, monkeypatch):
    write(folder, {"fer2013.csv": CSV})
    write(folder.parent, {"mine.csv.xz": lzma.compress(csv(ROWS[:2]).encode())})
    monkeypatch.setenv("FER_DATA", str(folder.parent / "mine.csv.xz"))
    assert load("auto").source == (
        "FER2013's form, not the original: 2 / 0 / 0 of 28,709 / 3,589 / 3,589 images; "
        "from mine.csv.xz: 2 Training images; none is marked as PrivateTest"
    )


def test_drawn_faces_are_the_default_and_cached(folder, monkeypatch):
    drawn = []

    def draw():
        drawn.append(1)
        return IMAGES, LABELS, SPLIT

    monkeypatch.setattr(data.faces, "dataset", draw)
    for name in ("auto", "drawn", "Drawn"):
        dataset = load(name)
        assert_is_the_set(dataset)
        assert dataset.name == "drawn"
    assert drawn == [1]


def test_a_file_has_one_cache_entry_whatever_it_is_called(folder, monkeypatch):
    write(folder, {"fer2013.csv": CSV})
    load()
    monkeypatch.setattr(tables, "read", lambda *_: pytest.fail("parsed again"))
    monkeypatch.chdir(folder)
    assert_is_the_set(load("fer2013.csv"))


def test_changed_source_is_parsed_again(folder):
    file = folder / "fer2013.csv"
    write(folder, {"fer2013.csv": CSV})
    load()
    status = file.stat()
    write(folder, {"fer2013.csv": changed("3,", "2,")})  # of the same size
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert load().labels[2] == 2
    assert len(cache_files(folder)) == 1


@pytest.mark.parametrize("damage", ["images", "labels", "half", "empty", "text"])
def test_damaged_cache_is_made_again(folder, damage):
    write(folder, {"fer2013.csv": CSV})
    load()
    (kept,) = cache_files(folder)
    good = kept.read_bytes()
    at = good.index(IMAGES[3].tobytes() if damage == "images" else LABELS.tobytes())
    flipped = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
    bad = {"half": good[: len(good) // 2], "empty": b"", "text": b"hello"}.get(damage, flipped)
    kept.write_bytes(bad)
    assert_is_the_set(load())
    assert kept.read_bytes() != bad


def test_dataset_parts_and_fingerprints():
    dataset = Dataset("drawn", "", IMAGES, LABELS, SPLIT)
    images, labels = dataset.part(PUBLIC)
    np.testing.assert_array_equal(images, IMAGES[4:6])
    np.testing.assert_array_equal(labels, [4, 5])
    other = Dataset("drawn", "", 255 - IMAGES, LABELS, SPLIT)
    assert other.labels_hash == dataset.labels_hash
    assert other.images_hash != dataset.images_hash
    assert len(dataset.labels_hash) == len(dataset.images_hash) == 16
    assert Dataset("drawn", "", IMAGES, LABELS[::-1], SPLIT).labels_hash != dataset.labels_hash


def test_validation_split_is_stratified_fixed_and_free_of_duplicates():
    counts = {0: 100, 3: 50, 1: 10, 2: 10, 4: 10, 5: 10, 6: 10, -1: 10}
    labels = np.repeat([*counts, 5], [*counts.values(), 20]).astype(np.int8)
    split = np.repeat([TRAINING, PUBLIC], [210, 20]).astype(np.int8)
    images = np.random.default_rng(1).integers(0, 256, (230, 48, 48)).astype(np.uint8)
    _, validation = validation_split(Dataset("drawn", "", images, labels, split))
    free = np.setdiff1d(np.arange(150), validation)[:2]
    images[free] = images[validation[0]]

    fit, again = validation_split(Dataset("drawn", "", images, labels, split))
    np.testing.assert_array_equal(again, validation)
    np.testing.assert_array_equal(np.bincount(labels[validation]), [10, 1, 1, 5, 1, 1, 1])
    np.testing.assert_array_equal(fit, np.setdiff1d(np.arange(200), np.append(validation, free)))
    np.testing.assert_array_equal(validation[:3], [0, 2, 21])


def test_a_class_too_small_for_a_validation_set_is_named():
    labels = np.repeat(np.arange(7), [20, 4, 20, 20, 20, 20, 20]).astype(np.int8)
    images, split = np.zeros((124, 48, 48), np.uint8), np.full(124, TRAINING, np.int8)
    with pytest.raises(DataError, match="Training has 4 labelled images of 'disgust': too few"):
        validation_split(Dataset("drawn", "", images, labels, split))


def test_command_line(folder):
    def run(path):
        command = [sys.executable, "-m", "fer_utils.data", str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    write(folder, {"fer2013.csv": CSV})
    good = run(folder)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout == (
        "FER2013's form, not the original: 4 / 2 / 1 of 28,709 / 3,589 / 3,589 images; "
        "from fer2013.csv: 4 Training, 2 PublicTest, 1 PrivateTest images\n"
    )
    write(folder, {"fer2013.csv": changed("3,", "8,")})
    bad = run(folder)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr == (
        'error: fer2013.csv, row 3: emotion "8", expected one of 0..6 or '
        "angry, disgust, fear, happy, sad, surprise, neutral\n"
    )


def fake_kagglehub(monkeypatch, download):
    monkeypatch.setitem(sys.modules, "kagglehub", SimpleNamespace(dataset_download=download))


def test_fetch_puts_the_file_into_data(folder, monkeypatch, capsys):
    def download(handle, output_dir):
        assert "/versions/" in handle
        write(Path(output_dir), {"sub/fer2013.csv": CSV})

    fake_kagglehub(monkeypatch, download)
    assert fetch.main() == 0
    assert "4 Training" in capsys.readouterr().out
    assert [p.name for p in folder.iterdir()] == ["fer2013.csv"]
    fake_kagglehub(monkeypatch, None)  # what is there is not downloaded again
    assert fetch.main() == 0


@pytest.mark.parametrize("content", [None, "emotion,pixels,Usage\n0,1 2 3,Training\n"])
def test_failed_fetch_leaves_nothing(folder, monkeypatch, capsys, content):
    def download(handle, output_dir):
        if content is None:
            raise ConnectionError("no network")
        write(Path(output_dir), {"fer2013.csv": content})

    fake_kagglehub(monkeypatch, download)
    assert fetch.main() == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    for part in ("row 1",) if content else (str(folder), "CSV", "train/<class>/"):
        assert part in message
    assert list(folder.iterdir()) == []


REAL = os.environ.get("FER_DATA", "")


@pytest.mark.skipif(not REAL, reason="FER_DATA does not name the real set")
def test_real_fer2013():
    dataset = load(os.path.abspath(REAL))
    assert [np.count_nonzero(dataset.split == s) for s in range(3)] == [28709, 3589, 3589]
    training = np.bincount(dataset.part(TRAINING)[1])
    np.testing.assert_array_equal(training, [3995, 436, 4097, 7215, 4830, 3171, 4965])
    fit, validation = validation_split(dataset)
    np.testing.assert_array_equal(
        np.bincount(dataset.labels[validation]), [round(0.1 * n) for n in training]
    )
    validation_images = {image.tobytes() for image in dataset.images[validation]}
    assert not any(image.tobytes() in validation_images for image in dataset.images[fit])
