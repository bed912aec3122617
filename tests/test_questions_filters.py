"""What filters are made of and prefer, on kernels and activations that are known."""

import numpy as np
import pytest

from fer_utils.fer2013 import SIZE
from fer_utils.questions import face_zones, filters
from fer_utils.statistics.verdicts import Verdict
from fer_utils.training import experiments, network

CONFIG = experiments.Config(
    name="tiny",
    dataset="drawn",
    phases=experiments.two_phases(1, 1),
    widths=(2, 2, 2, 2),
    dense=(4,),
    evaluate_every=1,
)


@pytest.fixture(scope="module")
def model():
    return network.build(CONFIG)


def test_kernels_divide_into_edges_lines_and_mean():
    """An edge, a spot and a blur, by hand."""
    kernels = np.zeros((3, 3, 3))
    kernels[0, 0], kernels[0, 2] = 1, -1
    kernels[1] = [[1, -2, 1], [-2, 4, -2], [1, -2, 1]]
    kernels[2] = 1
    net = network.build(CONFIG)
    layer = net.get_layer("conv1")
    weights = layer.get_weights()
    energy = []
    for kernel in kernels:
        layer.set_weights([np.broadcast_to(kernel[..., None, None], weights[0].shape)])
        energy.append(filters.pattern_energy(net).iloc[0])
    np.testing.assert_allclose(np.array(energy), np.eye(3), atol=0.03)
    np.testing.assert_allclose(filters.pattern_energy(net).sum(axis=1), 1)
    basis = np.concatenate([np.reshape(masks, (-1, 9)) for masks in filters.PATTERNS.values()])
    gram = basis @ basis.T
    np.testing.assert_allclose(gram - np.diag(np.diag(gram)), 0, atol=1e-6)


def test_a_filter_that_sees_a_zone_is_found(model, monkeypatch):
    """Filter 1 of the model is active in the mouth; those of the untrained network are uniform."""
    rng = np.random.default_rng(0)
    uniform = 1 + 0.1 * rng.random((20, SIZE, SIZE, 2))
    mouth = uniform.copy()
    mouth[..., 1] += 5 * face_zones.ZONES["mouth"]
    activations = {"model": mouth, "untrained": uniform}
    monkeypatch.setattr(filters, "activation_maps", lambda model, layer, images: activations[model])
    images = np.zeros((20, SIZE, SIZE), np.uint8)
    ours, untrained = (filters.zone_density(name, "relu7", images, 2) for name in activations)
    table = filters.zone_filters(ours, np.stack([untrained, untrained]), columns=8)
    assert table.loc["mouth", "filter"] == "(0, 1)"
    assert table.loc["mouth", "verdict"] is Verdict.HIGHER
    swapped = filters.zone_filters(untrained, ours[None], columns=8)
    assert swapped.loc["mouth", "verdict"] is Verdict.LOWER
    above = filters.above_untrained(ours, untrained[None])
    assert above["mouth"].tolist() == [False, True]


def test_a_filter_that_is_silent_on_most_images_prefers_nothing():
    density = np.full((2, 10, len(face_zones.ZONES)), np.nan)
    density[0, 0], density[1] = 50, 1.5
    found = filters.mean_preferences(density)
    np.testing.assert_allclose(found["mouth"], [0, 1.5])
