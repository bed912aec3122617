"""What notebook 07 asks of the filters beyond their pictures: depth, zones, other networks."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fer_utils.backend import tf
from fer_utils.data.dataset import Dataset
from fer_utils.fer2013 import CLASSES, SIZE
from fer_utils.interpret.adversarial import beside_random_signs, fgsm, fgsm_direction, fgsm_epsilon
from fer_utils.interpret.ascent import (
    Ascent,
    activation_maps,
    high_frequency_share,
    kernels,
    maximise,
)
from fer_utils.interpret.introspection import in_batches, logits_of, standardise, with_channel
from fer_utils.questions import examples, face_zones
from fer_utils.statistics.comparisons import compare
from fer_utils.statistics.intervals import (
    Interval,
    difference_of_means,
    mean_interval,
    proportion,
    verdict,
)
from fer_utils.training.runs import Run

LAYER = "relu7"  # its input, the 7th convolution's normalised output, is maximised
DEPTH = (1, 4, 7, 10, 12)
CLAIMED = (1, 7, 12)  # too simple, as wanted, too complex
GRID = 32  # filters of the 7th convolution shown, 8 in a row
COLUMNS = 8
PER_LAYER = 8  # filters shown of the other layers
TRAINED, UNTRAINED = "gradient ascent\n(homework's)", "control: before\ntraining"
TESTED = 70  # test images
MOST = 32 / 255  # the largest change that an attack may make
ATTACK = {"preprocess": standardise, "maximum": MOST, "grid": 8, "halvings": 5}
LEVELS = (1, 2, 4, 8, 16)  # grey levels of 255
BUDGET = {"plain": {"steps": 24, "rate": 0.02}, "regularised": {"steps": 40}}


def accuracies(runs: Mapping[str, Run], dataset: Dataset) -> dict[str, Interval]:
    """Accuracy of each run on the images that `examples.candidates` lists."""
    hits = {name: examples.candidates(run, dataset)["correct"] for name, run in runs.items()}
    return {name: proportion(int(correct.sum()), len(correct)) for name, correct in hits.items()}


def ascend(model, layer: str, count: int | None, method: str, **options) -> Ascent:
    """`ascent.maximise` of the first `count` filters (None: all) of a per-image normalised net."""
    width = model.get_layer(layer).output.shape[-1]
    numbers = np.arange(width if count is None else min(count, width))
    options = {**BUDGET[method], "preprocess": standardise, **options}
    return maximise(model, layer, numbers, method=method, **options)


def first_layer(model, untrained, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """The first filters of the first layer, row by row: PER_LAYER pictures each.

    Kernels; plain ascent images of `model`, of the `untrained` network, and of the response at the
    centre only; activation maps of `inputs` `(1, 48, 48, 1)`, a normalised image.
    """
    centre = ascend(model, "relu1", PER_LAYER, "plain", objective="centre")
    return {
        "kernel": kernels(model, "conv1")[:PER_LAYER, ..., 0],
        TRAINED: ascend(model, "relu1", PER_LAYER, "plain").images,
        UNTRAINED: ascend(untrained, "relu1", PER_LAYER, "plain").images,
        "ascent of the\ncentre only": centre.images,
        "activation map": channels(model, "relu1", inputs)[:PER_LAYER],
    }


def channels(model, layer: str, inputs: np.ndarray) -> np.ndarray:
    """Activation maps `(channels, h', w')` of one normalised image `(1, 48, 48, 1)`."""
    return activation_maps(model, layer, inputs)[0].transpose(2, 0, 1)


def first(found: Ascent) -> Ascent:
    """The first PER_LAYER filters of an ascent."""
    return Ascent(*(part[:PER_LAYER] for part in found))


def by_depth(model, depths: Sequence[int] = DEPTH) -> dict[str, Ascent]:
    """Plain ascent images of the first filters of these convolutions."""
    return {f"conv{n}": ascend(model, f"relu{n}", PER_LAYER, "plain") for n in depths}


def fine_detail(images: np.ndarray) -> Interval:
    """Mean `ascent.high_frequency_share` of images `(k, h, w)`, with its interval over them."""
    return mean_interval(high_frequency_share(images))


def distinctness(images: np.ndarray) -> np.ndarray:
    """How unlike the others each image `(k, h, w)` is: mean of 1 - |cosine|, centred; `(k,)`.

    0 is a copy of all others; the mean of the values is `ascent.diversity`. NaN for a constant
    image, which is left out of the others' means.
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


def depth_table(sheets: Mapping[str, Ascent]) -> pd.DataFrame:
    """Per layer: `fine_detail` and `distinctness` of the images, and how many are dead."""
    rows = {
        layer: {
            "fine detail": fine_detail(found.images),
            "distinctness": _mean(distinctness(found.images)),
            "never active": int(found.dead.sum()),
        }
        for layer, found in sheets.items()
    }
    return pd.DataFrame(rows).T


