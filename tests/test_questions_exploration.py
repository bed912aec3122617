import numpy as np
import pandas as pd
import pytest

from fer_utils.fer2013 import CLASSES
from fer_utils.questions import exploration
from fer_utils.statistics.intervals import mean_interval

LABELS = np.array([0, 0, 3, 3, 3, -1, 3, 0], np.int8)
SPLIT = np.array([0, 0, 0, 0, 0, 0, 1, 1], np.int8)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (8, 48, 48), np.uint8)


def test_class_counts():
    counts = exploration.class_counts(LABELS, SPLIT)
    assert counts.columns.tolist() == ["Training", "PublicTest"]
    assert counts.loc["angry"].tolist() == [2, 1]
    assert counts.loc["happy"].tolist() == [3, 1]
    assert counts.to_numpy().sum() == 7  # the unlabelled image is left out


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


def test_intensity(images):
    measures = exploration.intensity(images, LABELS)
    assert len(measures) == 7
    assert measures["contrast"].iloc[0] == pytest.approx(images[0].std())
    table = exploration.intensity_by_class(measures[measures.index != 0])
    assert table.index.tolist() == ["angry", "happy"]
    expected = mean_interval(images[[2, 3, 4, 6]].mean(axis=(1, 2)))
    assert table.loc["happy", "brightness"].low == pytest.approx(expected.low)


def test_copies_get_one_prediction(images):
    images[[1, 2]], images[5] = images[0], images[3]  # three copies; two, one without a label
    assert exploration.best_on_copies(images, LABELS) == (2, 3)  # angry, angry, happy
    images[:3] = 0  # constant
    assert exploration.best_on_copies(images, LABELS) == (0, 0)
