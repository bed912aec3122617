"""The face that is examined, what is done to it, and what the networks predict; saves nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import affine_transform
from scipy.special import softmax

from fer_utils.backend import keras
from fer_utils.data.transforms import normalise
from fer_utils.fer2013 import CLASSES, SIZE
from fer_utils.inference import predictor
from fer_utils.interpret import ascent, faithfulness, saliency
from fer_utils.interpret.introspection import normalise_tensor
from fer_utils.interpret.maps import most_influential, visible
from fer_utils.notebook.session import Session
from fer_utils.training.experiments import STUDENTS
from fer_utils.training.predictions import tested, together

ROLES = ("model0", "model1", "model2")
ENSEMBLE = ("model1", "model2")
PICKS = (
    "correct, most confident first",
    "correct, least confident first",
    "wrong, most confident first",
    "all",
)


@dataclass
class Changes:
    """What is done to a face before the networks see it.

    `right`, `down` in pixels; `degrees` counter-clockwise; `light` is added to the grey levels;
    a grey square of `patch` pixels has its centre at (`x`, `y`); 0 is no square.
    """

    right: float = 0
    down: float = 0
    degrees: float = 0
    light: float = 0
    patch: int = 0
    x: int = SIZE // 2
    y: int = SIZE // 2

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """(48, 48), 0..255 -> (48, 48) float32, 0..255."""
        angle, centre = np.deg2rad(self.degrees), np.full(2, (SIZE - 1) / 2)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        offset = centre - turn @ (centre + np.array([self.down, self.right]))
        moved = affine_transform(image.astype(np.float32), turn, offset, order=1, mode="constant")
        moved = np.clip(moved + self.light, 0, 255)
        if self.patch:
            top, left = max(self.y - self.patch // 2, 0), max(self.x - self.patch // 2, 0)
            moved[top : top + self.patch, left : left + self.patch] = moved.mean()
        return moved


@dataclass
class Explorer:
    """Networks and faces of a notebook's session, and the face that is examined."""

    session: Session
    image: np.ndarray = field(default_factory=lambda: np.zeros((SIZE, SIZE), np.uint8))
    label: int | None = None
    changes: Changes = field(default_factory=Changes)

    @cached_property
    def runs(self) -> dict:
        """The finished runs of the models, and of students where there are any, by name."""
        others = self.session.runs.members_and_students()
        students = {name: others[name] for name in STUDENTS if name in others}
        return self.session.runs.models(*ROLES) | students

    @cached_property
    def networks(self) -> dict[str, keras.Model]:
        """The Keras models, by name."""
        return {name: run.model() for name, run in self.runs.items()}

    @cached_property
    def _predictors(self) -> dict[str, Callable]:
        return {name: predictor(model, 1) for name, model in self.networks.items()}

    def rows(self, name: str, pick: str) -> np.ndarray:
        """Rows of the test images of a class (or "any"), in the order of `pick` (PICKS)."""
        predictions = together(tested(self.runs["model2"].predictions(self.session.data)))
        if name in CLASSES:
            predictions = predictions[predictions.labels == CLASSES.index(name)]
        if pick != "all":
            predictions = predictions[predictions.correct == pick.startswith("correct")]
            confidence = predictions.probabilities.max(axis=1)
            order = np.argsort(confidence if "least" in pick else -confidence, kind="stable")
            predictions = predictions[order]
        return predictions.rows

    def look_at(self, row: int) -> None:
        """Take an image of the data set."""
        self.image = self.session.data.images[row]
        self.label = int(self.session.data.labels[row])

    def look_at_picture(self, content: bytes) -> str:
        """Take the largest face of a photograph, or the middle of it; return which."""
        from fer_utils.predict.crops import find_faces, largest

        picture = np.asarray(Image.open(BytesIO(content)).convert("RGB"))
        faces = find_faces(picture)
        if not faces.places:
            faces = find_faces(picture, cropped=True)
        self.image, self.label = faces.crops[largest(faces.places)], None
        found = faces.how == "face"
        return "the largest face found" if found else "no face found: the middle"

    @property
    def seen(self) -> np.ndarray:
        """(48, 48) float32, 0..255: the face after the changes."""
        return self.changes(self.image)

    @property
    def inputs(self) -> np.ndarray:
        """(1, 48, 48, 1) float32: what the networks get."""
        return normalise(self.seen[None], per_image=True)

    def probabilities(self) -> dict[str, np.ndarray]:
        """The seven probabilities (7,) of each network, and the mean of ENSEMBLE's."""
        found = {
            name: softmax(predict(self.inputs)[0].astype(float))
            for name, predict in self._predictors.items()
        }
        found[" + ".join(ENSEMBLE)] = np.mean([found[role] for role in ENSEMBLE], axis=0)
        return found

    def maps(
        self, role: str, methods: list[str], *, target: int, samples: int, steps: int, kept: float
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Saliency maps of the face, scaled, and the pixels that each method keeps.

        Parameters
        ----------
        role
            Of the network, such as "model2".
        methods
            Of `saliency.METHODS` and `faithfulness.NETWORK_FREE`.
        target
            Number of the class that is explained.
        samples
            Noisy copies in SmoothGrad.
        steps
            Of Integrated Gradients.
        kept
            The part of the pixels that is kept, in [0, 1].

        Returns
        -------
        dict
            By method the map, (48, 48) in [0, 1], and the kept pixels, (48, 48) bool.
        """
        baselines = faithfulness.network_free_maps(self.inputs)
        options: dict[str, dict[str, Any]] = {
            "smoothgrad": {"samples": samples},
            "integrated_gradients": {"steps": steps},
        }
        found = {}
        for name in methods:
            if name in faithfulness.NETWORK_FREE:
                values = baselines[name]
            else:
                values = saliency.explain(
                    name,
                    self.networks[role],
                    self.inputs,
                    np.array([target]),
                    **options.get(name, {}),
                )
            mask = most_influential(values, kept)[0]
            found[name] = visible(values)[0], mask
        return found

    def filter(self, role: str, layer: str, number: int, *, steps: int) -> tuple:
        """A filter's picture by gradient ascent, and its output on the face.

        Parameters
        ----------
        role
            Of the network, such as "model2".
        layer, number
            The filter's layer and its place in it.
        steps
            Of gradient ascent.

        Returns
        -------
        tuple
            The picture, (48, 48) in [0, 1], and the output, (h, w).
        """
        model = self.networks[role]
        found = ascent.maximise(model, layer, [number], steps=steps, preprocess=normalise_tensor)
        return found.images[0], ascent.activation_maps(model, layer, self.inputs)[0, ..., number]
