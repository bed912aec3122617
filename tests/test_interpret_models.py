"""Every method on models of other shapes: colour, models within models, no Flatten."""

import numpy as np
import pytest

from fer_utils.backend import keras
from fer_utils.interpret import adversarial, architecture, ascent, faithfulness
from fer_utils.interpret.introspection import layers_of, normalise_tensor
from fer_utils.interpret.saliency import METHODS, explain, score

L = keras.layers
COLOUR, GREY = (20, 24, 3), (16, 16, 1)
OPTIONS = {"smoothgrad": {"samples": 4}, "integrated_gradients": {"steps": 200}}


def convolutions():
    return [
        L.Conv2D(4, 3, padding="same", name="conv1"),
        L.BatchNormalization(name="bn1"),
        L.ReLU(name="relu1"),
        L.MaxPooling2D(name="pool1"),
        L.Conv2D(6, 3, padding="same", activation="relu", name="conv2"),
    ]


def classifier(end):
    """Without Flatten, and with; three classes, as logits or as probabilities."""
    if end == "pooled":
        return [L.GlobalAveragePooling2D(name="average"), L.Dense(3, name="scores")]
    return [L.Flatten(name="flat"), L.Dense(3, name="scores"), L.Softmax(name="softmax")]


def sequential(shape, layers, name=None):
    return keras.Sequential([keras.Input(shape), *layers], name=name)


def functional(shape, layers, name=None):
    inputs = x = keras.Input(shape)
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x, name=name)


def flat(shape, first, last):
    return sequential(shape, [*first, *last])


def backbone(shape, first, last):
    """The convolutions are a model within the model."""
    return functional(shape, [functional(shape, first, "backbone"), *last])


def whole(shape, first, last):
    """All of it is a model within a model within a model."""
    inner = sequential(shape, [functional(shape, first, "backbone"), *last], "inner")
    return sequential(shape, [inner])


NESTED = {"backbone": backbone, "whole": whole}
SHAPES = {"colour": COLOUR, "grey": GREY}
CASES = [
    ("backbone", "colour", "pooled"),
    ("backbone", "grey", "flattened"),
    ("whole", "colour", "flattened"),
    ("whole", "grey", "pooled"),
]


def images_of(shape, n=3):
    return np.random.default_rng(0).random((n, *shape)).astype(np.float32)


def pair(nesting, shape, end):
    """A flat model and one that has the same layers within another model, and images for both."""
    keras.utils.set_random_seed(0)
    parts = convolutions(), classifier(end)
    one = flat(SHAPES[shape], *parts)
    one.set_weights([w + 0.1 * np.random.default_rng(1).random(w.shape) for w in one.get_weights()])
    return one, NESTED[nesting](SHAPES[shape], *parts), images_of(SHAPES[shape])


@pytest.mark.parametrize(("nesting", "shape", "end"), CASES)
def test_maps_of_a_nested_model_are_those_of_the_flat_one(nesting, shape, end):
    one, other, images = pair(nesting, shape, end)
    for method in METHODS:
        options = OPTIONS.get(method, {})
        maps = [explain(method, model, images, [0, 1, 2], **options) for model in (one, other)]
        assert maps[0].shape == images.shape[:3]
        assert (maps[0] != 0).any()
        np.testing.assert_allclose(*maps, rtol=1e-3, atol=1e-5, err_msg=method)
    named = explain("grad_cam", other, images, [0, 1, 2], layer="relu1")
    assert not np.allclose(named, maps[0], atol=1e-5)


