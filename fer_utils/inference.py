"""A network's outputs for many inputs, in inference mode: the one batched forward pass."""

from collections.abc import Callable

import numpy as np

from fer_utils.backend import keras, tf


def predictor(
    model: keras.Model,
    batch_size: int = 256,
    *,
    preprocess: Callable = tf.identity,
    padded: bool = True,
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from a model's inputs to its outputs, in inference mode.

    Parameters
    ----------
    model
        A Keras model of one input and one output.
    batch_size
        How many inputs the model receives at a time, at most.
    preprocess
        A TensorFlow function from what is given to what the model receives, of the same shape.
    padded
        Whether the last batch is padded with zeros, so that all batches have one shape. Otherwise
        a single input costs as much as one input does.

    Returns
    -------
    Callable
        (n, ...) float32 -> (n, k) float32, for n >= 1. The model is traced once.
    """
    shape = (batch_size if padded else None, *model.inputs[0].shape[1:])

    @tf.function(input_signature=[tf.TensorSpec(shape)])
    def forward(inputs):
        return model(preprocess(inputs), training=False)

    def of_batch(batch: np.ndarray) -> np.ndarray:
        missing = batch_size - len(batch) if padded else 0
        rows = np.pad(batch, [(0, missing)] + [(0, 0)] * (batch.ndim - 1))
        return forward(tf.constant(rows, tf.float32)).numpy()[: len(batch)]

    return lambda inputs: in_batches(of_batch, batch_size, inputs)


def in_batches(function: Callable, batch_size: int, *arrays: np.ndarray) -> np.ndarray:
    """Apply a function to at most `batch_size` rows of `arrays` at a time, and join the results.

    What the function returns, a tensor or an array, has a row per row that it was given.
    """
    starts = range(0, len(arrays[0]), batch_size)
    return np.concatenate([function(*(a[i : i + batch_size] for a in arrays)) for i in starts])
