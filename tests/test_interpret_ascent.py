import numpy as np
import pytest

from fer_utils.backend import keras, tf
from fer_utils.interpret import adversarial, ascent
from fer_utils.interpret.introspection import normalise_tensor

SIZE = 16
LAYERS = keras.layers


def one_convolution(kernels, bias=None, activation=None):
    """Kernels (k, 5, 5) as a model of a single convolution."""
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            LAYERS.Conv2D(len(kernels), 5, padding="same", activation=activation, name="conv1"),
            LAYERS.ReLU(name="relu1"),
        ]
    )
    weights = np.moveaxis(np.asarray(kernels), 0, -1)[:, :, None]
    model.set_weights([weights, np.zeros(len(kernels)) if bias is None else bias])
    return model


@pytest.fixture(scope="module")
def kernels():
    return np.random.default_rng(0).normal(size=(3, 5, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIZE, SIZE, 1))
    x = LAYERS.Conv2D(8, 3, padding="same", name="conv1")(inputs)
    x = LAYERS.BatchNormalization(name="bn1")(x)
    x = LAYERS.ReLU(name="relu1")(x)
    x = LAYERS.Conv2D(6, 3, padding="same", activation="relu", name="conv2")(x)
    x = LAYERS.Flatten()(x)
    return keras.Model(inputs, LAYERS.Dense(4, activation="softmax", name="classes")(x))


@pytest.mark.parametrize("activation", [None, "relu"])
def test_plain_ascent_finds_the_kernels_of_one_convolution(kernels, activation):
    model = one_convolution(kernels, activation=activation)
    found = ascent.maximise(model, "conv1", objective="centre", steps=3)
    assert found.images.shape == (3, SIZE, SIZE)
    assert found.images.dtype == np.float32
    at = SIZE // 2
    for image, kernel in zip(found.images, kernels, strict=True):
        patch = image[at - 2 : at + 3, at - 2 : at + 3] - 0.5
        assert np.corrcoef(patch.ravel(), kernel.ravel())[0, 1] > 0.95
        np.testing.assert_allclose(image[0], 0.5, atol=0.1)
    by_hand = np.einsum("kij,kij->k", found.images[:, at - 2 : at + 3, at - 2 : at + 3], kernels)
    np.testing.assert_allclose(found.activation, by_hand, rtol=1e-4)


def test_channel_mean_of_a_linear_layer_draws_nothing_but_a_border(kernels):
    """Its gradient is the same at all pixels that every kernel position reaches."""
    found = ascent.maximise(one_convolution(kernels), "conv1", steps=5)
    change = found.images - ascent.maximise(one_convolution(kernels), "conv1", steps=0).images
    np.testing.assert_allclose(np.ptp(change[:, 4:-4, 4:-4], axis=(1, 2)), 0, atol=1e-5)
    assert (np.ptp(change, axis=(1, 2)) > 0.05).all()


def test_never_activating_filters_are_flagged(kernels):
    model = one_convolution(kernels, bias=np.array([0, -1000, 0]))
    for method in ascent.RATES:
        found = ascent.maximise(model, "relu1", method=method, steps=3)
        assert found.dead.tolist() == [False, True, False]
        assert (found.activation[1] < 0).all()


def test_a_filter_that_is_only_negative_at_the_start_is_not_dead():
    model = one_convolution(np.ones((1, 5, 5)), bias=np.array([-24.0]))
    assert not ascent.maximise(model, "relu1", steps=100).dead.any()


@pytest.mark.parametrize("method", ascent.RATES)
@pytest.mark.parametrize("layer", ["relu1", "classes"])
def test_ascent_climbs_and_stays_in_range(network, layer, method):
    options = {"method": method, "preprocess": normalise_tensor, "seed": 3}
    start = ascent.maximise(network, layer, steps=0, **options)
    found = ascent.maximise(network, layer, steps=30, **options)
    assert len(found.images) == {"relu1": 8, "classes": 4}[layer]
    assert (found.activation > start.activation).all()
    assert 0 <= found.images.min() <= found.images.max() <= 1
    assert np.isfinite(found.images).all()


@pytest.mark.parametrize("method", ascent.RATES)
def test_an_image_depends_on_seed_and_filter_only(network, method):
    def maximise(filters, **options):
        return ascent.maximise(network, "conv2", filters, method=method, steps=5, **options).images

    together = maximise([0, 1, 2, 3, 4])
    others = maximise([3, 1, 4], batch=2)
    np.testing.assert_allclose(others, together[[3, 1, 4]], atol=1e-3)
    assert not np.allclose(maximise([3, 1, 4], seed=1), others, atol=1e-3)


def test_class_images_climb_the_logit_under_a_softmax(network):
    found = ascent.maximise(network, "classes", [2], steps=40)
    probability = network(found.images[..., None], training=False).numpy()[0]
    assert probability.argmax() == 2
    features = keras.Model(network.inputs[0], network.layers[-2].output)(found.images[..., None])
    weights, bias = network.layers[-1].get_weights()
    np.testing.assert_allclose(
        found.activation, (features.numpy() @ weights + bias)[:, 2], rtol=1e-4
    )


