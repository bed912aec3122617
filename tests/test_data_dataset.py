"""What is wrong with a row, the cache, the rows held out, `make data`; forms: test_data_forms."""

import gzip
import lzma
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from fer_utils.data import dataset as data
from fer_utils.data import fetch
from fer_utils.data.dataset import DataError, Dataset, hold_out, load
from fer_utils.data.formats import delimited, tables
from fer_utils.fer2013 import CLASSES, PRIVATE, PUBLIC, SPLITS, TRAINING

LABELS = np.array([0, 6, 3, 1, 4, 5, 2], np.int8)
SPLIT = np.array([0, 0, 0, 0, 1, 1, 2], np.int8)
IMAGES = np.random.default_rng(0).integers(0, 256, (7, 48, 48)).astype(np.uint8)
IMAGES[0, 0, :6] = (0, 9, 10, 99, 100, 255)
TEXTS = [" ".join(map(str, image.ravel())) for image in IMAGES]
ROWS = [f"{y},{text},{SPLITS[s]}" for y, text, s in zip(LABELS, TEXTS, SPLIT, strict=True)]
FER2013 = "\n".join(["emotion,pixels,Usage", *ROWS, ""])


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


def write(path: Path, text: str) -> None:
    """Write `text`, compressed as the name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text.encode()
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(path.stem, content)
        return
    pack = {".gz": gzip.compress, ".xz": lzma.compress}.get(path.suffix, bytes)
    path.write_bytes(pack(content))


def write_image(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def assert_is_the_set(dataset: Dataset) -> None:
    for array, expected in zip(
        (dataset.images, dataset.labels, dataset.split), (IMAGES, LABELS, SPLIT), strict=True
    ):
        np.testing.assert_array_equal(array, expected)
        assert array.dtype == expected.dtype


ODD = FER2013.replace(TEXTS[1], f'"{TEXTS[1].replace(" ", "  ")} "').replace("\n", "\r\n") + "\r\n"
ODD = ODD.replace("emotion,", " Emotion , ").replace("\r\n", "\r\n\r\n", 3)


@pytest.mark.parametrize("text", [FER2013, ODD], ids=["as published", "quotes, spaces, CRLF"])
def test_rows_are_kept_in_order(folder, text):
    write(folder / "fer2013.csv", text)
    for _ in range(2):  # parsed, then from the cache
        assert_is_the_set(load())


def test_many_batches(folder, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK", 20_000)
    write(folder / "fer2013.csv", FER2013)
    assert_is_the_set(load())


def test_competition_files_are_one_set(folder):
    write(folder / "train.csv", "\n".join(["emotion,pixels", f"0,{TEXTS[0]}", f"6,{TEXTS[1]}"]))
    write(folder / "test.csv.gz", "\n".join(["pixels", *TEXTS[2:]]))
    dataset = load("fer2013")
    np.testing.assert_array_equal(dataset.images, IMAGES)
    np.testing.assert_array_equal(dataset.labels, [0, 6, -1, -1, -1, -1, -1])
    np.testing.assert_array_equal(dataset.split, [TRAINING] * 2 + [PUBLIC] * 5)
    assert "train.csv and test.csv.gz" in dataset.source
    assert "5 without a label" in dataset.source
    assert "none is marked as PrivateTest" in dataset.source


def test_test_images_of_folders_are_divided_by_their_names(folder):
    for stem, label in (("PublicTest_8", 3), ("PrivateTest_7", 0), ("PrivateTest_9", 0)):
        write_image(folder / "set" / "test" / CLASSES[label] / f"{stem}.png", IMAGES[label])
    dataset = load()
    np.testing.assert_array_equal(dataset.split, [PRIVATE, PRIVATE, PUBLIC])
    np.testing.assert_array_equal(dataset.labels, [0, 0, 3])


def csv_case(text, *expected, name="fer2013.csv", id):
    return pytest.param(lambda path: write(path / name, text), [name, *expected], id=id)


def truncated(suffix):
    def make(path):
        file = path / f"fer2013.csv{suffix}"
        write(file, FER2013)
        file.write_bytes(file.read_bytes()[:-40])

    expected = ["fer2013.csv" + suffix, "cannot be read to its end"]
    return pytest.param(make, expected, id=f"truncated {suffix}")


def image_case(name, content, *expected, id):
    def make(path):
        write_image(path / "train" / "happy" / "a.png", IMAGES[0])
        if isinstance(content, bytes):
            (path / name).write_bytes(content)
        else:
            write_image(path / name, content)

    return pytest.param(make, expected, id=id)


def changed(old: str, new: str, row: int = 3) -> str:
    """The CSV file with one change in one of its rows."""
    lines = FER2013.split("\n")
    assert old in lines[row]
    lines[row] = lines[row].replace(old, new, 1)
    return "\n".join(lines)


def first_pixel(new: str) -> str:
    """The CSV file with another first pixel in row 3."""
    return changed(TEXTS[2], f"{new} {TEXTS[2].partition(' ')[2]}")


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        csv_case(FER2013.replace("emotion", "id"), "no column of labels", id="missing column"),
        csv_case(FER2013.replace("pixels", "x"), '"emotion,x,Usage"', id="renamed column"),
        csv_case("emotion,pixel\n0,1", "row 1", "1 pixels", name="train.csv", id="train.csv"),
        csv_case(changed(",Training", ""), "row 3", "2 columns, expected 3", id="short row"),
        csv_case(changed(",", ",7 "), "row 3", "2305 pixels, expected 2304", id="2305 pixels"),
        csv_case(
            changed(TEXTS[5], TEXTS[5].rpartition(" ")[0], row=6),
            "row 6",
            "2303 pixels, expected 2304",
            id="2303 pixels",
        ),
        csv_case(
            first_pixel("1x"),
            "row 3",
            'pixel "1x"',
            "integer in 0..255",
            id="not an integer",
        ),
        csv_case(
            first_pixel("1.5"),
            "row 3",
            'pixel "1.5"',
            id="a fraction",
        ),
        csv_case(
            first_pixel("256"),
            "row 3",
            'pixel "256"',
            id="above 255",
        ),
        csv_case(
            first_pixel("-1"),
            "row 3",
            'pixel "-1"',
            id="below 0",
        ),
        csv_case(first_pixel("9" * 257), "row 3", "integer in 0..255", id="very long number"),
        csv_case(changed(" 255 ", " 255x "), "row 3", 'pixel "255x"', id="in the middle"),
        csv_case(changed(",Training", "x,Training"), "row 3", "in 0..255", id="at the end"),
        csv_case(changed("3,", "7,"), "row 3", 'emotion "7"', "0..6", id="label 7"),
        csv_case(changed("3,", "-1,"), "row 3", 'emotion "-1"', "0..6", id="label -1"),
        csv_case(changed("3,", ","), "row 3", 'emotion ""', "0..6", id="no label"),
        csv_case(
            changed("PublicTest", "Elsewhere", row=5),
            "row 5",
            'usage "Elsewhere"',
            *SPLITS,
            id="Usage",
        ),
        csv_case("", "empty file", id="empty file"),
        csv_case("emotion,pixels,Usage\n", "without rows", id="header only"),
        csv_case(FER2013[:-5000], "row 7", "columns", id="truncated .csv"),
        csv_case("\0" * 99, "a file of unknown kind", name="fer2013.csv.gz", id="not text"),
        *map(truncated, (".gz", ".xz", ".zip")),
        image_case("train/happy/b.jpg", b"\xff\xd8 no", "b.jpg", "not a readable", id="unreadable"),
        image_case("train/happy/b.png", np.zeros((48, 40), np.uint8), "b.png", "40x48", id="size"),
        image_case("test/contempt/b.png", IMAGES[1], "test/contempt", *CLASSES, id="class folder"),
        pytest.param(
            lambda path: (path / "train").mkdir(),
            ["only empty folders"],
            id="no image",
        ),
        pytest.param(lambda path: None, ["make data", "train/<class>/"], id="empty folder"),
    ],
)
def test_errors(folder, make, expected):
    make(folder)
    with pytest.raises(DataError) as error:
        load(str(folder))
    message = str(error.value)
    assert "\n" not in message
    for part in expected:
        assert part in message
    assert cache_files(folder) == []


@pytest.mark.parametrize("cut", [40, 2000, 6000])
def test_truncated_image(folder, cut):
    file = folder / "train" / "sad" / "a.jpg"
    write_image(file, IMAGES[0])
    file.write_bytes(file.read_bytes()[: -min(cut, file.stat().st_size - 4)])
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
    write(folder / "fer2013.csv", FER2013)
    write(folder.parent / "mine.csv.xz", "\n".join(FER2013.split("\n")[:3]))
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
    write(folder / "fer2013.csv", FER2013)
    load()
    monkeypatch.setattr(tables, "read", lambda *_: pytest.fail("parsed again"))
    monkeypatch.chdir(folder)
    assert_is_the_set(load("fer2013.csv"))


def test_changed_source_is_parsed_again(folder):
    file = folder / "fer2013.csv"
    write(file, FER2013)
    load()
    status = file.stat()
    write(file, changed("3,", "2,"))  # of the same size
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert load().labels[2] == 2
    assert len(cache_files(folder)) == 1


@pytest.mark.parametrize("damage", ["images", "labels", "half", "empty", "text"])
def test_damaged_cache_is_made_again(folder, damage):
    write(folder / "fer2013.csv", FER2013)
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
    assert other.rows == dataset.rows
    assert other.pixels != dataset.pixels
    assert len(dataset.rows) == len(dataset.pixels) == 16
    assert Dataset("drawn", "", IMAGES, LABELS[::-1], SPLIT).rows != dataset.rows


def test_hold_out_is_stratified_fixed_and_free_of_duplicates():
    counts = {0: 100, 3: 50, 1: 10, 2: 10, 4: 10, 5: 10, 6: 10, -1: 10}
    labels = np.repeat([*counts, 5], [*counts.values(), 20]).astype(np.int8)
    split = np.repeat([TRAINING, PUBLIC], [210, 20]).astype(np.int8)
    images = np.random.default_rng(1).integers(0, 256, (230, 48, 48)).astype(np.uint8)
    _, held_out = hold_out(Dataset("drawn", "", images, labels, split))
    free = np.setdiff1d(np.arange(150), held_out)[:2]
    images[free] = images[held_out[0]]

    fit, again = hold_out(Dataset("drawn", "", images, labels, split))
    np.testing.assert_array_equal(again, held_out)
    np.testing.assert_array_equal(np.bincount(labels[held_out]), [10, 1, 1, 5, 1, 1, 1])
    np.testing.assert_array_equal(fit, np.setdiff1d(np.arange(200), np.append(held_out, free)))
    np.testing.assert_array_equal(held_out[:3], [0, 2, 21])


def test_a_class_too_small_to_be_held_out_is_named():
    labels = np.repeat(np.arange(7), [20, 4, 20, 20, 20, 20, 20]).astype(np.int8)
    images, split = np.zeros((124, 48, 48), np.uint8), np.full(124, TRAINING, np.int8)
    with pytest.raises(DataError, match="Training has 4 labelled images of 'disgust': too few"):
        hold_out(Dataset("drawn", "", images, labels, split))


def test_command_line(folder):
    def run(path):
        command = [sys.executable, "-m", "fer_utils.data", str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    write(folder / "fer2013.csv", FER2013)
    good = run(folder)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout == (
        "FER2013's form, not the original: 4 / 2 / 1 of 28,709 / 3,589 / 3,589 images; "
        "from fer2013.csv: 4 Training, 2 PublicTest, 1 PrivateTest images\n"
    )
    write(folder / "fer2013.csv", changed("3,", "8,"))
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
        write(Path(output_dir) / "sub" / "fer2013.csv", FER2013)

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
        write(Path(output_dir) / "fer2013.csv", content)

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
    fit, held_out = hold_out(dataset)
    np.testing.assert_array_equal(
        np.bincount(dataset.labels[held_out]), [round(0.1 * n) for n in training]
    )
    held_out_images = {image.tobytes() for image in dataset.images[held_out]}
    assert not any(image.tobytes() in held_out_images for image in dataset.images[fit])
