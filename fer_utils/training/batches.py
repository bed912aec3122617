"""What step s trains on: a pure function of (seed, s), so that a resumed run sees the same."""

import numpy as np

from fer_utils.data.transforms import TRANSFORMS, augment, normalise


class Batches:
    """The batches of a run: `batches(step)` -> x (b, 48, 48, 1) float32, y (b,) int32.

    The training set is every image under every transform, n·t samples; each pass over it has an
    order of its own, drawn from (seed, pass), and step s takes samples s·b to (s + 1)·b - 1.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        *,
        transforms: str,
        fill: str,
        per_image: bool,
        batch_size: int,
        seed: int,
    ):
        self.images, self.labels = images, labels.astype(np.int32)
        self.transforms, self.fill, self.per_image = transforms, fill, per_image
        self.batch_size, self.seed = batch_size, seed
        self._samples = len(images) * len(TRANSFORMS[transforms])
        self._orders: dict[int, np.ndarray] = {}

    def _order(self, number: int) -> np.ndarray:
        """The order of pass `number` over the samples; the last two are kept."""
        if number not in self._orders:
            stale = [key for key in self._orders if key < number - 1]
            for key in stale:
                del self._orders[key]
            rng = np.random.default_rng((self.seed, number))
            self._orders[number] = rng.permutation(self._samples).astype(np.int32)
        return self._orders[number]

    def samples(self, step: int) -> np.ndarray:
        """Sample numbers of a step, (b,) int; sample k is image k // t under transform k % t."""
        position = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        passes = position // self._samples
        return np.concatenate(
            [
                self._order(number)[position[passes == number] % self._samples]
                for number in np.unique(passes)
            ]
        )

    def __call__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        image, which = np.divmod(self.samples(step), len(TRANSFORMS[self.transforms]))
        warped = augment(self.images[image], which, self.transforms, self.fill)
        return normalise(warped, self.per_image), self.labels[image]
