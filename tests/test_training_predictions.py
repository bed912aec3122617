"""The found of a run on the labelled images of each part of the data."""

import numpy as np
import pytest

from fer_utils.data.dataset import Dataset
from fer_utils.training import predictions

SPLIT = np.array([0, 0, 0, 0, 0, 0, 1, 1], np.int8)


@pytest.mark.parametrize(
    ("public_labels", "names"), [((3, 0), ["PublicTest"]), ((-1, -1), ["validation set"])]
)
def test_predictions_are_of_the_labelled_test_images(monkeypatch, public_labels, names):
    images = np.arange(8, dtype=np.uint8)[:, None, None] + np.zeros((8, 48, 48), np.uint8)
    labels = np.array([0, 0, 3, 3, 3, 3, *public_labels], np.int8)
    dataset = Dataset("drawn", "", images, labels, SPLIT)
    parts = {"held_out": np.array([1, 2])}
    if public_labels[0] >= 0:
        parts["public"] = np.array([6, 7])
    monkeypatch.setattr(predictions, "part_rows", lambda _: parts)
    logits = dict.fromkeys(parts, np.eye(7)[[3, 3]])
    found = predictions.of_logits(logits, dataset)
    judged = predictions.tested(found)
    assert [one.part.images for one in judged.values()] == names
    both = predictions.together(judged | {"again": found["held_out"]})
    assert both.classes.tolist() == [3, 3, 3, 3]
    assert both.correct.tolist() == [*next(iter(judged.values())).correct, False, True]
    assert both[both.correct].labels.tolist() == [3] * int(both.correct.sum())
