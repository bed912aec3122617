"""What filters look like and respond to: the first layer, the 7th convolution.

Images of faces are `(n, 48, 48)`, 0..255; pictures found by gradient ascent in [0, 1]. They are
compared with those of the same network before training: what that shows as well is not learned.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from fer_utils.backend import keras
from fer_utils.data.transforms import normalise
from fer_utils.fer2013 import SIZE
from fer_utils.interpret.ascent import (
    Ascent,
    activation_maps,
    kernels,
    maximise,
)
from fer_utils.interpret.introspection import normalise_tensor
from fer_utils.questions.face_zones import AREAS, ZONES, zone_mass
from fer_utils.statistics.corrections import judged
from fer_utils.statistics.intervals import mean_interval
from fer_utils.training.config import Config
from fer_utils.training.network import build

UNTRAINED_SEED = 1000  # networks before training: this seed and the next ones

# Frei and Chen (1977, IEEE Trans. Computers C-26): an orthonormal basis of 3x3 patterns. Four are
# edges (one side against the other), four are lines and spots, one is the mean.
_R = np.sqrt(2)
_EDGES = (
    ((1, _R, 1), (0, 0, 0), (-1, -_R, -1)),
    ((1, 0, -1), (_R, 0, -_R), (1, 0, -1)),
    ((0, -1, _R), (1, 0, -1), (-_R, 1, 0)),
    ((_R, -1, 0), (-1, 0, 1), (0, 1, -_R)),
)
_LINES = (
    ((0, 1, 0), (-1, 0, -1), (0, 1, 0)),
    ((-1, 0, 1), (0, 0, 0), (1, 0, -1)),
    ((1, -2, 1), (-2, 4, -2), (1, -2, 1)),
    ((-2, 1, -2), (1, 4, 1), (-2, 1, -2)),
)
PATTERNS = {"edge": _EDGES, "line_or_spot": _LINES, "mean": (((1, 1, 1),) * 3,)}


def untrained(config: Config, number: int = 0) -> keras.Model:
    """Build the network of a config before training, with initial weights of its own."""
    return build(replace(config, seed=UNTRAINED_SEED + number))


def ascend(
    model: keras.Model,
    layer: str,
    count: int | None,
    *,
    method: str,
    steps: int,
    rate: float | None = None,
    objective: str = "channel",
    seed: int = 0,
) -> Ascent:
    """Call `ascent.maximise` for the first filters of a network trained on normalised images.

    Parameters
    ----------
    model, layer
        The network, and the name of a layer: of "relu7" the input is maximised.
    count
        How many filters; None: all.
    method
        "plain" or "regularised", see `ascent.maximise`.
    steps, rate
        Gradient steps and their size, see `ascent.maximise`.
    objective
        "channel" or "centre", see `ascent.maximise`.
    seed
        Of the starting noise.
    """
    width = model.get_layer(layer).output.shape[-1]
    numbers = np.arange(width if count is None else min(count, width))
    return maximise(
        model,
        layer,
        numbers,
        method=method,
        objective=objective,
        steps=steps,
        rate=rate,
        seed=seed,
        preprocess=normalise_tensor,
    )


def pattern_energy(model: keras.Model) -> pd.DataFrame:
    """Divide the energy of each 3x3 kernel of the first layer by pattern: a row per filter, sums 1.

    Columns are those of PATTERNS, the subspaces of Frei and Chen. A kernel of random numbers has
    4/9, 4/9 and 1/9 on average.
    """
    flat = kernels(model, "conv1")[..., 0].reshape(-1, 9)
    energy = {}
    for name, masks in PATTERNS.items():
        basis = np.array(masks, float).reshape(len(masks), 9)
        basis /= np.linalg.norm(basis, axis=1, keepdims=True)
        energy[name] = ((flat @ basis.T) ** 2).sum(axis=1) / (flat**2).sum(axis=1)
    return pd.DataFrame(energy)


def pattern_table(trained: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Compare `pattern_energy` after and before training.

    A row per pattern: `filters`, how many trained kernels have most of their energy there, and the
    mean energies `trained` and `untrained` (Intervals).
    """
    leading = trained.idxmax(axis=1)
    return pd.DataFrame(
        {
            "filters": [int((leading == name).sum()) for name in trained],
            "trained": [mean_interval(trained[name]) for name in trained],
            "untrained": [mean_interval(before[name]) for name in trained],
        },
        index=trained.columns,
    )


