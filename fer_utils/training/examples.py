"""What a run is trained on: images, labels and soft targets, in batches that depend on the step."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from fer_utils import provenance
from fer_utils.data.dataset import VALIDATION_SEED, Dataset, validation_split
from fer_utils.data.duplicates import duplicate_free_validation, without_test_duplicates
from fer_utils.data.transforms import TRANSFORMS, augment, augment_randomly, normalise
from fer_utils.files import cache_dir, cached
from fer_utils.training import runs
from fer_utils.training.config import Config


@dataclass(frozen=True)
class Examples:
    """Images (n, 48, 48) uint8 and labels (n,) to train on, and those of the validation set.

    `soft` (n, 7) float: the teachers' probabilities for the images to train on, if there are any.
    """

    images: np.ndarray
    labels: np.ndarray
    validation_images: np.ndarray
    validation_labels: np.ndarray
    soft: np.ndarray | None = None


def prepare(config: Config, dataset: Dataset) -> Examples:
    """The examples of a config. Raises DataError if a teacher is not finished."""
    fit, validation = validation_split(dataset)
    if config.without_test_duplicates:
        fit = fit[without_test_duplicates(dataset, fit)]
    if config.share < 1:
        order = np.random.RandomState(VALIDATION_SEED).permutation(fit)
        fit = np.sort(order[: max(1, round(config.share * len(fit)))])
    if config.unseen_only:
        validation = validation[duplicate_free_validation(dataset)]
    teachers = config.teachers
    return Examples(
        dataset.images[fit],
        dataset.labels[fit],
        dataset.images[validation],
        dataset.labels[validation],
        soft_targets(teachers, dataset, fit) if teachers else None,
    )


def soft_targets(names: Sequence[str], dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """(k, 7) float32: the mean of the teachers' probabilities for the images at `rows` (k,).

    After Hinton, Vinyals and Dean (arXiv 1503.02531) at temperature 1, for the untransformed image
    and its mirror image. They lie in the cache, since they show what teachers see in photographs.
    Raises DataError if a teacher is not finished or has no saved weights.
    """
    return np.mean([_of_teacher(name, dataset)[rows] for name in names], axis=0)


def _of_teacher(name: str, dataset: Dataset) -> np.ndarray:
    """(n, 7) float32: one teacher's probabilities for all images of the data set."""
    config = runs.saved_config(name)
    key = provenance.key(teacher_probabilities, runs.weights_digest(config), dataset.images_hash)
    found = cached(
        cache_dir() / "teachers" / f"{name}.npz",
        key,
        lambda: {"probabilities": teacher_probabilities(config, dataset)},
    )
    return found["probabilities"].astype(np.float32)


def teacher_probabilities(config: Config, dataset: Dataset) -> np.ndarray:
    """(n, 7) float16: the mean over the images and their mirror images."""
    from fer_utils.inference import predictor

    predict, found = predictor(runs.trained_model(config)), np.zeros((len(dataset.images), 7))
    for images in (dataset.images, dataset.images[:, :, ::-1]):
        for start in range(0, len(images), 2048):
            inputs = normalise(images[start : start + 2048], config.per_image_norm)
            found[start : start + 2048] += softmax(predict(inputs), axis=1) / 2
    return found.astype(np.float16)


class Batches:
    """The batches of a run: `batches(step)` -> x (b, 48, 48, 1) float32, y (b,) int32, row (b,).

    `row` are the images' places in the training set. A pass has every image under every transform
    of `Config.transforms`, in an order of its own, drawn from (seed, pass); step s takes samples
    s·b to (s + 1)·b - 1.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, config: Config):
        self.images, self.labels, self.config = images, labels.astype(np.int32), config
        self._transforms = (
            1 if config.transforms == "random" else len(TRANSFORMS[config.transforms])
        )
        self._samples = len(images) * self._transforms
        self._orders: dict[int, np.ndarray] = {}

    def _order(self, number: int) -> np.ndarray:
        """The order of epoch `number` over the samples, made once; the last few are kept."""
        if number not in self._orders:
            while len(self._orders) > 3:
                del self._orders[next(iter(self._orders))]
            rng = np.random.default_rng((self.config.seed, number))
            self._orders[number] = rng.permutation(self._samples).astype(np.int32)
        return self._orders[number]

    def samples(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Which images a step has, and each one's transform: two (b,) int."""
        batch = self.config.batch_size
        position = np.arange(step * batch, (step + 1) * batch)
        epochs = position // self._samples
        parts = [
            self._order(number)[position[epochs == number] % self._samples]
            for number in np.unique(epochs).tolist()
        ]
        return np.divmod(np.concatenate(parts), self._transforms)

    def __call__(self, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a step's images as the network takes them, their labels, and their rows."""
        image, which = self.samples(step)
        if self.config.transforms == "random":
            rng = np.random.default_rng((self.config.seed, step, 2))
            warped = augment_randomly(self.images[image], rng)
        else:
            transforms = TRANSFORMS[self.config.transforms]
            warped = augment(self.images[image], which, transforms, self.config.fill)
        x = normalise(warped, self.config.per_image_norm)
        return x, self.labels[image], image
