"""The homework's claims on depth, on pictures that are known to be alike, or fine."""

import numpy as np

from fer_utils.interpret import ascent
from fer_utils.questions import depth
from fer_utils.statistics.verdicts import Support


def test_dissimilarity_by_hand():
    one, two = np.array([[1.0, -1.0]]), np.array([[-2.0, 2.0]])
    flat = np.ones((1, 2))
    found = depth.dissimilarity(np.stack([one, two, flat]))
    np.testing.assert_allclose(found, [0, 0, np.nan], atol=1e-12)
    a, b = np.eye(3)[None, 0] - 1 / 3, np.eye(3)[None, 1] - 1 / 3
    cosine = np.sum(a * b) / np.linalg.norm(a) / np.linalg.norm(b)
    np.testing.assert_allclose(depth.dissimilarity(np.stack([a, b])), 1 - abs(cosine))


def test_claims_reverse_with_the_pictures():
    rng = np.random.default_rng(0)
    noise = rng.random((8, 16, 16))
    smooth = np.cumsum(np.cumsum(rng.normal(size=(8, 16, 16)), axis=1), axis=2)
    alike = smooth[:1] + 0.01 * noise
    layers = ("conv1", "conv7", "conv12")

    def sheets(*pictures):
        parts = zip(layers, pictures, strict=True)
        return {name: ascent.Ascent(x, np.ones(8), np.zeros(8, bool)) for name, x in parts}

    one, other = sheets(alike, smooth, noise), sheets(noise, alike + smooth * 1e-3, smooth)
    table = depth.selectivity_by_depth(one, other, layers)["verdict"].unstack()
    assert table["trained"].tolist() == [Support.SUPPORTED, Support.SUPPORTED]
    assert table.loc["early_more_alike", "untrained"] is Support.CONTRADICTED


def test_the_interval_of_a_share_stays_a_share():
    """Noise beside one flat picture: Student's interval would pass 1."""
    checkerboard = np.indices((16, 16)).sum(axis=0) % 2
    smooth = np.tile(np.linspace(0, 1, 16), (16, 1))
    found = depth.high_frequency_energy(
        np.stack([checkerboard, checkerboard, smooth]).astype(float)
    )
    assert found.low == 0 < found.estimate < found.high == 1
