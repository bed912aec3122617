"""Constant images, exact and near duplicates."""

import cv2
import numpy as np
import pandas as pd
import pytest

from fer_utils.data import duplicates
from fer_utils.data.dataset import Dataset
from fer_utils.data.drawn import faces
from fer_utils.fer2013 import PUBLIC, TRAINING
from fer_utils.questions import leakage

TRAINING_IMAGES, TEST_IMAGES, COPIES = 300, 100, 50


def moved(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """Shifted by up to 2 px, the gap filled with black."""
    padded = np.pad(image, 2)
    return padded[2 - down : 50 - down, 2 - right : 50 - right]


def brightened(image: np.ndarray, gain: float = 1.2, offset: float = 20) -> np.ndarray:
    return np.clip(image * gain + offset, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Drawn faces (images, labels, split) that have no copies among them."""
    sizes = (TRAINING_IMAGES, TEST_IMAGES, TEST_IMAGES)
    images, labels, split = faces.dataset(sizes, seed=5)
    kept = duplicates.duplicate_groups(images) == np.arange(len(images))
    kept &= ~duplicates.constant_images(images)
    return images[kept], labels[kept], split[kept]


@pytest.fixture
def textures() -> np.ndarray:
    """(300, 48, 48) uint8: unrelated patterns of 8 x 8 px blocks."""
    noise = np.random.default_rng(1).random((300, 7, 7))
    return (255 * noise.repeat(8, axis=1).repeat(8, axis=2)[:, 4:52, 4:52]).astype(np.uint8)


def test_constant_images():
    images = np.zeros((3, 48, 48), np.uint8)
    images[1] = 200
    images[2, 47, 47] = 1
    assert duplicates.constant_images(images).tolist() == [True, True, False]


def test_duplicate_groups_name_the_first_row(textures):
    images = textures[[0, 1, 0, 2, 1, 0]]
    assert duplicates.duplicate_groups(images).tolist() == [0, 1, 0, 3, 1, 0]


def test_contradictions(textures):
    images = textures[[0, 1, 0, 2, 1, 0, 3, 3]]
    images = np.concatenate([images, np.zeros((2, 48, 48), np.uint8)])
    labels = np.array([0, 5, 0, 1, 5, 3, 2, -1, 1, 2], np.int8)
    assert duplicates.contradictions(images, labels).tolist() == [0, 2, 5]
    assert duplicates.contradictions(images[:2], labels[:2]).tolist() == []


def test_injected_copies_of_training_images_are_reported(drawn):
    images, _, split = drawn
    images = images.copy()
    random = np.random.default_rng(0)
    sources = random.choice(np.flatnonzero(split == TRAINING), COPIES, replace=False)
    targets = random.choice(np.flatnonzero(split == PUBLIC), COPIES, replace=False)
    for source, target in zip(sources, targets, strict=True):
        down, right = random.choice([-2, -1, 1, 2], 2)
        images[target] = brightened(moved(images[source], down, right))
    pairs = duplicates.near_duplicates(images)
    reported = set(map(tuple, pairs[["first", "second"]].to_numpy()))
    found = sum((s, t) in reported for s, t in zip(sources, targets, strict=True))
    assert found >= 0.95 * COPIES
    leaked = leakage.paired_with(pairs, split == TRAINING)[split == PUBLIC]
    injected = np.isin(np.flatnonzero(split == PUBLIC), targets)
    assert leaked[injected].sum() >= found
    assert leaked[~injected].mean() < 0.1


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(
    ("shift", "degrees", "zoom"), [((4, -4), 0, 1), ((0, 0), 6, 1), ((0, 0), 0, 1.1)]
)
def test_shifted_rotated_and_zoomed_copies_are_reported(drawn, shift, degrees, zoom, mirrored):
    images, _, split = drawn
    sources, targets = np.flatnonzero(split == TRAINING)[:COPIES], np.flatnonzero(split == PUBLIC)
    motion = cv2.getRotationMatrix2D((23.5, 23.5), degrees, zoom)
    motion[:, 2] += shift
    images = images.copy()
    for source, target in zip(sources, targets[:COPIES], strict=True):
        copy = cv2.warpAffine(images[source], motion, (48, 48), borderMode=cv2.BORDER_REPLICATE)
        images[target] = copy[:, ::-1] if mirrored else copy
    pairs = duplicates.near_duplicates(images)
    pairs = pairs[pairs["mirrored"] == mirrored]
    reported = set(map(tuple, pairs[["first", "second"]].to_numpy()))
    found = sum(pair in reported for pair in zip(sources, targets[:COPIES], strict=True))
    assert found >= 0.95 * COPIES


def test_drawn_faces_have_no_chance_pairs_at_their_threshold(drawn):
    assert duplicates.near_duplicates(drawn[0], duplicates.THRESHOLDS["drawn"]).empty


def test_different_patterns_in_the_same_light_are_not_duplicates(textures):
    light = np.linspace(0, 5, 48)[:, None] * np.ones(48)
    lit = (40 * light + 0.2 * textures[:2]).astype(np.uint8)
    assert np.corrcoef(lit[0].ravel(), lit[1].ravel())[0, 1] > 0.9
    assert duplicates.near_duplicates(np.concatenate([textures[2:], lit])).empty


def test_a_mirrored_copy_is_reported_as_such(textures):
    images = np.concatenate([textures, brightened(moved(textures[7], 1, -1))[None, :, ::-1]])
    pairs = duplicates.near_duplicates(images)
    assert pairs[["first", "second", "mirrored", "exact"]].to_numpy().tolist() == [
        [7, 300, True, False]
    ]
    assert pairs["correlation"].iloc[0] > 0.95


def test_exact_duplicates_are_among_the_pairs_and_constant_images_are_not(textures):
    constant = np.full((2, 48, 48), 9, np.uint8)
    images = np.concatenate([constant, textures[:40], textures[3:4]])
    pairs = duplicates.near_duplicates(images)
    assert pairs[["first", "second", "mirrored", "exact"]].to_numpy().tolist() == [
        [5, 42, False, True]
    ]
    assert pairs["correlation"].iloc[0] == pytest.approx(1, abs=1e-5)


def test_correlation_is_pearsons_at_full_size(textures):
    noise = np.random.default_rng(2).normal(0, 12, (48, 48))
    noisy = np.clip(textures[0] + noise, 0, 255).astype(np.uint8)
    pairs = duplicates.near_duplicates(np.concatenate([textures[:20], noisy[None]]))
    middle = np.s_[4:44, 4:44]
    expected = np.corrcoef(textures[0][middle].ravel(), noisy[middle].ravel())[0, 1]
    assert pairs["correlation"].tolist() == pytest.approx([expected], abs=1e-5)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_images(textures, count):
    images = np.repeat(textures[:1], count, axis=0)
    assert len(duplicates.near_duplicates(images)) == (count == 2)


def test_images_compared_in_blocks_give_the_same_pairs(textures, monkeypatch):
    images = np.concatenate([textures[:60], brightened(textures[20:40])])
    whole = duplicates.near_duplicates(images)
    monkeypatch.setattr(duplicates, "ROWS", 7)
    pd.testing.assert_frame_equal(whole, duplicates.near_duplicates(images), rtol=1e-5)
    assert len(whole) == 20


def test_pairs_are_kept(textures, tmp_path, monkeypatch):
    monkeypatch.setenv("FER_CACHE", str(tmp_path))
    images = textures[[0, 1, 2, 1]]
    dataset = Dataset("drawn", "", images, np.zeros(4, np.int8), np.zeros(4, np.int8))
    pairs = duplicates.find(dataset)
    assert pairs[["first", "second", "exact"]].to_numpy().tolist() == [[1, 3, True]]
    monkeypatch.setattr(duplicates, "near_duplicates", lambda *_: pytest.fail("compared again"))
    kept = duplicates.find(dataset)
    pd.testing.assert_frame_equal(pairs.reset_index(drop=True), kept)
    monkeypatch.setattr(duplicates, "near_duplicates", lambda *_: pairs.iloc[:0])
    next(tmp_path.iterdir()).write_bytes(b"half a file")
    assert len(duplicates.find(dataset)) == 0
