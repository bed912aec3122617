"""The drawn faces: a pure function of (seed, index), true about their own regions and labels."""

import hashlib
import time

import numpy as np
import pytest

from fer_utils.data.drawn import faces as drawing
from fer_utils.data.drawn.action_units import EXPRESSIONS, REGIONS, UNITS
from fer_utils.fer2013 import CLASSES

FIRST_64 = "6b913eff9d453463bae3ae003fa5d7d45a75a6757d2041c788574e5bbd78d9d4"
INDICES = range(200)


@pytest.fixture(scope="module")
def drawn():
    start = time.process_time()
    images, labels, split = drawing.dataset()
    return images, labels, split, time.process_time() - start


@pytest.fixture(scope="module")
def faces():
    return [drawing.draw(index) for index in INDICES]


def test_shapes_splits_and_time(drawn):
    images, labels, split, seconds = drawn
    assert images.shape == (6000, 48, 48)
    assert images.dtype == np.uint8
    assert labels.dtype == split.dtype == np.int8
    assert np.bincount(split).tolist() == [4000, 1000, 1000]
    assert np.all(np.diff(split) >= 0)
    assert seconds < 25, "it takes about 8 s of one busy core"


def test_bytes_are_the_same_on_every_machine(drawn):
    assert hashlib.sha256(drawn[0][:64].tobytes()).hexdigest() == FIRST_64


def test_a_row_depends_on_seed_and_index_only(drawn, faces):
    images, labels = drawn[:2]
    for index in (0, 7, 63, 64, 199):
        np.testing.assert_array_equal(images[index], faces[index].image)
        assert labels[index] == faces[index].label
    np.testing.assert_array_equal(drawing.draw(5999).image, images[5999])
    other_sizes = drawing.dataset((5, 4, 3))
    np.testing.assert_array_equal(other_sizes[0], images[:12])
    assert (drawing.dataset((12, 0, 0), seed=1)[0] != images[:12]).any(axis=(1, 2)).all()


def test_evidence_in_bulk_is_that_of_the_faces(faces):
    some = [3, 150, 100]
    evidence = drawing.evidence(some)
    for row, index in enumerate(some):
        np.testing.assert_array_equal(evidence[row], faces[index].evidence)


def test_classes_are_as_frequent_as_in_fer2013():
    expressions = drawing.plan(range(6000))[:, 2]
    expected = np.array(drawing.FREQUENCIES) / sum(drawing.FREQUENCIES)
    found = np.bincount(expressions, minlength=7) / 6000
    assert np.abs(found - expected).max() < 4 * np.sqrt(0.25 / 6000)


def test_some_labels_are_wrong(drawn):
    labels = drawn[1]
    expressions = drawing.plan(range(6000))[:, 2]
    wrong = labels != expressions
    assert 0.045 < wrong.mean() < 0.085
    by_class = [wrong[expressions == k].mean() for k in range(7)]
    assert np.argmax(by_class) == CLASSES.index("fear")
    assert np.argmin(by_class) == CLASSES.index("happy")


def test_there_are_copies_constants_and_contradictions(drawn):
    images, labels, split, _ = drawn
    constant = images.reshape(6000, -1).max(1) == images.reshape(6000, -1).min(1)
    assert 1 <= constant.sum() <= 15
    kept = np.flatnonzero(~constant)
    _, group = np.unique(images[kept].reshape(len(kept), -1), axis=0, return_inverse=True)
    first = {g: i for i, g in reversed(list(enumerate(group)))}
    copies = [(kept[first[g]], kept[i]) for i, g in enumerate(group) if first[g] != i]
    assert 0.005 * 6000 < len(copies) < 0.02 * 6000
    assert any(split[a] != split[b] for a, b in copies)
    assert any(split[a] == split[b] for a, b in copies)
    assert 3 < sum(labels[a] != labels[b] for a, b in copies) < len(copies) / 2


def test_masks_lie_on_the_face(faces):
    assert tuple(faces[0].masks) == REGIONS
    for face in faces:
        if face.image.max() == face.image.min():
            assert not face.evidence.any()
            continue
        for name in ("brows", "eyes", "nose", "cheeks", "mouth"):
            assert face.masks[name].sum() > 15, name
        assert 0 < face.evidence.mean() < 0.45
        height = {name: np.nonzero(mask)[0].mean() for name, mask in face.masks.items()}
        assert height["brows"] < height["eyes"] < height["nose"] < height["mouth"]


def test_evidence_is_where_the_units_show(faces):
    for face in faces:
        assert bool(face.units) == (CLASSES[face.expression] != "neutral") or face.image.max() == 0
        if face.units:
            shown = {region for unit in face.units for region in UNITS[unit].regions}
            expected = np.any([face.masks[region] for region in shown], axis=0)
            np.testing.assert_array_equal(face.evidence, expected)
            assert set(face.units) <= set(EXPRESSIONS[CLASSES[face.expression]])


def test_expressions_change_the_pixels_of_their_evidence():
    def change(index, name):
        face = drawing.draw(index, expression=CLASSES.index(name))
        rest = drawing.draw(index, expression=CLASSES.index("neutral"))
        moved = np.abs(face.image.astype(int) - rest.image)
        return moved[face.evidence].sum() / moved.sum()

    for name in CLASSES[:-1]:
        assert np.mean([change(index, name) for index in range(1, 11)]) > 0.8, name


def test_expressions_move_the_mouth_as_facs_says():
    corner, opening = {}, {}
    for name in ("happy", "neutral", "sad", "surprise", "fear"):
        drawn = [drawing.draw(i, expression=CLASSES.index(name)) for i in range(1, 21)]
        corner[name] = np.mean([face.corner for face in drawn])
        opening[name] = np.mean([face.opening for face in drawn])
    assert corner["happy"] + 1 < corner["neutral"] < corner["sad"] - 1
    assert opening["surprise"] - 0.5 > opening["fear"] > opening["sad"] + 0.5


def test_a_raised_brow_is_higher_in_the_image():
    def brow_rows(name):
        expression = CLASSES.index(name)
        drawn = [drawing.draw(index, expression=expression) for index in range(1, 11)]
        return np.array([np.nonzero(face.masks["brows"])[0].mean() for face in drawn])

    assert np.all(brow_rows("surprise") < brow_rows("neutral"))
    assert np.all(brow_rows("angry") > brow_rows("neutral"))


def test_the_grid_is_a_picture_of_seven_rows():
    assert drawing.grid(columns=2).shape == (7 * 49 - 1, 2 * 49 - 1)
