"""What filters and classes respond to: images found by gradient ascent, kernels, activations.

Images are grey, `(n, h, w)` float32 in [0, 1]; `preprocess` is the differentiable TensorFlow
function `(n, h, w, 1)` -> `(n, h, w, 1)` that turns them into what the model receives, such as
`introspection.normalise_tensor` for models trained on per-image normalisation.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from fer_utils.backend import keras, tf
from fer_utils.interpret.introspection import in_batches, output_of, pre_activation_of, with_channel

#: Size of a step, by method: in grey values of [0, 1] (root mean square), of Adam.
RATES = {"plain": 0.02, "regularised": 0.05}
OBJECTIVES = ("channel", "centre")
JITTERS = (3, 2)  # pixels, before and after scaling
SCALING = 0.05
FINE = 0.25  # cycles per pixel: what lies above is fine detail


class Ascent(NamedTuple):
    """Result of `maximise` for k filters.

    images `(k, h, w)` float32 in [0, 1]; activation `(k,)` float32, the objective on the image;
    dead `(k,)` bool: the pre-activation stayed <= 0 everywhere, at every step and at the end.
    """

    images: np.ndarray
    activation: np.ndarray
    dead: np.ndarray


def maximise(
    model: keras.Model,
    layer: str,
    filters: Sequence[int] | None = None,
    *,
    method: str = "plain",
    objective: str = "channel",
    steps: int = 128,
    rate: float | None = None,
    seed: int = 0,
    preprocess: Callable = tf.identity,
    batch: int = 64,
) -> Ascent:
    """Images that maximise the pre-activations of a layer's filters, batched.

    "plain" is the homework's: pixels from grey plus noise, steps of `rate` along the gradient over
    its root mean square, clipped to [0, 1]. "regularised" follows Olah et al. (Distill 2017) and
    Lucid: Adam on a Fourier spectrum whose amplitudes fall with frequency, a sigmoid, and at each
    step a random shift, scale and shift (grey outside).

    Parameters
    ----------
    model
        Any Keras model of one input (h, w, 1).
    layer
        An activation layer, whose input is maximised ("relu7" does for networks with and without
        normalisation), a layer with a fused activation, a linear one, or the last one (classes; the
        logits even under a softmax).
    filters
        Places in the layer; None: all.
    method
        "plain" | "regularised".
    objective
        The mean over the "channel" or the value at its "centre"; for units of a dense layer both
        are the unit.
    steps, rate
        Steps of ascent and their size; None is the method's of RATES.
    seed
        An image depends on it and on its filter, not on the others.
    preprocess
        From images in [0, 1] to what the model receives, differentiable.
    batch
        Filters at a time.

    Raises
    ------
    ValueError
        For an unknown method or objective.
    """
    if method not in RATES or objective not in OBJECTIVES:
        raise ValueError(f"unknown {method=} or {objective=}: {tuple(RATES)}, {OBJECTIVES}")
    shape = model.inputs[0].shape[1:3]
    if filters is None:
        filters = np.arange(model.get_layer(layer).output.shape[-1])
    response = _response(model, layer, objective, preprocess)
    ascend = {"plain": _plain, "regularised": _regularised}[method](shape, response)

    chunks = [filters[i : i + batch] for i in range(0, len(filters), batch)]
    parts = []
    for chunk in chunks:
        numbers = np.asarray(chunk, np.int32)
        rngs = [np.random.default_rng((seed, int(number))) for number in numbers]
        images, dead = ascend(numbers, rngs, steps, rate or RATES[method])
        activation, peak = response(images, numbers)
        parts.append((images.numpy()[..., 0], activation.numpy(), dead & (peak.numpy() <= 0)))
    return Ascent(*map(np.concatenate, zip(*parts, strict=True)))


def activation_maps(
    model: keras.Model, layer: str, images: np.ndarray, *, batch: int = 64
) -> np.ndarray:
    """Outputs of a layer.

    Parameters
    ----------
    model, layer
        A Keras model and the name of one of its layers.
    images
        (n, h, w, 1) as the model receives them.
    batch
        Images at a time.

    Returns
    -------
    numpy.ndarray
        (n, h', w', channels) float32.
    """
    outputs = output_of(model, model.get_layer(layer).output)
    return in_batches(lambda rows: outputs(rows).numpy(), batch, with_channel(images))


def kernels(model: keras.Model, layer: str) -> np.ndarray:
    """Kernels of a 2-D convolution as `(filters, height, width, channels)` float32."""
    return np.moveaxis(np.asarray(model.get_layer(layer).kernel), -1, 0)


def high_frequency_share(images: np.ndarray) -> np.ndarray:
    """Share `(n,)` of each image's variance at frequencies over FINE cycles per pixel.

    Radial frequency of the discrete Fourier transform; 0 for a constant image. White noise has
    about 1 - pi * FINE^2, 0.80.
    """
    power = np.abs(np.fft.fft2(images - images.mean(axis=(1, 2), keepdims=True))) ** 2
    frequency = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, images.shape[1:]), indexing="ij"))
    total = power.sum(axis=(1, 2))
    high = power[:, frequency > FINE].sum(axis=1)
    return np.divide(high, total, out=np.zeros_like(total), where=total > 1e-9)


def border_ring(size: int) -> np.ndarray:
    """Mask `(size, size)` bool of the outermost pixels."""
    ring = np.ones((size, size), bool)
    ring[1:-1, 1:-1] = False
    return ring


def border_response(maps: np.ndarray, border: np.ndarray) -> np.ndarray:
    """How much of each filter's response sits at a border: `(channels,)` in [0, 1].

    maps `(n, h, w, channels)` from `activation_maps`, border `(h, w)` bool. With E the mean square
    of a filter's activation per pixel over all images, this is E(border) / (E(border) + E(rest)):
    0.5 is no preference, 1 a response at the border only. NaN for a filter that never responds.
    """
    energy = (maps.astype(float) ** 2).mean(axis=0)
    at_border, elsewhere = energy[border].mean(axis=0), energy[~border].mean(axis=0)
    total = at_border + elsewhere
    return np.divide(at_border, total, out=np.full_like(total, np.nan), where=total > 0)


def _response(model: keras.Model, layer: str, objective: str, preprocess: Callable) -> Callable:
    """The function images, filters `(k,)` -> objective `(k,)`, largest value `(k,)`."""
    values_of = pre_activation_of(model, layer)

    def response(images, filters):
        values = tf.gather(values_of(preprocess(images)), filters, axis=-1, batch_dims=1)
        places = list(range(1, values.shape.rank))
        if objective == "channel" or not places:
            aim = tf.reduce_mean(values, places)
        else:
            aim = values[:, values.shape[1] // 2, values.shape[2] // 2]
        return aim, tf.reduce_max(values, places)

    return response


def _plain(shape, response):
    @tf.function(reduce_retracing=True)
    def step(pixels, filters, rate):
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            aim, peak = response(pixels, filters)
        slope = tape.gradient(aim, pixels)
        size = tf.sqrt(tf.reduce_mean(slope**2, axis=(1, 2, 3), keepdims=True))
        return tf.clip_by_value(pixels + rate * slope / (size + 1e-12), 0, 1), peak

    def ascend(filters, rngs, steps, rate):
        noise = np.stack([rng.standard_normal((*shape, 1)) for rng in rngs])
        pixels = tf.constant(0.5 + 0.02 * noise, tf.float32)
        dead = np.ones(len(filters), bool)
        for _ in range(steps):
            pixels, peak = step(pixels, filters, rate)
            dead &= peak.numpy() <= 0
        return pixels, dead

    return ascend


def _regularised(shape, response):
    height, width = shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    amplitude = np.sqrt(height * width) / np.maximum(frequency, 1 / max(shape)) / 4
    amplitude = tf.constant(amplitude, tf.complex64)

    def paint(spectrum):
        waves = tf.complex(spectrum[..., 0], spectrum[..., 1]) * amplitude
        return tf.sigmoid(tf.signal.irfft2d(waves, shape))[..., None]

    @tf.function(reduce_retracing=True)
    def gradient(spectrum, filters, boxes):
        with tf.GradientTape() as tape:
            tape.watch(spectrum)
            view = tf.image.crop_and_resize(
                paint(spectrum), boxes, tf.range(len(filters)), shape, extrapolation_value=0.5
            )
            aim, peak = response(view, filters)
        return tape.gradient(aim, spectrum), peak

    def ascend(filters, rngs, steps, rate):
        noise = np.stack([rng.standard_normal((*frequency.shape, 2)) for rng in rngs])
        spectrum = tf.Variable(0.01 * noise, dtype=tf.float32)
        boxes = np.stack([_random_boxes(rng, steps, shape) for rng in rngs], axis=1)
        optimizer = keras.optimizers.Adam(rate)
        dead = np.ones(len(filters), bool)
        for view in boxes:
            slope, peak = gradient(spectrum, filters, view)
            optimizer.apply([-slope], [spectrum])
            dead &= peak.numpy() <= 0
        return paint(spectrum), dead

    return ascend


def _random_boxes(rng, steps, shape):
    """Windows `(steps, 4)` for crop_and_resize: a shift, a scale and a second shift a step."""
    draws = rng.uniform(-1, 1, (steps, 5))
    scale = 1 + SCALING * draws[:, :1]
    shift = JITTERS[0] * draws[:, 1:3] + scale * JITTERS[1] * draws[:, 3:]
    centre = 0.5 + shift / (np.array(shape) - 1)
    return np.hstack([centre - scale / 2, centre + scale / 2]).astype(np.float32)
