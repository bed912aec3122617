"""A network of one's own: what a few words make of a config, and how a change is told."""

from dataclasses import replace

import numpy as np
import pytest

from fer_utils.data.dataset import Dataset, validation_split
from fer_utils.data.transforms import TRANSFORMS, Transform
from fer_utils.notebook import settings
from fer_utils.training.config import ConfigError


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """A thousand images, which are not looked at, in classes of the same size."""
    images = np.random.default_rng(0).integers(0, 255, (1050, 48, 48), np.uint8)
    labels = (np.arange(1050) % 7).astype(np.int8)
    return Dataset("drawn", "noise", images, labels, np.zeros(1050, np.int8))


def test_a_setting_without_a_list_counts_for_every_phase(dataset):
    base = settings.recipe(dataset)
    config = settings.define("mine", dataset, learning_rate=0.2, image_size=24)
    assert [phase.learning_rate for phase in config.phases] == [0.2, 0.2]
    assert [phase.optimizer for phase in config.phases] == ["adadelta", "sgd"]
    assert [phase.size for phase in config.phases] == [24, 24]
    assert [phase.steps for phase in config.phases] == [phase.steps for phase in base.phases]


def test_one_optimizer_is_one_phase_and_lists_make_several(dataset):
    config = settings.define("mine", dataset, optimizer="adam", learning_rate=0.003, epochs=4)
    (phase,) = config.phases
    trained = len(validation_split(dataset)[0])
    assert (phase.optimizer, phase.steps) == ("adam", round(4 * trained / 128))
    assert phase.momentum == 0
    assert settings.epochs(config, phase.steps, dataset) == pytest.approx(4, abs=0.1)
    three = settings.define("three", dataset, optimizer=["adam", "sgd", "sgd"], epochs=[1, 0, 2])
    assert [phase.optimizer for phase in three.phases] == ["adam", "sgd", "sgd"]
    assert [phase.momentum for phase in three.phases] == [0, 0.9, 0.9]
    assert three.phases[1].steps == 0


def test_other_batches_or_images_do_not_change_how_many_are_seen(dataset):
    base = settings.define("base", dataset, epochs=4)
    smaller = settings.define("smaller", dataset, base, batch_size=32)
    assert smaller.steps * 32 == pytest.approx(base.steps * 128, rel=0.05)
    assert settings.define("fewer", dataset, base, share=0.5).steps == base.steps


@pytest.mark.parametrize(
    ("given", "rates"),
    [(0.3, (0.3,) * 4), ([0.1, 0.2, 0.3, 0.4], (0.1, 0.2, 0.3, 0.4)), (None, ())],
)
def test_dropout_is_one_rate_a_list_or_the_rule(dataset, given, rates):
    config = settings.define("mine", dataset, widths=[4, 8], dense=[16, 16], dropout=given)
    assert config.dropout == rates
    assert (config.widths, config.dense, config.convolutions) == ((4, 8), (16, 16), 3)


def test_a_list_of_transforms_is_a_set_by_its_content(dataset):
    lists = [[Transform(), Transform(right=n)] for n in (1, 2, 1)]
    names = [settings.define("mine", dataset, transforms=each).transforms for each in lists]
    assert names[0] == names[2] != names[1]
    assert TRANSFORMS[names[1]] == tuple(lists[1])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"learning_rat": 1}, "^setting = 'learning_rat': expected one of 'optimizer', "),
        ({"learning_rate": [1, 2, 3], "epochs": [1, 2]}, r"expected 3 values, one for each phase$"),
        ({"epochs": -1}, "^epochs = -1: expected a number at least 0$"),
        ({"epochs": 0}, "^steps = 0: expected at least one step"),
        ({"transforms": "x14"}, "^transforms = 'x14': expected one of 'x1', "),
        ({"transforms": [1]}, r"^transforms = \[1\]: expected a name, or a list of Transform"),
        ({"dropout": "much"}, "^dropout = 'much': expected a tuple of numbers$"),
        ({"widths": 8}, "^widths = 8: expected a tuple of numbers$"),
        ({"batch_size": "all"}, "^batch_size = 'all': expected a whole number"),
        ({"share": "half"}, "^share = 'half': expected a number"),
    ],
)
def test_a_wrong_value_is_one_line(dataset, given, message):
    with pytest.raises(ConfigError, match=message) as caught:
        settings.define("mine", dataset, **given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["model2", "drawn/model2", "quick-mine", "member1", "a/b"])
def test_names_of_the_projects_own_runs_are_refused(dataset, name):
    with pytest.raises(ConfigError, match=f"^name = '{name}': expected a name of your own"):
        settings.define(name, dataset)


def test_a_change_is_told_in_the_same_words(dataset):
    base = settings.define("mine", dataset)
    other = settings.define("other", dataset, base, learning_rate=[1.0, 0.1], widths=[8, 8])
    told = "mine, but widths 8 16 24 32 → 8; learning rate 1.0 0.05 → 1.0 0.1"
    assert settings.changes(base, other) == told
    assert settings.changes(base, replace(base, name="again")) == "mine again"


def test_a_sweep_names_its_networks(dataset):
    base = settings.define("mine", dataset)
    assert settings.name_of(base, {"dropout": 0.1}) == "sweeps/mine-dropout-0.1"
    name = settings.name_of(base, {"widths": [8, 16]})
    assert settings.define(name, dataset, base).name == "sweeps/mine-widths-8-16"
