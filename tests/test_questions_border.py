"""The homework's conjecture on borders, on networks that are known to detect them, or not to."""

import numpy as np
import pandas as pd
import pytest

from fer_utils.fer2013 import SIZE
from fer_utils.questions import border, filters
from fer_utils.statistics.verdicts import Support, Verdict
from fer_utils.training import experiments, network


@pytest.fixture(scope="module")
def model():
    return network.build(experiments.model("model2", profile="tiny", dataset="drawn", seed=0))


def table_of(values, seeds):
    """The table of `border.measure` for condition -> mean response, two filters a seed."""
    return pd.DataFrame(
        [
            {
                "condition": condition,
                "seed": seed,
                "filter": number,
                "place": place,
                "response": value + 0.001 * seed + 0.01 * number * (condition == border.ZERO),
            }
            for condition, value in values.items()
            for seed in range(seeds)
            for number in range(2)
            for place in border.PLACES
        ]
    )


@pytest.mark.parametrize(
    ("zero", "expected"),
    [(0.8, Support.SUPPORTED), (0.2, Support.CONTRADICTED), (0.495, Support.INCONCLUSIVE)],
)
def test_the_conjecture_follows_the_responses(zero, expected):
    others = {border.REFLECTED: 0.5, border.NONE: 0.5, border.UNTRAINED: 0.5}
    measured = table_of({border.ZERO: zero, **others}, seeds=3)
    rng = np.random.default_rng(0)
    measured["response"] += rng.normal(0, 0.01, len(measured))
    table = border.differences(measured)
    assert set(table["over"]) == {"seeds"}
    assert set(table["n"]) == {3}
    assert border.conclusion(table) is expected


def test_one_seed_is_compared_by_its_filters():
    values = {border.ZERO: 0.8, border.REFLECTED: 0.5, border.NONE: 0.5, border.UNTRAINED: 0.5}
    table = border.differences(table_of(values, seeds=1))
    assert set(table["over"]) == {"filters"}


def test_a_border_detector_is_found_and_a_blind_filter_is_not(model):
    """A difference across a column sees the padding edge, the identity does not."""
    detector = np.zeros((3, 3, 1, 2), np.float32)
    detector[1, 0, 0, 0], detector[1, 1, 0, 0] = -1, 1
    detector[1, 1, 0, 1] = 1
    layer = model.get_layer("conv1")
    before = layer.get_weights()
    layer.set_weights([detector])
    images = np.full((4, SIZE, SIZE), 200, np.uint8)
    images[:, ::2] = 190
    found = border.responses(model, images).query("place == 'padding_edge'")["response"].to_numpy()
    layer.set_weights(before)
    assert found[0] > 0.9
    assert found[1] < 0.5


def test_untrained_filters_draw_the_box_too(model):
    found = filters.ascend(model, "relu1", None, method="plain", steps=20)
    assert border.border_share(found.images).min() > 0.95
    facts = border.border_preference(found.images, found.images[::-1])
    assert facts.loc["difference", "border_share"].verdict is Verdict.NOT_SIGNIFICANT
    plain = np.random.default_rng(0).random(found.images.shape)
    lower = border.border_preference(plain, found.images)
    assert lower.loc["difference", "border_share"].verdict is Verdict.LOWER
