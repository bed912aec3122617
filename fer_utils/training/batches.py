"""What step s trains on: a pure function of (seed, s), so that a resumed run sees the same."""

import numpy as np

from fer_utils.data.transforms import TRANSFORMS, augment, augment_randomly, normalise
from fer_utils.training.experiments import Config


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
        """The order of pass `number` over the samples, made once; the last few are kept."""
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
        passes = position // self._samples
        parts = [
            self._order(number)[position[passes == number] % self._samples]
            for number in np.unique(passes).tolist()
        ]
        return np.divmod(np.concatenate(parts), self._transforms)

    def __call__(self, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        image, which = self.samples(step)
        if self.config.transforms == "random":
            rng = np.random.default_rng((self.config.seed, step, 2))
            warped = augment_randomly(self.images[image], rng)
        else:
            transforms = TRANSFORMS[self.config.transforms]
            warped = augment(self.images[image], which, transforms, self.config.fill)
        x = normalise(warped, self.config.per_image_norm)
        return x, self.labels[image], image
