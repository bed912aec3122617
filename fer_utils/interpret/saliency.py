"""Saliency maps: which pixels does the score of a class depend on?

`explain` is the interface. The images are what the model receives (after normalisation); the score
is the logit of the target class, or its probability. Maps have one value per pixel, also of colour
images. They are signed, except Grad-CAM's, which are >= 0 by definition; `interpret.maps` ranks,
scales and averages them by their magnitude.
"""

import itertools
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from fer_utils.backend import keras, tf
from fer_utils.inference import in_batches
from fer_utils.interpret.introspection import (
    CONVOLUTIONS,
    layer_of,
    layers_of,
    logits_of,
    with_channel,
)

SCORES = ("logit", "probability")


def explain(
    method: str,
    model: keras.Model,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    of: str = "logit",
    batch: int = 64,
    **options,
) -> np.ndarray:
    """Compute maps of the score of class `targets[i]` on image i.

    Parameters
    ----------
    method
        A key of METHODS, whose functions name the further `options`.
    model
        A functional or sequential model of one input, which ends in logits or in a softmax.
    images
        `(n, h, w)` or `(n, h, w, c)` float32.
    targets
        `(n,)` int, class index.
    of
        What is differentiated: "logit", or "probability" of a softmax over the logits. The gradient
        of a probability p carries a factor p, and for two classes 1 - p: it vanishes where the
        model is confident, so that maps of probabilities differ in scale by orders of magnitude.
    batch
        Bounds the rows per call of the model; changes no map beyond rounding.

    Returns
    -------
    np.ndarray
        `(n, h, w)` float32.

    Raises
    ------
    ValueError
        For an unknown method or score, for a model that ends in neither logits nor a softmax, and
        for Grad-CAM of a model without feature maps.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; one of {', '.join(METHODS)}")
    targets = np.asarray(targets, np.int32)
    maps = METHODS[method](model, with_channel(images), targets, of=of, batch=batch, **options)
    return maps.astype(np.float32)


def score(
    model: keras.Model,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    of: str = "logit",
    batch: int = 64,
) -> np.ndarray:
    """Compute what `explain` explains.

    Parameters
    ----------
    model, images, targets, of, batch
        As in `explain`.

    Returns
    -------
    numpy.ndarray
        (n,) float32, logits or probabilities of the targets.
    """
    targets = np.asarray(targets, np.int32)
    return in_batches(_score_function(model, of), batch, with_channel(images), targets)


def gradient(
    model: keras.Model,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    of: str,
    batch: int,
) -> np.ndarray:
    """Differentiate the score by each pixel (Simonyan et al., arXiv 1312.6034).

    Of several channels a pixel gets the derivative with the largest magnitude.

    Parameters
    ----------
    model, images, targets, of, batch
        As in `explain`.
    """
    return _largest(_gradients(model, images, targets, of=of, batch=batch))


def smoothgrad(
    model: keras.Model,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    of: str,
    batch: int,
    samples: int = 50,
    sigma: float = 0.15,
    seed: int = 0,
) -> np.ndarray:
    """Average the gradient over noisy copies of each image (Smilkov et al., arXiv 1706.03825).

    Parameters
    ----------
    model, images, targets, of, batch
        As in `explain`.
    samples
        Noisy copies of each image.
    sigma
        The noise's standard deviation over the image's range, max - min.
    seed
        The noise is a function of it and of the image's position in `images` only.
    """

    def copies(i):
        noise = np.random.default_rng((seed, i)).standard_normal((samples, *images[i].shape))
        return images[i] + np.float32(sigma * np.ptp(images[i])) * noise.astype(np.float32)

    return _largest(_mean_gradients(model, images, targets, copies, of=of, batch=batch))


def integrated_gradients(
    model: keras.Model,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    of: str,
    batch: int,
    steps: int = 50,
    baseline: float | np.ndarray | None = None,
) -> np.ndarray:
    """Average the gradient from a baseline to the image, times their difference (arXiv 1703.01365).

    The map's sum is the score of the image minus that of the baseline, but for the finite steps;
    that is why the channels of a pixel are summed.

    Parameters
    ----------
    model, images, targets, of, batch
        As in `explain`.
    steps
        Points of the midpoint rule.
    baseline
        A number or images like `images`; None means the mean of each channel of each image, which
        is 0 for normalised grey images.
    """
    start = _baselines(images, baseline)
    weights = ((np.arange(steps) + 0.5) / steps).astype(np.float32).reshape(-1, 1, 1, 1)

    def copies(i):
        return start[i] + weights * (images[i] - start[i])

    means = _mean_gradients(model, images, targets, copies, of=of, batch=batch)
    return (means * (images - start)).sum(axis=-1)


def grad_cam(
    model: keras.Model,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    of: str,
    batch: int,
    layer: str | None = None,
) -> np.ndarray:
    """Weight feature maps by their mean gradient, cut at 0 and upsample (arXiv 1610.02391).

    Parameters
    ----------
    model, images, targets, of, batch
        As in `explain`.
    layer
        The layer with the feature maps, also of a model inside the model; None means the last layer
        whose output has the size of the last convolution's (so its normalisation and ReLU count, a
        pooling does not).

    Raises
    ------
    ValueError
        For a layer that has no feature maps, and without `layer` for a model without convolutions.
    """
    features = layer_of(model, layer) if layer else _last_feature_layer(model)
    maps = in_batches(_grad_cam_function(model, features, of), batch, images, targets)
    return tf.image.resize(maps, images.shape[1:3]).numpy()[..., 0]


def occlusion(
    model: keras.Model,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    of: str,
    batch: int,
    patch: int = 8,
    stride: int = 4,
    fill: float | np.ndarray | None = None,
) -> np.ndarray:
    """Measure how far the score falls when a square is covered (Zeiler & Fergus, arXiv 1311.2901).

    Parameters
    ----------
    model, images, targets, of, batch
        As in `explain`.
    patch, stride
        Pixels of a square's side and between the squares, the last flush with the edge; a pixel
        gets the mean over the squares that cover it.
    fill
        As `baseline` of `integrated_gradients`.

    Raises
    ------
    ValueError
        If `stride` exceeds `patch`, which would leave pixels uncovered.
    """
    if stride > patch:
        raise ValueError(f"stride {stride} exceeds patch {patch}: pixels would stay uncovered")
    squares = _squares(images.shape[1:3], patch, stride)
    fills = _baselines(images, fill)
    intact = score(model, images, targets, of=of, batch=batch)
    maps = np.empty(images.shape[:3])
    for i, image in enumerate(images):
        covered = np.where(squares[..., None], fills[i], image)
        same = np.full(len(covered), targets[i])
        falls = intact[i] - score(model, covered, same, of=of, batch=batch)
        maps[i] = np.tensordot(falls, squares, 1) / squares.sum(axis=0)
    return maps


METHODS = {
    "gradient": gradient,
    "smoothgrad": smoothgrad,
    "integrated_gradients": integrated_gradients,
    "grad_cam": grad_cam,
    "occlusion": occlusion,
}


def _gathered(logits, targets, of):
    """Pick the scores `(n,)` of the targets out of logits `(n, classes)`."""
    if of not in SCORES:
        raise ValueError(f"unknown score {of!r}; one of {', '.join(SCORES)}")
    values = tf.nn.softmax(logits) if of == "probability" else logits
    return tf.gather(values, targets, axis=1, batch_dims=1)


def _compiled(model: keras.Model, function: Callable) -> Callable:
    """Compile `function(images, targets)` to one graph for any number of images."""
    shape = model.inputs[0].shape
    signature = [tf.TensorSpec(shape, tf.float32), tf.TensorSpec([None], tf.int32)]
    return tf.function(function, input_signature=signature)


@lru_cache(maxsize=8)
def _score_function(model: keras.Model, of: str) -> Callable:
    logits = logits_of(model)
    return _compiled(model, lambda images, targets: _gathered(logits(images), targets, of))


@lru_cache(maxsize=8)
def _gradient_function(model: keras.Model, of: str) -> Callable:
    scores = _score_function(model, of)

    def gradients(images, targets):
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(scores(images, targets))
        return tape.gradient(total, images)

    return _compiled(model, gradients)


@lru_cache(maxsize=8)
def _grad_cam_function(model: keras.Model, layer: keras.Layer, of: str) -> Callable:
    shape = layer.output.shape
    if len(shape) != 4:
        raise ValueError(
            f"{layer.name} of {model.name} has the output {shape}: Grad-CAM needs feature maps"
        )
    forward = logits_of(model, layer)

    def maps(images, targets):
        with tf.GradientTape() as tape:
            tape.watch(images)
            features, logits = forward(images)
            total = tf.reduce_sum(_gathered(logits, targets, of))
        weights = tf.reduce_mean(tape.gradient(total, features), axis=(1, 2), keepdims=True)
        return tf.nn.relu(tf.reduce_sum(weights * features, axis=-1, keepdims=True))

    return _compiled(model, maps)


def _last_feature_layer(model: keras.Model) -> keras.Layer:
    """Find the last layer whose output has the height and width of the last convolution's."""
    layers = layers_of(model)
    at = [i for i, layer in enumerate(layers) if isinstance(layer, CONVOLUTIONS)]
    if not at:
        raise ValueError(f"{model.name} has no convolution: Grad-CAM needs feature maps")
    size = layers[at[-1]].output.shape[1:3]
    later = [layer for layer in layers[at[-1] :] if len(layer.output.shape) == 4]
    return [layer for layer in later if layer.output.shape[1:3] == size][-1]


