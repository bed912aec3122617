"""Frequencies and dissimilarity of gradient-ascent pictures, `(k, h, w)` in [0, 1], over depth."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fer_utils import homework
from fer_utils.interpret.ascent import Ascent, high_frequency_share
from fer_utils.statistics.corrections import judged
from fer_utils.statistics.intervals import Interval, difference_of_means, mean_interval
from fer_utils.statistics.verdicts import Support


def high_frequency_energy(images: np.ndarray) -> Interval:
    """Average `ascent.high_frequency_share` over pictures `(k, h, w)`, with its interval.

    The interval ends at 0 and 1 at the latest, as a share does.
    """
    share = mean_interval(high_frequency_share(images))
    return Interval(share.estimate, *np.clip([share.low, share.high], 0, 1).tolist())


def dissimilarity(images: np.ndarray) -> np.ndarray:
    """Measure how dissimilar each picture `(k, h, w)` is to the others, `(k,)`.

    This is the mean of 1 - |cosine| of the centred pictures; 0 is a copy of all others. A constant
    picture has NaN, and is left out of the others' means.
    """
    flat = images.reshape(len(images), -1).astype(float)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1)
    drawn = length > 1e-6
    unit = flat[drawn] / length[drawn, None]
    others = (1 - np.abs(unit @ unit.T)).sum(axis=1) / max(len(unit) - 1, 1)
    result = np.full(len(images), np.nan)
    result[drawn] = others
    return result


def selectivity_by_depth(
    sheets: Mapping[str, Ascent], untrained: Mapping[str, Ascent], layers: Sequence[str]
) -> pd.DataFrame:
    """Judge `homework.FILTERS` for the trained and the untrained network.

    Parameters
    ----------
    sheets, untrained
        Pictures by layer.
    layers
        Three of them: an early one ("too simple: all images look alike"), the middle one, a late
        one ("too complex", that is finer).

    Returns
    -------
    pd.DataFrame
        By (claim, network): `difference` over the filters (Welch), `verdict` (Support), and `p`,
        corrected over the table.
    """
    measures = {"dissimilarity": dissimilarity, "high_frequency_energy": high_frequency_share}
    rows = {}
    for network, found in (("trained", sheets), ("untrained", untrained)):
        depths = zip(homework.LAYERS, layers, strict=True)
        pictures = {depth: found[layer].images for depth, layer in depths}
        for claim, (measure, *compared) in homework.FILTERS.items():
            more, less = (measures[measure](pictures[depth]) for depth in compared)
            rows[claim, network] = {"difference": difference_of_means(more, less)}
    found = pd.DataFrame.from_dict(rows, "index").rename_axis(["claim", "network"])
    found = judged(found, interval="difference")
    return found.assign(verdict=found["verdict"].map(Support.of))
