import numpy as np
import pytest

from fer_utils.backend import keras
from fer_utils.interpret import maps as saliency_maps
from fer_utils.interpret import saliency
from fer_utils.interpret.saliency import explain, score

SIZE = 12
LAYERS = keras.layers


def convolutional(end="logits", *, functional=True, seed=0):
    """3 classes; ends in logits, in a fused softmax or in a softmax layer of its own."""
    keras.utils.set_random_seed(seed)
    stack = [
        LAYERS.Conv2D(4, 3, padding="same", name="first"),
        LAYERS.BatchNormalization(),
        LAYERS.ReLU(),
        LAYERS.MaxPooling2D(),
        LAYERS.Conv2D(5, 3, padding="same", activation="relu", name="second"),
        LAYERS.MaxPooling2D(),
        LAYERS.Flatten(),
        LAYERS.Dropout(0.5),
        LAYERS.Dense(3, activation="softmax" if end == "fused" else None, name="scores"),
    ]
    stack += [LAYERS.Softmax()] if end == "layer" else []
    if not functional:
        return keras.Sequential([keras.Input((SIZE, SIZE, 1)), *stack])
    inputs = x = keras.Input((SIZE, SIZE, 1))
    for layer in stack:
        x = layer(x)
    return keras.Model(inputs, x)


def linear(classes=2, *, seed=1):
    """A model whose logits are inner products; returns it and its weights (classes, size, size)."""
    model = keras.Sequential(
        [keras.Input((SIZE, SIZE, 1)), LAYERS.Flatten(), LAYERS.Dense(classes)]
    )
    weights = np.random.default_rng(seed).normal(size=(SIZE * SIZE, classes)).astype(np.float32)
    model.layers[-1].set_weights([weights / SIZE, np.arange(classes, dtype=np.float32)])
    return model, (weights / SIZE).T.reshape(classes, SIZE, SIZE)


def watching(rows, columns):
    """A convolutional model whose logit 1 is the sum of the ReLU of one patch; logit 0 is 0."""
    inputs = keras.Input((SIZE, SIZE, 1))
    features = LAYERS.Conv2D(1, 1, activation="relu")(inputs)
    model = keras.Model(inputs, LAYERS.Dense(2)(LAYERS.Flatten()(features)))
    kernel = np.zeros((SIZE, SIZE, 2), np.float32)
    kernel[rows, columns, 1] = 1
    model.set_weights(
        [np.ones((1, 1, 1, 1)), np.zeros(1), kernel.reshape(-1, 2), np.zeros(2)],
    )
    return model


def images_of(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, SIZE, SIZE)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    return convolutional()


def test_gradient_of_a_linear_model_is_its_weights():
    model, weights = linear()
    maps = explain("gradient", model, images_of(3), [0, 1, 0])
    assert maps.shape == (3, SIZE, SIZE)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, weights[[0, 1, 0]], rtol=1e-5)
    np.testing.assert_allclose(
        explain("smoothgrad", model, images_of(2), [0, 1]), weights[[0, 1]], rtol=1e-4
    )


def test_integrated_gradients_of_a_linear_model_are_weight_times_difference():
    model, weights = linear()
    images = images_of(2)
    expected = weights * (images - images.mean(axis=(1, 2), keepdims=True))
    maps = explain("integrated_gradients", model, images, [0, 1], steps=3)
    np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-6)
    maps = explain("integrated_gradients", model, images, [0, 1], steps=3, baseline=0.5)
    np.testing.assert_allclose(maps, weights * (images - 0.5), rtol=1e-3, atol=1e-6)


def completeness_error(model, images, targets, maps, of):
    """|sum of map - D| / |D| per image, D = score(image) - score(its mean)."""
    means = np.broadcast_to(images.mean((1, 2), keepdims=True), images.shape)
    difference = score(model, images, targets, of=of) - score(model, means, targets, of=of)
    return np.abs(maps.sum(axis=(1, 2)) - difference) / np.abs(difference)