def test_regularised_images_have_less_high_frequency():
    kernels = np.random.default_rng(1).normal(size=(8, 5, 5))
    model = one_convolution(kernels)
    shares = {
        method: ascent.high_frequency_share(
            ascent.maximise(model, "conv1", method=method, objective="centre", steps=50).images
        ).mean()
        for method in ascent.RATES
    }
    assert shares["regularised"] < shares["plain"]


def test_windows_of_the_regularised_ascent():
    boxes = ascent.random_windows(np.random.default_rng(0), 1000, (48, 48))
    scale = boxes[:, 2] - boxes[:, 0]
    assert 0.95 <= scale.min() < 0.96
    assert 1.04 < scale.max() <= 1.05
    np.testing.assert_allclose(boxes[:, 3] - boxes[:, 1], scale, atol=1e-6)
    shift = ((boxes[:, 0] + boxes[:, 2]) / 2 - 0.5) * 47
    assert 4 < np.abs(shift).max() <= 3 + 2 * 1.05


def test_unknown_method(network):
    with pytest.raises(ValueError, match="method='fancy'"):
        ascent.maximise(network, "conv1", method="fancy")


def test_activation_maps_and_kernels(kernels):
    model = one_convolution(kernels)
    image = np.zeros((1, SIZE, SIZE), np.float32)
    image[0, 8, 8] = 1
    maps = ascent.activation_maps(model, "conv1", image)
    assert maps.shape == (1, SIZE, SIZE, 3)
    for k, kernel in enumerate(kernels):
        np.testing.assert_allclose(maps[0, 6:11, 6:11, k], kernel[::-1, ::-1], rtol=1e-5)
    np.testing.assert_array_equal(ascent.kernels(model, "conv1")[..., 0], kernels)


def test_normalise_tensor_is_the_homeworks_normalisation():
    images = np.random.default_rng(0).random((3, SIZE, SIZE, 1)).astype(np.float32)
    images[2] = 0.5
    done = normalise_tensor(tf.constant(images)).numpy()
    centred = images - images.mean((1, 2, 3), keepdims=True)
    expected = centred / images.std((1, 2, 3), keepdims=True).clip(1e-3)
    np.testing.assert_allclose(done, expected, atol=1e-5)


def test_high_frequency_share_of_waves():
    x = np.arange(16)
    waves = [np.cos(2 * np.pi * f * x / 16) * np.ones((16, 1)) for f in (1, 7)]
    images = np.stack([*waves, sum(waves), np.full((16, 16), 0.3)])
    np.testing.assert_allclose(
        ascent.high_frequency_share(images), [0, 1, 0.5, 0], rtol=1e-6, atol=1e-6
    )


def test_border_response_by_hand():
    """Of 4x4 pixels 12 lie on the ring and 4 inside."""
    ring = ascent.border_ring(4)
    assert ring.sum() == 12
    flat = np.ones((2, 4, 4))
    three_to_one = np.where(ring, 3**0.5, 1) * flat
    maps = np.stack([flat, ring * flat, three_to_one, 0 * flat], axis=-1)
    np.testing.assert_allclose(ascent.border_response(maps, ring), [0.5, 1, 0.75, np.nan])


@pytest.fixture(scope="module")
def linear():
    """Logits [w . x + b, 0] of images (SIZE, SIZE), and w."""
    weights = np.random.default_rng(2).normal(size=SIZE * SIZE) / SIZE
    model = keras.Sequential([keras.Input((SIZE, SIZE, 1)), LAYERS.Flatten(), LAYERS.Dense(2)])
    model.set_weights([np.stack([weights, 0 * weights], axis=1), np.zeros(2)])
    return model, weights


@pytest.mark.parametrize("batch", [2, 64])
def test_fgsm_epsilon_of_a_linear_model_is_margin_over_l1_norm(linear, batch):
    model, weights = linear
    images = 0.5 + 0.1 * np.random.default_rng(3).uniform(-1, 1, (5, SIZE, SIZE))
    margins = images.reshape(5, -1) @ weights
    labels = (margins < 0).astype(int)
    expected = np.abs(margins) / np.abs(weights).sum()
    maximum = 0.2
    assert expected.max() < maximum
    epsilon = adversarial.fgsm_epsilon(model, images, labels, maximum=maximum, batch=batch)
    resolution = maximum / 32 / 2**8
    np.testing.assert_allclose(epsilon, expected, atol=2 * resolution)
    direction = adversarial.fgsm_direction(model, images, labels)
    flipped = adversarial.fgsm(images, direction, epsilon + resolution)
    assert (np.argmax(model(flipped[..., None]), axis=1) != labels).all()


def test_fgsm_epsilon_is_0_for_the_wrong_and_inf_for_the_unmoved(linear):
    model, weights = linear
    image = np.full((1, SIZE, SIZE), 0.5)
    label = int(0.5 * weights.sum() < 0)
    assert adversarial.fgsm_epsilon(model, image, [1 - label]) == [0]
    assert np.isinf(adversarial.fgsm_epsilon(model, image, [label], maximum=1e-6))
