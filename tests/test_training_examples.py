"""The order of the batches: a function of seed and step."""

from dataclasses import replace

import numpy as np

from fer_utils.training.config import Config, Phase
from fer_utils.training.examples import Batches


def batches(seed: int, **changed) -> Batches:
    images = np.arange(10, dtype=np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)
    config = Config(
        name="tiny",
        dataset="drawn",
        phases=(Phase("sgd", 0.1, 1),),
        widths=(2,),
        dense=(),
        evaluate_every=1,
        transforms="x13",
        per_image_norm=False,
        batch_size=8,
        seed=seed,
    )
    return Batches(images, np.arange(10) % 7, replace(config, **changed))


def sample_numbers(some: Batches, steps: int) -> np.ndarray:
    """Image and transform of each sample, as 13 * image + transform."""
    pairs = [some.samples(step) for step in range(steps)]
    return np.concatenate([13 * image + which for image, which in pairs])


def test_a_pass_sees_every_image_under_every_transform_once():
    seen = sample_numbers(batches(0), 65)
    for number in range(4):
        assert sorted(seen[130 * number : 130 * (number + 1)]) == list(range(130))
    assert not np.array_equal(seen[:130], seen[130:260]), "passes differ in order"


def test_random_transforms_are_a_function_of_seed_and_step():
    x, y, image = batches(1, transforms="random")(40)
    again = batches(1, transforms="random")
    for step in (3, 41, 40):
        same = again(step)
    for one, other in zip((x, y, image), same, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(x, batches(2, transforms="random")(40)[0])


def test_batches_are_a_function_of_seed_and_step():
    forwards, backwards = batches(1), batches(1)
    late = backwards(40)
    for step in range(41):
        x, y, _ = forwards(step)
    np.testing.assert_array_equal(x, late[0])
    np.testing.assert_array_equal(y, late[1])
    assert not np.array_equal(batches(2).samples(0)[0], batches(1).samples(0)[0])