@pytest.mark.parametrize("of", ["logit", "probability"])
def test_integrated_gradients_are_complete_at_50_steps(model, of):
    images, targets = images_of(8), np.arange(8) % 3
    maps = explain("integrated_gradients", model, images, targets, of=of)
    error = completeness_error(model, images, targets, maps, of)
    assert np.median(error) <= 0.01
    wrong = completeness_error(model, images, targets, 2 * maps, of)
    assert np.median(wrong) == pytest.approx(1, abs=0.02)


def test_probability_of_two_classes_has_p_1_minus_p_times_the_gradient():
    model, weights = linear()
    images = images_of(3)
    p = score(model, images, [1, 1, 1], of="probability")
    expected = (p * (1 - p))[:, None, None] * (weights[1] - weights[0])
    maps = explain("gradient", model, images, [1, 1, 1], of="probability")
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("end", "functional"), [("fused", True), ("layer", False)])
def test_softmax_and_logits_models_give_the_same_maps(model, end, functional):
    other = convolutional(end, functional=functional, seed=1)
    other.set_weights(model.get_weights())
    images, targets = images_of(4), [0, 1, 2, 0]
    for of in saliency.SCORES:
        for method in ("gradient", "grad_cam"):
            maps = [explain(method, m, images, targets, of=of) for m in (model, other)]
            np.testing.assert_allclose(*maps, rtol=1e-3, atol=1e-5, err_msg=f"{method} {of}")
        scores = [score(m, images, targets, of=of) for m in (model, other)]
        np.testing.assert_allclose(*scores, rtol=1e-4)
    outputs = other(images[..., None], training=False)
    np.testing.assert_allclose(np.sum(outputs, axis=1), 1, rtol=1e-5)


def test_a_nested_model_that_ends_in_a_softmax():
    inner = convolutional("fused")
    nested = keras.Sequential([keras.Input((SIZE, SIZE, 1)), inner])
    images, targets = images_of(2), [0, 1]
    maps = [explain("gradient", m, images, targets) for m in (inner, nested)]
    np.testing.assert_allclose(*maps, rtol=1e-4, atol=1e-6)


def test_new_weights_are_seen():
    model = convolutional(seed=2)
    before = explain("gradient", model, images_of(1), [0])
    model.set_weights([2 * weight for weight in model.get_weights()])
    assert not np.allclose(before, explain("gradient", model, images_of(1), [0]))


@pytest.mark.parametrize("method", saliency.METHODS)
def test_maps_do_not_depend_on_the_batch_size_or_a_channel_axis(model, method):
    images, targets = images_of(5), [0, 1, 2, 1, 0]
    maps = explain(method, model, images, targets)
    small = explain(method, model, images[..., None], targets, batch=3)
    np.testing.assert_allclose(maps, small, rtol=1e-3, atol=1e-5)


def test_smoothgrad_noise_is_a_function_of_seed_and_position(model):
    images, targets = images_of(3), [0, 1, 2]
    first = explain("smoothgrad", model, images, targets, seed=1, samples=5)
    np.testing.assert_allclose(
        first[:2],
        explain("smoothgrad", model, images[:2], targets[:2], seed=1, samples=5),
        rtol=1e-3,
        atol=1e-5,
    )
    assert not np.allclose(first, explain("smoothgrad", model, images, targets, seed=2, samples=5))
    still = explain("smoothgrad", model, images, targets, sigma=0, samples=2)
    np.testing.assert_allclose(
        still, explain("gradient", model, images, targets), rtol=1e-3, atol=1e-5
    )


def test_smoothgrad_sigma_is_relative_to_the_range():
    """The gradient of half the squares of the pixels is the noisy copy itself."""
    inputs = keras.Input((SIZE, SIZE, 1))
    squares = LAYERS.Flatten()(LAYERS.Multiply()([inputs, inputs]))
    model = keras.Model(
        inputs,
        LAYERS.Dense(1, kernel_initializer=lambda shape, dtype: np.full(shape, 0.5, dtype))(
            squares
        ),
    )
    images = np.tile(np.linspace(0, 10, SIZE * SIZE).reshape(1, SIZE, SIZE), (200, 1, 1))
    noisy = explain("smoothgrad", model, images, [0] * 200, sigma=0.2, samples=1)
    assert np.std(noisy - images) == pytest.approx(2, rel=0.02)