def _gradients(model: keras.Model, images, targets, *, of, batch):
    """Differentiate the scores by all channels `(n, h, w, c)` of the images."""
    return in_batches(_gradient_function(model, of), batch, images, targets)


def _mean_gradients(model: keras.Model, images, targets, copies, *, of, batch):
    """Average, for each image i, the gradients `(h, w, c)` over `copies(i)` `(m, h, w, c)`."""
    means = np.empty(images.shape)
    count = len(copies(0))
    calls = min(len(images), -(-len(images) * count // batch))
    for chunk in np.array_split(np.arange(len(images)), calls):
        rows = np.concatenate([copies(i) for i in chunk])
        slopes = _gradients(model, rows, targets[chunk].repeat(count), of=of, batch=batch)
        means[chunk] = slopes.reshape(len(chunk), count, *images.shape[1:]).mean(axis=1)
    return means


def _largest(gradients):
    """Take, of the channels `(n, h, w, c)` of each pixel, the value of the largest magnitude."""
    channel = np.abs(gradients).argmax(axis=-1)[..., None]
    return np.take_along_axis(gradients, channel, axis=-1)[..., 0]


def _baselines(images, value):
    """Return images of `value`, or of each channel's mean, in the shape of `images`."""
    if value is None:
        value = images.mean(axis=(1, 2), keepdims=True)
    elif np.ndim(value):
        value = with_channel(value)
    return np.broadcast_to(value, images.shape).astype(np.float32)


def _squares(shape, patch, stride):
    """Make the masks `(m, h, w)` bool of the occluding squares."""
    corners = [
        np.unique([*range(0, size - patch + 1, stride), max(size - patch, 0)]) for size in shape
    ]
    squares = np.zeros((len(corners[0]) * len(corners[1]), *shape), bool)
    for square, (y, x) in zip(squares, itertools.product(*corners), strict=True):
        square[y : y + patch, x : x + patch] = True
    return squares
