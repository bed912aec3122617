"""Paints faces from their geometry.

Every pixel is a chain of float32 additions, multiplications, divisions and square roots, which
IEEE 754 rounds the same way everywhere: no sine, exponential or sum over pixels, whose last bit
depends on the machine. Shapes are painted with soft edges one pixel wide instead of supersampling.
"""

from types import SimpleNamespace

import numpy as np

from fer_utils.fer2013 import SIZE

# The rows that eyes and brows, and mouth and chin, can reach in any pose of `faces.TRAITS`.
UPPER, LOWER = slice(0, 38), slice(22, SIZE)


def _edge(distance):
    """Coverage of a pixel that lies `distance` inside an outline."""
    return np.clip(distance + 0.5, 0, 1)


def _ellipse(x, y, radius_x, radius_y):
    radius = np.sqrt((x / radius_x) ** 2 + (y / radius_y) ** 2)
    return _edge((1 - radius) * np.minimum(radius_x, radius_y, dtype=np.float32))


def _glow(x, y, radius_x, radius_y):
    """A blob that fades out smoothly towards its border."""
    return np.clip(1 - (x / radius_x) ** 2 - (y / radius_y) ** 2, 0, 1) ** 2


def _stroke(x, y, start, end, thickness):
    """A horizontal-ish line of coordinate `y` from `start` to `end` in `x`, thinner at its ends."""
    place = np.clip((x - start) / (end - start), 0, 1)
    half = thickness * 2 * place * (1 - place)
    return np.minimum(_edge(half - np.abs(y)), _edge(np.minimum(x - start, end - x)))


def _ripple(phase):
    """A triangular wave between 0 and 1, of period 2."""
    half = phase / 2
    return np.abs(2 * (half - np.floor(half)) - 1)


def _flag(condition):
    return condition.astype(np.float32)


def _rows(at, rows):
    return SimpleNamespace(**{name: value[:, rows] for name, value in vars(at).items()})


def _paint(canvas, coverage, tone):
    canvas += coverage * (tone - canvas)


