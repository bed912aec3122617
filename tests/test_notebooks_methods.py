"""The cells in which a notebook shows its method agree with the functions that it then calls.

The source is read out of the notebook and executed; what it needs is given to it.
"""

from types import SimpleNamespace

import nbformat
import numpy as np
import papermill
import pytest

from fer_utils.files import ROOT

#: What a notebook's "Try it" proposes, of what needs no training and no minutes.
TRIED = [
    ("01", {"LIMIT": 0.95}),
    ("02", {"FACE": 12}),
    ("04", {"MEMBERS": ["model0", "model1"]}),
    ("05", {"NETWORK": "model0"}),
]


@pytest.mark.parametrize(("number", "parameters"), TRIED, ids=[number for number, _ in TRIED])
def test_what_a_notebook_proposes_to_try_works(number, parameters, tmp_path, monkeypatch):
    (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    proposed = next(cell.source for cell in cells if cell.source.startswith("## Try it"))
    assert all(f"`{name}" in proposed for name in parameters)
    monkeypatch.setenv("FER_CACHE", str(tmp_path))
    monkeypatch.setenv("FER_HEADLESS", "1")
    given = {"DATASET": "drawn", **parameters}
    papermill.execute_notebook(
        path, tmp_path / path.name, given, cwd=path.parent, progress_bar=False
    )


def cell_with(notebook: str, text: str) -> str:
    """The source of the code cell of a notebook that contains `text`."""
    (path,) = (ROOT / "notebooks").glob(f"{notebook}_*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    (found,) = [c.source for c in cells if c.cell_type == "code" and text in c.source]
    return found


@pytest.fixture
def config():
    from fer_utils.training.config import Config, Phase

    return Config(
        name="tiny",
        dataset="drawn",
        phases=(Phase("adadelta", 1.0, 1),),
        widths=(2, 3, 4, 5),
        dense=(6, 6),
        evaluate_every=1,
        batch_size=128,
        dropout=(0.0,) * 6,
    )


def test_03_units_of_convolutions_are_those_of_the_package(config):
    from fer_utils.training.network import build

    scope = {"config": config}
    exec(cell_with("03", "# four units"), scope)
    built = build(config)
    shapes = [weight.shape for weight in scope["units"].weights]
    assert shapes == [weight.shape for weight in built.weights][: len(shapes)]
    assert scope["units"].output.shape == built.get_layer("flatten").output.shape


def test_03_gradient_step_is_that_of_the_package(config):
    from types import SimpleNamespace

    from fer_utils.backend import keras, tf
    from fer_utils.training import loop
    from fer_utils.training.network import build

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (128, 48, 48), np.uint8)
    labels = rng.integers(0, 7, 128)
    model = build(config)
    data = SimpleNamespace(part=lambda split: (images, labels))
    scope = {"keras": keras, "model": model, "nb": SimpleNamespace(data=data)}
    exec(cell_with("03", "GradientTape"), scope)

    other = build(config)
    optimizer = loop._optimizer(config.phases[0], config.precision)
    optimizer.build(other.trainable_variables)
    step = loop._train_step(other, optimizer, tf.distribute.get_strategy(), config)
    x = np.asarray(scope["x"], np.float32)
    loss, _ = step(x, labels.astype(np.int32), np.eye(7, dtype=np.float32)[labels])
    assert float(loss) == pytest.approx(float(scope["loss"]), rel=1e-4)
    moved, same = (
        np.concatenate([w.numpy().ravel() for w in net.trainable_variables])
        for net in (model, other)
    )
    assert np.corrcoef(moved, same)[0, 1] > 0.999


def test_a3_targets_of_a_student_are_those_of_the_package():
    from fer_utils.fer2013 import PARTS
    from fer_utils.training import experiments, loop
    from fer_utils.training.predictions import Predictions

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, 50)
    config = experiments.student("model2-distilled")
    voices = {
        name: {"held_out": Predictions(PARTS["held_out"], np.arange(50), labels, logits)}
        for name, logits in zip(config.teachers, rng.normal(size=(4, 50, 7)), strict=True)
    }
    student = SimpleNamespace(config=config)
    scope = {"np": np, "predictions": voices, "others": {"model2-distilled": student}}
    exec(cell_with("appendix/A3", "target = "), scope)
    none = np.empty((0, 48, 48), np.uint8)
    soft = np.mean([each["held_out"].probabilities for each in voices.values()], axis=0)
    examples = loop.Examples(none, labels, none, labels[:0], soft)
    np.testing.assert_allclose(scope["target"], loop._targets(examples, config), atol=1e-6)


