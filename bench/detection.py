"""Accuracy lost by finding faces again: `FER_DATA=path/to/fer2013.csv python bench/detection.py`.

An image of FER2013 is a face that was found and cut out already. It is searched again, cut out
again and shown to a network, with BlazeFace as fer-predict uses it and with OpenCV's Haar cascade.
MARGIN and RAISED of each detector are chosen on every second validation image; then the
test images are searched, once. An image in which no face is found is taken whole, as fer-predict
does with small square pictures. Networks predict the mean over an image and its mirror image,
as fer-predict does; "originals_alone" is without the mirror image, as runs are scored. Mirror
images came in after a first measurement on the test images without them ("mirrored": false;
BlazeFace lost 1.8 points, the cascade 1.4); that they help was seen on the validation set. Writes
bench/detection.json.
"""

from collections.abc import Callable
from functools import cache, partial
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from fer_utils.data.dataset import Dataset, load, validation_split
from fer_utils.data.duplicates import duplicate_free_validation
from fer_utils.fer2013 import SIZE, TRAINING
from fer_utils.files import write_json
from fer_utils.inference import predictor
from fer_utils.predict import crops, networks
from fer_utils.predict.detection import Face, detect, sample
from fer_utils.statistics.intervals import bootstrap

RESULT = Path(__file__).with_suffix(".json")
MARGINS = (1.0, 1.1, 1.2)
RAISES = (-0.05, 0.05, 0.1)


def haar(picture: np.ndarray) -> list[Face]:
    """OpenCV's cascade, in the picture with a border, at twice its size: else it finds half."""
    border = SIZE // 4
    wide = cv2.copyMakeBorder(picture, *[border] * 4, cv2.BORDER_REPLICATE)
    large = cv2.resize(cv2.cvtColor(wide, cv2.COLOR_RGB2GRAY), None, fx=2, fy=2)
    found = np.reshape(_cascade().detectMultiScale(large, 1.1, 5), (-1, 4)) / 2
    return [Face(x + w / 2 - border, y + h / 2 - border, w, 0.0, 1.0) for x, y, w, h in found]


@cache
def _cascade() -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_frontalface_alt2.xml")


def largest_faces(detector: Callable, images: np.ndarray) -> list[Face | None]:
    """The largest face in each of (n, 48, 48)."""
    found = []
    for image in tqdm(images, disable=None):
        faces = detector(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB))
        found.append(faces[crops.largest(faces)] if faces else None)
    return found


def cut(images: np.ndarray, faces: list[Face | None], margin: float, raised: float) -> np.ndarray:
    """(n, 48, 48): each face cut out, or the whole image."""
    return np.stack(
        [
            image if face is None else sample(image, crops.framed(face, margin, raised), SIZE)
            for image, face in zip(images, faces, strict=True)
        ]
    )


def correct(network: networks.Network, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(n,) bool."""
    parts = np.array_split(images, max(1, len(images) // 256))
    return np.concatenate([network.probabilities(p).argmax(axis=1) for p in parts]) == labels


def alone(network: networks.Network, images: np.ndarray, labels: np.ndarray) -> float:
    """Accuracy without mirror images."""
    forward = predictor(network.model)
    return round((forward(network.inputs(images)).argmax(axis=1) == labels).mean(), 4)


def measure(detector: Callable, data: Dataset, network: networks.Network) -> dict:
    """The margin chosen on validation images, and accuracies there and on the test images."""
    rows = validation_split(data)[1][duplicate_free_validation(data)][::2]
    images, labels = data.images[rows], data.labels[rows]
    faces = largest_faces(detector, images)
    right = partial(correct, network, labels=labels)
    grid = {
        (margin, raised): right(cut(images, faces, margin, raised)).mean()
        for margin, raised in tqdm(list(product(MARGINS, RAISES)), disable=None)
    }
    margin, raised = max(grid, key=grid.get)
    test = np.flatnonzero((data.split != TRAINING) & (data.labels >= 0))
    images, labels = data.images[test], data.labels[test]
    faces_there = largest_faces(detector, images)
    before = correct(network, images, labels)
    after = correct(network, cut(images, faces_there, margin, raised), labels)
    loss = bootstrap(lambda a, b: b.mean() - a.mean(), before, after)
    return {
        "margin": margin,
        "raised": raised,
        "held_out": {
            "images": len(rows),
            "found": round(np.mean([face is not None for face in faces]), 4),
            "originals": round(right(data.images[rows]).mean(), 4),
            "found_anew": round(grid[margin, raised], 4),
        },
        "test": {
            "images": len(test),
            "found": round(np.mean([face is not None for face in faces_there]), 4),
            "originals": round(before.mean(), 4),
            "originals_alone": alone(network, images, labels),
            "found_anew": round(after.mean(), 4),
            "difference": [round(x, 4) for x in (loss.estimate, loss.low, loss.high)],
        },
    }


def main() -> None:
    data, network = load("fer2013"), networks.best_network()
    detectors = {"BlazeFace": detect, "Haar cascade": haar}
    found = {name: measure(detector, data, network) for name, detector in detectors.items()}
    write_json(RESULT, {"network": network.name, "mirrored": True, "detectors": found})
    print(RESULT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