def depth_claims(sheets: Mapping[str, Ascent], control: Mapping[str, Ascent]) -> pd.DataFrame:
    """The homework's claim, measured against the 7th convolution, trained and untrained.

    "Early layers are too simple, all images look alike": conv1 is less distinct. "Late ones are too
    complex": conv12 has more fine detail. Columns: difference (Interval) and verdict of each.
    """
    table = {}
    for prefix, images in (("", sheets), ("untrained: ", control)):
        early, middle, late = (images[f"conv{n}"].images for n in CLAIMED)
        differences = [
            difference_of_means(distinctness(middle), distinctness(early)),
            difference_of_means(high_frequency_share(late), high_frequency_share(middle)),
        ]
        words = ("holds", "does not hold", "not shown")
        table[f"{prefix}difference"] = differences
        table[f"{prefix}verdict"] = [verdict(d, words=words) for d in differences]
    return pd.DataFrame(table, index=["early images are more alike", "late images are finer"])


def addresses(model, control, images: np.ndarray) -> pd.DataFrame:
    """For each face zone the filter of LAYER, among the first GRID, that prefers it most.

    images `(n, 48, 48, 1)`, normalised. A filter's density in a zone is the share of its activation
    there over the zone's share of the area. The best filter is chosen on every other image and
    measured on the rest, so that choosing the best of many does not flatter it; `control` is a
    model whose best filter is found the same way. Columns: `filter` (row, column), `density` and
    `control` (Intervals), `verdict` of their difference, paired over the images.
    """
    ours, theirs = _zone_densities(model, images), _zone_densities(control, images)
    words = ("beyond the control", "below the control", "no more than the control")
    rows = {}
    for column, zone in enumerate(face_zones.ZONES):
        best, values = _best(ours[..., column])
        _, controls = _best(theirs[..., column])
        rows[zone] = {
            "filter": f"({best // COLUMNS}, {best % COLUMNS})",
            "density": _mean(values),
            "control": _mean(controls),
            "verdict": verdict(_mean(values - controls), words=words),
        }
    return pd.DataFrame(rows).T


def _zone_densities(model, images: np.ndarray) -> np.ndarray:
    """(filters, n, zones); NaN where a filter is silent."""
    maps = activation_maps(model, LAYER, images)[..., :GRID]
    vertical, horizontal = (SIZE // side for side in maps.shape[1:3])
    maps = maps.repeat(vertical, axis=1).repeat(horizontal, axis=2)
    density = np.stack([face_zones.zone_mass(channel) for channel in np.moveaxis(maps, -1, 0)])
    return density / face_zones.AREAS.to_numpy()


def _best(density: np.ndarray) -> tuple[int, np.ndarray]:
    """The filter of (filters, n) with the largest mean over even images; its odd images' values."""
    best = int(pd.DataFrame(density[:, ::2]).mean(axis=1).idxmax())
    return best, density[best, 1::2]


def said(model, images: np.ndarray) -> np.ndarray:
    """Predicted class `(n,)` of images `(n, h, w)` in [0, 1]."""
    logits = logits_of(model)
    rows = in_batches(
        lambda some: logits(standardise(tf.constant(some))).numpy(), 64, with_channel(images)
    )
    return rows.argmax(axis=1)


def recognised(models: Mapping[str, object], images: np.ndarray) -> pd.DataFrame:
    """What each model says to the seven class images: one column per model, one row per class."""
    answers = {name: np.take(CLASSES, said(model, images)) for name, model in models.items()}
    return pd.DataFrame(answers, CLASSES)


def attack(model, images: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """`adversarial.beside_random_signs` of test images `(n, 48, 48)`, 0..255."""
    return beside_random_signs(model, images / 255, labels, **ATTACK)


def flipped(epsilons: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Share of the images (Interval) that have flipped at so many grey levels, by direction."""
    rows = {
        name: {f"≤ {level}": proportion(int(np.sum(e * 255 <= level)), len(e)) for level in LEVELS}
        for name, e in epsilons.items()
    }
    return pd.DataFrame(rows).T


def attack_verdict(epsilons: Mapping[str, np.ndarray]) -> str:
    """Whether the gradient's signs flip more images than random ones, within MOST (McNemar)."""
    found, control = (np.isfinite(values) for values in epsilons.values())
    difference, p = compare(found, control)
    return verdict(difference, p, ("does more", "does less", "no difference shown"))


def fooled(model, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, ...]:
    """Test images `(n, 48, 48)`, 0..255, changed by just enough, for `plots.filters.adversarial`.

    Returns the images in [0, 1], the gradient's signs, the changed images, and titles: old and new
    answer, grey levels. An image that nothing up to MOST flips is changed by MOST.
    """
    pictures = (images / 255).astype(np.float32)
    epsilons = fgsm_epsilon(model, pictures, labels, **ATTACK)
    signs = fgsm_direction(model, pictures, labels, preprocess=standardise)
    # a hair beyond, so that rounding does not undo the flip
    moved = fgsm(pictures, signs, np.where(np.isfinite(epsilons), epsilons * 1.001 + 1e-6, MOST))
    titles = [
        f"{CLASSES[old]} → {CLASSES[new]}\n{level:.2f} grey levels"
        if np.isfinite(level)
        else f"{CLASSES[old]}\nnot flipped"
        for old, new, level in zip(labels, said(model, moved), epsilons * 255, strict=True)
    ]
    return pictures, signs, moved, titles


def _mean(values: np.ndarray) -> Interval:
    return mean_interval(values[np.isfinite(values)])