def test_04_average_is_that_of_the_package():
    from fer_utils.fer2013 import PARTS
    from fer_utils.training.predictions import Predictions, average, tested, together

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, 50)
    members = {
        name: {
            "public": Predictions(PARTS["public"], np.arange(50), labels, rng.normal(size=(50, 7)))
        }
        for name in ("model1", "model2")
    }
    scope = {"np": np, "predictions": members, "tested": tested, "together": together}
    exec(cell_with("04", "odds"), scope)
    mean = average([member["public"] for member in members.values()])
    np.testing.assert_array_equal(scope["predicted"], mean.classes)
    np.testing.assert_array_equal(scope["correct"], mean.correct)


def test_02_normalisation_and_shift_are_those_of_the_package():
    from fer_utils.data.transforms import TRANSFORMS, Transform, augment, normalise

    images = np.random.default_rng(0).integers(0, 256, (40, 48, 48), np.uint8)
    scope = {"np": np, "images": images, "FACES": 5, "FACE": 3}
    exec(cell_with("02", "by_contrast"), scope)
    ours = normalise(scope["few"], per_image=True)[..., 0]
    np.testing.assert_allclose(scope["normalised"], ours, atol=1e-4)
    exec(cell_with("02", "shifted["), scope)
    for picture, transform in (
        (scope["shifted"], Transform(right=4)),
        (scope["mirrored"], Transform(mirror=True)),
    ):
        which = np.array([TRANSFORMS["x20"].index(transform)])
        np.testing.assert_allclose(
            picture, augment(images[[3]], which, TRANSFORMS["x20"])[0], atol=1e-3
        )


def test_05_confusion_matrix_and_scores_are_those_of_the_package():
    from fer_utils.fer2013 import CLASSES
    from fer_utils.statistics import classification

    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 7, 200), rng.normal(size=(200, 7))
    scope = {"np": np, "free": SimpleNamespace(labels=labels, logits=logits)}
    exec(cell_with("05", "matrix = "), scope)
    counts = classification.confusion(labels, logits.argmax(axis=1), CLASSES)
    np.testing.assert_array_equal(scope["matrix"], counts)
    table = classification.per_class(counts)
    for column in ("recall", "precision"):
        estimates = [interval.estimate for interval in table[column]]
        np.testing.assert_allclose(scope[column], estimates)


def test_06_gradient_of_a_logit_is_that_of_the_package():
    import pandas as pd

    from fer_utils.backend import keras
    from fer_utils.data.transforms import normalise
    from fer_utils.interpret import saliency
    from fer_utils.questions import examples

    keras.utils.set_random_seed(0)
    flat = [keras.layers.Flatten(), keras.layers.Dense(7)]
    convolution = keras.layers.Conv2D(3, 3, activation="relu")
    model = keras.Sequential([keras.Input((48, 48, 1)), convolution, *flat])
    images = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)
    rows = {"row": [2, 0, 1], "label": [0, 4, 6], "correct": True, "probability": 0.9}
    scope = {
        "examples": examples,
        "model": model,
        "nb": SimpleNamespace(data=SimpleNamespace(images=images)),
        "network": SimpleNamespace(config=SimpleNamespace(per_image_norm=True)),
        "normalise": normalise,
        "table": pd.DataFrame(rows),
    }
    exec(cell_with("06", "one_of_each"), scope)
    exec(cell_with("06", "tf.GradientTape()"), scope)
    expected = saliency.explain("gradient", model, normalise(images[[2, 0, 1]], True), [0, 4, 6])
    np.testing.assert_allclose(scope["slopes"], expected, rtol=1e-4, atol=1e-6)


def test_07_ascent_step_is_that_of_the_package(config):
    """From the same start, one step of the cell leads where `ascent.maximise` goes."""
    from fer_utils.backend import keras, tf
    from fer_utils.interpret import ascent
    from fer_utils.training.network import build

    model = build(config)
    noise = np.random.default_rng((0, 0)).standard_normal((1, 48, 48, 1))
    start = tf.constant(0.5 + 0.02 * noise, tf.float32)
    scope = {"keras": keras, "tf": tf, "model": model, "LAYER": "relu7", "RATE": 0.02}
    source = cell_with("07", "GradientTape")
    given = "tf.random.stateless_normal((1, 48, 48, 1), seed=(0, 0))"
    assert given in source
    exec(source.replace(given, "start"), scope | {"start": start}, scope)
    found = ascent.maximise(model, "relu7", [0], method="plain", steps=1, rate=0.02, seed=0)
    expected = (start + 0.02 * scope["step"])[..., 0]
    np.testing.assert_allclose(found.images, expected, atol=1e-6)
