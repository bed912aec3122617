"""The judgements of notebook 06, on a model whose evidence is known and on a random one."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fer_utils.backend import keras
from fer_utils.fer2013 import CLASSES, SIZE
from fer_utils.interpret import faithfulness, saliency
from fer_utils.questions import examples, face_zones
from fer_utils.questions import saliency_checks as checks

LAYERS = keras.layers
N = 60


def watcher(seed=0):
    """Two logits; logit 1 is what a convolution, summed over the mouth zone, makes of the image."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            LAYERS.Conv2D(3, 3, padding="same", activation="relu", name="conv1"),
            LAYERS.Flatten(),
            LAYERS.Dense(2, name="logits"),
        ]
    )
    return model


@pytest.fixture(scope="module")
def trained():
    model = watcher()
    kernel = np.zeros((3, 3, 1, 3), np.float32)
    kernel[1, 1, 0, 0] = 1
    readout = np.zeros((SIZE, SIZE, 3, 2), np.float32)
    readout[face_zones.ZONES["mouth"], 0, 1] = 0.05
    model.set_weights([kernel, np.zeros(3), readout.reshape(-1, 2), np.array([3.0, 0.0])])
    return model


@pytest.fixture(scope="module")
def images():
    """Noise, bright in the mouth zone."""
    images = np.random.default_rng(0).normal(size=(N, SIZE, SIZE, 1)).astype(np.float32)
    images[:, face_zones.ZONES["mouth"]] += 1
    return images


def judged(model, images, of_model):
    """Verdicts over `model` of the gradient maps of `of_model`, by measure."""
    targets = np.ones(N, int)
    maps = {"gradient": saliency.explain("gradient", of_model, images, targets)}
    maps |= faithfulness.control_maps(images)
    evidence = np.broadcast_to(face_zones.ZONES["mouth"], (N, SIZE, SIZE))
    measures = {
        mode: checks.perturbation(model, images, targets, maps, mode)
        for mode in ("deletion", "insertion")
    } | checks.on_evidence(maps, evidence)
    return {name: checks.judge(name, values) for name, values in measures.items()}


def test_true_maps_beat_the_controls_and_those_of_a_random_model_do_not(trained, images):
    true, random = judged(trained, images, trained), judged(trained, images, watcher(1))
    assert {table.loc["gradient", "verdict"] for table in true.values()} == {checks.WORDS[0]}
    assert checks.WORDS[0] not in {table.loc["gradient", "verdict"] for table in random.values()}
    assert checks.wins(true) == {"measures": 4, "most": 4, "methods": "gradient"}
    assert checks.wins(random)["most"] == 0


def test_the_strongest_control_is_the_one_to_beat():
    values = pd.DataFrame({"gradient": [0.2, 0.3], "random": [0.5, 0.5], "contrast": [0.3, 0.4]})
    table = checks.judge("deletion", values).loc["gradient"]
    assert table["control"] == "contrast"
    assert table["advantage"].estimate == pytest.approx(0.1)
    assert checks.judge("insertion", values).loc["gradient", "control"] == "random"
    assert checks.judge("insertion", values).loc["gradient", "advantage"].estimate < 0


def test_perturbation_is_the_area_of_the_same_curve(trained, images):
    maps = faithfulness.control_maps(images)
    shares = (0, *checks.INSIDE, 1)
    for mode in ("deletion", "insertion"):
        found = checks.perturbation(trained, images, np.ones(N, int), maps, mode)["contrast"]
        curves = faithfulness.perturbation_curves(
            trained, images, np.ones(N, int), maps["contrast"], mode=mode, fractions=shares
        )
        np.testing.assert_allclose(found, faithfulness.area(curves, shares), rtol=1e-5)


def test_randomisation_verdicts_tell_image_from_model():
    kept = {"gradient": 0.1, "smoothgrad": 0.5, "integrated_gradients": 0.9}
    frame = pd.DataFrame(
        [
            {"method": method, "depth": 2, "spearman": kept.get(method, 0.0) + noise}
            for method in checks.METHODS
            for noise in (-0.01, 0.01, 0.0)
        ]
    )
    verdicts = checks.judge_randomisation(frame)["verdict"]
    assert verdicts["gradient"] == "depends on the weights"
    assert verdicts["smoothgrad"] == "undecided"
    assert verdicts["integrated_gradients"] == "shows the image more than the model"


def test_concentration_by_hand():
    maps = np.array([1.0, 3.0, 4.0]).reshape(3, 1, 1)
    np.testing.assert_allclose(checks.concentration(maps), [0.5, 0.875, 1])


def test_class_averages_name_the_empty_classes():
    averages = checks.class_averages(np.ones((2, 3, 3)), np.array([3, 3]))
    assert len(averages) == len(CLASSES)
    np.testing.assert_allclose(averages["happy (2)"], np.full((3, 3), 1 / 9))
    assert averages["angry (0)"] is None


def test_zones_are_a_partition_and_shares_sum_to_1():
    assert (np.sum(list(face_zones.ZONES.values()), axis=0) == 1).all()
    maps = np.stack([np.ones((SIZE, SIZE)), face_zones.ZONES["nose"].astype(float)])
    shares = face_zones.shares(maps)
    np.testing.assert_allclose(shares.loc[0], face_zones.AREAS)
    assert shares.loc[1, "nose"] == 1
    np.testing.assert_allclose(face_zones.density(maps[:1], [3]).loc["happy"], 1)


@pytest.mark.parametrize(
    ("happy", "other", "expected"),
    [
        ("mouth corners", "forehead", "holds"),
        ("mouth corners", "mouth corners", "holds, but not for this class alone"),
        ("forehead", "mouth corners", "does not hold"),
    ],
)
def test_a_claim_follows_the_maps(happy, other, expected):
    rng = np.random.default_rng(0)
    maps = 0.1 * rng.random((40, SIZE, SIZE))
    maps[:20, face_zones.ZONES[happy]] += 1
    maps[20:, face_zones.ZONES[other]] += 1
    labels = np.repeat([CLASSES.index("happy"), CLASSES.index("sad")], 20)
    claims = face_zones.check_claims(maps, rng.random(maps.shape), labels)
    assert claims["verdict"][0] == expected
    assert claims["verdict"][1].startswith("not tested")
    assert f"- happy, mouth corners: **{expected}**" in face_zones.reading(claims)


def test_images_are_chosen_as_the_homework_does(monkeypatch):
    """Class 0 has a sure image, 1 only one below, 2 none that is recognised."""
    confidence = np.array([[0.95, 0.03, 0.02], [0.5, 0.3, 0.2], [0.2, 0.7, 0.1], [0.6, 0.1, 0.3]])
    labels = np.array([0, 0, 1, 2], np.int8)
    logits = np.log(np.hstack([confidence, np.full((4, 4), 1e-9)]))
    monkeypatch.setattr(examples, "part_rows", lambda dataset: {"public": np.arange(4)})
    dataset = SimpleNamespace(labels=labels)
    table = examples.candidates(SimpleNamespace(logits={"public": logits}), dataset)
    assert table["sure"].tolist() == [True, False, False, False]
    shown = examples.examples(table)
    assert shown["row"].tolist() == [0, 2, 3]
    assert shown["note"].tolist() == ["sure", "correct, less sure", "not recognised"]
    assert examples.surest(table, 2)["row"].tolist() == [0, 2]
    assert examples.sure(table)["row"].tolist() == [0, 1, 2]
    monkeypatch.setattr(examples, "FEWEST", 1)
    assert examples.sure(table)["row"].tolist() == [0, 2]
    assert examples.overview(table)["sure"].tolist() == [1, 0, 0]
