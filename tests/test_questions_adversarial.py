"""Class images and adversarial changes, against their baselines."""

import numpy as np
import pytest

from fer_utils.fer2013 import SIZE
from fer_utils.questions import adversarial
from fer_utils.statistics.verdicts import Verdict
from fer_utils.training import experiments, network

CONFIG = experiments.Config(
    name="tiny",
    dataset="drawn",
    phases=experiments.two_phases(1, 1),
    widths=(2, 2, 2, 2),
    dense=(4,),
    evaluate_every=1,
)


@pytest.fixture(scope="module")
def model():
    return network.build(CONFIG)


def test_changed_faces_have_another_prediction_and_the_others_no_level(model):
    images = np.random.default_rng(0).random((12, SIZE, SIZE)).astype(np.float32)
    labels = adversarial.predicted_classes(model, images)
    signs, moved, levels = adversarial.adversarial_examples(model, 255 * images, labels)
    changed = adversarial.predicted_classes(model, moved) != labels
    assert np.isfinite(levels).tolist() == changed.tolist()
    assert set(np.unique(signs)) <= {-1, 0, 1}
    assert np.abs(moved - images).max() <= adversarial.LARGEST + 1e-6


def test_changed_predictions_and_verdict_are_of_the_same_size():
    epsilons = np.array([[1, 2, 3, 40], [9, np.inf, np.inf, np.inf]]) / 255
    table = adversarial.predictions_changed(epsilons, (2, 16))
    assert table.loc[adversarial.SIGNS[0]].map(float).tolist() == [0.5, 0.75]
    assert table.loc[adversarial.SIGNS[1]].map(float).tolist() == [0, 0.25]
    many = np.repeat(epsilons, 20, axis=1)
    difference = adversarial.gradient_against_random(many, 2)
    assert (difference.estimate, difference.verdict) == (0.5, Verdict.HIGHER)
    assert adversarial.gradient_against_random(many[::-1], 2).verdict is Verdict.LOWER


def test_predicted_as_intended_is_a_share_of_the_seeds_by_class(model, monkeypatch):
    """Two seeds: all seven are predicted as intended, then all as class 0."""
    predicted = np.r_[np.arange(7), np.zeros(7, int)]
    monkeypatch.setattr(adversarial, "predicted_classes", lambda model, images: predicted)
    table = adversarial.predicted_as_intended(model, {"own": np.zeros((2, 7, 8, 8))})
    assert table["own"].tolist() == [1, *[0.5] * 6]


def test_a_measurement_holds_numbers_of_duplicate_free_correct_images(model, monkeypatch):
    from types import SimpleNamespace

    import pandas as pd

    table = pd.DataFrame({"row": range(8), "label": 0, "correct": [True] * 6 + [False] * 2})
    monkeypatch.setattr(adversarial, "candidates", lambda run, dataset: table)
    images = np.random.default_rng(0).integers(0, 256, (8, SIZE, SIZE), np.uint8)
    run = SimpleNamespace(config=CONFIG, model=lambda: model)
    budget = adversarial.FilterBudget(images=4, filters=2, untrained=2, seeds=1, steps=2)
    found = adversarial.measure_filters(run, SimpleNamespace(images=images), budget)
    assert found["epsilons"].shape == (2, 4)
    assert found["density"].shape[:2] == (2, 4)
    assert found["controls"].shape[:3] == (2, 2, 4)
    assert found["pictures"].shape == found["control_pictures"].shape == (1, 7, SIZE, SIZE)
    assert set(found["rows"]) <= set(range(6))
