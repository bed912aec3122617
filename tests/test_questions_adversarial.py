"""Class images and adversarial changes, against their baselines."""

import numpy as np
import pytest

from fer_utils.fer2013 import SIZE
from fer_utils.questions import adversarial
from fer_utils.training import experiments, network

CONFIG = experiments.Config(
    name="tiny",
    dataset="drawn",
    phases=(),
    widths=(2, 2, 2, 2),
    dense=(4,),
    evaluate_every=1,
)


@pytest.fixture(scope="module")
def model():
    return network.build(CONFIG)


def test_changed_faces_have_another_prediction_and_the_others_say_so(model):
    images = np.random.default_rng(0).random((12, SIZE, SIZE)).astype(np.float32)
    labels = adversarial.predicted_classes(model, images)
    _, signs, moved, titles = adversarial.adversarial_examples(model, 255 * images, labels)
    changed = adversarial.predicted_classes(model, moved) != labels
    assert ["→" in title for title in titles] == changed.tolist()
    assert set(np.unique(signs)) <= {-1, 0, 1}
    assert all("not changed\nby 32" in title for title in np.array(titles)[~changed])


def test_changed_predictions_and_verdict_are_of_the_same_size():
    epsilons = np.array([[1, 2, 3, 40], [9, np.inf, np.inf, np.inf]]) / 255
    table = adversarial.predictions_changed(epsilons, (2, 16))
    assert table.loc[adversarial.SIGNS[0]].map(float).tolist() == [0.5, 0.75]
    assert table.loc[adversarial.SIGNS[1]].map(float).tolist() == [0, 0.25]
    many = np.repeat(epsilons, 20, axis=1)
    difference, word = adversarial.attack_verdict(many, 2)
    assert (difference.estimate, word) == (0.5, "more")
    assert adversarial.attack_verdict(many[::-1], 2)[1] == "fewer"
    assert adversarial.attack_verdict(many, 0.5)[1] == "no significant difference"


def test_predicted_as_intended_is_a_proportion_over_seeds_and_classes(model, monkeypatch):
    monkeypatch.setattr(
        adversarial,
        "predicted_classes",
        lambda _, images: np.arange(len(images)) % 7,
    )
    table = adversarial.predicted_as_intended({"net": model}, {"own": np.zeros((3, 7, 8, 8))})
    assert table.loc["own", "net"].estimate == 1


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
