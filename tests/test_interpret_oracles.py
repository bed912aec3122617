"""Our saliency maps against those of xplique and tf-keras-vis: `make oracles` has them installed.

The libraries draw their own noise; it is replaced by ours, so that all else must agree.
"""

import numpy as np
import pytest

from fer_utils.backend import keras
from fer_utils.data.transforms import normalise
from fer_utils.interpret.saliency import explain

COUNT, SAMPLES, STEPS, SIGMA = 6, 8, 100, 0.15


@pytest.fixture(scope="module")
def model():
    """A network without kinks, at which rounding alone would send a gradient another way."""
    keras.utils.set_random_seed(3)
    smooth = {"padding": "same", "activation": "gelu"}
    return keras.Sequential(
        [
            keras.Input((48, 48, 1)),
            keras.layers.Conv2D(4, 3, **smooth),
            keras.layers.AveragePooling2D(4),
            keras.layers.Conv2D(6, 3, **smooth),
            keras.layers.Flatten(),
            keras.layers.Dense(7),
        ]
    )


@pytest.fixture(scope="module")
def images():
    pixels = np.random.default_rng(1).integers(0, 256, (COUNT, 48, 48), dtype=np.uint8)
    return normalise(pixels, True)


TARGETS = np.arange(COUNT) % 7
ONE_HOT = np.eye(7, dtype=np.float32)[TARGETS]


def noisy(images, sigma):
    """The copies (n, samples, 48, 48, 1) that our SmoothGrad averages over."""
    noise = np.stack(
        [
            np.random.default_rng((0, i)).standard_normal((SAMPLES, *image.shape))
            for i, image in enumerate(images)
        ]
    )
    return (images[:, None] + sigma * noise).astype(np.float32)


def close(ours, theirs, tolerance):
    np.testing.assert_allclose(ours, theirs, atol=tolerance * np.abs(theirs).max())


class TestTfKerasVis:
    @pytest.fixture
    def saliency(self, model):
        library = pytest.importorskip("tf_keras_vis.saliency")
        scores = pytest.importorskip("tf_keras_vis.utils.scores")
        maps = library.Saliency(model, clone=False)
        score = scores.CategoricalScore(TARGETS.tolist())
        signed = {"gradient_modifier": None, "normalize_map": False}
        return lambda images, **options: maps(score, images, **signed, **options)

    def test_gradient(self, saliency, model, images):
        close(explain("gradient", model, images, TARGETS), saliency(images), 1e-5)

    def test_smoothgrad(self, saliency, model, images, monkeypatch):
        ours = explain("smoothgrad", model, images, TARGETS, samples=SAMPLES, sigma=SIGMA)
        draws = np.moveaxis(noisy(images, 1.0) - images[:, None], 1, 0)
        monkeypatch.setattr(np.random, "normal", lambda mean, sigma, shape: mean + sigma * draws)
        theirs = saliency(images, smooth_samples=SAMPLES, smooth_noise=SIGMA)
        close(ours, theirs, 1e-5)


class TestXplique:
    @pytest.fixture
    def attributions(self):
        return pytest.importorskip("xplique.attributions")

    def test_gradient(self, attributions, model, images):
        theirs = attributions.Saliency(model)(images, ONE_HOT).numpy()[..., 0]
        close(np.abs(explain("gradient", model, images, TARGETS)), theirs, 1e-5)

    def test_smoothgrad(self, attributions, model, images, monkeypatch):
        images = images / np.ptp(images, axis=(1, 2, 3), keepdims=True)  # its noise is absolute
        ours = explain("smoothgrad", model, images, TARGETS, samples=SAMPLES, sigma=SIGMA)
        copies = noisy(images, SIGMA)
        kind = attributions.SmoothGrad
        monkeypatch.setattr(
            "xplique.attributions.gradient_statistics.gradient_statistic.GradientStatistic."
            "_perturb_samples",
            lambda rows, count, sigma: copies.reshape(-1, 48, 48, 1),
        )
        every = kind(model, nb_samples=SAMPLES, noise=SIGMA, batch_size=COUNT * SAMPLES)
        close(ours, every(images, ONE_HOT).numpy()[..., 0], 1e-5)

    def test_integrated_gradients(self, attributions, model, images):
        theirs = attributions.IntegratedGradients(model, steps=STEPS, baseline_value=0.0)
        ours = explain("integrated_gradients", model, images, TARGETS, steps=STEPS, baseline=0.0)
        # midpoint rule against trapezoids: both converge to the integral
        close(ours, theirs(images, ONE_HOT).numpy()[..., 0], 1e-3)
