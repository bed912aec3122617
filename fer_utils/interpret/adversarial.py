"""The fast gradient sign method (Goodfellow et al., arXiv 1412.6572).

Images are `(n, h, w)` or `(n, h, w, c)` float32 in [0, 1]; `preprocess` is as in
`interpret.ascent`.
"""

from collections.abc import Callable

import numpy as np

from fer_utils.backend import keras, tf
from fer_utils.inference import in_batches
from fer_utils.interpret.introspection import logits_of, with_channel


def fgsm_direction(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    preprocess: Callable = tf.identity,
    batch: int = 64,
) -> np.ndarray:
    """Take the sign of the gradient of the cross-entropy by each value of the images.

    Parameters
    ----------
    model
        Any Keras classifier that ends in logits or a softmax.
    images, labels
        As in the head of this module, and (n,) int.
    preprocess
        From such images to what the model receives, differentiable.
    batch
        Images at a time.

    Returns
    -------
    numpy.ndarray
        Like `images`, float32 of -1, 0 and 1.
    """
    logits, rows = logits_of(model), with_channel(images)

    @tf.function(input_signature=[_any_number_of(rows), tf.TensorSpec([None], tf.int32)])
    def direction(images, labels):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = keras.losses.sparse_categorical_crossentropy(
                labels, logits(preprocess(images)), from_logits=True
            )
        return tf.sign(tape.gradient(loss, images))

    found = in_batches(
        lambda *some: direction(*map(tf.constant, some)), batch, rows, np.asarray(labels, np.int32)
    )
    return found.reshape(np.shape(images))


def fgsm(images: np.ndarray, direction: np.ndarray, epsilon: float | np.ndarray) -> np.ndarray:
    """Move images by `epsilon` (one number, or `(n,)`) along `direction`, and clip to [0, 1]."""
    size = np.reshape(epsilon, (-1, *[1] * (np.ndim(images) - 1)))
    return np.clip(images + size * direction, 0, 1).astype(np.float32)


def fgsm_epsilon(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    preprocess: Callable = tf.identity,
    direction: np.ndarray | None = None,
    maximum: float = 32 / 255,
    grid: int = 32,
    halvings: int = 8,
    batch: int = 64,
) -> np.ndarray:
    """Find the smallest change of all pixels at which the model no longer predicts the labels.

    The first of `grid` equal steps that changes the prediction is refined by `halvings` bisections.

    Parameters
    ----------
    model, images, labels, preprocess, batch
        As in `fgsm_direction`.
    direction
        Like `images`; None means `fgsm_direction`. Random signs instead are the baseline.
    maximum
        The largest change that is tried, in units of the images.
    grid, halvings
        How many steps and bisections there are.

    Returns
    -------
    numpy.ndarray
        (n,) float64: 0 where the model is wrong already, inf where nothing up to `maximum` changes
        it.
    """
    logits = logits_of(model)
    images, labels = np.asarray(images, np.float32), np.asarray(labels)
    predict = tf.function(
        lambda x: tf.argmax(logits(preprocess(x)), axis=1),
        input_signature=[_any_number_of(with_channel(images))],
    )
    if direction is None:
        direction = fgsm_direction(model, images, labels, preprocess=preprocess, batch=batch)

    def changed(rows, epsilon):
        moved = with_channel(fgsm(images[rows], direction[rows], epsilon))
        return in_batches(lambda some: predict(tf.constant(some)), batch, moved) != labels[rows]

    low, high = np.zeros(len(images)), np.full(len(images), np.inf)
    for epsilon in np.linspace(0, maximum, grid + 1):
        rows = np.flatnonzero(np.isinf(high))
        if rows.size:
            wrong = changed(rows, epsilon)
            high[rows[wrong]] = epsilon
            low[rows[~wrong]] = epsilon
    rows = np.flatnonzero(np.isfinite(high) & (high > 0))
    for _ in range(halvings if rows.size else 0):
        middle = (low[rows] + high[rows]) / 2
        wrong = changed(rows, middle)
        high[rows[wrong]] = middle[wrong]
        low[rows[~wrong]] = middle[~wrong]
    return high


def beside_random_signs(
    model: keras.Model, images: np.ndarray, labels: np.ndarray, *, seed: int = 0, **options
) -> tuple[np.ndarray, np.ndarray]:
    """Compute `fgsm_epsilon` along the gradient's signs and, as the baseline, along random ones.

    Parameters
    ----------
    model, images, labels
        As in `fgsm_direction`.
    seed
        Of the random signs.
    **options
        Of `fgsm_epsilon`.

    Returns
    -------
    tuple
        The smallest changes, (n,) float64, along the gradient's signs and along random ones.
    """
    signs = np.random.default_rng(seed).choice(np.float32([-1, 1]), np.shape(images))
    along = fgsm_epsilon(model, images, labels, **options)
    return along, fgsm_epsilon(model, images, labels, direction=signs, **options)


def _any_number_of(images: np.ndarray) -> tf.TensorSpec:
    """Specify any number of images `(h, w, c)` in a batch, so that one trace serves them all."""
    return tf.TensorSpec([None, *images.shape[1:]], tf.float32)
