"""Figures of training."""

import pandas as pd

from fer_utils.plots import training
from fer_utils.statistics.intervals import Interval


def test_the_line_between_two_phases_stands_at_the_last_step_of_the_first():
    history = pd.DataFrame(
        {
            "step": [200, 400, 600, 800],
            "phase": [0, 0, 1, 1],
            "optimizer": ["adadelta", "adadelta", "sgd", "sgd"],
            **{name: [0.4, 0.5, 0.6, 0.7] for name in ("loss", "accuracy")},
            **{f"held_out_{name}": [0.3, 0.4, 0.5, 0.6] for name in ("loss", "accuracy")},
        }
    )
    for ax in training.learning_curves(history, title="model1").axes:
        (line,) = [line for line in ax.lines if line.get_linestyle() == ":"]
        assert set(line.get_xdata()) == {400}
        assert [text.get_text() for text in ax.texts] == ["Adadelta | SGD"]


def test_the_homeworks_accuracy_is_a_cross_beside_the_network_that_it_had():
    cells = [Interval(0.6, 0.5, 0.7), Interval(0.7, 0.6, 0.8)]
    table = pd.DataFrame({"all": cells, "duplicate_free": cells}, ["model1", "ensemble"])
    (ax,) = training.accuracies(table, {"ensemble": 0.65}).axes
    (cross,) = [line for line in ax.lines if line.get_marker() == "x"]
    assert cross.get_xdata().tolist() == [0.65]
    assert -0.5 < cross.get_ydata()[0] < 0.5
    assert [text.get_text() for text in ax.get_yticklabels()] == ["model1", "ensemble"]


def test_a_layer_is_as_high_as_its_side_and_a_convolution_as_wide_as_its_channels():
    rows = {
        "conv1": ("unit_1", "convolution", 48, 16),
        "pool1": ("unit_1", "pooling", 24, 16),
        "conv2": ("unit_2", "convolution", 24, 40),
        "logits": ("dense_part", "dense", 1, 7),
    }
    columns = ["part", "kind", "side", "channels"]
    layers = pd.DataFrame.from_dict(rows, "index", columns=columns)
    (ax,) = training.architecture(layers).axes
    _, first, pool, second, logits = ax.patches
    assert [patch.get_height() for patch in (first, pool, second, logits)] == [48, 24, 24, 1]
    assert [patch.get_width() for patch in (first, second, logits)] == [16, 40, 7]
    names = [text.get_text().partition("\n")[0] for text in ax.texts]
    assert names == ["image", "unit 1", "unit 2", "logits"]
