"""The experiments: one frozen `Config` with a name for each, in four profiles.

`quick` trains narrow networks for few steps; `reference` is what `runs/` holds for FER2013;
`paper` has the homework's full width and wants a GPU; `tiny` only shows that everything runs.
"""

import json
from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True)
class Phase:
    """One optimiser for at most `steps` steps.

    `patience` evaluations without a better held-out accuracy end the phase (0: it runs through).
    SGD's learning rate falls linearly to 0 over the phase; Adadelta's is constant. Each step
    shrinks the kernels by learning rate times `weight_decay`, decoupled from the gradient (arXiv
    1711.05101); with momentum m that does what an L2 term of weight_decay (1 - m) does.
    """

    optimizer: str
    learning_rate: float
    steps: int
    momentum: float = 0.0
    patience: int = 0
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Config:
    """Everything that decides the outcome of a run, apart from the data.

    network "vgg" (4 units of 3 convolutions of the given widths) | "dense" (`widths` are the units
    of its hidden layers); transforms "x1" | "x13" | "x20"; fill "zero" | "reflect"; label_smoothing
    is the share of each label that is spread evenly over all classes (arXiv 1512.00567, section 7).
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

    @classmethod
    def from_dict(cls, saved: dict) -> "Config":
        """What `to_dict` gave; a field that did not exist then has its default.

        Raises TypeError if `saved` has a field that does not exist now.
        """
        lists = {key: tuple(saved[key]) for key in ("widths", "dense")}
        phases = tuple(Phase(**phase) for phase in saved["phases"])
        return cls(**{**saved, **lists, "phases": phases})

    def to_dict(self) -> dict:
        """As JSON gives it back (lists for tuples)."""
        return json.loads(json.dumps(asdict(self)))

    @property
    def keeps_weights(self) -> bool:
        """Whether its weights are saved: notebooks 05 to 07 look only into the normalised ones."""
        return self.network == "vgg" and self.per_image_norm and self.batch_norm

    @property
    def steps(self) -> int:
        """The most optimiser steps that the run can take."""
        return sum(phase.steps for phase in self.phases)


@dataclass(frozen=True)
class Scale:
    """How wide and how long a profile trains: Adadelta, then SGD, as in the homework."""

    widths: tuple[int, ...]
    dense: tuple[int, ...]
    adadelta_steps: int
    sgd_steps: int
    batch_size: int
    evaluate_every: int
    patience: int = 0
    sgd_rate: float = 0.01
    weight_decay: float = 0.0
    label_smoothing: float = 0.0

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Adadelta with its 2012 learning rate of 1.0, then SGD from `sgd_rate` down to 0."""
        return (
            Phase("adadelta", 1.0, self.adadelta_steps, patience=self.patience),
            Phase(
                "sgd",
                self.sgd_rate,
                self.sgd_steps,
                momentum=0.9,
                weight_decay=self.weight_decay,
            ),
        )


@dataclass(frozen=True)
class Profile:
    """The scale of the models, that of the ablations, and how many seeds a contrast has.

    `without_convolutions` are the hidden layers of a dense network with model1's parameters.
    """

    models: Scale
    ablations: Scale
    seeds: int
    without_convolutions: tuple[int, ...]


_TINY = Scale((2, 2, 2, 2), (8, 8), 4, 2, 16, 2)
_QUICK = Scale((8, 12, 16, 24), (64, 64), 540, 360, 32, 180)

#: A pass over the 90 % of FER2013's Training that are not held out is 200 batches of 128.
PROFILES = {
    "tiny": Profile(_TINY, _TINY, seeds=1, without_convolutions=(4,)),
    "quick": Profile(_QUICK, _QUICK, seeds=1, without_convolutions=(18, 64, 16)),
    "reference": Profile(
        models=Scale(
            (16, 48, 128, 256),
            (256, 128),
            adadelta_steps=6 * 200,
            sgd_steps=30 * 200,
            batch_size=128,
            evaluate_every=200,
            patience=3,
            sgd_rate=0.1,
            weight_decay=0.005,
            label_smoothing=0.1,
        ),
        ablations=Scale((12, 24, 48, 96), (128, 128), 8 * 200, 6 * 200, 128, 200),
        seeds=3,
        without_convolutions=(832, 608, 128),
    ),
    "paper": Profile(
        models=Scale((64, 128, 256, 512), (1024, 512), 60 * 200, 90 * 200, 128, 200, patience=10),
        ablations=Scale((32, 64, 128, 256), (512, 256), 30 * 200, 20 * 200, 128, 200),
        seeds=3,
        without_convolutions=(2752, 2048, 512),
    ),
}

