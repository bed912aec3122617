"""Test-time augmentation: a run's logits for mirrored and shifted views of the test images."""

from collections.abc import Mapping

import numpy as np

from fer_utils.data.dataset import Dataset
from fer_utils.data.transforms import TRANSFORMS, augment, normalise
from fer_utils.files import replacing
from fer_utils.statistics.calibration import softmax
from fer_utils.training.predictions import part_rows
from fer_utils.training.runs import Run

#: Name -> which transforms of the "views" set are averaged.
AVERAGES = {"one view": (0,), "+ mirror": (0, 1), "+ mirror + shifts": tuple(range(6))}


def view_logits(run: Run, dataset: Dataset) -> dict[str, np.ndarray]:
    """Logits (views, n, 7) float32 per part, one for each transform of the "views" set.

    They are computed once and kept in the run's folder.
    """
    path = run.folder / "views.npz"
    if not path.exists():
        computed = _compute(run, dataset)
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **computed)
    with np.load(path, allow_pickle=False) as arrays:
        return {part: arrays[part].astype(np.float32) for part in arrays.files}


def _compute(run: Run, dataset: Dataset) -> dict[str, np.ndarray]:
    from fer_utils.interpret.inference import predictor

    predict = predictor(run.model())
    others = range(1, len(TRANSFORMS["views"]))
    logits = {part: [given] for part, given in run.logits.items()}
    for part, rows in part_rows(dataset).items():
        for view in others:
            which = np.full(len(rows), view)
            moved = augment(dataset.images[rows], which, "views")
            logits[part].append(predict(normalise(moved, run.config.per_image_norm)))
    return {part: np.array(given, np.float16) for part, given in logits.items()}


def hits(run: Run, dataset: Dataset) -> Mapping[str, dict[str, np.ndarray]]:
    """Which images are classified correctly, name of the average -> part -> (1, n) bool.

    The probabilities of the views are averaged with equal weights.
    """
    found = view_logits(run, dataset)
    labels = {part: dataset.labels[rows] for part, rows in part_rows(dataset).items()}
    return {
        name: {
            part: (softmax(logits[list(views)]).mean(axis=0).argmax(axis=1) == labels[part])[None]
            for part, logits in found.items()
        }
        for name, views in AVERAGES.items()
    }
