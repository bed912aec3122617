"""Zones of the face in the 48x48 frame, and how much of a saliency map falls into each.

FER2013 was cropped by a face detector, so its faces, like the drawn ones, lie in one place up to a
few pixels; the zones were drawn on the mean face. They are coarse: a turned or tilted face leaves
them, and a map that is uniform inside a zone scores as high as one that follows its lines.
"""

import numpy as np
import pandas as pd
from scipy import stats

from fer_utils.fer2013 import CLASSES, SIZE
from fer_utils.statistics.intervals import ALPHA, Interval, mean_interval, verdict

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

#: The homework's reading of its maps: which zones a class is recognised by.
CLAIMS = (("happy", "mouth corners"), ("disgust", "cheeks"), ("disgust", "eyes and brows"))
FEWEST = 10  # images below which a claim is not tested


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


def shares(maps: np.ndarray) -> pd.DataFrame:
    """Share of each |map| `(n, 48, 48)` in each zone: n rows that sum to 1, NaN for a zero map."""
    magnitude = np.abs(maps).reshape(len(maps), -1).astype(float)
    inside = magnitude @ np.stack([zone.ravel() for zone in ZONES.values()], axis=1)
    with np.errstate(invalid="ignore"):
        return pd.DataFrame(inside / inside.sum(axis=1, keepdims=True), columns=list(ZONES))


def density(maps: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Class x zone: share of the class-average map (`saliency.mean_map`) / share of the area.

    1 is what a uniform map has. Classes without an image are left out.
    """
    per_class = shares(maps).groupby(np.asarray(labels)).mean() / AREAS
    return per_class.set_axis([CLASSES[label] for label in per_class.index])


def check_claims(maps: np.ndarray, contrast: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """CLAIMS against three controls; maps and contrast `(n, 48, 48)`, labels `(n,)`.

    Columns: class, zone, images, share (Interval) of the class-average map in the zone, and what
    it exceeds the control by (Interval): `over area` (a uniform map), `over contrast` (the same
    images' contrast maps), `over others` (the maps of the other classes' images); verdict.
    """
    ours, theirs, labels = shares(maps), shares(contrast), np.asarray(labels)
    rows = []
    for name, zone in CLAIMS:
        chosen = labels == CLASSES.index(name)
        row = {"class": name, "zone": zone, "images": int(chosen.sum())}
        if min(chosen.sum(), (~chosen).sum()) < FEWEST:
            rows.append(
                row
                | {"verdict": f"not tested: under {FEWEST} images of this class or of the others"}
            )
            continue
        inside, others = ours.loc[chosen, zone], ours.loc[~chosen, zone]
        excesses = {
            "over area": mean_interval(inside - AREAS[zone]),
            "over contrast": mean_interval(inside - theirs.loc[chosen, zone]),
            "over others": difference_of_means(inside, others),
        }
        row |= {"share": mean_interval(inside), **excesses}
        rows.append(row | {"verdict": _claim_verdict(list(excesses.values()))})
    columns = [*("class", "zone", "images", "share", "over area", "over contrast", "over others")]
    return pd.DataFrame(rows, columns=[*columns, "verdict"])


def reading(claims: pd.DataFrame) -> str:
    """The verdicts of `check_claims` as a Markdown list."""
    rows = claims.itertuples()
    return "\n".join(f"- {row[1]}, {row.zone}: **{row.verdict}**" for row in rows)


def _claim_verdict(excesses: list[Interval]) -> str:
    """`excesses` over area, contrast and the other classes, in this order."""
    *basic, others = (verdict(excess, words=("more", "less", "unclear")) for excess in excesses)
    if "less" in basic:
        return "does not hold"
    if "unclear" in basic:
        return "not shown"
    return "holds" if others == "more" else "holds, but not for this class alone"


def difference_of_means(first: np.ndarray, second: np.ndarray) -> Interval:
    """Difference of the means of two independent groups, with Welch's interval; NaN left out."""
    first, second = (np.asarray(x)[np.isfinite(x)] for x in (first, second))
    low, high = stats.ttest_ind(first, second, equal_var=False).confidence_interval(1 - ALPHA)
    return Interval(float(np.mean(first) - np.mean(second)), float(low), float(high))
