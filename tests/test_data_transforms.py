"""Normalisation, the x13 and x20 transforms, and random ones."""

import numpy as np
import pytest
from scipy import ndimage

from fer_utils.data.transforms import TRANSFORMS, Transform, augment, augment_randomly, normalise


def only(image: np.ndarray, transform: Transform, fill: str = "zero") -> np.ndarray:
    """The image under one transform."""
    return augment(image[None], np.zeros(1, int), (transform,), fill)[0]


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(1, 256, (48, 48), dtype=np.uint8)


def test_sets_have_13_and_20_different_transforms_and_contain_the_original():
    for name, size in (("x13", 13), ("x20", 20)):
        assert len(set(TRANSFORMS[name])) == len(TRANSFORMS[name]) == size
        assert TRANSFORMS[name][0] == Transform()


def test_shift_pads_with_zeros(image):
    moved = only(image, Transform(right=4, down=-7))
    expected = np.zeros((48, 48))
    expected[:41, 4:] = image[7:, :44]
    np.testing.assert_array_equal(moved, expected)


def test_shift_can_reflect(image):
    moved = only(image, Transform(right=2), fill="reflect")
    np.testing.assert_array_equal(moved[:, :2], image[:, [2, 1]])
    np.testing.assert_array_equal(moved[:, 2:], image[:, :46])


def test_mirror_comes_before_the_shift(image):
    moved = only(image, Transform(right=3, mirror=True))
    np.testing.assert_allclose(moved[:, 3:], image[:, ::-1][:, :45], atol=1e-3)


def test_rotation_is_counter_clockwise_about_the_centre(image):
    turned = only(image, Transform(degrees=90))
    np.testing.assert_allclose(turned, np.rot90(image), atol=1e-3)


@pytest.mark.parametrize(("fill", "mode"), [("zero", "grid-constant"), ("reflect", "mirror")])
@pytest.mark.parametrize("transform", TRANSFORMS["x20"], ids=str)
def test_transforms_are_scipys_bilinear_warps(image, transform, fill, mode):
    angle = np.deg2rad(transform.degrees)
    mirror = -1 if transform.mirror else 1
    turn = [[np.cos(angle), np.sin(angle)], [-mirror * np.sin(angle), mirror * np.cos(angle)]]
    offset = 23.5 - np.array(turn) @ (23.5 + np.array([transform.down, transform.right]))
    expected = ndimage.affine_transform(image.astype(float), turn, offset, order=1, mode=mode)
    np.testing.assert_allclose(only(image, transform, fill), expected, atol=1e-3)


def test_each_image_gets_its_own_transform(image):
    which = np.array([3, 0, 12])
    together = augment(np.stack([image] * 3), which, TRANSFORMS["x13"])
    alone = [augment(image[None], np.array([w]), TRANSFORMS["x13"])[0] for w in which]
    np.testing.assert_array_equal(together, np.stack(alone))


def test_normalise_per_image():
    pair = np.stack([np.arange(2304).reshape(48, 48) % 256, np.full((48, 48), 77)]).astype(np.uint8)
    result = normalise(pair, per_image=True)
    assert result.shape == (2, 48, 48, 1)
    assert result.dtype == np.float32
    assert abs(result[0].mean()) < 1e-5
    assert result[0].std() == pytest.approx(1, abs=1e-5)
    assert not result[1].any(), "a constant image gives zeros, not NaN"


def test_normalise_to_unit_range():
    assert normalise(np.array([[[0, 51, 255]]], np.uint8), per_image=False).ravel().tolist() == (
        pytest.approx([0, 0.2, 1])
    )


def test_random_transforms_keep_the_face_in_place_on_average():
    image = np.zeros((48, 48), np.uint8)
    image[20:28, 20:28] = 255
    copies = augment_randomly(np.repeat(image[None], 400, axis=0), np.random.default_rng(0))
    assert copies.dtype == np.float32
    assert copies.min() >= 0
    assert copies.max() <= 255
    y, x = np.mgrid[:48, :48]
    centre = [(copies.mean(axis=0) * axis).sum() / copies.mean(axis=0).sum() for axis in (y, x)]
    assert centre == pytest.approx([23.5, 23.5], abs=1)
