"""What is done with saliency maps: they rank pixels, are scaled and averaged, by magnitude."""

import numpy as np


class _Names(dict[str, str]):
    """A method that is not listed is called as in `saliency.METHODS`."""

    def __missing__(self, name: str) -> str:
        return name.replace("_", " ")


#: What readers call the methods of `saliency.METHODS` and the baselines of `faithfulness`.
NAMES = _Names(
    {
        "gradient": "gradient",
        "smoothgrad": "SmoothGrad",
        "integrated_gradients": "Integrated Gradients",
        "grad_cam": "Grad-CAM",
        "occlusion": "occlusion",
        "random": "random order",
        "brightness": "brightness",
        "contrast": "contrast",
    }
)


def most_influential(maps: np.ndarray, fraction: float) -> np.ndarray:
    """Mark the `fraction` of the pixels with the largest magnitude.

    Returns masks like `maps` `(..., h, w)`. Each map gets exactly round(fraction * h * w) pixels;
    of equal pixels the first.
    """
    flat = np.abs(maps).reshape(*maps.shape[:-2], -1)
    count = round(fraction * flat.shape[-1])
    mask = np.zeros(flat.shape, bool)
    best = np.argsort(-flat, axis=-1, kind="stable")[..., :count]
    np.put_along_axis(mask, best, True, axis=-1)
    return mask.reshape(maps.shape)


def normalise_map(maps: np.ndarray) -> np.ndarray:
    """Divide the magnitudes of each of `maps` `(..., h, w)` by their maximum, if it is not 0."""
    magnitude = np.abs(maps)
    top = magnitude.max(axis=(-2, -1), keepdims=True)
    return np.divide(magnitude, top, out=np.zeros_like(magnitude), where=top > 0)


def visible(maps: np.ndarray) -> np.ndarray:
    """Scale the magnitudes of `maps` `(n, h, w)` to [0, 1]; the top percent of each is white."""
    magnitude = np.abs(maps)
    top = np.percentile(magnitude, 99, axis=(1, 2), keepdims=True)
    return np.clip(np.divide(magnitude, top, out=np.zeros_like(magnitude), where=top > 0), 0, 1)


def mean_map(maps: np.ndarray) -> np.ndarray:
    """Average |maps| `(n, h, w)`, each divided by its sum: `(h, w)`, NaN of zero maps.

    So no image outweighs another, and what falls in a region is the mean of the images' shares.
    """
    magnitude = np.abs(maps)
    magnitude = magnitude[magnitude.any(axis=(1, 2))]
    if not len(magnitude):
        return np.full(maps.shape[1:], np.nan)
    return (magnitude / magnitude.sum(axis=(1, 2), keepdims=True)).mean(axis=0)
