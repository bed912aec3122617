"""`homework.BORDERS`, its conjecture on what zero-padded shifts teach the first layer.

Measured as `ascent.border_response` of the first layer's activation maps at two places: the
image border of the test images, and the padding edge between an image shifted by zero padding and
its black bar. Runs
of one seed start from the same weights, so their filters are compared one by one.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from fer_utils.backend import keras
from fer_utils.data.transforms import TRANSFORMS, Transform, augment, normalise
from fer_utils.fer2013 import SIZE
from fer_utils.interpret.ascent import activation_maps, border_response, border_ring
from fer_utils.statistics import wording
from fer_utils.statistics.corrections import judged_with_detectable
from fer_utils.statistics.intervals import mean_interval
from fer_utils.statistics.verdicts import Support, Verdict
from fer_utils.training.network import build
from fer_utils.training.runs import Run

SHIFT = Transform(right=4)
ZERO, REFLECTED, NONE = "zero-padded shifts", "reflected shifts", "no shifts"
AUGMENTATIONS = {
    ZERO: {"transforms": "x20"},
    REFLECTED: {"transforms": "x20", "fill": "reflect"},
    NONE: {},
}
UNTRAINED = "untrained"
PLACES = ("image border", "padding edge")
FEWEST_SEEDS = 2


def shifted(images: np.ndarray, fill: str) -> np.ndarray:
    """Images (n, 48, 48), 0..255, moved right by SHIFT as in training; fill "zero" | "reflect"."""
    which = np.full(len(images), TRANSFORMS["x20"].index(SHIFT))
    return augment(images, which, TRANSFORMS["x20"], fill)


def responses(model: keras.Model, images: np.ndarray) -> pd.DataFrame:
    """Border response of each first-layer filter: columns filter, place, response.

    images (n, 48, 48), 0..255. A filter that never responds has NaN.
    """
    padding_edge = np.zeros((SIZE, SIZE), bool)
    padding_edge[1:-1, SHIFT.right - 1 : SHIFT.right + 1] = True
    places = {
        "image border": (images, border_ring(SIZE)),
        "padding edge": (shifted(images, "zero"), padding_edge),
    }
    tables = []
    for place, (seen, border) in places.items():
        maps = activation_maps(model, "relu1", normalise(seen, per_image=True))
        response = border_response(maps, border)
        filters = range(len(response))
        tables.append(pd.DataFrame({"filter": filters, "place": place, "response": response}))
    return pd.concat(tables, ignore_index=True)


def measure_border(runs: Mapping[str, Sequence[Run]], images: np.ndarray) -> pd.DataFrame:
    """`responses` of every run and of its network before training: adds condition and seed."""
    tables = []
    for condition, seeds in runs.items():
        for run in seeds:
            measured = responses(run.model(), images)
            tables.append(measured.assign(condition=condition, seed=run.config.seed))
    for run in runs[ZERO]:
        untrained = responses(build(run.config), images)
        tables.append(untrained.assign(condition=UNTRAINED, seed=run.config.seed))
    return pd.concat(tables, ignore_index=True)


def differences(measured: pd.DataFrame) -> pd.DataFrame:
    """Zero-padded shifts against each other condition, at each place; Holm over the table.

    Per filter the difference of responses; its mean per seed; over seeds the mean and Student's
    interval. With one seed the interval is over its filters, and does not cover other trainings.
    By (place, against): "difference" (Interval), "verdict", "p", "detectable"
    (`judged_with_detectable`), "n" and "over" (what n counts: "seeds" or "filters of one seed").
    """
    by_filter = measured.pivot_table(
        index=["place", "seed", "filter"], columns="condition", values="response"
    )
    rows = {}
    for place in PLACES:
        for other in (REFLECTED, NONE, UNTRAINED):
            differences = (by_filter.loc[place, ZERO] - by_filter.loc[place, other]).dropna()
            seeds = differences.groupby("seed").mean()
            enough = len(seeds) >= FEWEST_SEEDS
            values = seeds if enough else differences
            rows[place, other] = {
                "difference": mean_interval(values).tested(
                    stats.ttest_1samp(values, 0).pvalue, len(values), len(values) - 1
                ),
                "n": len(values),
                "over": "seeds" if enough else "filters of one seed",
            }
    table = pd.DataFrame.from_dict(rows, "index").rename_axis(["place", "against"])
    judged = judged_with_detectable(table, interval="difference")
    return wording.with_phrases(judged, wording.BORDER)


def conclusion(comparisons: pd.DataFrame) -> str:
    """What `differences` come to for the conjecture; the untrained network plays no part in it."""
    trained = comparisons.drop(index=UNTRAINED, level="against")
    found = {difference.verdict for difference in trained["difference"]}
    if found == {Verdict.HIGHER}:
        support = Support.SUPPORTED
    elif Verdict.LOWER in found:
        support = Support.MIXED if Verdict.HIGHER in found else Support.CONTRADICTED
    else:
        support = Support.PARTLY_SUPPORTED if Verdict.HIGHER in found else Support.INCONCLUSIVE
    word = wording.BORDER_CLAIM[support]
    if trained["over"].iloc[0] == "seeds":
        return word
    return f"{word} (one seed only: another training might differ)"


def border_share(ascents: np.ndarray) -> np.ndarray:
    """How much of each ascent image (k, h, w) is drawn at the image border: (k,) in [0, 1].

    `border_response` of the deviation from the image's median; 0.5 is no preference.
    """
    deviation = ascents - np.median(ascents, axis=(1, 2), keepdims=True)
    ring = border_ring(ascents.shape[1])
    return border_response(np.moveaxis(deviation, 0, -1)[None], ring)


def border_preference(trained: np.ndarray, untrained: np.ndarray) -> dict:
    """`border_share` of the ascent images (k, h, w) of trained filters and of the same untrained.

    `trained`, `untrained`: means; `extra`: the mean difference (Interval); `words`: its verdict.
    """
    shares = border_share(trained), border_share(untrained)
    differences = shares[0] - shares[1]
    extra = mean_interval(differences[np.isfinite(differences)])
    return {
        "trained": float(np.nanmean(shares[0])),
        "untrained": float(np.nanmean(shares[1])),
        "extra": extra,
        "words": wording.TRAINING[extra.verdict],
    }
