"""How faithful saliency maps are to the model: tests against baselines and against ground truth.

The maps rank pixels by their magnitude, as the pictures show them. Images are what the model
receives (after normalisation), `(n, h, w)` or `(n, h, w, c)`.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.ndimage import binary_dilation, gaussian_filter
from scipy.stats import rankdata

from fer_utils.backend import keras, tf
from fer_utils.interpret.introspection import layers_of, with_channel
from fer_utils.interpret.maps import normalise_map
from fer_utils.interpret.saliency import explain, score

NETWORK_FREE = ("random", "brightness", "contrast")  # baselines: maps of the image alone
FRACTIONS = tuple(np.linspace(0, 1, 17))  # of the pixels that are changed, by default
ROUNDING = 1e-6  # relative difference of two pixels that counts as none


def perturbation_curves(
    model: keras.Model,
    images: np.ndarray,
    targets: np.ndarray,
    maps: np.ndarray,
    *,
    mode: str = "deletion",
    fractions: Sequence[float] = FRACTIONS,
    blur: float = 5.0,
    batch: int = 64,
) -> np.ndarray:
    """Follow the probability of the target while pixels are removed or restored.

    This is RISE's test (Petsiuk et al., arXiv 1806.07421). The pixels with the largest |map| come
    first, equal ones in the order of the image. A good map makes the probability fall fast in
    deletion and rise fast in insertion.

    Parameters
    ----------
    model, images, targets, batch
        As in `saliency.explain`.
    maps
        `(n, h, w)`.
    mode
        "deletion" replaces pixels by the mean of each channel; "insertion" starts from the blurred
        image and restores them.
    fractions
        Of the pixels that are changed, each in [0, 1].
    blur
        Standard deviation of the blur in pixels.

    Returns
    -------
    np.ndarray
        `(n, fractions)` float32 in [0, 1].

    Raises
    ------
    ValueError
        For another mode.
    """
    if mode not in ("deletion", "insertion"):
        raise ValueError(f"unknown mode {mode!r}; deletion or insertion")
    images = with_channel(images)
    if mode == "deletion":
        before, after = images, np.broadcast_to(images.mean((1, 2), keepdims=True), images.shape)
    else:
        before, after = gaussian_filter(images, (0, blur, blur, 0)), images
    flat = np.abs(maps).reshape(len(maps), -1)
    place = np.argsort(np.argsort(-flat, axis=1, kind="stable"), axis=1)
    place = place.reshape(*images.shape[:3], 1)
    counts = np.rint(np.asarray(fractions) * flat.shape[1])
    mixes = (np.where(place < count, after, before) for count in counts)
    curves = [score(model, mix, targets, of="probability", batch=batch) for mix in mixes]
    return np.stack(curves, axis=1)


def area(curves: np.ndarray, fractions: Sequence[float] | np.ndarray = FRACTIONS) -> np.ndarray:
    """Integrate curves `(n, fractions)` over the fractions of pixels: areas `(n,)` in [0, 1]."""
    return np.trapezoid(curves, fractions, axis=1)


def network_free_maps(images: np.ndarray, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Make the baselines, maps `(n, h, w)` of the image alone; a method must beat all of them.

    "random" is a random order of the pixels; "brightness" the image itself, brightest first;
    "contrast" the distance from the image's mean, which is what deletion replaces pixels by. The
    last two are means over the channels.
    """
    images = with_channel(images)
    distance = np.abs(images - images.mean(axis=(1, 2), keepdims=True))
    grey = images.mean(axis=-1)
    return {
        "random": np.random.default_rng(seed).random(grey.shape, np.float32),
        "brightness": grey - grey.min(axis=(1, 2), keepdims=True),
        "contrast": distance.mean(axis=-1),
    }


