"""Zones of the face in the 48x48 frame, and what part of a saliency map lies in each.

FER2013 was cropped by a face detector, so its faces, like the drawn ones, lie in one place up to a
few pixels; the zones were drawn on the mean face. They are coarse: a turned or tilted face leaves
them, and a map that is uniform inside a zone scores as high as one that follows its lines.
"""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from fer_utils import homework
from fer_utils.fer2013 import CLASSES, SIZE
from fer_utils.statistics.intervals import ALPHA, Interval, judged

# (top, bottom, left, right) in pixels, half open; an earlier zone keeps its pixels.
_BOXES = {
    "mouth corners": ((33, 42, 12, 19), (33, 42, 29, 36)),
    "mouth": ((33, 42, 19, 29),),
    "nose": ((21, 33, 19, 29),),
    "eyes and brows": ((11, 22, 7, 41),),
    "cheeks": ((22, 34, 6, 19), (22, 34, 29, 42)),
    "forehead": ((3, 11, 11, 37),),
    "chin": ((42, 48, 15, 33),),
}


def _partition() -> dict[str, np.ndarray]:
    free = np.ones((SIZE, SIZE), bool)
    zones = {}
    for name, boxes in _BOXES.items():
        mask = np.zeros_like(free)
        for top, bottom, left, right in boxes:
            mask[top:bottom, left:right] = True
        zones[name] = mask & free
        free &= ~mask
    return zones | {"outside": free}


#: Zone -> (48, 48) bool; together they are a partition of the frame.
ZONES = _partition()
AREAS = pd.Series({name: zone.mean() for name, zone in ZONES.items()})
_IN_CHINESE = ("嘴角", "嘴", "鼻子", "眼睛與眉毛", "臉頰", "額頭", "下巴", "其餘部分")
CHINESE = dict(zip(ZONES, _IN_CHINESE, strict=True))



FEWEST = 10  # images of a class that is judged
MORE, LESS, NOT_SHOWN = "more", "less", "not shown"
DISAGREE, HOLDS = "the methods disagree", "holds"


def zone_mass(maps: np.ndarray) -> np.ndarray:
    """The part of each |map| `(n, 48, 48)` in each zone: `(n, zones)`, rows sum to 1.

    NaN for a zero map.
    """
    magnitude = np.abs(maps).reshape(len(maps), -1).astype(float)
    inside = magnitude @ np.stack([zone.ravel() for zone in ZONES.values()], axis=1)
    with np.errstate(invalid="ignore"):
        return inside / inside.sum(axis=1, keepdims=True)


def compare(
    mass: Mapping[str, np.ndarray],
    untrained: Mapping[str, np.ndarray],
    contrast: np.ndarray,
    labels: np.ndarray,
) -> pd.DataFrame:
    """What part of the maps lies in each zone, beside three controls and beside the other classes.

    Parameters
    ----------
    mass
        By method, `zone_mass` `(n, zones)` of its maps.
    untrained
        The same of the network before training: what the architecture alone prefers.
    contrast
        The same of the images' contrast (`faithfulness.control_maps`).
    labels
        `(n,)` int, class index of each image.

    Returns
    -------
    pd.DataFrame
        A row per method, class and zone. `images`; `density`: the part in the zone divided by the
        zone's area, 1 for a uniform map; `over the controls`: what the part exceeds the strongest
        `control` by, which is a uniform map, the contrast of the same images, or their maps from
        the untrained network; `over the others`: what it exceeds the part in the other classes'
        maps by (Intervals, Student's and Welch's).
        `looks` and `differs` judge these two: MORE, LESS or NOT_SHOWN, each corrected by Holm over
        the table. Classes with under FEWEST images are left out.
    """
    tested = np.flatnonzero(np.bincount(labels) >= FEWEST)
    uniform = np.broadcast_to(AREAS.to_numpy(), contrast.shape)
    blocks = []
    for method, label in product(mass, tested):
        controls = {"uniform": uniform, "contrast": contrast, "untrained": untrained[method]}
        block = _of_class(mass[method], controls, labels == label)
        blocks.append(block.assign(**{"method": method, "class": CLASSES[label]}))
    table = pd.concat(blocks, ignore_index=True)
    for word, against in (("looks", "over the controls"), ("differs", "over the others")):
        pairs = table[[against, f"p {against}"]].set_axis([against, "p"], axis=1)
        words = (MORE, LESS, NOT_SHOWN)
        table[word] = judged(pairs, interval=against, words=words)["verdict"]
    return table.drop(columns=["p over the controls", "p over the others"])