def activation_channels(model: keras.Model, layer: str, image: np.ndarray) -> np.ndarray:
    """Compute the activation maps `(channels, h', w')` of one face `(48, 48)`."""
    maps = activation_maps(model, layer, normalise(image[None], per_image=True))
    return maps[0].transpose(2, 0, 1)


def zone_density(model: keras.Model, layer: str, images: np.ndarray, count: int) -> np.ndarray:
    """Measure how much filters prefer each zone of the face.

    Parameters
    ----------
    model, layer
        The network and its layer.
    images
        (n, 48, 48) 0..255.
    count
        How many of the layer's first filters.

    Returns
    -------
    numpy.ndarray
        (filters, n, zones) float: the share of the activation that lies in the zone over the zone's
        share of the area; 1 is no preference, NaN where a filter is silent.
    """
    maps = activation_maps(model, layer, normalise(images, per_image=True))[..., :count]
    vertical, horizontal = (SIZE // side for side in maps.shape[1:3])
    density = [
        zone_mass(channel.repeat(vertical, axis=1).repeat(horizontal, axis=2))
        for channel in np.moveaxis(maps, -1, 0)
    ]
    return np.stack(density) / AREAS.to_numpy()


def zone_filters(density: np.ndarray, of_untrained: np.ndarray, columns: int) -> pd.DataFrame:
    """Compare the filter that prefers a zone most with the best of untrained networks.

    Parameters
    ----------
    density
        `zone_density` of the trained network, `(filters, n, zones)`.
    of_untrained
        The same of several untrained networks, `(networks, filters, n, zones)`.
    columns
        Of the grid, for the filter's (row, column).

    Returns
    -------
    pd.DataFrame
        By zone: `filter`, its (row, column); the mean preferences `trained` and `untrained`
        (Intervals); their `difference`, its `verdict` and its `p`, corrected over the zones
        (`judged`). The best filter is chosen on every other image and measured on the rest, so that
        choosing the best of many does not bias it. That of each untrained network is found in the
        same way.
    """
    rows = {}
    for column, zone in enumerate(ZONES):
        best, values = _best(density[..., column])
        others = np.mean([_best(network[..., column])[1] for network in of_untrained], axis=0)
        gain = _finite(values - others)
        rows[zone] = {
            "filter": f"({best // columns}, {best % columns})",
            "trained": mean_interval(_finite(values)),
            "untrained": mean_interval(_finite(others)),
            "difference": mean_interval(gain).tested(
                stats.ttest_1samp(gain, 0).pvalue, len(gain), len(gain) - 1
            ),
        }
    table = pd.DataFrame.from_dict(rows, "index").rename_axis("zone")
    return judged(table, interval="difference")


def mean_preferences(density: np.ndarray) -> pd.DataFrame:
    """Average `zone_density`, (filters, n, zones), over the images: a row per filter.

    A filter that is silent on most of the images has 0.
    """
    means = [_means(density[..., zone]) for zone in range(len(ZONES))]
    return pd.DataFrame(dict(zip(ZONES, means, strict=True)))


def above_untrained(density: np.ndarray, of_untrained: np.ndarray) -> pd.DataFrame:
    """Say which filters (rows) prefer which zones (columns) more than any untrained filter does.

    Preferences are `mean_preferences`; the arrays are those of `zone_filters`.
    """
    highest = np.max([mean_preferences(network).max() for network in of_untrained], axis=0)
    return mean_preferences(density) > highest


def _best(density: np.ndarray) -> tuple[int, np.ndarray]:
    """Choose the filter of (filters, n) with the largest mean on even images; return odd ones."""
    best = int(_means(density[:, ::2]).argmax())
    return best, density[best, 1::2]


def _means(density: np.ndarray) -> np.ndarray:
    """Average (filters, n) over the images; a filter that is silent on most of them has 0."""
    active = np.isfinite(density)
    means = np.where(active, density, 0).sum(axis=1) / np.maximum(active.sum(axis=1), 1)
    return np.where(active.mean(axis=1) > 0.5, means, 0.0)


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]
