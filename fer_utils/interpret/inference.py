"""A model's outputs for many inputs, in inference mode."""

from collections.abc import Callable

import numpy as np

from fer_utils.backend import keras, tf


def predictor(model: keras.Model, batch_size: int = 256) -> Callable[[np.ndarray], np.ndarray]:
    """A function from a model's inputs (n, h, w, 1) to its outputs (n, k) float32, for inference.

    The last batch is padded, so that every batch has one shape and is traced once.
    """
    forward = tf.function(lambda x: model(x, training=False))

    def predict(inputs: np.ndarray) -> np.ndarray:
        outputs = []
        for start in range(0, len(inputs), batch_size):
            batch = inputs[start : start + batch_size]
            padding = [(0, batch_size - len(batch))] + [(0, 0)] * (inputs.ndim - 1)
            outputs.append(forward(tf.constant(np.pad(batch, padding))).numpy()[: len(batch)])
        return np.concatenate(outputs)

    return predict
