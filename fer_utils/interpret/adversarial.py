"""The fast gradient sign method (Goodfellow et al., arXiv 1412.6572).

Images are `(n, h, w)` float32 in [0, 1]; `preprocess` is as in `interpret.ascent`.
"""

from collections.abc import Callable

import numpy as np

from fer_utils.backend import keras, tf
from fer_utils.interpret.introspection import in_batches, logits_of, with_channel


def fgsm_direction(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    preprocess: Callable = tf.identity,
    batch: int = 64,
) -> np.ndarray:
    """Sign of the gradient of the cross-entropy by each pixel (Goodfellow et al., arXiv 1412.6572).

    Parameters
    ----------
    model
        Any Keras classifier.
    images, labels
        (n, h, w) in [0, 1] and (n,) int.
    preprocess
        From such images to what the model receives, differentiable.
    batch
        Images at a time.

    Returns
    -------
    numpy.ndarray
        (n, h, w) float32 of -1, 0 and 1.
    """
    logits = logits_of(model)

    @tf.function(input_signature=[_rows(images), tf.TensorSpec([None], tf.int32)])
    def direction(images, labels):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = keras.losses.sparse_categorical_crossentropy(
                labels, logits(preprocess(images)), from_logits=True
            )
        return tf.sign(tape.gradient(loss, images))

    labels = np.asarray(labels, np.int32)
    return in_batches(
        lambda *rows: direction(*map(tf.constant, rows)), batch, with_channel(images), labels
    )[..., 0]


def fgsm(images: np.ndarray, direction: np.ndarray, epsilon: float | np.ndarray) -> np.ndarray:
    """`images` moved by `epsilon` (one number, or `(n,)`) along `direction`, kept in [0, 1]."""
    return np.clip(images + np.reshape(epsilon, (-1, 1, 1)) * direction, 0, 1).astype(np.float32)


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
    """Smallest change of all pixels at which the model no longer gives the labels.

    The first of `grid` equal steps that changes the answer is refined by `halvings` bisections.

    Parameters
    ----------
    model, images, labels, preprocess, batch
        As in `fgsm_direction`.
    direction
        (n, h, w); None is `fgsm_direction`. Random signs instead are the control.
    maximum
        The largest change that is tried, in units of the images.
    grid, halvings
        How finely is searched.

    Returns
    -------
    numpy.ndarray
        (n,) float64: 0 where the model is wrong already, inf where nothing up to `maximum` changes
        it.
    """
    logits = logits_of(model)
    images, labels = with_channel(images)[..., 0], np.asarray(labels)
    answer = tf.function(
        lambda x: tf.argmax(logits(preprocess(x)), axis=1), input_signature=[_rows(images)]
    )
    if direction is None:
        direction = fgsm_direction(model, images, labels, preprocess=preprocess, batch=batch)

    def flips(rows, epsilon):
        moved = with_channel(fgsm(images[rows], direction[rows], epsilon))
        answers = in_batches(lambda some: answer(tf.constant(some)), batch, moved)
        return answers != labels[rows]

    low, high = np.zeros(len(images)), np.full(len(images), np.inf)
    for epsilon in np.linspace(0, maximum, grid + 1):
        rows = np.flatnonzero(np.isinf(high))
        if rows.size:
            flipped = flips(rows, epsilon)
            high[rows[flipped]] = epsilon
            low[rows[~flipped]] = epsilon
    rows = np.flatnonzero(np.isfinite(high) & (high > 0))
    for _ in range(halvings if rows.size else 0):
        middle = (low[rows] + high[rows]) / 2
        flipped = flips(rows, middle)
        high[rows[flipped]] = middle[flipped]
        low[rows[~flipped]] = middle[~flipped]
    return high


def _rows(images: np.ndarray) -> tf.TensorSpec:
    """Any number of images `(h, w, 1)` in a batch: one trace serves them all."""
    return tf.TensorSpec([None, *np.shape(images)[1:3], 1], tf.float32)


def beside_random_signs(
    model: keras.Model, images: np.ndarray, labels: np.ndarray, *, seed: int = 0, **options
) -> tuple[np.ndarray, np.ndarray]:
    """`fgsm_epsilon` along the gradient's signs and, as the control, along random ones.

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
