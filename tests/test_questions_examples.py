"""The images that chapters 6 and 7 look into."""

from types import SimpleNamespace

import numpy as np
import pytest

from fer_utils.fer2013 import PARTS
from fer_utils.questions import examples
from fer_utils.training.predictions import Predictions


@pytest.fixture
def table(monkeypatch):
    """Class 0 has two correct images, class 1 one, class 2 none; the last one is a duplicate."""
    confidence = [[0.95, 0.03, 0.02], [0.5, 0.3, 0.2], [0.2, 0.7, 0.1], [0.6, 0.1, 0.3]]
    confidence = np.array([*confidence, [0.99, 0.005, 0.005]])
    labels = np.array([0, 0, 1, 2, 0])
    logits = np.log(np.hstack([confidence, np.full((5, 4), 1e-9)]))
    predicted = Predictions(PARTS["public"], np.arange(5), labels, logits)
    run = SimpleNamespace(predictions=lambda dataset: {"public": predicted})
    monkeypatch.setattr(
        examples.contamination, "training_duplicates", lambda dataset: np.arange(5) == 4
    )
    return examples.candidates(run, SimpleNamespace())


def test_candidates_have_no_duplicate_in_training(table):
    assert table["row"].tolist() == [0, 1, 2, 3]
    assert table["correct"].tolist() == [True, True, True, False]
    np.testing.assert_allclose(table["probability"], [0.95, 0.5, 0.7, 0.3], rtol=1e-6)
    assert table.attrs["part"] == "PublicTest"


def test_the_most_confident_correct_images_of_each_class(table):
    assert examples.most_confident(table, 1)["row"].tolist() == [0, 2]
    assert examples.most_confident(table, 9)["row"].tolist() == [0, 1, 2]


def test_one_image_of_each_class(table):
    shown = examples.one_of_each(table)
    assert shown["row"].tolist() == [0, 2, 3]
    assert shown["note"].tolist() == ["correct", "correct", "misclassified"]
    assert shown.index.tolist() == ["angry", "disgust", "fear"]


def test_overview_counts_what_is_explained_and_what_the_homework_would_take(table):
    overview = examples.overview(table, examples.most_confident(table, 9))
    assert overview["explained"].tolist()[:2] == [2, 1]
    assert overview["confident"].tolist()[:2] == [1, 0]
    assert overview["correct"].tolist() == [2, 1, 0]
