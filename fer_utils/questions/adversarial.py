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
SIGNS = ("along_gradient", "random_signs")


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
    """Measure what notebook 07 needs of a run, as arrays without photographs.

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
    """Predict the class `(n,)` of pictures `(n, h, w)` in [0, 1]."""
    predict = predictor(model, batch_size=64, preprocess=normalise_tensor)
    return predict(with_channel(images)).argmax(axis=1)


def predicted_as_intended(model: keras.Model, pictures: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Compute how often a network predicts class images as intended.

    `pictures` maps who drew them to (seeds, 7, 48, 48). A row per class, a column per drawer: the
    share of the seeds; chance is one in seven.
    """
    columns = {}
    for drawer, images in pictures.items():
        flat = images.reshape(-1, *images.shape[2:]).astype(np.float32)
        predicted = predicted_classes(model, flat).reshape(images.shape[:2])
        columns[drawer] = (predicted == np.arange(len(CLASSES))).mean(axis=0)
    return pd.DataFrame(columns, index=list(CLASSES))


def predictions_changed(epsilons: np.ndarray, levels: Sequence[int]) -> pd.DataFrame:
    """Count the images whose prediction a change of at most so many grey levels of 255 changes.

    `epsilons` (2, n) are as `measure_filters` gives them, in [0, 1], inf where none changes it. A
    row per kind of SIGNS, a column per level: shares (Intervals).
    """
    return pd.DataFrame(
        {
            level: [proportion(int(np.sum(e * 255 <= level)), len(e)) for e in epsilons]
            for level in levels
        },
        index=list(SIGNS),
    ).rename_axis("signs")


def gradient_against_random(epsilons: np.ndarray, level: int) -> Comparison:
    """Subtract the shares of `predictions_changed` at one level: gradient minus random."""
    along, at_random = epsilons * 255 <= level
    return paired_difference(along, at_random)


def adversarial_examples(
    model: keras.Model, images: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Change faces along the gradient's signs until the prediction changes.

    Where nothing up to LARGEST changes the prediction, the face is changed by that.

    Parameters
    ----------
    model
        The network.
    images, labels
        Faces (n, 48, 48), 0..255, and their true classes (n,).

    Returns
    -------
    tuple
        The signs (n, 48, 48); the changed faces (n, 48, 48) in [0, 1]; by how many grey levels of
        255, (n,), inf where the prediction stays.
    """
    pictures = (images / 255).astype(np.float32)
    epsilons = fgsm_epsilon(model, pictures, labels, **_ATTACK)
    signs = fgsm_direction(model, pictures, labels, preprocess=normalise_tensor)
    # a hair beyond, so that rounding does not undo the change
    size = np.where(np.isfinite(epsilons), epsilons * 1.001 + 1e-6, LARGEST)
    return signs, fgsm(pictures, signs, size), epsilons * 255


if __name__ == "__main__":
    sys.exit(measurements.command(MEASUREMENT, "fer_utils.questions.adversarial"))
