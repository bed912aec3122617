"""A face as numbers: action units move the geometry of an identity, and regions follow it.

The units are those of the Facial Action Coding System (Ekman, Friesen and Hager, 2002); the
combinations that make an expression follow its table of emotion prototypes. Lengths are in pixels
of an upright, frontal face whose centre is (0, 0), x to the right and y downwards.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from fer_utils.fer2013 import CLASSES, SIZE

REGIONS = ("forehead", "brows", "eyes", "nose", "cheeks", "mouth", "chin")


@dataclass(frozen=True)
class Unit:
    """One action unit: its FACS name, where it shows, what full intensity adds to the geometry."""

    name: str
    regions: tuple[str, ...]
    moves: dict[str, float]


UNITS = {
    1: Unit("inner brow raiser", ("brows", "forehead"), {"brow_in": -2.4, "forehead": 0.6}),
    2: Unit("outer brow raiser", ("brows", "forehead"), {"brow_out": -2.6, "forehead": 0.6}),
    4: Unit("brow lowerer", ("brows",), {"brow_in": 2.0, "brow_near": -1.2, "frown": 1.0}),
    5: Unit("upper lid raiser", ("eyes",), {"lid_up": 1.3}),
    6: Unit("cheek raiser", ("eyes", "cheeks"), {"lid_low": -0.7, "lid_up": -0.3, "cheek": 1.0}),
    7: Unit("lid tightener", ("eyes",), {"lid_up": -0.7, "lid_low": -0.5}),
    9: Unit(
        "nose wrinkler",
        ("nose", "brows", "eyes"),
        {"wrinkle": 1.0, "nose_tip": -1.4, "brow_in": 0.8},
    ),
    10: Unit("upper lip raiser", ("mouth", "cheeks"), {"lip_raise": 2.0, "fold": 1.0}),
    12: Unit(
        "lip corner puller",
        ("mouth", "cheeks"),
        {"corner": -3.6, "mouth": 2.2, "fold": 0.6, "teeth": 0.4},
    ),
    15: Unit("lip corner depressor", ("mouth",), {"corner": 2.8}),
    17: Unit("chin raiser", ("mouth", "chin"), {"mouth_y": -0.8, "lip_low": 0.4, "dimple": 1.0}),
    20: Unit("lip stretcher", ("mouth",), {"mouth": 1.8, "square": 1.0, "corner": 0.8}),
    23: Unit("lip tightener", ("mouth",), {"mouth": -1.0, "lip_up": -0.9, "lip_low": -1.0}),
    25: Unit("lips part", ("mouth",), {"opening": 2.2}),
    26: Unit("jaw drop", ("mouth", "chin"), {"opening": 3.2, "jaw": 1.4}),
    27: Unit("mouth stretch", ("mouth", "chin"), {"opening": 4.0, "jaw": 1.6, "mouth": -1.6}),
}

# The probability with which a unit takes part in an expression.
EXPRESSIONS = {
    "angry": {4: 1.0, 5: 0.5, 7: 0.8, 23: 0.8, 17: 0.3, 25: 0.25},
    "disgust": {9: 1.0, 10: 1.0, 15: 0.6, 17: 0.5, 4: 0.3, 25: 0.6, 7: 0.5},
    "fear": {1: 1.0, 2: 0.6, 4: 0.7, 5: 0.8, 20: 0.7, 25: 0.6, 26: 0.4},
    "happy": {6: 0.8, 12: 1.0, 25: 0.7},
    "sad": {1: 1.0, 4: 0.7, 15: 0.8, 17: 0.5},
    "surprise": {1: 1.0, 2: 1.0, 5: 0.8, 25: 1.0, 26: 0.8, 27: 0.7},
    "neutral": {},
}
PRESENCE = np.array([[EXPRESSIONS[c].get(u, 0.0) for u in UNITS] for c in CLASSES], np.float32)

# What differs between faces: (low, high) of a uniform draw. The names that units move come first.
TRAITS = {
    # brows and forehead
    "brow_in": (-9.6, -8.4),
    "brow_out": (-9.6, -8.2),
    "brow_near": (2.4, 3.6),
    "brow_far": (11.0, 12.6),
    "brow_arch": (0.3, 1.3),
    "brow_thick": (1.2, 2.6),
    "brow_tone": (0.08, 0.35),
    "frown": (0.0, 0.15),
    "forehead": (0.0, 0.2),
    # eyes
    "eye_x": (6.9, 8.1),
    "eye_y": (-5.0, -4.0),
    "eye_width": (3.3, 4.2),
    "eye_slant": (-0.06, 0.10),
    "lid_up": (1.3, 2.0),
    "lid_low": (1.0, 1.5),
    "iris": (0.06, 0.32),
    "gaze": (-0.8, 0.8),
    # nose and cheeks
    "nose_tip": (3.8, 5.4),
    "nose_width": (2.3, 3.4),
    "wrinkle": (0.0, 0.05),
    "cheek": (0.0, 0.1),
    "fold": (0.0, 0.25),
    # mouth and chin
    "mouth_y": (11.2, 12.8),
    "mouth": (5.0, 6.6),
    "corner": (-0.6, 0.5),
    "lip_raise": (0.0, 0.0),
    "lip_up": (0.9, 1.6),
    "lip_low": (1.2, 2.1),
    "lip_tone": (0.60, 0.80),
    "opening": (-0.4, 0.2),
    "square": (0.0, 0.2),
    "teeth": (0.2, 0.4),
    "crooked": (-0.4, 0.4),
    "dimple": (0.0, 0.1),
    "jaw": (0.0, 0.0),
    # head, skin, hair
    "width": (14.8, 17.4),
    "chin": (18.8, 21.2),
    "crown": (21.5, 24.5),
    "taper": (0.10, 0.30),
    "skin": (0.50, 0.86),
    "hair_tone": (0.05, 0.60),
    "hair_line": (-17.0, -12.5),
    "hair_side": (3.0, 14.0),
    "hair_part": (-3.5, 3.5),
    "hair_volume": (0.5, 3.5),
    "hair_kind": (0.0, 1.0),
    "strand": (0.15, 0.50),
    "comb": (-0.4, 0.4),
    "glasses": (0.0, 1.0),
    "beard": (0.0, 1.0),
    # pose: roll is the tangent of half the angle, so that no sine is needed
    "roll": (-0.09, 0.09),
    "shift_x": (-2.5, 2.5),
    "shift_y": (-2.0, 2.0),
    "scale": (1.06, 1.24),
    "yaw": (-3.2, 3.2),
    "pitch": (-1.0, 1.0),
    # light, background, camera
    "light_x": (-0.85, 0.85),
    "light_y": (-0.60, 0.05),
    "ambient": (0.50, 0.85),
    "ground": (0.05, 0.90),
    "ground_slope": (-0.012, 0.012),
    "clothes": (0.05, 0.8),
    "occluder": (0.0, 1.0),
    "occluder_x": (-1.0, 1.0),
    "occluder_tone": (0.1, 0.8),
    "contrast": (0.80, 1.15),
    "brightness": (-0.08, 0.10),
    "blur": (0.0, 0.25),
    "noise": (0.003, 0.025),
}
_LOW, _HIGH = np.array(list(TRAITS.values()), np.float32).T


def geometry(uniform: np.ndarray, units: np.ndarray) -> SimpleNamespace:
    """The traits of n faces after their action units have moved them.

    `uniform`: (n, len(TRAITS)) float32 in [0, 1); `units`: (n, len(UNITS)) float32, intensities.
    Every attribute of the result is named in TRAITS and is (n, 1, 1) float32.
    """
    values = dict(zip(TRAITS, (_LOW + (_HIGH - _LOW) * uniform).T, strict=True))
    for unit, intensity in zip(UNITS.values(), units.T, strict=True):
        for name, amount in unit.moves.items():
            values[name] = values[name] + np.float32(amount) * intensity
    values["lid_up"] = np.maximum(values["lid_up"], 0.45)
    values["lip_up"] = np.maximum(values["lip_up"], 0.3)
    values["lip_low"] = np.maximum(values["lip_low"], 0.4)
    values["opening"] = np.maximum(values["opening"], 0)
    return SimpleNamespace(**{name: value[:, None, None] for name, value in values.items()})


def coordinates(g: SimpleNamespace) -> SimpleNamespace:
    """Where each pixel lies on the upright face, (n, 48, 48) float32 each.

    `head_x`, `head_y` ignore the turn of the head; `x`, `y` include it (features slide towards
    the side the face looks at and the outline stays); `side` is |x|: both halves in one stroke.
    """
    row, column = np.indices((SIZE, SIZE), np.float32) - np.float32((SIZE - 1) / 2)
    column, row = column - g.shift_x, row - g.shift_y
    cosine = (1 - g.roll * g.roll) / (1 + g.roll * g.roll)
    sine = 2 * g.roll / (1 + g.roll * g.roll)
    head_x = (cosine * column + sine * row) / g.scale
    head_y = (cosine * row - sine * column) / g.scale
    depth = np.clip(1 - (head_x / g.width) ** 2, 0, 1)
    x, y = head_x - g.yaw * depth, head_y - g.pitch * depth
    return SimpleNamespace(head_x=head_x, head_y=head_y, x=x, y=y, side=np.abs(x))


def regions(g: SimpleNamespace, at: SimpleNamespace) -> dict[str, np.ndarray]:
    """The regions in which units show: name -> (n, 48, 48) bool, after pose and expression."""

    def ellipse(x, y, radius_x, radius_y):
        return (x / radius_x) ** 2 + (y / radius_y) ** 2 <= 1

    brow_x, brow_y = (g.brow_near + g.brow_far) / 2, (g.brow_in + g.brow_out) / 2
    drop = np.abs(g.brow_in - g.brow_out) / 2
    mouth_y = g.mouth_y + g.opening / 6 - g.lip_raise / 2
    return {
        "forehead": ellipse(at.x, at.y - brow_y + 4.5, 11.0, 3.5),
        "brows": ellipse(at.side - brow_x + 0.5, at.y - brow_y + 0.4, 6.2, 2.6 + drop),
        "eyes": ellipse(at.side - g.eye_x, at.y - g.eye_y, g.eye_width + 1.6, g.lid_up + 1.8),
        "nose": ellipse(at.x, at.y - g.nose_tip + 3.5, g.nose_width + 1.6, 6.0),
        "cheeks": ellipse(at.side - 9.0, at.y - g.nose_tip + 0.5, 4.0, 5.0),
        "mouth": ellipse(at.x, at.y - mouth_y, g.mouth + 2.0, 3.8 + g.opening / 2),
        "chin": ellipse(at.x, at.y - g.chin - g.jaw + 3.0, 6.5, 2.8),
    }
