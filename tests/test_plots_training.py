"""Figures of training."""

import pandas as pd

from fer_utils.plots import training


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
