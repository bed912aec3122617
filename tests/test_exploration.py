import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fer_utils.data.dataset import Dataset
from fer_utils.fer2013 import CLASSES
from fer_utils.plots import confusion as confusion_plots
from fer_utils.plots import exploration as plots
from fer_utils.questions import exploration
from fer_utils.statistics.intervals import mean_interval, proportion
from fer_utils.training import predictions

LABELS = np.array([0, 0, 3, 3, 3, -1, 3, 0], np.int8)
SPLIT = np.array([0, 0, 0, 0, 0, 0, 1, 1], np.int8)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (8, 48, 48), np.uint8)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_class_counts_and_shares():
    counts = exploration.class_counts(LABELS, SPLIT)
    assert counts.columns.tolist() == ["Training", "PublicTest"]
    assert counts.loc["angry"].tolist() == [2, 1]
    assert counts.loc["happy"].tolist() == [3, 1]
    assert counts.to_numpy().sum() == 7  # the unlabelled image is left out
    shares = exploration.class_shares(counts)
    assert shares.loc["happy", "Training"] == proportion(3, 5)


def test_same_mix():
    counts = pd.DataFrame({"Training": [50, 50, 0], "PublicTest": [10, 10, 0]})
    assert exploration.same_mix(counts) == pytest.approx(1)
    assert exploration.same_mix(pd.DataFrame({"Training": [90, 10], "PublicTest": [1, 99]})) < 1e-6
    assert np.isnan(exploration.same_mix(counts[["Training"]]))


def test_sample_has_rows_of_the_class():
    sample = exploration.sample(LABELS, 3, seed=0)
    assert list(sample) == list(CLASSES)
    assert sorted(sample["angry"]) == [0, 1, 7]
    assert len(sample["happy"]) == 3
    assert len(sample["fear"]) == 0


def test_mean_faces(images):
    means = exploration.mean_faces(images, LABELS)
    assert means[0] == pytest.approx(images[[0, 1, 7]].mean(axis=0))
    assert np.isnan(means[1]).all()


def test_intensity(images):
    measures = exploration.intensity(images, LABELS)
    assert len(measures) == 7
    assert measures["contrast"].iloc[0] == pytest.approx(images[0].std())
    table = exploration.intensity_by_class(measures[measures.index != 0])
    assert table.index.tolist() == ["angry", "happy"]
    expected = mean_interval(images[[2, 3, 4, 6]].mean(axis=(1, 2)))
    assert table.loc["happy", "brightness"].low == pytest.approx(expected.low)


def test_figures_of_few_images(images):
    counts = exploration.class_counts(LABELS, SPLIT)
    ax = plots.class_balance(exploration.class_shares(counts))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["Training", "PublicTest"]
    sample = exploration.sample(LABELS, 2, seed=0)
    plots.sample_grid({name: images[rows] for name, rows in sample.items()}, columns=2)
    plots.mean_faces(exploration.mean_faces(images, LABELS), images.mean(axis=0))
    plots.intensity(exploration.intensity(images, LABELS))
    columns = ["first", "second", "correlation", "mirrored"]
    pairs = pd.DataFrame([(0, 5, 0.97, True)], columns=columns)
    titles = [ax.get_title() for ax in plots.pairs(images, LABELS, SPLIT, pairs).axes]
    assert titles == ["angry\nTraining", "no label\nTraining"]
    plots.pairs(images, LABELS, SPLIT, pairs.iloc[:0])


def test_the_mistakes_show_label_prediction_and_probabilities(images):
    probabilities = np.full((3, 7), 0.05)
    probabilities[:, 3] = 0.7
    figure = confusion_plots.mistakes(images[:3], np.array([0, 1, 2]), probabilities)
    assert figure.axes[0].get_title() == "angry → happy"
    assert [text.get_text() for text in figure.axes[1].texts].count("0.700") == 1
    confusion_plots.mistakes(images[:0], LABELS[:0], probabilities[:0])


@pytest.mark.parametrize(
    ("public_labels", "names"), [((3, 0), ["PublicTest"]), ((-1, -1), ["held-out Training"])]
)
def test_answers_are_of_the_labelled_test_images(monkeypatch, public_labels, names):
    images = np.arange(8, dtype=np.uint8)[:, None, None] + np.zeros((8, 48, 48), np.uint8)
    labels = np.array([0, 0, 3, 3, 3, 3, *public_labels], np.int8)
    dataset = Dataset("drawn", "", images, labels, SPLIT)
    parts = {"held_out": np.array([1, 2])}
    if public_labels[0] >= 0:
        parts["public"] = np.array([6, 7])
    monkeypatch.setattr(predictions, "part_rows", lambda _: parts)
    logits = dict.fromkeys(parts, np.eye(7)[[3, 3]])
    answers = predictions.of_logits(logits, dataset)
    judged = predictions.tested(answers)
    assert [one.part.images for one in judged.values()] == names
    both = predictions.together(judged | {"again": answers["held_out"]})
    assert both.classes.tolist() == [3, 3, 3, 3]
    assert both.correct.tolist() == [*next(iter(judged.values())).correct, False, True]
    assert both[both.correct].labels.tolist() == [3] * int(both.correct.sum())
