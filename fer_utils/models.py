"""The networks: the homework's 12 convolutions, and a dense network to compare with."""

import math
from collections.abc import Callable

import numpy as np

from fer_utils.backend import keras, tf
from fer_utils.experiments import Config
from fer_utils.labels import CLASSES, SIZE

CONVOLUTIONS_PER_UNIT = 3


@keras.saving.register_keras_serializable("fer_utils")
class BatchNorm(keras.layers.BatchNormalization):
    """Keras batch normalisation; of an image tensor by TensorFlow's fused kernel.

    Keras 3 runs the layer unfused on TensorFlow, which costs about a sixth of the training speed on
    a CPU. With several replicas Keras's own synchronised form is used. The moving averages follow
    over some ten steps (momentum 0.9), so that short runs can be scored too.
    """

    def __init__(self, **options):
        super().__init__(**{"synchronized": True, "momentum": 0.9, **options})

    def call(self, inputs, training=None, mask=None):
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if not training or replicas > 1 or len(inputs.shape) != 4:
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, unbiased = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma.value, self.beta.value, epsilon=self.epsilon, is_training=True
        )[:3]
        count = tf.cast(tf.size(inputs[..., 0]), unbiased.dtype)
        variance = unbiased * (count - 1) / count
        for average, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + new * (1 - self.momentum))
        return outputs


def dropout_rate(width: int) -> float:
    """Dropout for a tensor of `width` channels or units: the wider, the more.

    The homework chooses the rate "from the size of the tensor" without saying how; ours is
    0.1 (log2(width) - 5), kept within [0, 0.5].
    """
    return round(min(0.5, max(0.0, 0.1 * (math.log2(width) - 5))), 2)


def _rectified(x, number: int, config: Config, precision: str):
    if config.batch_norm:
        x = BatchNorm(dtype=precision, name=f"bn{number}")(x)
    return keras.layers.ReLU(dtype=precision, name=f"relu{number}")(x)


def _dropout(x, name: str, precision: str):
    return keras.layers.Dropout(dropout_rate(x.shape[-1]), dtype=precision, name=name)(x)


def build(config: Config, precision: str = "float32") -> keras.Model:
    """The network of a config: (n, 48, 48, 1) float32 -> logits (n, 7) float32.

    Weights are initialised from `config.seed`. Layers: `conv1`..`conv12` (linear), `bn1`..,
    `relu1`.., `pool1`..`pool4`, `dropout1`.., `dense1`.., `logits`. `config.batch_norm` normalises
    convolutions and hidden dense layers alike: with the convolutions alone normalised, most units
    of `dense1` die in the first steps of Adadelta at a learning rate of 1.0. `precision` is the
    Keras dtype policy of all of them but `logits`; weights are float32 in any case.
    """
    keras.utils.set_random_seed(config.seed)
    inputs = x = keras.Input((SIZE, SIZE, 1), name="image")
    if config.network == "vgg":
        x = _convolutions(x, config, precision)
        units_before, hidden = len(config.widths), config.dense
    else:
        units_before, hidden = 0, config.widths
    convolutions = CONVOLUTIONS_PER_UNIT * units_before
    x = keras.layers.Flatten(dtype=precision, name="flatten")(x)
    for number, units in enumerate(hidden, 1):
        x = keras.layers.Dense(
            units,
            use_bias=not config.batch_norm,
            kernel_initializer="he_normal",
            dtype=precision,
            name=f"dense{number}",
        )(x)
        x = _rectified(x, convolutions + number, config, precision)
        x = _dropout(x, f"dropout{units_before + number}", precision)
    logits = keras.layers.Dense(len(CLASSES), dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name=config.network)


def _convolutions(x, config: Config, precision: str):
    """Units of three 3x3 convolutions, each normalised and rectified, then pooling and dropout."""
    number = 0
    for unit, width in enumerate(config.widths, 1):
        for _ in range(CONVOLUTIONS_PER_UNIT):
            number += 1
            x = keras.layers.Conv2D(
                width,
                3,
                padding="same",
                use_bias=not config.batch_norm,
                kernel_initializer="he_normal",
                dtype=precision,
                name=f"conv{number}",
            )(x)
            x = _rectified(x, number, config, precision)
        x = keras.layers.MaxPooling2D(dtype=precision, name=f"pool{unit}")(x)
        x = _dropout(x, f"dropout{unit}", precision)
    return x


def predictor(model: keras.Model, batch_size: int = 256) -> Callable[[np.ndarray], np.ndarray]:
    """A function from normalised inputs (n, 48, 48, 1) to logits (n, 7) float32, for inference.

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
