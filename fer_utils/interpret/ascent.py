"""What filters and classes respond to: images found by gradient ascent, kernels, activations.

`preprocess` is the differentiable TensorFlow function `(n, h, w, c)` -> `(n, h, w, c)` that turns
images in [0, 1] into what the model receives, such as `introspection.normalise_tensor` for models
trained on per-image normalisation. Layers are found by name, also in models inside the model.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from fer_utils.backend import keras, tf
from fer_utils.inference import in_batches
from fer_utils.interpret.introspection import layer_of, output_of, pre_activation_of, with_channel

#: Size of a step, by method: in grey values of [0, 1] (root mean square), of Adam.
RATES = {"plain": 0.02, "regularised": 0.05}
OBJECTIVES = ("channel", "centre")
JITTERS = (3, 2)  # pixels, before and after scaling
SCALING = 0.05
HIGH_FREQUENCY = 0.25  # cycles per pixel


class Ascent(NamedTuple):
    """The images that `maximise` finds for k filters, and what they reach.

    `images` are `(k, h, w)` float32 in [0, 1], of a model for colour images `(k, h, w, c)`;
    `activation` is `(k,)` float32, the objective on the image; `dead` is `(k,)` bool: the
    pre-activation stayed <= 0 everywhere, at every step and at the end.
    """

    images: np.ndarray
    activation: np.ndarray
    dead: np.ndarray


def maximise(
    model: keras.Model,
    layer: str,
    filters: Sequence[int] | np.ndarray | None = None,
    *,
    method: str = "plain",
    objective: str = "channel",
    steps: int = 128,
    rate: float | None = None,
    seed: int = 0,
    preprocess: Callable = tf.identity,
    batch: int = 64,
) -> Ascent:
    """Find images that maximise the pre-activations of a layer's filters, batched.

    "plain" is the homework's: it starts from pixels of grey plus noise, takes steps of `rate` along
    the gradient over its root mean square, and clips to [0, 1]. "regularised" follows Olah et al.
    (Distill 2017) and Lucid: it uses Adam on a Fourier spectrum whose amplitudes fall with
    frequency, a sigmoid, and at each step a random shift, scale and shift (grey outside). Each
    channel has a spectrum of its own; Lucid's decorrelation of colours is left out.

    Parameters
    ----------
    model
        Any functional or sequential Keras model of one input (h, w, c).
    layer
        An activation layer, whose input is maximised ("relu7" does for networks with and without
        normalisation), a layer with a fused activation, a linear one, or the last one (classes; the
        logits even under a softmax).
    filters
        Places in the layer; None means all of them.
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
        For an unknown method, objective or layer, and for a model that takes images of any size.
    """
    if method not in RATES or objective not in OBJECTIVES:
        raise ValueError(f"unknown {method=} or {objective=}: {tuple(RATES)}, {OBJECTIVES}")
    shape = model.inputs[0].shape[1:]
    if None in shape:
        raise ValueError(f"{model.name} takes images {shape}: ascent needs a fixed size")
    if filters is None:
        filters = np.arange(layer_of(model, layer).output.shape[-1])
    response = _response(model, layer, objective, preprocess)
    ascend = {"plain": _plain, "regularised": _regularised}[method](shape, response)

    chunks = [filters[i : i + batch] for i in range(0, len(filters), batch)]
    parts = []
    for chunk in chunks:
        numbers = np.asarray(chunk, np.int32)
        rngs = [np.random.default_rng((seed, int(number))) for number in numbers]
        images, dead = ascend(numbers, rngs, steps, rate or RATES[method])
        activation, peak = response(images, numbers)
        parts.append((images.numpy(), activation.numpy(), dead & (peak.numpy() <= 0)))
    images, *values = map(np.concatenate, zip(*parts, strict=True))
    return Ascent(images[..., 0] if shape[-1] == 1 else images, *values)


def activation_maps(
    model: keras.Model, layer: str, images: np.ndarray, *, batch: int = 64
) -> np.ndarray:
    """Compute the outputs of a layer.

    Parameters
    ----------
    model, layer
        A Keras model and the name of one of its layers.
    images
        (n, h, w) or (n, h, w, c) as the model receives them.
    batch
        Images at a time.

    Returns
    -------
    numpy.ndarray
        (n, h', w', channels) float32.
    """
    outputs = output_of(model, layer)
    return in_batches(lambda rows: outputs(rows).numpy(), batch, with_channel(images))


def kernels(model: keras.Model, layer: str) -> np.ndarray:
    """Return the kernels of a 2-D convolution, `(filters, height, width, channels)` float32."""
    return np.moveaxis(np.asarray(layer_of(model, layer).kernel), -1, 0)


def high_frequency_share(images: np.ndarray) -> np.ndarray:
    """Compute the share `(n,)` of the variance of grey images `(n, h, w)` at high frequencies.

    These are radial frequencies of the discrete Fourier transform over HIGH_FREQUENCY. The share is
    0 for a constant image, and about 1 - pi * HIGH_FREQUENCY^2 = 0.80 for white noise.
    """
    power = np.abs(np.fft.fft2(images - images.mean(axis=(1, 2), keepdims=True))) ** 2
    frequency = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, images.shape[1:]), indexing="ij"))
    total = power.sum(axis=(1, 2))
    high = power[:, frequency > HIGH_FREQUENCY].sum(axis=1)
    return np.divide(high, total, out=np.zeros_like(total), where=total > 1e-9)


def border_ring(size: int) -> np.ndarray:
    """Mark the outermost pixels: a mask `(size, size)` bool."""
    ring = np.ones((size, size), bool)
    ring[1:-1, 1:-1] = False
    return ring


def border_response(maps: np.ndarray, border: np.ndarray) -> np.ndarray:
    """Measure how much of each filter's response sits at a border: `(channels,)` in [0, 1].

    `maps` are `(n, h, w, channels)`, from `activation_maps`; `border` is `(h, w)` bool. With E the
    mean square of a filter's activation per pixel over all images, this is
    E(border) / (E(border) + E(rest)): 0.5 is no preference, 1 a response at the border only. It is
    NaN for a filter that never responds.
    """
    energy = (maps.astype(float) ** 2).mean(axis=0)
    at_border, elsewhere = energy[border].mean(axis=0), energy[~border].mean(axis=0)
    total = at_border + elsewhere
    return np.divide(at_border, total, out=np.full_like(total, np.nan), where=total > 0)


def random_windows(rng: np.random.Generator, steps: int, shape: tuple[int, int]) -> np.ndarray:
    """Draw what the regularised ascent sees of its image at each step: a shift, a scale, a shift.

    Returns `(steps, 4)` float32, the top, left, bottom and right ends for `crop_and_resize`: parts
    of an image of `shape`, 0 and 1 its outermost pixels.
    """
    draws = rng.uniform(-1, 1, (steps, 5))
    scale = 1 + SCALING * draws[:, :1]
    shift = JITTERS[0] * draws[:, 1:3] + scale * JITTERS[1] * draws[:, 3:]
    centre = 0.5 + shift / (np.array(shape) - 1)
    return np.hstack([centre - scale / 2, centre + scale / 2]).astype(np.float32)


def _response(model: keras.Model, layer: str, objective: str, preprocess: Callable) -> Callable:
    """Return the function images, filters `(k,)` -> objective `(k,)`, largest value `(k,)`."""
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
    """Return the function that ascends on pixels: filters -> images `(k, h, w, c)`, dead `(k,)`."""

    @tf.function(reduce_retracing=True)
    def step(pixels, filters, rate):
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            aim, peak = response(pixels, filters)
        slope = tape.gradient(aim, pixels)
        size = tf.sqrt(tf.reduce_mean(slope**2, axis=(1, 2, 3), keepdims=True))
        return tf.clip_by_value(pixels + rate * slope / (size + 1e-12), 0, 1), peak

    def ascend(filters, rngs, steps, rate):
        noise = np.stack([rng.standard_normal(shape) for rng in rngs])
        pixels = tf.constant(0.5 + 0.02 * noise, tf.float32)
        dead = np.ones(len(filters), bool)
        for _ in range(steps):
            pixels, peak = step(pixels, filters, rate)
            dead &= peak.numpy() <= 0
        return pixels, dead

    return ascend


def _regularised(shape, response):
    """Return the function that ascends on spectra; its results are as those of `_plain`."""
    height, width, channels = shape
    size = height, width
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    amplitude = np.sqrt(height * width) / np.maximum(frequency, 1 / max(size)) / 4
    amplitude = tf.constant(amplitude, tf.complex64)

    def paint(spectrum):
        waves = tf.complex(spectrum[..., 0], spectrum[..., 1]) * amplitude
        return tf.transpose(tf.sigmoid(tf.signal.irfft2d(waves, size)), (0, 2, 3, 1))

    @tf.function(reduce_retracing=True)
    def gradient(spectrum, filters, boxes):
        with tf.GradientTape() as tape:
            tape.watch(spectrum)
            view = tf.image.crop_and_resize(
                paint(spectrum), boxes, tf.range(len(filters)), size, extrapolation_value=0.5
            )
            aim, peak = response(view, filters)
        return tape.gradient(aim, spectrum), peak

    def ascend(filters, rngs, steps, rate):
        noise = [rng.standard_normal((channels, *frequency.shape, 2)) for rng in rngs]
        spectrum = tf.Variable(0.01 * np.stack(noise), dtype=tf.float32)
        boxes = np.stack([random_windows(rng, steps, size) for rng in rngs], axis=1)
        optimizer = keras.optimizers.Adam(rate)
        dead = np.ones(len(filters), bool)
        for view in boxes:
            slope, peak = gradient(spectrum, filters, view)
            optimizer.apply([-slope], [spectrum])
            dead &= peak.numpy() <= 0
        return paint(spectrum), dead

    return ascend