def cascading_randomisation(
    methods: Mapping[str, Mapping],
    model: keras.Model,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    seed: int = 0,
    draws: int = 1,
    stages: int | None = None,
    after_each: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Compare maps of ever more random copies of `model` with its own (Adebayo et al., 1810.03292).

    Layers, also those of models inside the model, get new weights from their own initialisers, from
    the last one down and for good, a normalisation together with the convolution before it. A map
    that does not change shows the image, not the model; the test must not rank methods (arXiv
    2211.12486). `model` stays as it is.

    Parameters
    ----------
    methods
        Methods of `saliency.explain`, each with its options.
    model, images, targets
        As in `saliency.explain`.
    seed
        Of the new weights, together with the number of the draw.
    draws
        Of new weights, among which the images are dealt out in turn.
    stages
        After how many of the steps maps are compared, spread from the first to the last; None: all.
    after_each
        Is called after each draw.

    Returns
    -------
    pd.DataFrame
        A row per image, method and step: `image`, `draw`, `method`, `layer` (the last one made
        random), `depth` (how many are), `spearman` (rank correlation of the magnitudes), `ssim` (of
        the maps divided by their maxima).
    """
    copy, rows, steps = keras.models.clone_model(model, recursive=True), [], _steps(model)
    layers = layers_of(copy)
    compared = set(np.linspace(1, len(steps), stages or len(steps)).round().astype(int))
    for draw in range(draws):
        chosen = np.arange(draw, len(images), draws)
        some = images[chosen], np.asarray(targets)[chosen]
        copy.set_weights(model.get_weights())
        intact = {name: explain(name, copy, *some, **o) for name, o in methods.items()}
        fresh = layers_of(_reinitialised(model, (seed, draw)))
        for depth, positions in enumerate(steps, 1):
            for at in positions:
                layers[at].set_weights(fresh[at].get_weights())
            last = layers[positions[-1]].name
            for method, options in methods.items() if depth in compared else ():
                pair = intact[method], explain(method, copy, *some, **options)
                measures = {"spearman": rank_correlation(*pair), "ssim": ssim(*pair)}
                place = {"draw": draw, "method": method, "layer": last, "depth": depth}
                rows.append(pd.DataFrame({"image": chosen, **place, **measures}))
        after_each()
    return pd.concat(rows, ignore_index=True)


def rank_correlation(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Correlate the ranks of |maps| and |others| `(n, h, w)`: Spearman's rho `(n,)`.

    It is 0 where one of the two is constant.
    """
    ranks = [rankdata(np.abs(some).reshape(len(some), -1), axis=1) for some in (maps, others)]
    a, b = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    norm = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.divide((a * b).sum(axis=1), norm, out=np.zeros(len(a)), where=norm > 0)


def ssim(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Measure the structural similarity `(n,)` of maps and others `(n, h, w)`, h and w >= 11.

    Each map is divided by its maximum.
    """
    pair = (normalise_map(some).astype(np.float32)[..., None] for some in (maps, others))
    return tf.image.ssim(*pair, max_val=1.0).numpy()


def pointing_game(
    maps: np.ndarray, regions: np.ndarray, *, tolerance: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Test whether the largest |map| lies in the region (Zhang et al., arXiv 1608.00507).

    Maps are `(n, h, w)`, regions `(n, h, w)` or `(h, w)` bool, widened by `tolerance` pixels all
    round. Returns hits `(n,)` in [0, 1] and chance `(n,)`, the part of the pixels that would hit;
    both are NaN where the region is empty. Where several pixels are largest, as in a square of
    `occlusion`, the hit is the part of them that lies inside: what a draw among them would give on
    average.
    """
    square = np.ones((1, 2 * tolerance + 1, 2 * tolerance + 1), bool)
    dilated = binary_dilation(np.broadcast_to(regions, maps.shape), square).reshape(len(maps), -1)
    flat = np.abs(maps).reshape(len(maps), -1)
    largest = flat >= flat.max(axis=1, keepdims=True) * (1 - ROUNDING)
    hits = (dilated & largest).sum(axis=1) / largest.sum(axis=1)
    empty = ~dilated.any(axis=1)
    return np.where(empty, np.nan, hits), np.where(empty, np.nan, dilated.mean(axis=1))


def relevance_mass(maps: np.ndarray, regions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the part of |map|, and of a uniform map, that lies inside the region.

    After Arras et al. (arXiv 2003.07258). Maps are `(n, h, w)`, regions `(n, h, w)` or `(h, w)`
    bool; both results are `(n,)` in [0, 1]. A uniform map has the region's area; a zero map counts
    as uniform. Both are NaN where the region is empty.
    """
    regions = np.broadcast_to(regions, maps.shape)
    magnitude = np.abs(maps).astype(float)
    total = magnitude.sum(axis=(1, 2))
    uniform = regions.mean(axis=(1, 2))
    inside = (magnitude * regions).sum(axis=(1, 2))
    mass = np.divide(inside, total, out=uniform.copy(), where=total > 0)
    empty = uniform == 0
    return np.where(empty, np.nan, mass), np.where(empty, np.nan, uniform)


def _reinitialised(model: keras.Model, seed: tuple[int, int]) -> keras.Model:
    """Copy `model` with new weights, which are a function of `seed` only."""
    rng = np.random.default_rng(seed)

    def reseeded(layer):
        config = layer.get_config()
        for key, value in config.items():
            if key.endswith("_initializer") and value and "seed" in value["config"]:
                value["config"]["seed"] = int(rng.integers(2**31))
        return layer.from_config(config)

    return keras.models.clone_model(model, clone_function=reseeded, recursive=True)


def _steps(model: keras.Model) -> list[list[int]]:
    """Group the positions in `layers_of(model)` of the layers with weights, the last one first.

    A normalisation goes with the kernel before it.
    """
    steps, step = [], []
    for at, layer in reversed(list(enumerate(layers_of(model)))):
        if layer.weights:
            step.append(at)
            if any(weight.ndim > 1 for weight in layer.weights):
                steps.append(step)
                step = []
    return [*steps, step] if step else steps
