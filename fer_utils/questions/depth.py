"""Frequencies and dissimilarity of gradient-ascent pictures, `(k, h, w)` in [0, 1], over depth."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fer_utils import homework
from fer_utils.interpret.ascent import Ascent, high_frequency_share
from fer_utils.statistics import wording
from fer_utils.statistics.corrections import judged
from fer_utils.statistics.intervals import Interval, difference_of_means, mean_interval
from fer_utils.statistics.verdicts import Support


def high_frequency_energy(images: np.ndarray) -> Interval:
    """Mean `ascent.high_frequency_share` of pictures `(k, h, w)`, with its interval over them.

    The interval ends at 0 and 1 at the latest, as a share does.
    """
    share = mean_interval(high_frequency_share(images))
    return Interval(share.estimate, *np.clip([share.low, share.high], 0, 1).tolist())


def dissimilarity(images: np.ndarray) -> np.ndarray:
    """Dissimilarity of each picture `(k, h, w)` to the others: mean of 1 - |cosine|; `(k,)`.

    Pictures are centred; 0 is a copy of all others. NaN for a constant picture, left out of the
    others' means.
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


def table(sheets: Mapping[str, Ascent]) -> pd.DataFrame:
    """By layer: `high_frequency_energy` and `dissimilarity` of pictures, and how many are dead."""
    rows = {
        layer: {
            "high-frequency energy": high_frequency_energy(found.images),
            "dissimilarity": _mean_of_drawn(dissimilarity(found.images)),
            "never active": int(found.dead.sum()),
        }
        for layer, found in sheets.items()
    }
    return pd.DataFrame.from_dict(rows, "index")


def selectivity_by_depth(
    sheets: Mapping[str, Ascent], untrained: Mapping[str, Ascent], layers: Sequence[str]
) -> pd.DataFrame:
    """`homework.FILTERS` for the trained and the untrained network.

    `layers` are three: an early one ("too simple: all images look alike"), the middle one, a late
    one ("too complex": finer). Over the filters, Welch's test, Holm over the table.
    """
    measures = {"dissimilarity": dissimilarity, "high-frequency energy": high_frequency_share}
    rows = {}
    for network, found in (("trained", sheets), ("untrained", untrained)):
        depths = zip(homework.LAYERS, layers, strict=True)
        pictures = {depth: found[layer].images for depth, layer in depths}
        for claim, (measure, *compared) in homework.FILTERS.items():
            more, less = (measures[measure](pictures[depth]) for depth in compared)
            rows[claim, network] = {"difference": difference_of_means(more, less)}
    found = pd.DataFrame.from_dict(rows, "index").rename_axis(["claim", "network"])
    found = judged(found, interval="difference")
    found = found.assign(verdict=found["verdict"].map(Support.of))
    return wording.with_phrases(found, wording.CLAIM)


def _mean_of_drawn(values: np.ndarray) -> Interval:
    """`mean_interval` of the pictures that are not constant."""
    return mean_interval(values[np.isfinite(values)])
