"""What decides the outcome of a run, apart from the data: one frozen `Config`."""

import json
from dataclasses import asdict, dataclass

#: The profiles of `experiments`; the name of a run that is not shipped begins with one of them.
PROFILE_NAMES = ("tiny", "quick", "reference", "paper")


@dataclass(frozen=True)
class Phase:
    """One optimiser for at most `steps` steps.

    `patience` evaluations without a better validation accuracy end the phase (0: it runs through).
    SGD's learning rate falls linearly to `final_rate` over the phase; Adadelta's is constant. Each
    step shrinks the kernels by learning rate times `weight_decay`, decoupled from the gradient
    (arXiv 1711.05101); with momentum m that does what an L2 term of weight_decay (1 - m) does.
    `size` is the side of the images in pixels: 48, or 24, the means of 2 x 2 pixels.
    """

    optimizer: str
    learning_rate: float
    steps: int
    momentum: float = 0.0
    patience: int = 0
    weight_decay: float = 0.0
    final_rate: float = 0.0
    size: int = 48


@dataclass(frozen=True)
class Config:
    """Everything that decides the outcome of a run, apart from the data.

    network
        "vgg": units of 3 convolutions of the given widths; "dense": `widths` are the units of its
        hidden layers; "compact": a residual network of three stages of these widths
    activation
        of "compact": a Keras name such as "relu" or "silu"
    dropout
        the rate after each unit (or stage), then after each hidden dense layer; () is the rule of
        `network.dropout_rate`
    transforms
        "x1" | "x13" | "x20", or "random": drawn again for each image and step
    fill
        "zero" | "reflect", what shifts leave behind
    label_smoothing
        the part of each label that is spread evenly over all classes (arXiv 1512.00567, section 7)
    averaged
        the last part of the last phase whose weights are averaged (arXiv 1803.05407); 0 is none
    teachers
        names of runs whose mean probabilities on the image and its mirror image are the targets,
        with `teacher_weight` beside the label's 1 - teacher_weight (arXiv 1503.02531, temperature
        1); () is none
    unseen_only
        whether the checkpoint is selected on those validation images alone that have no near
        duplicate in
        the part trained on
    selection
        the weights that count: "best", of the best evaluation, or "last", of the last step; with
        "last" the predictions of the best evaluation are saved beside them
    without_test_duplicates
        whether training images that are duplicates of a test image are left out
    keep_weights
        whether the weights are saved with the run
    precision
        the Keras dtype policy on a CPU, "float32" or, where the CPU has it, "mixed_bfloat16" (a GPU
        has "mixed_float16"); weights and logits are float32 in any case
    """

    name: str
    dataset: str
    phases: tuple[Phase, ...]
    widths: tuple[int, ...]
    dense: tuple[int, ...]
    evaluate_every: int
    network: str = "vgg"
    per_image_norm: bool = True
    batch_norm: bool = True
    transforms: str = "x1"
    fill: str = "zero"
    batch_size: int = 128
    seed: int = 0
    label_smoothing: float = 0.0
    activation: str = "relu"
    dropout: tuple[float, ...] = ()
    averaged: float = 0.0
    teachers: tuple[str, ...] = ()
    teacher_weight: float = 0.8
    unseen_only: bool = False
    keep_weights: bool = True
    precision: str = "float32"
    selection: str = "best"
    without_test_duplicates: bool = False

    @classmethod
    def from_dict(cls, saved: dict) -> "Config":
        """What `to_dict` gave; a field that did not exist then has its default.

        Raises TypeError if `saved` has a field that does not exist now.
        """
        lists = {
            key: tuple(saved[key])
            for key in ("widths", "dense", "dropout", "teachers")
            if key in saved
        }
        phases = tuple(Phase(**phase) for phase in saved["phases"])
        # the first runs kept the weights of these only
        kept = saved["network"] == "vgg" and saved["per_image_norm"] and saved["batch_norm"]
        return cls(**{"keep_weights": kept, **saved, **lists, "phases": phases})

    def to_dict(self) -> dict:
        """As JSON gives it back (lists for tuples)."""
        return json.loads(json.dumps(asdict(self)))

    @property
    def steps(self) -> int:
        """The most optimiser steps that the run can take."""
        return sum(phase.steps for phase in self.phases)
