"""Saliency maps: which pixels does the score of a class depend on?

`explain` is the interface. The images are what the model receives (after normalisation); the score
is the logit of the target class, or its probability. Maps are signed, except Grad-CAM's, which are
>= 0 by definition; the helpers below rank and show pixels by the map's magnitude.
"""

import itertools
from functools import lru_cache

import numpy as np

from fer_utils.backend import keras, tf
from fer_utils.interpret.introspection import in_batches, logits_of, with_channel

SCORES = ("logit", "probability")
CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)


def explain(
    method: str,
    model,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    of: str = "logit",
    batch: int = 64,
    **options,
) -> np.ndarray:
    """Maps `(n, h, w)` float32 of the class `targets[i]` on image i.

    `images` `(n, h, w)` or `(n, h, w, 1)` float32, `targets` `(n,)` int.
    `method` is a key of METHODS, whose functions name the further `options`; `of` says what is
    differentiated, "logit" or "probability" (of a softmax over the logits). The gradient of a
    probability p carries a factor p, and for two classes 1 - p: it vanishes where the model is
    sure, so that maps of probabilities differ in scale by orders of magnitude.
    `batch` bounds the rows per call of the model and changes no result beyond rounding.
    Raises ValueError for an unknown method or score, and for a model that ends in neither
    logits nor a softmax.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; one of {', '.join(METHODS)}")
    targets = np.asarray(targets, np.int32)
    maps = METHODS[method](model, with_channel(images), targets, of=of, batch=batch, **options)
    return maps.astype(np.float32)


def score(
    model, images: np.ndarray, targets: np.ndarray, *, of: str = "logit", batch: int = 64
) -> np.ndarray:
    """The quantity that `explain` explains: `(n,)` float32, a logit or a probability in [0, 1]."""
    targets = np.asarray(targets, np.int32)
    return in_batches(_score_function(model, of), batch, with_channel(images), targets)


def gradient(model, images, targets, *, of, batch):
    """Vanilla gradient of the score by each pixel (Simonyan et al., arXiv 1312.6034)."""
    return in_batches(_gradient_function(model, of), batch, images, targets)[..., 0]


def smoothgrad(model, images, targets, *, of, batch, samples=50, sigma=0.15, seed=0):
    """Mean gradient over noisy copies of each image (Smilkov et al., arXiv 1706.03825).

    `sigma` is relative: the noise's standard deviation as a share of the image's max - min.
    The noise is a function of `seed` and the image's position in `images` only.
    """

    def copies(i):
        noise = np.random.default_rng((seed, i)).standard_normal((samples, *images[i].shape))
        return images[i] + np.float32(sigma * np.ptp(images[i])) * noise.astype(np.float32)

    return _mean_gradients(model, images, targets, copies, of=of, batch=batch)


def integrated_gradients(model, images, targets, *, of, batch, steps=50, baseline=None):
    """Gradient averaged from a baseline to the image, times their difference (arXiv 1703.01365).

    `baseline` is a number or images like `images`; None means each image's own mean, which is 0
    for normalised images. Midpoint rule with `steps` points.
    """
    start = _baselines(images, baseline)
    weights = ((np.arange(steps) + 0.5) / steps).astype(np.float32).reshape(-1, 1, 1, 1)

    def copies(i):
        return start[i] + weights * (images[i] - start[i])

    means = _mean_gradients(model, images, targets, copies, of=of, batch=batch)
    return means * (images - start)[..., 0]


def grad_cam(model, images, targets, *, of, batch, layer=None):
    """Positive part of feature maps weighted by their mean gradient (arXiv 1610.02391), upsampled.

    `layer` names the layer with the feature maps; None means the last layer whose output has the
    size of the last convolution's (so its normalisation and ReLU count, a pooling does not).
    """
    name = layer or _last_feature_layer(model)
    maps = in_batches(_grad_cam_function(model, name, of), batch, images, targets)
    return tf.image.resize(maps, images.shape[1:3]).numpy()[..., 0]


def occlusion(model, images, targets, *, of, batch, patch=8, stride=4, fill=None):
    """Fall of the score when a square is covered (Zeiler & Fergus, arXiv 1311.2901).

    Squares of `patch` pixels every `stride` pixels, the last flush with the edge; a pixel gets the
    mean over the squares that cover it. `fill` is as `baseline` of `integrated_gradients`.
    Raises ValueError if `stride` exceeds `patch`, which would leave pixels uncovered.
    """
    if stride > patch:
        raise ValueError(f"stride {stride} exceeds patch {patch}: pixels would stay uncovered")
    squares = _squares(images.shape[1:3], patch, stride)
    fills = _baselines(images, fill)
    intact = score(model, images, targets, of=of, batch=batch)
    maps = np.empty(images.shape[:3])
    for i, image in enumerate(images):
        covered = np.where(squares[..., None], fills[i], image)
        falls = intact[i] - score(model, covered, _repeat(targets[i], covered), of=of, batch=batch)
        maps[i] = np.tensordot(falls, squares, 1) / squares.sum(axis=0)
    return maps


METHODS = {
    "gradient": gradient,
    "smoothgrad": smoothgrad,
    "integrated_gradients": integrated_gradients,
    "grad_cam": grad_cam,
    "occlusion": occlusion,
}


def completeness_error(
    model, images, targets, maps, *, of: str = "logit", batch: int = 64, baseline=None
) -> np.ndarray:
    """|sum of map - D| / |D| per image, `(n,)`, D = score(image) - score(baseline); 0/0 is 0.

    Integrated Gradients of the same `of` and `baseline` must bring it near 0.
    """
    images = with_channel(images)
    at_baseline = score(model, _baselines(images, baseline), targets, of=of, batch=batch)
    difference = score(model, images, targets, of=of, batch=batch) - at_baseline
    residual = np.abs(np.sum(maps, axis=(1, 2)) - difference)
    with np.errstate(divide="ignore"):
        return np.divide(
            residual, np.abs(difference), out=np.zeros_like(residual), where=residual > 0
        )


def most_influential(maps: np.ndarray, fraction: float) -> np.ndarray:
    """Masks like `maps` `(..., h, w)`: the `fraction` of the pixels with the largest magnitude.

    Each map gets exactly round(fraction * h * w) pixels; of equal pixels the first.
    """
    flat = np.abs(maps).reshape(*maps.shape[:-2], -1)
    count = round(fraction * flat.shape[-1])
    mask = np.zeros(flat.shape, bool)
    best = np.argsort(-flat, axis=-1, kind="stable")[..., :count]
    np.put_along_axis(mask, best, True, axis=-1)
    return mask.reshape(maps.shape)


def normalise_map(maps: np.ndarray) -> np.ndarray:
    """Magnitudes of `maps` `(..., h, w)`, each map divided by its maximum; a zero map stays 0."""
    magnitude = np.abs(maps)
    top = magnitude.max(axis=(-2, -1), keepdims=True)
    return np.divide(magnitude, top, out=np.zeros_like(magnitude), where=top > 0)


def visible(maps: np.ndarray) -> np.ndarray:
    """Magnitudes of `maps` `(n, h, w)` in [0, 1], to be looked at: the top percent is white."""
    magnitude = np.abs(maps)
    top = np.percentile(magnitude, 99, axis=(1, 2), keepdims=True)
    return np.clip(np.divide(magnitude, top, out=np.zeros_like(magnitude), where=top > 0), 0, 1)


def mean_map(maps: np.ndarray) -> np.ndarray:
    """Mean `(h, w)` of |maps| `(n, h, w)`, each divided by its sum; zero maps are left out.

    So no image outweighs another, and what falls in a region is the mean of the images' shares.
    """
    magnitude = np.abs(maps)
    magnitude = magnitude[magnitude.any(axis=(1, 2))]
    return (magnitude / magnitude.sum(axis=(1, 2), keepdims=True)).mean(axis=0)


def _gathered(logits, targets, of):
    if of not in SCORES:
        raise ValueError(f"unknown score {of!r}; one of {', '.join(SCORES)}")
    values = tf.nn.softmax(logits) if of == "probability" else logits
    return tf.gather(values, targets, axis=1, batch_dims=1)


def _compiled(model, function):
    """`function(images, targets)` as a graph that is traced once for any number of images."""
    shape = model.inputs[0].shape
    signature = [tf.TensorSpec(shape, tf.float32), tf.TensorSpec([None], tf.int32)]
    return tf.function(function, input_signature=signature)


@lru_cache(maxsize=8)
def _score_function(model, of):
    logits = logits_of(model)
    return _compiled(model, lambda images, targets: _gathered(logits(images), targets, of))


@lru_cache(maxsize=8)
def _gradient_function(model, of):
    scores = _score_function(model, of)

    def gradients(images, targets):
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(scores(images, targets))
        return tape.gradient(total, images)

    return _compiled(model, gradients)


@lru_cache(maxsize=8)
def _grad_cam_function(model, name, of):
    layer = model.get_layer(name)
    forward = logits_of(model, layer.output)

    def maps(images, targets):
        with tf.GradientTape() as tape:
            tape.watch(images)
            features, logits = forward(images)
            total = tf.reduce_sum(_gathered(logits, targets, of))
        weights = tf.reduce_mean(tape.gradient(total, features), axis=(1, 2), keepdims=True)
        return tf.nn.relu(tf.reduce_sum(weights * features, axis=-1, keepdims=True))

    return _compiled(model, maps)


def _last_feature_layer(model):
    at = [i for i, layer in enumerate(model.layers) if isinstance(layer, CONVOLUTIONS)]
    if not at:
        raise ValueError(f"{model.name} has no convolution: Grad-CAM needs feature maps")
    size = model.layers[at[-1]].output.shape[1:3]
    later = [layer for layer in model.layers[at[-1] :] if len(layer.output.shape) == 4]
    return [layer.name for layer in later if layer.output.shape[1:3] == size][-1]


def _mean_gradients(model, images, targets, copies, *, of, batch):
    """Maps `(n, h, w)`: for image i the mean gradient over `copies(i)` `(m, h, w, 1)`."""
    maps = np.empty(images.shape[:3])
    count = len(copies(0))
    calls = min(len(images), -(-len(images) * count // batch))
    for chunk in np.array_split(np.arange(len(images)), calls):
        rows = np.concatenate([copies(i) for i in chunk])
        slopes = gradient(model, rows, targets[chunk].repeat(count), of=of, batch=batch)
        maps[chunk] = slopes.reshape(len(chunk), count, *maps.shape[1:]).mean(axis=1)
    return maps


def _repeat(target, rows):
    return np.full(len(rows), target, np.int32)


def _baselines(images, value):
    if value is None:
        value = images.mean(axis=(1, 2, 3), keepdims=True)
    elif np.ndim(value):
        value = with_channel(value)
    return np.broadcast_to(value, images.shape).astype(np.float32)


def _squares(shape, patch, stride):
    """Masks `(m, h, w)` bool of the occluding squares."""
    corners = [
        np.unique([*range(0, size - patch + 1, stride), max(size - patch, 0)]) for size in shape
    ]
    squares = np.zeros((len(corners[0]) * len(corners[1]), *shape), bool)
    for square, (y, x) in zip(squares, itertools.product(*corners), strict=True):
        square[y : y + patch, x : x + patch] = True
    return squares
