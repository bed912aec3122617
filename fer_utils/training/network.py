"""The networks: the homework's units of convolutions, a dense network, a compact residual one."""

import math

from fer_utils.backend import keras, tf
from fer_utils.fer2013 import CLASSES, SIZE
from fer_utils.training.config import Config


def build(config: Config, precision: str = "float32") -> keras.Model:
    """The network of a config: (n, 48, 48, 1) float32 -> logits (n, 7) float32.

    Weights are initialised from `config.seed`. Layers of "vgg" and "dense": `conv1`..
    (linear), `bn1`.., `relu1`.., `pool1`..`pool4`, `dropout1`.., `dense1`.., `logits`.
    `config.batch_norm` normalises convolutions and hidden dense layers alike: with the convolutions
    alone normalised, most units of `dense1` die in the first steps of Adadelta at a learning rate
    of 1.0. `precision` is the Keras dtype policy of all of them but `logits`; weights are float32
    in any case.
    """
    keras.utils.set_random_seed(config.seed)
    inputs = x = keras.Input((SIZE, SIZE, 1), name="image")
    if config.network == "compact":
        x = _stages(x, config, precision)
    else:
        if config.network == "vgg":
            x = _convolutions(x, config, precision)
            units_before, hidden = len(config.widths), config.dense
        else:
            units_before, hidden = 0, config.widths
        x = keras.layers.Flatten(dtype=precision, name="flatten")(x)
        x = _hidden(x, config, precision, units_before, hidden)
    logits = keras.layers.Dense(len(CLASSES), dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name=config.network)


def at_size(model: keras.Model, size: int) -> keras.Model:
    """A "vgg" or "compact" network for images of `size` pixels, with the very weights of `model`.

    At half the size the last pooling is left out, so that all that follows has the shape that it
    has at the full size.
    """
    if size == model.input.shape[1]:
        return model
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.MaxPooling2D)][-1]
    inputs = keras.Input((size, size, 1), name="image")
    values = {model.layers[0].output.name: inputs}
    for layer in model.layers[1:]:
        given = [values[tensor.name] for tensor in _as_list(layer.input)]
        made = given[0] if layer is last else layer(given if len(given) > 1 else given[0])
        values[layer.output.name] = made
    return keras.Model(inputs, values[model.output.name], name=f"{model.name}-{size}")


def _as_list(tensors) -> list:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]


def _convolutions(x, config: Config, precision: str):
    """Units of 3x3 convolutions, each normalised and rectified, then pooling and dropout."""
    number = 0
    for unit, width in enumerate(config.widths, 1):
        for _ in range(config.convolutions):
            number += 1
            x = _convolution(x, width, f"conv{number}", precision, use_bias=not config.batch_norm)
            x = _rectified(x, number, config, precision)
        x = keras.layers.MaxPooling2D(dtype=precision, name=f"pool{unit}")(x)
        x = _dropout(x, unit, config, precision)
    return x


def _hidden(x, config: Config, precision: str, units_before: int, hidden: tuple[int, ...]):
    """Dense layers, each normalised, rectified, and followed by dropout."""
    for number, units in enumerate(hidden, 1):
        x = keras.layers.Dense(
            units,
            use_bias=not config.batch_norm,
            kernel_initializer="he_normal",
            dtype=precision,
            name=f"dense{number}",
        )(x)
        x = _rectified(x, config.convolutions * units_before + number, config, precision)
        x = _dropout(x, units_before + number, config, precision)
    return x


def _stages(x, config: Config, precision: str):
    """A stem at half the size; per stage a convolution, pooling and a residual block of two.

    After He et al. (arXiv 1512.03385), with the block behind the pooling, where it costs a quarter.
    """
    layers, number = keras.layers, 0

    def unit(x, width: int, kernel: int = 3, strides: int = 1):
        nonlocal number
        number += 1
        x = _convolution(
            x, width, f"conv{number}", precision, kernel=kernel, strides=strides, use_bias=False
        )
        x = BatchNorm(dtype=precision, name=f"bn{number}")(x)
        return layers.Activation(config.activation, dtype=precision, name=f"act{number}")(x)

    x = unit(x, config.widths[0] // 2, kernel=4, strides=2)
    for stage, width in enumerate(config.widths, 1):
        x = unit(x, width)
        x = layers.MaxPooling2D(dtype=precision, name=f"pool{stage}")(x)
        inner = unit(unit(x, width), width)
        x = layers.Add(dtype=precision, name=f"add{stage}")([x, inner])
        x = _dropout(x, stage, config, precision)
    return layers.GlobalAveragePooling2D(dtype=precision, name="average")(x)


def _convolution(
    x, width: int, name: str, precision: str, *, kernel: int = 3, strides: int = 1, use_bias: bool
):
    return keras.layers.Conv2D(
        width,
        kernel,
        strides=strides,
        padding="same",
        use_bias=use_bias,
        kernel_initializer="he_normal",
        dtype=precision,
        name=name,
    )(x)


def _rectified(x, number: int, config: Config, precision: str):
    if config.batch_norm:
        x = BatchNorm(dtype=precision, name=f"bn{number}")(x)
    return keras.layers.ReLU(dtype=precision, name=f"relu{number}")(x)


def _dropout(x, number: int, config: Config, precision: str):
    """Dropout number `number`, at the config's rate or at that of the rule."""
    rate = config.dropout[number - 1] if config.dropout else dropout_rate(x.shape[-1])
    return keras.layers.Dropout(rate, dtype=precision, name=f"dropout{number}")(x)


@keras.saving.register_keras_serializable("fer_utils")
class BatchNorm(keras.layers.BatchNormalization):
    """Keras batch normalisation; of an image tensor by TensorFlow's fused kernel.

    Keras 3 runs the layer unfused on TensorFlow, which costs about a sixth of the training speed on
    a CPU. With several replicas Keras's own synchronised form is used. The moving averages follow
    over some ten steps (momentum 0.9), so that short runs can be scored too.
    """

    def __init__(self, **options):
        super().__init__(**{"synchronized": True, "momentum": 0.9, **options})

    def call(
        self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        """As Keras's, but images in training are normalised by the fused kernel."""
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
