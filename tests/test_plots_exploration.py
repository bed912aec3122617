"""Figures of notebooks 01 and 05: what is written in them, also where there is little to show."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fer_utils.data.ferplus import Annotations
from fer_utils.fer2013 import CLASSES
from fer_utils.plots import confusion, style
from fer_utils.plots import exploration as plots
from fer_utils.questions import exploration, label_noise
from fer_utils.statistics import calibration, classification, wording

LABELS = np.array([0, 0, 3, 3, 3, -1, 3, 0], np.int8)
SPLIT = np.array([0, 0, 0, 0, 0, 0, 1, 1], np.int8)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (8, 48, 48), np.uint8)


@pytest.fixture(autouse=True)
def drawn_in_the_style_and_shown_once():
    with style.context():
        yield
    assert not plt.get_fignums(), "pyplot would show it again at the end of a cell"


def legend(figure: plt.Figure) -> list[str]:
    found = figure.legends or [figure.axes[0].get_legend()]
    return [text.get_text() for text in found[0].get_texts()]


def test_figures_of_few_images(images):
    sample = exploration.sample(LABELS, 2, seed=0)
    figure = plots.sample_grid({name: images[rows] for name, rows in sample.items()}, rows=2)
    assert [ax.get_title() for ax in figure.axes[:7]] == list(sample)
    figure = plots.mean_faces(np.repeat(images[:1], 7, axis=0), images.mean(axis=0))
    assert figure.axes[0].get_title() == "angry"
    plots.intensity_boxes(exploration.intensity(images, LABELS))


def test_pairs_have_labels_splits_and_correlation(images):
    columns = ["first", "second", "correlation", "mirrored"]
    pairs = pd.DataFrame([(0, 5, 0.97, True)], columns=columns)
    axes = plots.pairs(images, LABELS, SPLIT, pairs).axes
    assert [ax.get_title() for ax in axes] == ["angry\nTraining", "no label\nTraining"]
    assert axes[1].get_xlabel() == "r = 0.970\nmirrored"


def test_heat_maps_have_their_counts_and_shares():
    counts = pd.DataFrame(np.diag([4, 0, 0, 0, 0, 0, 0]), CLASSES, CLASSES)
    figure = confusion.counts({"PUBLIC": counts, "PRIVATE": counts})
    assert [ax.get_title() for ax in figure.axes] == ["PUBLIC", "PRIVATE"]
    assert figure.axes[0].texts[0].get_text() == "4"
    figure = confusion.shares(classification.row_shares(counts))
    assert figure.axes[0].texts[0].get_text() == "100\n51–100"
    votes = Annotations(np.eye(10, dtype=int)[[0, 6]] * 10)
    figure = plots.label_heat_map(label_noise.label_counts(np.array([0, 4]), votes))
    assert [text.get_text() for text in figure.axes[0].texts].count("100") == 2
    assert figure.axes[0].get_xticklabels()[-1].get_text() == "no majority"


def test_the_mistakes_show_label_prediction_and_probabilities(images):
    probabilities = np.full((3, 7), 0.05)
    probabilities[:, 3] = 0.7
    figure = confusion.mistakes(images[:3], np.array([0, 1, 2]), probabilities)
    assert figure.axes[0].get_title() == "angry → happy"
    assert [text.get_text() for text in figure.axes[1].texts].count("0.70") == 1
    assert figure.axes[1].get_yticklabels()[0].get_text() == "angry (label)"
    confusion.mistakes(images[:0], LABELS[:0], probabilities[:0])


def test_each_verdict_on_calibration_has_its_mark():
    confidence = np.repeat([0.5, 0.95], 200)
    bins = calibration.confidence_bins(confidence, np.arange(400) >= 140, 2)
    figure = confusion.reliability({"as trained": bins}, wording.CALIBRATION)
    assert legend(figure) == ["over-confident", "under-confident"]
    assert [ax.get_title() for ax in figure.axes] == ["as trained"]


def test_rows_of_classes_and_pairs():
    counts = pd.DataFrame(5, CLASSES, CLASSES)
    table = classification.per_class(counts)
    figure = confusion.class_figures({"duplicate_free": table, "all": table}, ("recall", "F1"))
    assert legend(figure) == ["duplicate_free", "all"]
    figure = confusion.directions(classification.confused_pairs(counts).head(2))
    assert len(figure.axes[0].get_yticks()) == 2
    curve = calibration.coverage_curve(np.linspace(0.5, 1, 40), np.arange(40) > 9)
    assert legend(confusion.coverage({"model2": curve})) == ["model2"]
