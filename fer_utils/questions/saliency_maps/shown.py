"""The maps that chapter 6 shows of single images, as attribution densities: 1 is a uniform map."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from fer_utils.backend import keras
from fer_utils.interpret.maps import NAMES
from fer_utils.interpret.saliency import explain
from fer_utils.questions.face_zones import AREAS, zone_mass
from fer_utils.questions.saliency_maps.measured_maps import FULL


def densities(
    model: keras.Model, inputs: np.ndarray, labels: np.ndarray, methods: Iterable[str]
) -> dict[str, np.ndarray]:
    """Explain the logit of each image's class with the options of the full budget.

    Parameters
    ----------
    model
        The network.
    inputs
        `(n, 48, 48, 1)` float32, the normalised images.
    labels
        `(n,)` int, class index.
    methods
        Names of `maps.NAMES`.

    Returns
    -------
    dict
        By method `(n, 48, 48)` float32: magnitudes divided by the mean of their map.
    """
    keys = {NAMES[key]: key for key in FULL.options}
    return {
        name: density(explain(keys[name], model, inputs, labels, **FULL.options[keys[name]]))
        for name in methods
    }


def density(maps: np.ndarray) -> np.ndarray:
    """Divide the magnitudes of `maps` `(n, h, w)` by the mean of their map; a zero map stays so."""
    magnitude = np.abs(maps)
    mean = magnitude.mean(axis=(1, 2), keepdims=True)
    return np.divide(magnitude, mean, out=np.zeros_like(magnitude), where=mean > 0)


def densest_zones(maps: Mapping[str, np.ndarray], images: Iterable[str]) -> pd.DataFrame:
    """Name the zone of highest density in each map.

    `maps` are (n, 48, 48) by method, `images` the n names of the rows; the methods are columns.
    """
    mass = {method: pd.DataFrame(zone_mass(each), images) for method, each in maps.items()}
    return pd.DataFrame(
        {
            name: (each.set_axis(AREAS.index, axis=1) / AREAS).idxmax(axis=1)
            for name, each in mass.items()
        }
    )
