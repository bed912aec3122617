"""Zones of the face in the 48x48 image, and what part of a saliency map lies in each.

FER2013 was cropped by a face detector, so its faces, like the drawn ones, lie in one place up to a
few pixels; the zones were drawn on the mean face. They are coarse: a turned or tilted face leaves
them, and a map that is uniform inside a zone scores as high as one that follows its lines.
"""

import numpy as np
import pandas as pd

from fer_utils.fer2013 import SIZE

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


#: Zone -> (48, 48) bool; together they are a partition of the image.
ZONES = _partition()
AREAS = pd.Series({name: zone.mean() for name, zone in ZONES.items()})


def zone_mass(maps: np.ndarray) -> np.ndarray:
    """Compute the part of each |map| `(n, 48, 48)` in each zone: `(n, zones)`, rows sum to 1.

    NaN for a zero map.
    """
    magnitude = np.abs(maps).reshape(len(maps), -1).astype(float)
    inside = magnitude @ np.stack([zone.ravel() for zone in ZONES.values()], axis=1)
    with np.errstate(invalid="ignore"):
        return inside / inside.sum(axis=1, keepdims=True)