def paint(
    g: SimpleNamespace, at: SimpleNamespace, grain: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 48, 48) uint8 and the pixels that something hides, (n, 48, 48) bool.

    `g` and `at` come from `faces.geometry` and `faces.coordinates`; `grain`: (n, 48, 48) float32,
    noise of mean 0 and variance 1.
    """
    canvas = np.clip(g.ground + g.ground_slope * at.head_y + 0 * at.head_x, 0, 1)
    skin, inside = _head(canvas, g, at)
    upper, lower = _rows(at, UPPER), _rows(at, LOWER)
    _upper_folds(canvas[:, UPPER], g, upper)
    _lower_folds(canvas[:, LOWER], g, lower)
    _nose(canvas, g, at, skin)
    _mouth(canvas[:, LOWER], g, lower, skin[:, LOWER])
    _beard(canvas[:, LOWER], g, lower, inside[:, LOWER])
    _eyes(canvas[:, UPPER], g, upper, skin[:, UPPER])
    _brows(canvas[:, UPPER], g, upper)
    _hair(canvas, g, at)
    _glasses(canvas, g, at)
    hidden = _occluder(canvas, g, at)
    canvas = _camera(canvas, g, grain)
    return np.rint(255 * canvas).astype(np.uint8), hidden


def _head(canvas, g, at):
    """Long hair, neck and clothes behind, then the head; returns its shade and its coverage."""
    long_hair = _flag(g.hair_kind > 0.6)
    outline = _ellipse(at.head_x, at.head_y - 4, g.width + 3 + g.hair_volume, 30.0)
    _paint(canvas, long_hair * outline, g.hair_tone * 0.85)
    _paint(canvas, _edge(g.width * 0.62 - np.abs(at.head_x)) * _edge(at.head_y - 5), g.skin * 0.62)
    _paint(canvas, _edge(at.head_y - 22 - np.abs(at.head_x) * 0.1), g.clothes)

    below = _flag(at.head_y > 0)
    up = at.head_y / (g.crown + below * (g.chin + g.jaw - g.crown))
    width = g.width * (1 - g.taper * below * up * up)
    across = at.head_x / width
    radius2 = across * across + up * up
    inside = _edge((1 - np.sqrt(radius2)) * g.width)
    facing = np.sqrt(np.clip(1 - radius2, 0, 1))
    light = g.ambient + (1 - g.ambient) * (g.light_x * across + g.light_y * up + facing)
    skin = g.skin * np.clip(light, 0.15, 1.15)
    ears = _ellipse(np.abs(at.head_x) - g.width, at.head_y + 2, 2.0, 4.0)
    _paint(canvas, ears, g.skin * 0.75)
    _paint(canvas, inside, skin)
    return skin, inside


def _upper_folds(canvas, g, at):
    """Eye sockets, wrinkles of forehead and nose, bulging cheeks: darker or lighter skin."""
    cheek, wrinkle = np.clip(g.cheek, 0, 1), np.clip(g.wrinkle, 0, 1)
    shade = 1 - 0.22 * _glow(at.side - g.eye_x, at.y - g.eye_y, 6.5, 4.5)
    brow_y = np.minimum(g.brow_in, g.brow_out) - 2.2
    for line in (0, 1, 2):
        wave = at.y - brow_y + 2.1 * line - 0.004 * at.x * at.x
        shade -= 0.30 * np.clip(g.forehead, 0, 1) * _stroke(at.x, wave, -9.0, 9.0, 0.9)
    frown = _stroke(at.y, at.side - 1.3, g.brow_in - 2.5, g.brow_in + 3.0, 1.0)
    shade -= 0.45 * np.clip(g.frown, 0, 1) * frown
    for line in (0, 1):
        wave = at.y - g.eye_y - 0.2 - 1.9 * line + 0.10 * at.side * at.side
        shade -= 0.70 * wrinkle * _stroke(at.x, wave, -4.0, 4.0, 1.1)
    shade += 0.16 * cheek * _glow(at.side - 8.5, at.y - 3.0, 5.0, 4.0)
    below_eye = at.y - g.eye_y - g.lid_low - 1.7 + 0.06 * (at.side - g.eye_x) ** 2
    bag = _stroke(at.side, below_eye, g.eye_x - 4.0, g.eye_x + 5.0, 1.0)
    canvas *= shade - 0.35 * np.maximum(cheek, 0.8 * wrinkle) * bag


def _lower_folds(canvas, g, at):
    """The folds from nose to mouth corners, the shadow under the lip, the raised chin."""
    start, end = g.nose_tip - 1.5, g.mouth_y + g.corner * 0.65 + 1.5
    along = np.clip((at.y - start) / (end - start), 0, 1)
    fold_x = g.nose_width + 0.8 + (g.mouth + 1.2 - g.nose_width) * along * (1.6 - 0.6 * along)
    shade = 1 - 0.35 * np.clip(g.fold, 0, 1) * _stroke(at.y, at.side - fold_x, start, end, 1.5)
    chin = at.y - g.chin - g.jaw
    shade -= 0.10 * _glow(at.x, chin + 6.3, 5.0, 2.0)
    canvas *= shade - 0.35 * np.clip(g.dimple, 0, 1) * _glow(at.x, chin + 4.0, 4.5, 2.2)


def _nose(canvas, g, at, skin):
    bridge = _edge(at.y - g.eye_y) * _edge(g.nose_tip - at.y)
    lit = at.x * np.sign(g.light_x)
    _paint(canvas, 0.5 * bridge * _glow(lit + 2.0, 0 * at.y, 1.6, 1.0), skin * 0.70)
    _paint(canvas, 0.5 * bridge * _glow(lit - 0.3, 0 * at.y, 1.4, 1.0), skin * 1.15)
    _paint(canvas, 0.5 * _glow(at.x, at.y - g.nose_tip + 0.8, 2.0, 1.8), skin * 1.2)
    under = at.y - g.nose_tip - 1.0 + 0.12 * at.side * at.side
    wing = _stroke(at.side, under, 0.2, g.nose_width + 0.8, 1.5)
    _paint(canvas, 0.55 * wing, skin * 0.5)
    nostril = _ellipse(at.side - g.nose_width * 0.52, at.y - g.nose_tip - 0.5, 0.9, 0.6)
    _paint(canvas, 0.8 * nostril, skin * 0.25)


def _mouth(canvas, g, at, skin):
    """Lips, the gap between them, teeth."""
    across = at.x / g.mouth
    round_ = np.clip(1 - across * across, 0, 1)
    bow = round_ + np.clip(g.square, 0, 1) * round_ * (1 - round_) * 1.5
    line = g.mouth_y + g.corner * (across * across - 0.35) + g.crooked * across
    gap_top = line - (0.35 * g.opening + 0.7 * g.lip_raise) * bow
    gap_bottom = line + (0.65 * g.opening - 0.5 * g.lip_raise) * bow
    gap_bottom = np.maximum(gap_bottom, gap_top)
    ends = _edge(g.mouth - np.abs(at.x))
    lips = np.minimum(at.y - gap_top + g.lip_up * bow, gap_bottom + g.lip_low * bow - at.y)
    under = _stroke(at.x, at.y - gap_bottom - g.lip_low - 0.9, -g.mouth * 0.6, g.mouth * 0.6, 1.4)
    _paint(canvas, 0.35 * under, skin * 0.6)
    _paint(canvas, ends * _edge(lips), skin * g.lip_tone)
    shine = _glow(at.x, at.y - gap_bottom - 0.5 * g.lip_low, g.mouth * 0.6, 1.0)
    _paint(canvas, 0.3 * shine, skin * 1.05)
    slit = ends * _edge(0.35 - np.abs(at.y - line))
    _paint(canvas, slit, skin * 0.25)
    gap = ends * _edge(np.minimum(at.y - gap_top, gap_bottom - at.y) - 0.25)
    _paint(canvas, gap, 0.06)
    bite = np.clip(g.teeth * (gap_bottom - gap_top), 0, 2.4)
    teeth = np.minimum(gap, _edge(gap_top + bite - at.y)) * _flag(g.opening > 0.8)
    _paint(canvas, 0.95 * teeth * _edge(0.8 * g.mouth - np.abs(at.x)), 0.5 + 0.45 * g.skin)


def _eyes(canvas, g, at, skin):
    x = at.side - g.eye_x
    y = at.y - g.eye_y + g.eye_slant * x
    almond = np.clip(1 - (x / g.eye_width) ** 2, 0, 1)
    ends = _edge(g.eye_width - np.abs(x))
    top, bottom = -g.lid_up * almond, g.lid_low * almond
    opening = ends * _edge(np.minimum(y - top, bottom - y))
    _paint(canvas, opening, 0.55 + 0.4 * g.skin)
    gaze = g.gaze * np.sign(at.x)
    distance = np.sqrt((x - gaze) ** 2 + (y + 0.25) ** 2)
    _paint(canvas, np.minimum(opening, _edge(1.75 - distance)), g.iris)
    _paint(canvas, np.minimum(opening, _edge(0.75 - distance)), 0.02)
    lash = ends * _edge(0.35 - np.abs(y - top))
    _paint(canvas, 0.9 * lash, 0.07)
    _paint(canvas, 0.45 * ends * _edge(0.1 - np.abs(y - bottom)), skin * 0.4)
    crease = _stroke(x, y - top + 1.5, -g.eye_width, g.eye_width + 0.8, 0.9)
    _paint(canvas, 0.4 * crease, skin * 0.55)


def _brows(canvas, g, at):
    place = np.clip((at.side - g.brow_near) / (g.brow_far - g.brow_near), 0, 1)
    line = g.brow_in + (g.brow_out - g.brow_in) * place - 4 * g.brow_arch * place * (1 - place)
    half = g.brow_thick * (0.55 - 0.30 * place)
    ends = _edge(np.minimum(at.side - g.brow_near, g.brow_far - at.side))
    _paint(canvas, 0.9 * ends * _edge(half - np.abs(at.y - line)), g.brow_tone)


def _beard(canvas, g, at, inside):
    """A full beard, a moustache, or neither."""
    mouth = np.sqrt((at.x / (g.mouth + 1.5)) ** 2 + ((at.y - g.mouth_y - 0.6) / 3.4) ** 2)
    cheek_line = at.y - 8.0 - 0.35 * (12.0 - at.side)
    full = inside * np.clip(cheek_line / 2, 0, 1) * np.clip((mouth - 1) * 3, 0, 1)
    _paint(canvas, 0.75 * _flag(g.beard < 0.10) * full, g.brow_tone)
    middle = (g.nose_tip + 2.2 + g.mouth_y - g.lip_up - g.lip_raise) / 2
    lip = _ellipse(at.x, at.y - middle - 0.03 * at.x * at.x, g.mouth * 0.95, 1.2)
    _paint(canvas, 0.8 * _flag(g.beard < 0.16) * lip, g.brow_tone)


def _hair(canvas, g, at):
    volume = g.hair_volume
    outline = _ellipse(at.head_x, at.head_y + 1, g.width + volume, g.crown + volume)
    across = at.head_x / g.width
    line = g.hair_line + g.hair_side * across * across * across * across + g.hair_part * across
    hair = np.minimum(outline, _edge(line - at.head_y)) * _flag(g.hair_kind > 0.1)
    strands = _ripple(g.strand * (at.head_x + g.comb * at.head_y))
    strands += _ripple(1.7 * g.strand * (at.head_x - 0.3 * at.head_y))
    shine = _glow(at.head_x - 6 * g.light_x, at.head_y + g.crown - 3, 11.0, 5.0)
    _paint(canvas, hair, g.hair_tone * (0.85 + 0.12 * strands) + 0.12 * shine)


def _glasses(canvas, g, at):
    worn = 0.85 * _flag(g.glasses < 0.14)
    x, y = (at.side - g.eye_x) / 5.0, (at.y - g.eye_y - 0.4) / 4.0
    rim = np.abs(np.sqrt(np.sqrt(x * x * x * x + y * y * y * y)) - 1) * 4.2
    bridge = _edge(0.4 - np.abs(at.y - g.eye_y + 0.5)) * _edge(g.eye_x - 5 - at.side)
    _paint(canvas, worn * np.maximum(_edge(0.35 - rim), bridge), 0.10)


def _occluder(canvas, g, at):
    """A strand of hair, a hand at the cheek, something at the edge, or nothing; what it covers."""
    x = at.head_x * np.sign(g.occluder_x)
    kind = g.occluder
    strand = _edge(x - 6.0 - 0.010 * (at.head_y + 20) ** 2) * _flag(kind < 0.05)
    hand = _ellipse(x - 12.0, at.head_y - 16.0 - 0.5 * (12.0 - x), 6.5, 10.0)
    hand *= _flag((kind >= 0.05) & (kind < 0.09))
    edge = _edge(x - 11.0) * _flag((kind >= 0.09) & (kind < 0.12))
    _paint(canvas, strand, g.hair_tone)
    _paint(canvas, hand, g.skin * (0.62 + 0.35 * np.clip(4 * _ripple(0.6 * at.head_x), 0, 1)))
    _paint(canvas, edge, g.occluder_tone)
    return strand + hand + edge > 0.5


def _camera(canvas, g, grain):
    """Blur, contrast, brightness, noise; clipped to [0, 1]."""
    for axis in (1, 2):
        padding = [(0, 0)] * 3
        padding[axis] = (1, 1)
        wide = np.pad(canvas, padding, mode="edge")
        before = np.take(wide, range(SIZE), axis)
        after = np.take(wide, range(2, SIZE + 2), axis)
        canvas = canvas + g.blur * (before - 2 * canvas + after)
    return np.clip(0.5 + g.contrast * (canvas - 0.5) + g.brightness + g.noise * grain, 0, 1)
