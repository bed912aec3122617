"""The judgements of notebook 07, on networks that are known to detect borders, or not to."""

import numpy as np
import pandas as pd
import pytest

from fer_utils.fer2013 import SIZE
from fer_utils.interpret import ascent
from fer_utils.questions import border, face_zones, filters
from fer_utils.training import experiments, network

CONFIG = experiments.Config(
    name="tiny",
    dataset="drawn",
    phases=(),
    widths=(2, 2, 2, 2),
    dense=(4,),
    evaluate_every=1,
)


@pytest.fixture(scope="module")
def model():
    return network.build(CONFIG)


def frame_of(values, seeds):
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
    ("zero", "expected"), [(0.8, "supported"), (0.2, "contradicted"), (0.495, "not supported")]
)
def test_the_conjecture_follows_the_responses(zero, expected):
    others = {border.REFLECTED: 0.5, border.NONE: 0.5, border.UNTRAINED: 0.5}
    frame = frame_of({border.ZERO: zero, **others}, seeds=3)
    rng = np.random.default_rng(0)
    frame["response"] += rng.normal(0, 0.01, len(frame))
    table = border.compare(frame)
    assert set(table["units"]) == {"seeds"}
    assert set(table["n"]) == {3}
    assert border.conclusion(table) == expected


def test_one_seed_is_said():
    values = {border.ZERO: 0.8, border.REFLECTED: 0.5, border.NONE: 0.5, border.UNTRAINED: 0.5}
    table = border.compare(frame_of(values, seeds=1))
    assert set(table["units"]) == {"filters of one seed"}
    assert "one seed only" in border.conclusion(table)


def test_a_border_detector_is_found_and_a_blind_filter_is_not(model):
    """A difference across a column sees the seam; a filter that passes the image does not."""
    detector = np.zeros((3, 3, 1, 2), np.float32)
    detector[1, 0, 0, 0], detector[1, 1, 0, 0] = -1, 1
    detector[1, 1, 0, 1] = 1
    layer = model.get_layer("conv1")
    before = layer.get_weights()
    layer.set_weights([detector])
    images = np.full((4, SIZE, SIZE), 200, np.uint8)
    images[:, ::2] = 190
    seam = border.responses(model, images).query("place == 'seam'")["response"].to_numpy()
    layer.set_weights(before)
    assert seam[0] > 0.9
    assert seam[1] < 0.5


def test_untrained_filters_draw_the_box_too(model):
    found = filters.ascend(model, "relu1", None, "plain", steps=20)
    assert border.frame_share(found.images).min() > 0.95
    facts = border.first_layer_facts(found.images, found.images[::-1])
    assert facts["words"] == "training is not shown to matter"
    plain = np.random.default_rng(0).random(found.images.shape)
    assert border.first_layer_facts(plain, found.images)["words"] == "training takes from it"


def test_distinctness_by_hand():
    one, two = np.array([[1.0, -1.0]]), np.array([[-2.0, 2.0]])
    flat = np.ones((1, 2))
    found = filters.distinctness(np.stack([one, two, flat]))
    np.testing.assert_allclose(found, [0, 0, np.nan], atol=1e-12)
    pictures = np.random.default_rng(0).random((5, 6, 6))
    assert filters.distinctness(pictures).mean() == pytest.approx(ascent.diversity(pictures))


def test_depth_claims_reverse_with_the_images():
    rng = np.random.default_rng(0)
    noise = rng.random((8, 16, 16))
    smooth = np.cumsum(np.cumsum(rng.normal(size=(8, 16, 16)), axis=1), axis=2)
    alike = smooth[:1] + 0.01 * noise

    def sheets(early, middle, late):
        parts = zip(("conv1", "conv7", "conv12"), (early, middle, late), strict=True)
        return {name: ascent.Ascent(x, np.ones(8), np.zeros(8, bool)) for name, x in parts}

    one, other = sheets(alike, smooth, noise), sheets(noise, alike + smooth * 1e-3, smooth)
    as_claimed, reversed_ = filters.depth_claims(one, other), filters.depth_claims(other, one)
    assert as_claimed["verdict"].tolist() == ["holds", "holds"]
    assert reversed_["verdict"].iloc[0] == "does not hold"
    assert as_claimed["untrained: verdict"].tolist() == reversed_["verdict"].tolist()


def test_a_filter_that_sees_a_zone_is_addressed(model, monkeypatch):
    """Filter 1 of the model is active in the mouth; the control's filters are everywhere alike."""
    rng = np.random.default_rng(0)
    uniform = 1 + 0.1 * rng.random((20, SIZE, SIZE, 2))
    mouth = uniform.copy()
    mouth[..., 1] += 5 * face_zones.ZONES["mouth"]
    answers = {"model": mouth, "control": uniform}
    monkeypatch.setattr(filters, "activation_maps", lambda model, layer, images: answers[model])
    table = filters.addresses("model", "control", np.zeros((20, SIZE, SIZE, 1)))
    assert table.loc["mouth", "filter"] == "(0, 1)"
    assert table.loc["mouth", "verdict"] == "beyond the control"
    assert (
        filters.addresses("control", "model", np.zeros((20, SIZE, SIZE, 1))).loc["mouth", "verdict"]
        == "below the control"
    )


def test_random_signs_are_the_control_of_the_attack(model):
    images = np.random.default_rng(0).random((12, SIZE, SIZE)).astype(np.float32)
    labels = filters.said(model, images)
    epsilons = filters.attack(model, 255 * images, labels)
    assert list(epsilons) == ["gradient signs", "random signs (control)"]
    table = filters.flipped(epsilons)
    assert (table["≤ 16"].map(float) >= table["≤ 1"].map(float)).all()
    _, signs, moved, titles = filters.fooled(model, 255 * images, labels)
    flips = np.isfinite(epsilons["gradient signs"])
    np.testing.assert_array_equal(filters.said(model, moved) != labels, flips)
    assert set(np.unique(signs)) <= {-1, 0, 1}
    assert [" → " in title for title in titles] == flips.tolist()


def test_attack_verdicts_reverse():
    flips, stays = np.full(30, 0.01), np.full(30, np.inf)
    assert filters.attack_verdict({"gradient": flips, "random": stays}) == "does more"
    assert filters.attack_verdict({"gradient": stays, "random": flips}) == "does less"
    assert filters.attack_verdict({"gradient": flips, "random": flips}) == "no difference shown"
