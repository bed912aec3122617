"""What finished runs say to the images that their students train on: soft labels.

Hinton, Vinyals and Dean (arXiv 1503.02531) at temperature 1, from the untransformed image and its
mirror image. Kept in the cache: they show what the teachers see in single photographs.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from scipy.special import softmax

from fer_utils.data.dataset import DataError, Dataset
from fer_utils.data.transforms import normalise
from fer_utils.files import cache_dir, cached
from fer_utils.inference import predictor
from fer_utils.training import experiments
from fer_utils.training.runs import trained_model, weights_file


def probabilities(teachers: Sequence[str], dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """(k, 7) float32: the mean of the teachers' probabilities for the images at `rows` (k,).

    Raises DataError if a teacher is not finished.
    """
    known = {config.name: config for config in experiments.campaign("reference")}
    return np.mean([_of_one(known[name], dataset)[rows] for name in teachers], axis=0)


def _of_one(config: experiments.Config, dataset: Dataset) -> np.ndarray:
    """(n, 7) float32: one teacher's probabilities for all images of the data set."""
    weights = weights_file(config)
    if not weights.exists():
        raise DataError(f"{weights}: missing; train the teacher {config.name} first")
    key = hashlib.sha256(weights.read_bytes() + dataset.pixels.encode()).hexdigest()[:16]
    path = cache_dir() / "teachers" / f"{config.name}.npz"
    kept = cached(path, key, lambda: {"probabilities": _computed(config, dataset)})
    return kept["probabilities"].astype(np.float32)


def _computed(config: experiments.Config, dataset: Dataset) -> np.ndarray:
    """(n, 7) float16: the mean over the images and their mirror images."""
    predict, found = predictor(trained_model(config)), np.zeros((len(dataset.images), 7))
    for images in (dataset.images, dataset.images[:, :, ::-1]):
        for start in range(0, len(images), 2048):
            inputs = normalise(images[start : start + 2048], config.per_image_norm)
            found[start : start + 2048] += softmax(predict(inputs), axis=1) / 2
    return found.astype(np.float16)
