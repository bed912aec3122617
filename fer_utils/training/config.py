"""What decides the outcome of a run, apart from the data: one frozen `Config`.

Every value is checked when a config is made.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from numbers import Integral, Real

#: The profiles of `experiments`; the name of a run of a profile that is not shipped begins with it.
PROFILE_NAMES = ("tiny", "quick", "reference", "paper")

OPTIMIZERS = ("adadelta", "sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad", "lion")
SCHEDULES = ("", "constant", "linear", "cosine")
NETWORKS = ("vgg", "dense", "compact")
ACTIVATIONS = ("relu", "leaky_relu", "elu", "selu", "silu", "gelu", "mish", "tanh")
FILLS = ("zero", "reflect")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
SIZES = (48, 24)  # pixels
MOST_POOLINGS = 5  # after them an image of 48 x 48 is one pixel


class ConfigError(ValueError):
    """A value that no run can have; the message names it and says what is expected."""


@dataclass(frozen=True)
class Phase:
    """One optimiser for at most `steps` steps; a phase without steps is skipped.

    `patience` evaluations without a better validation accuracy end the phase (0: it runs through).
    `schedule` leads the learning rate to `final_rate` over the phase: "linear", "cosine", or
    "constant", which stays; "" is "constant" for Adadelta and "linear" for all others. Each
    step shrinks the kernels by learning rate times `weight_decay`, decoupled from the gradient
    (arXiv 1711.05101); with momentum m that does what an L2 term of weight_decay (1 - m) does.
    `momentum` is SGD's. `size` is the side of the images in pixels: 48, or 24, the means of 2 x 2
    pixels.
    """

    optimizer: str
    learning_rate: float
    steps: int
    momentum: float = 0.0
    patience: int = 0
    weight_decay: float = 0.0
    final_rate: float = 0.0
    size: int = 48
    schedule: str = ""

    def __post_init__(self):
        expect_one_of("optimizer", self.optimizer, OPTIMIZERS)
        expect_number("learning_rate", self.learning_rate, above=0)
        expect_whole("steps", self.steps, 0)
        expect_number("momentum", self.momentum, low=0, below=1)
        expect_whole("patience", self.patience, 0)
        expect_number("weight_decay", self.weight_decay, low=0)
        expect_number("final_rate", self.final_rate, low=0)
        expect_one_of("size", self.size, SIZES)
        expect_one_of("schedule", self.schedule, SCHEDULES)


@dataclass(frozen=True)
class Config:
    """Everything that decides the outcome of a run, apart from the data.

    network
        "vgg": units of convolutions of the given widths, `convolutions` in each; "dense": `widths`
        are the units of its hidden layers; "compact": a residual network of three stages of these
        widths
    activation
        of "compact": a Keras name such as "relu" or "silu"
    dropout
        the rate after each unit (or stage), then after each hidden dense layer; () is the rule of
        `network.dropout_rate`
    transforms
        a key of `data.transforms.TRANSFORMS` such as "x13", or "random": drawn again for each image
        and step
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
    convolutions
        of each unit of "vgg"
    share
        the part of the training images that is used, above 0; a smaller part lies within a larger
    class_weights
        whether an image counts the more the rarer its class is, each class as much as any other

    Raises ConfigError for a value that makes no sense.
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
    convolutions: int = 3
    share: float = 1.0
    class_weights: bool = False

    def __post_init__(self):
        _check(self)

    @classmethod
    def from_dict(cls, saved: dict) -> "Config":
        """What `to_dict` gave; a field that did not exist then has its default.

        Raises TypeError if `saved` has a field that does not exist now, ConfigError for a value
        that makes no sense.
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


def _check(config: Config) -> None:
    """Raise ConfigError for the first value of a config that makes no sense."""
    is_name = isinstance(config.name, str) and re.fullmatch(
        r"\w[\w.+-]*(/\w[\w.+-]*)?", config.name
    )
    _expect("name", config.name, is_name, "letters, digits, and . + - _ between them")
    expect_one_of("network", config.network, NETWORKS)
    expect_each("widths", config.widths, expect_whole, 1)
    expect_each("dense", config.dense, expect_whole, 1)
    poolings = len(config.widths) + (config.network == "compact")
    fits = config.network == "dense" or 1 <= poolings <= MOST_POOLINGS
    most = MOST_POOLINGS - (config.network == "compact")
    _expect("widths", config.widths, fits, f"1 to {most} numbers, one for each unit")
    are_phases = isinstance(config.phases, tuple) and all(
        isinstance(phase, Phase) for phase in config.phases
    )
    _expect("phases", config.phases, are_phases, "a tuple of Phase")
    _expect("steps", config.steps, config.steps >= 1, "at least one step in all phases together")
    halved = config.network == "dense" and any(phase.size != SIZES[0] for phase in config.phases)
    _expect("size", 24, not halved, "48: a dense network has one size of images")
    expect_each("dropout", config.dropout, expect_number, low=0, below=1)
    layers = len(config.widths) + (len(config.dense) if config.network == "vgg" else 0)
    fits = len(config.dropout) in (0, layers)
    _expect("dropout", config.dropout, fits, f"{layers} rates, one for each unit and dense layer")
    for name in ("evaluate_every", "batch_size", "convolutions"):
        expect_whole(name, getattr(config, name), 1)
    expect_whole("seed", config.seed, 0)
    expect_number("share", config.share, above=0, high=1)
    expect_number("label_smoothing", config.label_smoothing, low=0, below=1)
    expect_number("averaged", config.averaged, low=0, high=1)
    expect_number("teacher_weight", config.teacher_weight, low=0, high=1)
    expect_one_of("activation", config.activation, ACTIVATIONS)
    expect_one_of("fill", config.fill, FILLS)
    expect_one_of("precision", config.precision, PRECISIONS)
    expect_one_of("selection", config.selection, ("best", "last"))
    for name in ("per_image_norm", "batch_norm", "unseen_only", "keep_weights", "class_weights"):
        expect_one_of(name, getattr(config, name), (True, False))
    for name in ("dataset", "transforms"):
        value = getattr(config, name)
        _expect(name, value, isinstance(value, str), "a name")
    are_names = isinstance(config.teachers, tuple) and all(
        isinstance(name, str) for name in config.teachers
    )
    _expect("teachers", config.teachers, are_names, "a tuple of names")


def expect_one_of(name: str, value: object, known: Sequence) -> None:
    """Raise ConfigError unless a value is one of those known."""
    is_known = any(value == each and type(value) is type(each) for each in known)
    _expect(name, value, is_known, f"one of {', '.join(repr(each) for each in known)}")


def expect_whole(name: str, value: object, low: int) -> None:
    """Raise ConfigError unless a value is a whole number of at least `low`."""
    is_whole = isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= low
    _expect(name, value, is_whole, f"a whole number of at least {low}")


def expect_number(
    name: str,
    value: object,
    *,
    low: float = -math.inf,
    above: float = -math.inf,
    high: float = math.inf,
    below: float = math.inf,
) -> None:
    """Raise ConfigError unless a value is a finite number within bounds.

    `low` and `high` belong to the allowed range, `above` and `below` do not.
    """
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    fits = low <= number <= high and above < number < below and math.isfinite(number)
    bounds = {"at least": low, "above": above, "at most": high, "below": below}
    words = " and ".join(f"{word} {x:g}" for word, x in bounds.items() if math.isfinite(x))
    _expect(name, value, fits, f"a number {words}".strip())


def expect_each(name: str, values: object, expect, *bounds, **limits) -> None:
    """Raise ConfigError unless `values` is a tuple whose elements all pass `expect`."""
    if not isinstance(values, tuple):
        raise ConfigError(f"{name} = {values!r}: expected a tuple of numbers")
    for value in values:
        expect(name, value, *bounds, **limits)


def _expect(name: str, value: object, holds: object, expected: str) -> None:
    if not holds:
        raise ConfigError(f"{name} = {value!r}: expected {expected}")
