"""The networks: the homework's 12 convolutions, and a dense network to compare with."""

from fer_utils.backend import keras
from fer_utils.fer2013 import CLASSES, SIZE
from fer_utils.training.experiments import Config
from fer_utils.training.layers import BatchNorm, dropout_rate

CONVOLUTIONS_PER_UNIT = 3


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


def _rectified(x, number: int, config: Config, precision: str):
    if config.batch_norm:
        x = BatchNorm(dtype=precision, name=f"bn{number}")(x)
    return keras.layers.ReLU(dtype=precision, name=f"relu{number}")(x)


def _dropout(x, name: str, precision: str):
    return keras.layers.Dropout(dropout_rate(x.shape[-1]), dtype=precision, name=name)(x)
