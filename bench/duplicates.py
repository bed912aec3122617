"""How many distorted copies are found as near duplicates: `python bench/duplicates.py`.

On FER2013 (FER_DATA): COPIES images of Training are distorted and put in the place of test images,
the copies of each distortion in places of their own, and `near_duplicates` searches all images.
Shifts and rotations go either way, by chance. A second search, of the images as they are, counts
the pairs and the CPU seconds (of all threads, since other work on the machine takes wall time).
Writes bench/duplicates.json.
"""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import cv2
import numpy as np

from fer_utils.data.dataset import load
from fer_utils.data.duplicates import constant_images, near_duplicates
from fer_utils.fer2013 import SIZE, TRAINING
from fer_utils.files import write_json
from fer_utils.questions.leakage import paired_with
from load import cpu_model

RESULT = Path(__file__).with_suffix(".json")
COPIES, SEED = 200, 11  # not the copies by which the detector was chosen

Distortion = Callable[[np.ndarray, np.ndarray], np.ndarray]  # an image, three signs: a copy


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)


def brightened(image: np.ndarray, gamma: float) -> np.ndarray:
    return (255 * (image / 255) ** gamma).round().astype(np.uint8)


def moved(
    image: np.ndarray, signs: np.ndarray, shift: int = 0, degrees: float = 0, zoom: float = 1
) -> np.ndarray:
    """The image shifted in both axes, rotated and zoomed; its border pixels fill what is left."""
    middle = (SIZE - 1) / 2
    motion = cv2.getRotationMatrix2D((middle, middle), degrees * signs[2], zoom)
    motion[:, 2] += shift * signs[:2]
    return cv2.warpAffine(image, motion, image.shape, borderMode=cv2.BORDER_REPLICATE)


PROMISED: dict[str, Distortion] = {
    "JPEG 15": lambda image, signs: jpeg(image, 15),
    "gamma 0.7, JPEG 40": lambda image, signs: jpeg(brightened(image, 0.7), 40),
    "shift (3, 3), JPEG 40": lambda image, signs: jpeg(moved(image, signs, shift=3), 40),
    "shift (4, 4)": lambda image, signs: moved(image, signs, shift=4),
    "rotation 3 degrees": lambda image, signs: moved(image, signs, degrees=3),
    "rotation 6 degrees": lambda image, signs: moved(image, signs, degrees=6),
    "zoom 1.05": lambda image, signs: moved(image, signs, zoom=1.05),
    "zoom 1.1": lambda image, signs: moved(image, signs, zoom=1.1),
}
BEYOND: dict[str, Distortion] = {
    "rotation 6 degrees, shift (4, 4)": lambda image, signs: moved(image, signs, 4, 6),
    "zoom 1.15": lambda image, signs: moved(image, signs, zoom=1.15),
    "zoom 1.3": lambda image, signs: moved(image, signs, zoom=1.3),
    "rotation 12 degrees": lambda image, signs: moved(image, signs, degrees=12),
    "shift (6, 6)": lambda image, signs: moved(image, signs, shift=6),
}


def recalls(images: np.ndarray, split: np.ndarray) -> list[dict]:
    """A row per distortion: how many of COPIES are found, `direct` and `mirrored`."""
    random = np.random.default_rng(SEED)
    training = np.flatnonzero((split == TRAINING) & ~constant_images(images))
    sources = random.choice(training, COPIES, replace=False)
    signs = random.choice([-1, 1], (COPIES, 3))
    free = iter(random.permutation(np.flatnonzero(split != TRAINING)))
    images, places = images.copy(), {}
    for name, distort in (PROMISED | BEYOND).items():
        for flip in (False, True):
            for source, sign in zip(sources, signs, strict=True):
                copy, place = distort(images[source], sign), next(free)
                images[place] = copy[:, ::-1] if flip else copy
                places.setdefault((name, flip), []).append(place)
    pairs = near_duplicates(images)
    found = set(zip(pairs["first"], pairs["second"], strict=True))

    def count(name: str, flip: bool) -> int:
        pairs = zip(sources, places[name, flip], strict=True)
        return sum(tuple(sorted(pair)) in found for pair in pairs)

    return [
        {
            "distortion": name,
            "promised": name in PROMISED,
            "direct": count(name, False),
            "mirrored": count(name, True),
        }
        for name in PROMISED | BEYOND
    ]


def main() -> None:
    dataset = load("fer2013")
    images, test = dataset.images, dataset.split != TRAINING
    start = time.process_time()
    pairs = near_duplicates(images)
    seconds = time.process_time() - start
    rows = recalls(images, dataset.split)
    found = {
        "date": date.today().isoformat(),
        "cpu": cpu_model(),
        "cpu_seconds": round(seconds),
        "images": len(images),
        "pairs": len(pairs),
        "exact": int(pairs["exact"].sum()),
        "mirrored": int(pairs["mirrored"].sum()),
        "test_images": int(test.sum()),
        "test_images_with_a_training_duplicate": int(paired_with(pairs, ~test)[test].sum()),
        "copies": COPIES,
        "found": rows,
    }
    write_json(RESULT, found)
    for row in rows:
        print(f"{row['distortion']:34} {row['direct']:4} {row['mirrored']:4}")


if __name__ == "__main__":
    main()