def test_grad_cam_and_occlusion_find_the_only_patch_that_counts():
    model = watching(slice(4, 8), slice(0, 4))
    images = np.abs(images_of(2)) + 1
    inside = np.zeros((SIZE, SIZE), bool)
    inside[4:8, :4] = True
    maps = explain("occlusion", model, images, [1, 1], patch=4, stride=4, fill=0)
    expected = images[:, 4:8, :4].sum(axis=(1, 2))
    np.testing.assert_allclose(maps[:, inside], np.repeat(expected[:, None], 16, 1), rtol=1e-5)
    np.testing.assert_allclose(maps[:, ~inside], 0, atol=1e-4)
    dark = images * np.where(inside, 1, 0.01)
    maps = explain("grad_cam", model, dark, [1, 1])
    assert saliency_maps.most_influential(maps, 16 / SIZE**2)[:, inside].all()


def test_grad_cam_by_hand():
    """One 1x1 filter of weight 1: the map is the mean gradient (16 / 144) times the features."""
    model = watching(slice(4, 8), slice(0, 4))
    images = images_of(2)
    maps = explain("grad_cam", model, images, [1, 1])
    np.testing.assert_allclose(maps, np.maximum(images, 0) * 16 / 144, rtol=1e-5)


@pytest.mark.parametrize("features", ["last", "relu"])
def test_grad_cam_takes_the_feature_maps_after_normalisation_and_relu(features):
    keras.utils.set_random_seed(0)
    stack = [LAYERS.Conv2D(4, 3, padding="same", name="first"), LAYERS.MaxPooling2D()]
    stack += [LAYERS.Conv2D(3, 3, padding="same", name="last")]
    if features == "relu":
        stack += [LAYERS.BatchNormalization(name="norm"), LAYERS.ReLU(name="relu")]
    stack += [LAYERS.MaxPooling2D(name="pool"), LAYERS.Flatten(), LAYERS.Dense(3)]
    model = keras.Sequential([keras.Input((SIZE, SIZE, 1)), *stack])
    chosen = explain("grad_cam", model, images_of(2), [0, 1])
    names = [layer.name for layer in stack[:-2]]
    same = {
        name: np.allclose(chosen, explain("grad_cam", model, images_of(2), [0, 1], layer=name))
        for name in names
    }
    assert [name for name in names if same[name]] == [features]


@pytest.mark.parametrize("stride", [3, 4, 5])
def test_occlusion_covers_every_pixel(model, stride):
    maps = explain("occlusion", model, images_of(1), [0], patch=5, stride=stride)
    assert np.isfinite(maps).all()
    assert (maps != 0).all()


def test_errors(model):
    images = images_of(1)
    with pytest.raises(ValueError, match="unknown method 'lime'"):
        explain("lime", model, images, [0])
    with pytest.raises(ValueError, match="unknown score 'loss'"):
        explain("gradient", model, images, [0], of="loss")
    with pytest.raises(ValueError, match="exceeds patch"):
        explain("occlusion", model, images, [0], patch=2, stride=3)
    with pytest.raises(ValueError, match="no convolution"):
        explain("grad_cam", linear()[0], images, [0])
    with pytest.raises(TypeError, match="samples"):
        explain("gradient", model, images, [0], samples=3)
    sigmoid = keras.Sequential(
        [keras.Input((SIZE, SIZE, 1)), LAYERS.Flatten(), LAYERS.Dense(1, activation="sigmoid")]
    )
    with pytest.raises(ValueError, match="ends in sigmoid"):
        explain("gradient", sigmoid, images, [0])
