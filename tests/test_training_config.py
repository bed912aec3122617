"""Configs: a value that no run can have is one line that names it and says what is expected."""

from dataclasses import replace

import pytest

from fer_utils.training import experiments
from fer_utils.training.config import Config, ConfigError, Phase

CONFIG = experiments.model("model1", profile="tiny", dataset="drawn", seed=0)
PHASE = Phase("sgd", 0.1, 10)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("optimizer", "sdg", "one of 'adadelta', 'sgd', 'adam', .*"),
        ("learning_rate", 0, "a number above 0"),
        ("learning_rate", "0.1", "a number above 0"),
        ("learning_rate", float("nan"), "a number above 0"),
        ("steps", -1, "a whole number of at least 0"),
        ("steps", 1.5, "a whole number of at least 0"),
        ("momentum", 1, "a number at least 0 and below 1"),
        ("size", 32, "one of 48, 24"),
        ("schedule", "cos", "one of '', 'constant', 'linear', 'cosine'"),
    ],
)
def test_wrong_value_of_a_phase_is_one_line(field, value, expected):
    with pytest.raises(ConfigError, match=f"^{field} = {value!r}: expected {expected}$"):
        replace(PHASE, **{field: value})


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("name", "../mine", r"letters, digits, and \. \+ - _ between them"),
        ("widths", (8,) * 6, "1 to 5 numbers, one for each unit"),
        ("widths", (8, 0), "a whole number of at least 1"),
        ("dropout", 0.5, "a tuple of numbers"),
        ("dropout", (0.5,), "6 rates, one for each unit and dense layer"),
        ("dropout", (1.0,) * 6, "a number at least 0 and below 1"),
        ("batch_size", 0, "a whole number of at least 1"),
        ("convolutions", 0, "a whole number of at least 1"),
        ("share", 0, "a number above 0 and at most 1"),
        ("label_smoothing", 1, "a number at least 0 and below 1"),
        ("class_weights", "yes", "one of True, False"),
        ("batch_norm", 1, "one of True, False"),
        ("seed", -1, "a whole number of at least 0"),
        ("activation", "rleu", "one of 'relu', .*"),
    ],
)
def test_wrong_value_of_a_config_is_one_line(field, value, expected):
    with pytest.raises(ConfigError) as caught:
        replace(CONFIG, **{field: value})
    pattern = f"^{field} = .*: expected {expected}$"
    assert caught.match(pattern)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("phases", [(), experiments.two_phases(0, 0)])
def test_a_config_without_any_step_is_refused(phases):
    with pytest.raises(ConfigError, match=r"^steps = 0: expected at least one step"):
        replace(CONFIG, phases=phases)


def test_every_experiment_is_a_config():
    for profile in experiments.PROFILES:
        for dataset in ("fer2013", "drawn"):
            for config in experiments.all_experiments(profile, dataset):
                assert Config.from_dict(config.to_dict()) == config