def _of_class(
    mass: np.ndarray, controls: Mapping[str, np.ndarray], chosen: np.ndarray
) -> pd.DataFrame:
    """The rows of one method and class; `chosen` `(n,)` bool are its images."""
    excess = np.stack([mass - control for control in controls.values()])
    given = np.isfinite(excess).all(axis=(0, 2))  # a zero map lies nowhere
    inside, others = mass[chosen & given], mass[~chosen & given]
    excess = excess[:, chosen & given]
    strongest = excess.mean(axis=1).argmin(axis=0)
    excess = np.take_along_axis(excess, strongest[None, None], axis=0)[0]
    beside_controls = stats.ttest_1samp(excess, 0)
    beside_others = stats.ttest_ind(inside, others, equal_var=False)
    return pd.DataFrame(
        {
            "zone": list(ZONES),
            "images": len(inside),
            "density": inside.mean(axis=0) / AREAS.to_numpy(),
            "control": np.array(list(controls))[strongest],
            "over the controls": _intervals(excess.mean(axis=0), beside_controls),
            "p over the controls": beside_controls.pvalue,
            "over the others": _intervals(inside.mean(axis=0) - others.mean(axis=0), beside_others),
            "p over the others": beside_others.pvalue,
        }
    )


def _intervals(estimates: np.ndarray, tests) -> list[Interval]:
    low, high = tests.confidence_interval(1 - ALPHA)
    return [Interval(*map(float, row)) for row in zip(estimates, low, high, strict=True)]


def agreement(table: pd.DataFrame, methods: Sequence[str], word: str) -> pd.DataFrame:
    """Class x zone: what `methods` agree on in the column `word` ("looks", "differs") of `compare`.

    MORE or LESS if all say so, DISAGREE if some say MORE and some LESS, else NOT_SHOWN.
    """
    chosen = table[table["method"].isin(methods)]
    words = chosen.groupby(["class", "zone"], sort=False)[word].agg(_in_common)
    return words.unstack().loc[chosen["class"].unique(), list(ZONES)]


def _in_common(verdicts: pd.Series) -> str:
    said = set(verdicts)
    if len(said) == 1:
        return said.pop()
    return DISAGREE if {MORE, LESS} <= said else NOT_SHOWN


def claims(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `compare` on the homework's reading, `homework.ZONES`, with a `verdict` each.

    A claim says that a class is recognised by a zone: it HOLDS if the zone has more than any
    control and more than in the other classes. Of the claim's class too few images: no row.
    """
    named = pd.DataFrame(homework.ZONES, columns=["class", "zone"])
    rows = named.merge(table, on=["class", "zone"])
    verdicts = [_of_claim(row.looks, row.differs) for row in rows.itertuples()]
    rows.insert(3, "verdict", verdicts)
    return rows


def _of_claim(looks: str, differs: str) -> str:
    if looks == LESS:
        return "no more than a control"
    if differs == LESS:
        return "less than in other classes"
    return HOLDS if looks == differs == MORE else NOT_SHOWN


def claim_in_common(verdicts: Sequence[str]) -> str:
    """What the verdicts of several methods on one claim come to."""
    said = set(verdicts)
    denied = said - {HOLDS, NOT_SHOWN}
    if said == {HOLDS}:
        return HOLDS
    if HOLDS in said:
        return DISAGREE if denied else "shown by some methods only"
    return "does not hold" if denied == said else NOT_SHOWN
