"""Looks inside a trained Keras model: its layers, logits, pre-activations and inner values.

A model is functional or sequential, of one input and one output; it may contain further models.
Everything runs in inference mode and reads the model's live weights, so a later change of the
weights is seen without building anything again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from fer_utils.backend import keras, tf

ACTIVATION_LAYERS = (
    keras.layers.Activation,
    keras.layers.ELU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ReLU,
    keras.layers.Softmax,
)
CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)


def layers_of(model: keras.Model) -> list[keras.Layer]:
    """List the layers of a model in order, those of a model inside it in that model's place."""
    found = []
    for layer in model.layers:
        found += layers_of(layer) if isinstance(layer, keras.Model) else [layer]
    return found


def layer_of(model: keras.Model, name: str) -> keras.Layer:
    """Find a layer by its name, also in a model inside the model.

    Raises ValueError, which names the layers that there are, if none is called so.
    """
    layers = layers_of(model)
    for layer in layers:
        if layer.name == name:
            return layer
    known = ", ".join(layer.name for layer in layers)
    raise ValueError(f"{model.name} has no layer {name!r}; it has {known}")


def logits_of(model: keras.Model, layer: keras.Layer | None = None) -> Callable:
    """Return the function from images to the logits of a classifier.

    Parameters
    ----------
    model
        Ends in logits or in a softmax, which is left out, whether it is a layer of its own or fused
        into the last one.
    layer
        One of `layers_of(model)`, if its output is wanted as well.

    Returns
    -------
    Callable
        Tensor (n, h, w, c) -> logits (n, classes) float32; with a `layer` the pair of its output
        and the logits, of one forward pass.

    Raises
    ------
    ValueError
        If the model ends in another activation.
    """
    last = layers_of(model)[-1]
    activation = getattr(last, "activation", keras.activations.linear)
    if activation not in (keras.activations.linear, keras.activations.softmax):
        raise ValueError(f"{model.name} ends in {activation.__name__}, not in logits or a softmax")

    def logits(images):
        with _without_activation(last), _recorded(layer or last) as seen:
            outputs = tf.cast(model(images, training=False), tf.float32)
        return outputs if layer is None else (tf.cast(seen[0][1], tf.float32), outputs)

    return logits


def pre_activation_of(model: keras.Model, name: str) -> Callable:
    """Return the function from images to what layer `name` holds before its activation.

    The function maps a tensor (n, h, w, c) to float32 values: for a layer that is only an
    activation (ReLU, ...) to its input, for a layer with a fused activation to the value that goes
    into it, for a linear layer to its output. Raises ValueError if there is no such layer.
    """
    layer = layer_of(model, name)
    place = 0 if isinstance(layer, ACTIVATION_LAYERS) else 1  # the layer's input, or its output

    def pre_activation(images):
        with _without_activation(layer), _recorded(layer) as seen:
            model(images, training=False)
        return tf.cast(seen[0][place], tf.float32)

    return pre_activation


def output_of(model: keras.Model, name: str) -> Callable:
    """Return the function from images, a tensor (n, h, w, c), to float32 outputs of layer `name`.

    Raises ValueError if there is no such layer.
    """
    layer = layer_of(model, name)

    def values(images):
        with _recorded(layer) as seen:
            model(images, training=False)
        return tf.cast(seen[0][1], tf.float32)

    return values


def normalise_tensor(images: tf.Tensor) -> tf.Tensor:
    """Subtract each image's mean and divide by its standard deviation; a constant image becomes 0.

    Images are a tensor (n, h, w, c). Differentiable: this is the `preprocess` of models that were
    trained on per-image normalisation.
    """
    centred = images - tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    variance = tf.reduce_mean(centred**2, axis=(1, 2, 3), keepdims=True)
    return centred * tf.math.rsqrt(tf.maximum(variance, 1e-12))


def with_channel(images: np.ndarray) -> np.ndarray:
    """Return images (n, h, w) or (n, h, w, c) as (n, h, w, c) float32; without channels c is 1."""
    images = np.asarray(images, np.float32)
    return images[..., None] if images.ndim == 3 else images


@contextmanager
def _without_activation(layer: keras.Layer) -> Iterator[None]:
    """Let a layer leave out the activation at its end; a softmax layer hands on what it gets."""
    if isinstance(layer, keras.layers.Softmax):
        with _calling(layer, lambda inputs, **_: inputs):
            yield
    elif hasattr(layer, "activation"):
        activation, layer.activation = layer.activation, keras.activations.linear
        try:
            yield
        finally:
            layer.activation = activation
    else:
        yield


@contextmanager
def _recorded(layer: keras.Layer) -> Iterator[list[tuple]]:
    """Give the list that gets the input and the output of a layer with each of its calls."""
    call, seen = layer.call, []

    def recording(inputs, *args, **options):
        outputs = call(inputs, *args, **options)
        seen.append((inputs, outputs))
        return outputs

    with _calling(layer, recording):
        yield seen


@contextmanager
def _calling(layer: keras.Layer, function: Callable) -> Iterator[None]:
    """Let a function stand in for a layer's `call`."""
    before = vars(layer).get("call")  # of a function that stands in already
    layer.call = function
    try:
        yield
    finally:
        if before is None:
            del layer.call  # what is left is the method of its class
        else:
            layer.call = before
