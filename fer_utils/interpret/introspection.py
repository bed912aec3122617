"""Looks inside a trained Keras model: logits, pre-activations, inner values, in batches.

Everything runs in inference mode and reads the model's live weights, so a later change of the
weights is seen without building anything again.
"""

from collections.abc import Callable, Iterator, Sequence
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


@contextmanager
def _without_activation(layer: keras.Layer) -> Iterator[None]:
    activation, layer.activation = layer.activation, keras.activations.linear
    try:
        yield
    finally:
        layer.activation = activation


def logits_of(model: keras.Model, *tensors: keras.KerasTensor) -> Callable:
    """The function images `(n, h, w, 1)` tensor -> logits `(n, classes)` float32 of `model`.

    A softmax at the end, fused into the last layer or a layer of its own, is left out. With inner
    `tensors` of the model the function returns [*their values, logits], of one forward pass.
    Raises ValueError if the model ends in another activation.
    """
    last = model.layers[-1]
    top = last.input if isinstance(last, keras.layers.Softmax) else model.outputs[0]
    forward = output_of(model, [*tensors, top] if tensors else top)
    while isinstance(last, keras.Model):
        last = last.layers[-1]
    activation = getattr(last, "activation", keras.activations.linear)
    if activation is keras.activations.linear:
        return forward
    if activation is not keras.activations.softmax:
        raise ValueError(f"{model.name} ends in {activation.__name__}, not in logits or a softmax")

    def logits(images):
        with _without_activation(last):
            return forward(images)

    return logits


def pre_activation_of(model: keras.Model, name: str) -> Callable:
    """The function images `(n, h, w, 1)` tensor -> what layer `name` holds before its activation.

    For a layer that is only an activation (ReLU, ...) that is its input, for a layer with a fused
    activation the value that goes into it, for a linear layer its output; float32.
    """
    layer = model.get_layer(name)
    if isinstance(layer, ACTIVATION_LAYERS):
        return output_of(model, layer.input)
    if getattr(layer, "activation", keras.activations.linear) is keras.activations.linear:
        return output_of(model, layer.output)
    below = output_of(model, layer.input)

    def pre_activation(images):
        with _without_activation(layer):
            return tf.cast(layer(below(images)), tf.float32)

    return pre_activation


def output_of(
    model: keras.Model, tensors: keras.KerasTensor | Sequence[keras.KerasTensor]
) -> Callable:
    """The function images `(n, h, w, 1)` tensor -> float32 values of the model's inner `tensors`.

    One tensor gives one value, a list of them a list.
    """
    inner = keras.Model(model.inputs[0], tensors)

    def values(images):
        return tf.nest.map_structure(
            lambda value: tf.cast(value, tf.float32), inner(images, training=False)
        )

    return values


def normalise_tensor(images: tf.Tensor) -> tf.Tensor:
    """(image - mean) / std of each image of a tensor `(n, h, w, 1)`; a constant image becomes 0.

    Differentiable; the `preprocess` of models that were trained on per-image normalisation.
    """
    centred = images - tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    variance = tf.reduce_mean(centred**2, axis=(1, 2, 3), keepdims=True)
    return centred * tf.math.rsqrt(tf.maximum(variance, 1e-12))


def with_channel(images: np.ndarray) -> np.ndarray:
    """Images `(n, h, w)` or `(n, h, w, 1)` as `(n, h, w, 1)` float32."""
    images = np.asarray(images, np.float32)
    return images.reshape(*images.shape[:3], 1)


def in_batches(function: Callable, batch: int, *arrays: np.ndarray) -> np.ndarray:
    """`function` applied to at most `batch` rows of `arrays` at a time, the results joined.

    What it returns, tensors or arrays with a row per row, comes back as one array.
    """
    rows = range(0, len(arrays[0]), batch)
    return np.concatenate([function(*(a[i : i + batch] for a in arrays)) for i in rows])
