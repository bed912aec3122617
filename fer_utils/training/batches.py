"""What step s trains on: a pure function of (seed, s), so that a resumed run sees the same."""

import numpy as np

from fer_utils.data.transforms import TRANSFORMS, augment, augment_randomly, normalise
from fer_utils.training.experiments import Config


class Batches:
    """The batches of a run: `batches(step)` -> x (b, 48, 48, 1) float32, y (b,) int32, row (b,).

    `row` are the images' places in the training set. In what order the images come, and under
    which transforms, is told by `Config.order` and `Config.transforms`. Each pass has an order of
    its own, drawn from (seed, pass), and step s takes samples s·b to (s + 1)·b - 1.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, config: Config):
        self.images, self.labels, self.config = images, labels.astype(np.int32), config
        self._transforms = (
            1 if config.transforms == "random" else len(TRANSFORMS[config.transforms])
        )
        repeats = self._transforms if config.order == "shuffled" else 1
        self._samples = len(images) * repeats
        self._orders: dict[tuple, np.ndarray] = {}

    def _kept(self, key: tuple, make) -> np.ndarray:
        """An order, made once; the last few are kept."""
        if key not in self._orders:
            while len(self._orders) > 3:
                del self._orders[next(iter(self._orders))]
            self._orders[key] = make()
        return self._orders[key]

    def _order(self, number: int) -> np.ndarray:
        """The order of pass `number` over the samples."""
        rng = np.random.default_rng((self.config.seed, number))
        return self._kept(("pass", number), lambda: rng.permutation(self._samples).astype(np.int32))

    def _cycle(self, number: int) -> np.ndarray:
        """(n, transforms) int8: in cycle `number`, each image's own order of the transforms."""
        rng = np.random.default_rng((self.config.seed, number, 1))
        shape = len(self.images), self._transforms
        return self._kept(
            ("cycle", number), lambda: rng.random(shape, np.float32).argsort(axis=1).astype(np.int8)
        )

    def samples(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Which images a step has, and each one's transform: two (b,) int."""
        batch = self.config.batch_size
        position = np.arange(step * batch, (step + 1) * batch)
        passes = position // self._samples
        parts = []
        for number in np.unique(passes):
            sample = self._order(number)[position[passes == number] % self._samples]
            if self.config.order == "shuffled":
                parts.append(np.divmod(sample, self._transforms))
            else:
                cycle, place = divmod(int(number), self._transforms)
                parts.append((sample, self._cycle(cycle)[sample, place]))
        image, which = (np.concatenate(column) for column in zip(*parts, strict=True))
        return image, which

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
