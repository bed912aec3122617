"""Adversarial changes and class images: measured, and saved with a run.

FER_DATA=path/to/fer2013.csv python -m fer_utils.questions.adversarial model2
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fer_utils.backend import keras
from fer_utils.data.dataset import Dataset
from fer_utils.fer2013 import CLASSES
from fer_utils.inference import predictor
from fer_utils.interpret.adversarial import (
    beside_random_signs,
    fgsm,
    fgsm_direction,
    fgsm_epsilon,
)
from fer_utils.interpret.introspection import normalise_tensor, with_channel
from fer_utils.questions import filters
from fer_utils.questions.examples import candidates
from fer_utils.statistics import wording
from fer_utils.statistics.comparisons import paired_difference
from fer_utils.statistics.intervals import Comparison, proportion
from fer_utils.training import measurements
from fer_utils.training.runs import Run

LARGEST = 32 / 255  # the largest change that an attack may make
_ATTACK: dict[str, Any] = {
    "preprocess": normalise_tensor,
    "maximum": LARGEST,
    "grid": 16,
    "halvings": 6,
}
SIGNS = ("along the gradient", "at random (baseline)")


@dataclass(frozen=True)
class FilterBudget:
    """How much is measured: test images, filters of the layer, untrained networks, class images."""

    images: int
    filters: int
    untrained: int
    seeds: int
    steps: int


FULL = FilterBudget(images=400, filters=32, untrained=4, seeds=5, steps=160)


def measure_filters(
    run: Run, dataset: Dataset, budget: FilterBudget = FULL
) -> dict[str, np.ndarray]:
    """What notebook 07 needs of a run, as arrays without photographs.

    rows (n,) int: correct duplicate-free test images, drawn at random; epsilons (2, n): smallest
    change that alters its prediction, by SIGNS; density (filters, n, zones) of the 7th
    convolution, and controls (networks, filters, n, zones) of untrained networks; pictures and
    control_pictures (seeds, 7, 48, 48): class images of the network and of an untrained one.
    """
    model, table = run.model(), candidates(run, dataset)
    correct = table[table["correct"]]
    chosen = correct.sample(min(budget.images, len(correct)), random_state=0).sort_values("row")
    images, labels = dataset.images[chosen["row"]], chosen["label"].to_numpy()
    epsilons = beside_random_signs(model, images / np.float32(255), labels, **_ATTACK)
    fresh = [filters.untrained(run.config, number) for number in range(budget.untrained)]
    density = [
        filters.zone_density(network, "relu7", images, budget.filters)
        for network in (model, *fresh)
    ]
    pictures = [
        [_class_images(network, budget.steps, seed) for seed in range(budget.seeds)]
        for network in (model, fresh[0])
    ]
    return {
        "rows": chosen["row"].to_numpy(),
        "epsilons": np.array(epsilons),
        "density": density[0].astype(np.float16),
        "controls": np.array(density[1:], np.float16),
        "pictures": np.array(pictures[0], np.float16),
        "control_pictures": np.array(pictures[1], np.float16),
    }


def _class_images(model: keras.Model, steps: int, seed: int) -> np.ndarray:
    found = filters.ascend(model, "logits", None, method="regularised", steps=steps, seed=seed)
    return found.images


MEASUREMENT = measurements.Measurement("filters", measure_filters)


def predicted_classes(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Predicted class `(n,)` of pictures `(n, h, w)` in [0, 1]."""
    predict = predictor(model, batch_size=64, preprocess=normalise_tensor)
    return predict(with_channel(images)).argmax(axis=1)


def predicted_as_intended(
    networks: Mapping[str, keras.Model], pictures: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """How many class images each network predicts as intended.

    `pictures` maps whose images they are to (seeds, 7, 48, 48). A row per kind, a column per
    network: the proportion over seeds and classes (Interval); chance is one in seven.
    """
    rows = {}
    for whose, images in pictures.items():
        flat = images.reshape(-1, *images.shape[2:]).astype(np.float32)
        intended = np.tile(np.arange(len(CLASSES)), len(images))
        rows[whose] = {
            name: proportion(int(np.sum(predicted_classes(model, flat) == intended)), len(intended))
            for name, model in networks.items()
        }
    return pd.DataFrame.from_dict(rows, "index")


def predictions_changed(epsilons: np.ndarray, levels: Sequence[float]) -> pd.DataFrame:
    """By SIGNS (rows): images whose prediction changes by so many grey levels of 255, as shares.

    epsilons (2, n) as `measure_filters` gives them, in [0, 1], inf where none changes it.
    """
    return pd.DataFrame(
        {
            f"≤ {level:g}": [proportion(int(np.sum(e * 255 <= level)), len(e)) for e in epsilons]
            for level in levels
        },
        index=list(SIGNS),
    )


def attack_verdict(epsilons: np.ndarray, level: float) -> tuple[Comparison, str]:
    """Predictions changed along the gradient minus at random by `level`, and the verdict's word."""
    along, at_random = epsilons * 255 <= level
    difference = paired_difference(along, at_random)
    return difference, wording.ATTACK[difference.verdict]


def adversarial_examples(
    model: keras.Model, images: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Faces changed along the gradient's signs until the prediction changes.

    Returns the faces in [0, 1], the signs, the changed faces, and a title for each: old and new
    prediction, and by how many grey levels. Where nothing up to LARGEST changes the prediction, the
    face is changed by that.
    """
    pictures = (images / 255).astype(np.float32)
    epsilons = fgsm_epsilon(model, pictures, labels, **_ATTACK)
    signs = fgsm_direction(model, pictures, labels, preprocess=normalise_tensor)
    # a hair beyond, so that rounding does not undo the change
    size = np.where(np.isfinite(epsilons), epsilons * 1.001 + 1e-6, LARGEST)
    moved = fgsm(pictures, signs, size)
    titles = [
        f"{CLASSES[old]}\n→ {CLASSES[new]}\nby {level:.2f}"
        if np.isfinite(level)
        else f"{CLASSES[old]}\nnot changed\nby {LARGEST * 255:.0f}"
        for old, new, level in zip(
            labels, predicted_classes(model, moved), epsilons * 255, strict=True
        )
    ]
    return pictures, signs, moved, titles


if __name__ == "__main__":
    sys.exit(measurements.command(MEASUREMENT, "fer_utils.questions.adversarial"))
