"""The homework's conjecture that zero-padded shifts teach the first layer to detect borders.

The `ascent.border_response` of the first layer's activation maps is measured at two places: at the
image border of the test images, and at the padding edge between an image shifted by zero padding
and its black bar. Runs of one seed start from the same weights, so their filters are compared one
by one.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from fer_utils.backend import keras
from fer_utils.data.transforms import TRANSFORMS, Transform, augment, normalise
from fer_utils.fer2013 import SIZE
from fer_utils.interpret.ascent import activation_maps, border_response, border_ring
from fer_utils.statistics.corrections import judged_with_detectable
from fer_utils.statistics.intervals import mean_interval
from fer_utils.statistics.verdicts import Support, Verdict
from fer_utils.training.network import build
from fer_utils.training.runs import Run

SHIFT = Transform(right=4)
ZERO, REFLECTED, NONE = "zero_padded_shifts", "reflected_shifts", "no_shifts"
AUGMENTATIONS = {
    ZERO: {"transforms": "x20"},
    REFLECTED: {"transforms": "x20", "fill": "reflect"},
    NONE: {},
}
UNTRAINED = "untrained"
PLACES = ("image_border", "padding_edge")
FEWEST_SEEDS = 2


def shifted(images: np.ndarray, fill: str) -> np.ndarray:
    """Move images (n, 48, 48), 0..255, right by SHIFT as in training; fill "zero" | "reflect"."""
    which = np.full(len(images), TRANSFORMS["x20"].index(SHIFT))
    return augment(images, which, TRANSFORMS["x20"], fill)


def responses(model: keras.Model, images: np.ndarray) -> pd.DataFrame:
    """Measure the border response of each first-layer filter: columns filter, place, response.

    images (n, 48, 48), 0..255. A filter that never responds has NaN.
    """
    first_layer = keras.Model(model.input, model.get_layer("relu1").output)
    padding_edge = np.zeros((SIZE, SIZE), bool)
    padding_edge[1:-1, SHIFT.right - 1 : SHIFT.right + 1] = True
    places = {
        "image_border": (images, border_ring(SIZE)),
        "padding_edge": (shifted(images, "zero"), padding_edge),
    }
    tables = []
    for place, (seen, border) in places.items():
        maps = activation_maps(first_layer, "relu1", normalise(seen, per_image=True))
        response = border_response(maps, border)
        filters = range(len(response))
        tables.append(pd.DataFrame({"filter": filters, "place": place, "response": response}))
    return pd.concat(tables, ignore_index=True)


def measure_border(runs: Mapping[str, Sequence[Run]], images: np.ndarray) -> pd.DataFrame:
    """Measure `responses` of all runs, and of ZERO's before training; adds condition and seed."""
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
    """Compare zero-padded shifts with each other condition, at each place; Holm over the table.

    The difference of responses is averaged over the filters of a seed, and these means over the
    seeds. With one seed the interval is over its filters, and does not cover other trainings. By
    (place, against): `difference`, `verdict`, `p`, `detectable` (`judged_with_detectable`), `n`,
    and `over`, what n counts: "seeds" or "filters".
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
                "over": "seeds" if enough else "filters",
            }
    table = pd.DataFrame.from_dict(rows, "index").rename_axis(["place", "against"])
    return judged_with_detectable(table, interval="difference")


def conclusion(comparisons: pd.DataFrame) -> Support:
    """Judge the conjecture by `differences`; the untrained network plays no part in it."""
    trained = comparisons.drop(index=UNTRAINED, level="against")
    found = {difference.verdict for difference in trained["difference"]}
    if found == {Verdict.HIGHER}:
        return Support.SUPPORTED
    if Verdict.LOWER in found:
        return Support.MIXED if Verdict.HIGHER in found else Support.CONTRADICTED
    return Support.PARTLY_SUPPORTED if Verdict.HIGHER in found else Support.INCONCLUSIVE


def border_share(ascents: np.ndarray) -> np.ndarray:
    """Measure how much of each ascent image (k, h, w) is drawn at the image border: (k,) in [0, 1].

    This is the `border_response` of the deviation from the image's median; 0.5 is no preference.
    """
    deviation = ascents - np.median(ascents, axis=(1, 2), keepdims=True)
    ring = border_ring(ascents.shape[1])
    return border_response(np.moveaxis(deviation, 0, -1)[None], ring)


def border_preference(trained: np.ndarray, untrained: np.ndarray) -> pd.DataFrame:
    """Compare the `border_share` of ascent images (k, h, w) of trained and untrained filters.

    Rows trained, untrained and difference; in the column `border_share` means, and for the
    difference an Interval over the filters.
    """
    shares = border_share(trained), border_share(untrained)
    differences = shares[0] - shares[1]
    values = {
        "trained": float(np.nanmean(shares[0])),
        "untrained": float(np.nanmean(shares[1])),
        "difference": mean_interval(differences[np.isfinite(differences)]),
    }
    return pd.DataFrame({"border_share": values})
