"""Figures of notebook 01: what is written in them, also where there is little to show."""

import numpy as np
import pandas as pd
import pytest

from fer_utils.data.ferplus import Annotations
from fer_utils.plots import exploration as plots
from fer_utils.questions import exploration, label_noise

pytestmark = pytest.mark.usefixtures("drawn_in_the_style_and_shown_once")

LABELS = np.array([0, 0, 3, 3, 3, -1, 3, 0], np.int8)
SPLIT = np.array([0, 0, 0, 0, 0, 0, 1, 1], np.int8)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (8, 48, 48), np.uint8)


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


def test_heat_map_of_labels_has_its_counts():
    votes = Annotations(np.eye(10, dtype=int)[[0, 6]] * 10)
    figure = plots.label_heat_map(label_noise.label_counts(np.array([0, 4]), votes))
    assert [text.get_text() for text in figure.axes[0].texts].count("100") == 2
    assert figure.axes[0].get_xticklabels()[-1].get_text() == "no majority"
