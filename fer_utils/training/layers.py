"""Layers that Keras does not have as we need them, and the rule for dropout."""

import math

from fer_utils.backend import keras, tf


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
