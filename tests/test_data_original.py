"""A copy of the original is recognised whatever its order, and put into that of fer2013.csv.

Drawn faces play FER2013; a copy is of them, stored in another way.
"""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fer_utils.data import dataset as data
from fer_utils.data import original
from fer_utils.data.dataset import Dataset, load
from fer_utils.data.formats.names import TEST
from fer_utils.fer2013 import CLASSES, PRIVATE, PUBLIC, SPLITS, TRAINING

NUMBER = 84


@pytest.fixture(scope="module")
def published() -> Dataset:
    """84 drawn faces; the first two of Training are the same picture, with two labels."""
    drawn = load("drawn")
    rows = np.linspace(0, len(drawn.images) - 1, NUMBER).astype(int)
    images, labels = drawn.images[rows].copy(), drawn.labels[rows]
    split = np.repeat([TRAINING, PUBLIC, PRIVATE], [60, 12, 12]).astype(np.int8)
    labels[:2] = 0, 1
    images[1] = images[0]
    images[20] = 128  # without any features
    return Dataset("fer2013", "", images, labels, split)


@pytest.fixture(autouse=True)
def known(published, tmp_path, monkeypatch):
    """The marks of these images in place of FER2013's."""
    monkeypatch.setattr(original, "FILE", tmp_path / "original.npz")
    monkeypatch.setattr(data, "SIZES", (60, 12, 12))
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "cache"))
    original.write(published.images, published.labels, published.split)


def copied(image: np.ndarray, kind: str, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def write_folders(place, published: Dataset, kind: str, *, test_as_one: bool, **options) -> None:
    """As the folder copies have it: class folders, and numbers that tell no order."""
    numbers = np.random.default_rng(0).permutation(NUMBER) + 10_000_000
    for row, image in enumerate(published.images):
        name = SPLITS[published.split[row]]
        part = "train" if name == "Training" else "test"
        stem = f"{'im' if test_as_one else name + '_'}{numbers[row]}"
        path = place / part / CLASSES[published.labels[row]] / f"{stem}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(copied(image, kind, **options))


@pytest.mark.parametrize("test_as_one", [False, True])
def test_a_folder_copy_gets_the_originals_order(published, tmp_path, test_as_one):
    write_folders(tmp_path / "set", published, "png", test_as_one=test_as_one)
    dataset = load(str(tmp_path / "set"))
    assert dataset.original
    assert dataset.labels_hash == published.labels_hash
    assert dataset.images_hash == published.images_hash
    assert dataset.source == (
        "FER2013 from test/ and train/: 60 Training, 12 PublicTest, 12 PrivateTest images; "
        "put into the order of fer2013.csv"
    )


def test_of_a_copy_as_jpeg_it_is_said_that_its_pixels_are_others(published, tmp_path):
    write_folders(tmp_path / "set", published, "jpeg", test_as_one=True, quality=75)
    for _ in range(2):  # parsed, then from the cache
        dataset = load(str(tmp_path / "set"))
        assert dataset.original
        assert dataset.labels_hash == published.labels_hash
        assert dataset.images_hash != published.images_hash
        assert np.abs(dataset.images.astype(int) - published.images).mean() < 5
        assert dataset.source.endswith(
            "; put into the order of fer2013.csv; not the pixels of fer2013.csv, as in a copy as "
            "JPEG"
        )


def csv(dataset: Dataset) -> str:
    texts = (" ".join(map(str, image.ravel())) for image in dataset.images)
    columns = zip(dataset.labels, texts, dataset.split, strict=True)
    return "\n".join(["emotion,pixels,Usage", *(f"{y},{t},{SPLITS[s]}" for y, t, s in columns)])


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_table_of_the_original(published, tmp_path, shuffled):
    rows = np.random.default_rng(1).permutation(NUMBER) if shuffled else np.arange(NUMBER)
    parts = {name: getattr(published, name)[rows] for name in ("images", "labels", "split")}
    (tmp_path / "a.csv").write_text(csv(replace(published, **parts)))
    dataset = load(str(tmp_path / "a.csv"))
    assert (dataset.original, dataset.title) == (True, "FER2013")
    assert ("put into the order" in dataset.source) == shuffled
    np.testing.assert_array_equal(dataset.images, published.images)
    np.testing.assert_array_equal(dataset.labels, published.labels)


def another_image(images, labels, split):
    images[5] = images[6]


def another_label(images, labels, split):
    labels[5] = (labels[5] + 1) % 7


def another_split(images, labels, split):
    split[5], split[70] = split[70], split[5]


def equalised(images, labels, split):
    images[:] = 255 - images


def unlabelled(images, labels, split):
    labels[5] = -1


@pytest.mark.parametrize(
    "change", [another_image, another_label, another_split, equalised, unlabelled]
)
def test_what_has_other_images_or_labels_is_not_the_original(published, change):
    arrays = [array.copy() for array in (published.images, published.labels, published.split)]
    change(*arrays)
    assert original.arranged(*arrays) is None
    assert replace(published, original=False).title == (
        "FER2013's form, not the original: other images or labels"
    )


def test_a_part_of_the_original_is_counted(published):
    part = [array[:70] for array in (published.images, published.labels, published.split)]
    assert original.arranged(*part) is None
    assert Dataset("fer2013", "", *part).title == (
        "FER2013's form, not the original: 60 / 10 / 0 of 60 / 12 / 12 images"
    )


def test_undecided_test_images_are_divided_as_in_the_original(published):
    split = np.where(published.split == TRAINING, published.split, np.int8(TEST))
    order, found = original.arranged(published.images, published.labels, split)
    np.testing.assert_array_equal(order, np.arange(NUMBER))
    np.testing.assert_array_equal(found, published.split)


def test_marks_of_fer2013_are_shipped_and_show_no_picture():
    with np.load(data.Path(original.__file__).with_name("original.npz")) as shipped:
        assert {name: (a.dtype, a.shape) for name, a in shipped.items() if a.shape} == {
            "signatures": (np.dtype("<u8"), (35887,)),
            "checksums": (np.dtype("<u2"), (35887,)),
        }