#: The homework's models, and one without augmentation.
MODELS = {"model0": "x1", "model1": "x13", "model2": "x20"}


#: The ablations, by (per-image normalisation, batch normalisation, x20 augmentation).
CELLS = {
    (norm, bn, augmented): {
        "per_image_norm": norm,
        "batch_norm": bn,
        "transforms": "x20" if augmented else "x1",
    }
    for norm in (True, False)
    for bn in (True, False)
    for augmented in (False, True)
}

#: Shifts that reflect the border instead of padding with zeros.
REFLECTED = {"transforms": "x20", "fill": "reflect"}


def _config(name: str, profile: str, dataset: str, scale: Scale, **settings) -> Config:
    local = (profile, dataset) != ("reference", "fer2013")
    return Config(
        name=f"{profile}-{dataset}-{name}" if local else name,
        dataset=dataset,
        phases=scale.phases,
        widths=scale.widths,
        dense=scale.dense,
        evaluate_every=scale.evaluate_every,
        batch_size=scale.batch_size,
        label_smoothing=scale.label_smoothing,
        **settings,
    )


def model(role: str, *, profile: str, dataset: str, seed: int) -> Config:
    """The config of "model0", "model1" or "model2", or of "dense": model1 without convolutions."""
    scale = PROFILES[profile].models
    name = role if seed == 0 else f"{role}-s{seed}"
    if role == "dense":
        scale = replace(scale, widths=PROFILES[profile].without_convolutions, dense=())
        transforms, others = MODELS["model1"], {"network": "dense"}
    else:
        transforms, others = MODELS[role], {}
        if scale == PROFILES[profile].ablations:
            return ablation(transforms=transforms, profile=profile, dataset=dataset, seed=seed)
    return _config(name, profile, dataset, scale, transforms=transforms, seed=seed, **others)


def ablation(
    *,
    profile: str,
    dataset: str,
    seed: int,
    per_image_norm: bool = True,
    batch_norm: bool = True,
    transforms: str = "x1",
    fill: str = "zero",
) -> Config:
    """The config of one cell of the ablations; by default all of the homework but augmentation."""
    parts = [
        "norm" if per_image_norm else "raw",
        "bn" if batch_norm else "nobn",
        transforms if fill == "zero" else f"{transforms}{fill}",
        f"s{seed}",
    ]
    return _config(
        "-".join(parts),
        profile,
        dataset,
        PROFILES[profile].ablations,
        per_image_norm=per_image_norm,
        batch_norm=batch_norm,
        transforms=transforms,
        fill=fill,
        seed=seed,
    )


def campaign(profile: str) -> list[Config]:
    """Every run on FER2013 that the notebooks ask for, the cheapest questions first.

    One seed of what the homework draws, then the models, then interactions and further seeds.
    """
    common = {"profile": profile, "dataset": "fer2013"}
    needed = [(True, True, False), (True, True, True), (False, True, False), (False, False, False)]
    contrasts = [*(CELLS[levels] for levels in needed), REFLECTED]
    first = [*contrasts, CELLS[True, False, False]]
    others = [cell for cell in CELLS.values() if cell not in first]
    return [
        *(ablation(**cell, **common, seed=0) for cell in first),
        *(model(role, **common, seed=0) for role in ("dense", "model1", "model2", "model0")),
        *(ablation(**cell, **common, seed=0) for cell in others),
        *(
            ablation(**cell, **common, seed=seed)
            for seed in range(1, PROFILES[profile].seeds)
            for cell in contrasts
        ),
    ]
