"""How far a saliency map can be believed: tests against controls and against ground truth.

The maps rank pixels by their magnitude, as the pictures show them. Images are what the model
receives (after normalisation).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.ndimage import binary_dilation, gaussian_filter
from scipy.stats import rankdata

from fer_utils.backend import keras, tf
from fer_utils.interpret.saliency import explain, normalise_map, score

CONTROLS = ("random", "brightness", "contrast")
SHARES = tuple(np.linspace(0, 1, 17))  # of the pixels changed, by default


def perturbation_curves(
    model,
    images: np.ndarray,
    targets: np.ndarray,
    maps: np.ndarray,
    *,
    mode: str = "deletion",
    shares: Sequence[float] = SHARES,
    blur: float = 5.0,
    batch: int = 64,
) -> np.ndarray:
    """Probability of the target while pixels are removed or restored: `(n, shares)` float32.

    RISE (Petsiuk et al., arXiv 1806.07421). Column k has `shares[k]` of the pixels changed,
    those with the largest |map| first, equal pixels in the order of the image. "deletion" replaces
    them by the image's mean; "insertion" starts from the image blurred by `blur` pixels and
    restores them. A good map makes the first fall fast and the second rise fast.
    Raises ValueError for another `mode`.
    """
    if mode not in ("deletion", "insertion"):
        raise ValueError(f"unknown mode {mode!r}; deletion or insertion")
    images = np.asarray(images, np.float32).reshape(np.shape(maps))
    if mode == "deletion":
        before, after = images, np.broadcast_to(images.mean((1, 2), keepdims=True), images.shape)
    else:
        before, after = gaussian_filter(images, (0, blur, blur)), images
    flat = np.abs(maps).reshape(len(maps), -1)
    place = np.argsort(np.argsort(-flat, axis=1, kind="stable"), axis=1).reshape(images.shape)
    counts = np.rint(np.asarray(shares) * flat.shape[1])
    mixes = (np.where(place < count, after, before) for count in counts)
    curves = [score(model, mix, targets, of="probability", batch=batch) for mix in mixes]
    return np.stack(curves, axis=1)


def area(curves: np.ndarray, shares: Sequence[float] = SHARES) -> np.ndarray:
    """Area `(n,)` under each curve `(n, shares)` over the shares of pixels, in [0, 1]."""
    return np.trapezoid(curves, shares, axis=1)


def control_maps(images: np.ndarray, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Maps `(n, h, w)` that know nothing of the model; a method must beat all of them.

    "random": a random order of the pixels; "brightness": the image itself, brightest first;
    "contrast": distance from the image's mean, which is what deletion replaces pixels by.
    """
    images = np.asarray(images, np.float32)
    images = images.reshape(images.shape[:3])
    return {
        "random": np.random.default_rng(seed).random(images.shape, np.float32),
        "brightness": images - images.min(axis=(1, 2), keepdims=True),
        "contrast": np.abs(images - images.mean(axis=(1, 2), keepdims=True)),
    }


def cascading_randomisation(
    methods: Mapping[str, Mapping],
    model,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    seed: int = 0,
    layers: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Maps of ever more random copies of `model` against its own (Adebayo et al., 1810.03292).

    `methods` maps methods of `explain` to their options. Layers are re-initialised by their own
    initialisers from the top down, a normalisation together with the convolution before it, and
    stay random. Columns: image, method, layer (the last one randomised), depth (how many are),
    spearman (rank correlation of the magnitudes), ssim (of the normalised maps). `layers` limits
    where maps are computed.
    A map that does not change shows the image, not the model; the test must not rank methods
    (arXiv 2211.12486). `model` is left as it is.
    """
    copy, fresh = keras.models.clone_model(model), _reinitialised(model, seed)
    copy.set_weights(model.get_weights())

    def maps():
        return {name: explain(name, copy, images, targets, **o) for name, o in methods.items()}

    intact, rows = maps(), []
    for depth, stage in enumerate(_stages(model), 1):
        for name in stage:
            copy.get_layer(name).set_weights(fresh.get_layer(name).get_weights())
        if layers is None or stage[-1] in layers:
            for method, now in maps().items():
                place = {"method": method, "layer": stage[-1], "depth": depth}
                before = intact[method]
                measures = {"spearman": rank_correlation(before, now), "ssim": ssim(before, now)}
                rows.append(pd.DataFrame({**place, **measures}))
    return pd.concat(rows).rename_axis("image").reset_index()


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman correlation `(n,)` of |maps| `(n, h, w)`; 0 where a map is constant."""
    ranks = [rankdata(np.abs(maps).reshape(len(maps), -1), axis=1) for maps in (first, second)]
    a, b = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    norm = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.divide((a * b).sum(axis=1), norm, out=np.zeros(len(a)), where=norm > 0)


def ssim(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Structural similarity `(n,)` of the normalised maps `(n, h, w)`."""
    pair = (normalise_map(maps).astype(np.float32)[..., None] for maps in (first, second))
    return tf.image.ssim(*pair, max_val=1.0).numpy()


def pointing_game(
    maps: np.ndarray, regions: np.ndarray, *, tolerance: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Does the largest |map| lie in the region? (Zhang et al., arXiv 1608.00507)

    maps `(n, h, w)`, regions `(n, h, w)` or `(h, w)` bool, widened by `tolerance` pixels all round.
    Returns hits `(n,)` (1.0 or 0.0; a constant map points nowhere: 0) and chance `(n,)`, the share
    of the pixels that would hit; both NaN where the region is empty.
    """
    square = np.ones((1, 2 * tolerance + 1, 2 * tolerance + 1), bool)
    wide = binary_dilation(np.broadcast_to(regions, maps.shape), square).reshape(len(maps), -1)
    flat = np.abs(maps).reshape(len(maps), -1)
    hits = np.take_along_axis(wide, flat.argmax(axis=1)[:, None], axis=1)[:, 0]
    hits &= np.ptp(flat, axis=1) > 0
    empty = ~wide.any(axis=1)
    return np.where(empty, np.nan, hits), np.where(empty, np.nan, wide.mean(axis=1))


def region_share(maps: np.ndarray, regions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of |map| inside the region, and a uniform map's share (the region's area): `(n,)` each.

    maps `(n, h, w)`, regions `(n, h, w)` or `(h, w)` bool. A zero map counts as uniform; both are
    NaN where the region is empty.
    """
    regions = np.broadcast_to(regions, maps.shape)
    magnitude = np.abs(maps).astype(float)
    total = magnitude.sum(axis=(1, 2))
    uniform = regions.mean(axis=(1, 2))
    inside = (magnitude * regions).sum(axis=(1, 2))
    share = np.divide(inside, total, out=uniform.copy(), where=total > 0)
    empty = uniform == 0
    return np.where(empty, np.nan, share), np.where(empty, np.nan, uniform)


def _reinitialised(model, seed):
    """A copy of `model` with new weights, a function of `seed` only."""
    rng = np.random.default_rng(seed)

    def reseeded(layer):
        config = layer.get_config()
        for key, value in config.items():
            if key.endswith("_initializer") and "seed" in value["config"]:
                value["config"]["seed"] = int(rng.integers(2**31))
        return layer.from_config(config)

    return keras.models.clone_model(model, clone_function=reseeded)


def _stages(model):
    """Names of the layers with weights, top first, a normalisation with the kernel before it."""
    stage = []
    for layer in reversed(model.layers):
        if layer.weights:
            stage.append(layer.name)
            if any(weight.ndim > 1 for weight in layer.weights):
                yield stage
                stage = []
    if stage:
        yield stage