def test_layers_are_as_they_were_after_a_look_into_them():
    model = whole(GREY, convolutions(), classifier("flattened"))
    before = [set(vars(layer)) for layer in layers_of(model)]
    explain("grad_cam", model, images_of(GREY), [0, 1, 2])
    ascent.maximise(model, "conv2", [0], steps=1)
    assert [set(vars(layer)) for layer in layers_of(model)] == before
    outputs = model(images_of(GREY), training=False)
    np.testing.assert_allclose(np.sum(outputs, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(("nesting", "shape", "end"), CASES[::2])
def test_pictures_of_a_nested_model_are_those_of_the_flat_one(nesting, shape, end):
    one, other, images = pair(nesting, shape, end)
    size = SHAPES[shape][:2] if shape == "grey" else SHAPES[shape]
    wanted = [("relu1", 4, "plain"), ("conv2", 6, "regularised"), ("scores", 3, "plain")]
    for layer, filters, method in wanted:
        options = {"method": method, "steps": 2, "preprocess": normalise_tensor}
        found = [ascent.maximise(model, layer, **options) for model in (one, other)]
        assert found[0].images.shape == (filters, *size)
        np.testing.assert_allclose(found[0].images, found[1].images, atol=1e-3)
        maps = [ascent.activation_maps(model, layer, images) for model in (one, other)]
        assert maps[0].shape[-1] == filters
        np.testing.assert_allclose(*maps, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(*(ascent.kernels(model, "conv2") for model in (one, other)))


@pytest.mark.parametrize(("nesting", "shape", "end"), CASES[1::2])
def test_small_changes_of_a_nested_model_are_those_of_the_flat_one(nesting, shape, end):
    one, other, images = pair(nesting, shape, end)
    labels = score(one, images.repeat(3, axis=0), np.tile(range(3), 3)).reshape(3, 3).argmax(axis=1)
    signs = [adversarial.fgsm_direction(model, images, labels) for model in (one, other)]
    assert signs[0].shape == images.shape
    assert np.mean(signs[0] == signs[1]) > 0.999
    found = [adversarial.beside_random_signs(m, images, labels, maximum=1.0) for m in (one, other)]
    np.testing.assert_allclose(*found, atol=1e-3)
    assert (found[0][0] > 0).all()


@pytest.mark.parametrize(("nesting", "shape", "end"), CASES[1::2])
def test_layers_of_a_nested_model_get_new_weights_from_the_last_one_down(nesting, shape, end):
    _, model, images = pair(nesting, shape, end)
    before = model.get_weights()
    table = faithfulness.cascading_randomisation({"gradient": {}}, model, images, [0, 1, 2])
    assert table["layer"].unique().tolist() == ["scores", "conv2", "conv1"]
    assert table[table["layer"] == "conv1"]["spearman"].mean() < 0.9
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def linear(shape=COLOUR):
    """Logits [0, weights . image], and the weights."""
    weights = np.random.default_rng(2).normal(size=shape)
    model = sequential(shape, [L.Flatten(), L.Dense(2)])
    model.set_weights([np.stack([np.zeros(weights.size), weights.ravel()], axis=1), np.zeros(2)])
    return model, weights.astype(np.float32)


def test_a_pixel_of_a_linear_colour_model_by_hand():
    """The strongest channel of a gradient; the sum of the channels of integrated gradients."""
    model, weights = linear()
    image = images_of(COLOUR, 1)
    strongest = np.where(weights.max(-1) > -weights.min(-1), weights.max(-1), weights.min(-1))
    for method in ("gradient", "smoothgrad"):
        np.testing.assert_allclose(explain(method, model, image, [1])[0], strongest, rtol=1e-3)
    means = image.mean(axis=(1, 2), keepdims=True)
    expected = (weights * (image - means)).sum(axis=-1)
    found = explain("integrated_gradients", model, image, [1])
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    covered = explain("occlusion", model, image, [1], patch=1, stride=1)
    np.testing.assert_allclose(covered, expected, rtol=1e-3, atol=1e-3)


def test_deletion_replaces_all_channels_of_a_pixel():
    model, weights = linear()
    image = images_of(COLOUR, 1)
    order = np.zeros(image.shape[:3])
    order[0, 3, 5], order[0, 7, 7] = 2, -1
    fractions = np.array([0, 1, 2]) / order.size
    curves = faithfulness.perturbation_curves(model, image, [1], order, fractions=fractions)
    for count, places in enumerate([[], [(3, 5)], [(3, 5), (7, 7)]]):
        changed = image[0].copy()
        for place in places:
            changed[place] = image[0].mean(axis=(0, 1))
        expected = 1 / (1 + np.exp(-np.sum(weights * changed)))
        np.testing.assert_allclose(curves[0, count], expected, rtol=1e-3)


def test_network_free_maps_of_a_colour_image_are_means_over_its_channels():
    image = np.zeros((1, 1, 2, 3))
    image[0, 0, 1] = 2, 4, -6
    maps = faithfulness.network_free_maps(image)
    np.testing.assert_allclose(maps["brightness"], [[[0, 0]]], atol=1e-6)
    np.testing.assert_allclose(maps["contrast"], [[[2, 2]]])
    assert maps["random"].shape == (1, 1, 2)


def test_the_smallest_change_of_a_linear_colour_model_is_margin_over_l1_norm():
    model, weights = linear()
    images = 0.5 + 0.01 * images_of(COLOUR)
    margins = (images * weights).sum(axis=(1, 2, 3))
    found = adversarial.fgsm_epsilon(model, images, (margins > 0).astype(int), maximum=0.2)
    np.testing.assert_allclose(found, np.abs(margins) / np.abs(weights).sum(), atol=1e-4)


def test_a_model_as_tables():
    """Also with convolutions in a model within the model."""
    dense = [L.Flatten(), L.Dense(5), L.Dropout(0.5), L.Dense(3, name="scores")]
    model = backbone((16, 16, 3), [*convolutions(), L.MaxPooling2D(name="pool2")], dense)
    table = architecture.layers(model)
    assert table["part"].unique().tolist() == ["unit_1", "unit_2", "dense_part"]
    assert table.loc["pool1", ["kind", "side", "channels"]].tolist() == ["pooling", 8, 4]
    assert table.loc["scores", ["kind", "side", "channels"]].tolist() == ["dense", 1, 3]
    assert table["rate"].dropna().tolist() == [0.5]
    assert "relu1" not in table.index
    parts = architecture.parts(table)
    assert parts["output"].tolist() == ["8 × 8 × 4", "4 × 4 × 6", "3", "3"]
    assert parts["parameters"]["unit_2"] == 9 * 4 * 6 + 6
    assert parts["parameters"]["total"] == model.count_params()
    assert parts["share"].tolist()[-1] == parts["share"][:-1].sum() == 1


def grad_cam(model, **options):
    return explain("grad_cam", model, images_of(COLOUR), [0, 1, 2], **options)


def network():
    return backbone(COLOUR, convolutions(), classifier("flattened"))


def of_any_size():
    return sequential((None, None, 3), convolutions())


IMPOSSIBLE = {
    "no feature maps": (lambda: grad_cam(linear()[0]), "no convolution"),
    "layer without": (lambda: grad_cam(network(), layer="flat"), "flat of .* feature maps"),
    "unknown layer": (lambda: grad_cam(network(), layer="conv9"), "no layer 'conv9'.*conv1"),
    "unknown filter": (lambda: ascent.maximise(network(), "conv9"), "no layer 'conv9'.*conv1"),
    "any size": (lambda: ascent.maximise(of_any_size(), "conv1"), "a fixed size"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_cannot_be_done_is_said_in_one_line(case):
    call, message = IMPOSSIBLE[case]
    with pytest.raises(ValueError, match=message) as raised:
        call()
    assert "\n" not in str(raised.value)
