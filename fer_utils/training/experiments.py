"""The experiments: one frozen `Config` with a name for each, in four profiles.

`quick` trains small networks for few steps; `reference` is what `runs/` holds for FER2013, and
`runs/drawn/` for the drawn faces; `paper` has wider networks and wants a GPU; `tiny` only shows
that everything runs.
"""

from dataclasses import dataclass, replace
from typing import Any

from fer_utils.training.config import Config, Phase

STEPS_PER_EPOCH = 200  # batches of 128: the 90 % of FER2013's Training that are trained on


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How networks of one kind are built and trained: the fields that their configs share."""

    widths: tuple[int, ...]
    phases: tuple[Phase, ...]
    evaluate_every: int
    dense: tuple[int, ...] = ()
    network: str = "vgg"
    batch_size: int = 128
    label_smoothing: float = 0.0
    activation: str = "relu"
    dropout: tuple[float, ...] = ()
    averaged: float = 0.0
    unseen_only: bool = False
    precision: str = "float32"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The recipe of the models, that of the small networks, and how many seeds a contrast has.

    `without_convolutions` are the hidden layers of a dense network with model1's parameters.
    """

    models: Recipe
    small: Recipe
    seeds: int
    without_convolutions: tuple[int, ...]


def two_phases(
    adadelta: int, sgd: int, *, patience: int = 0, rate: float = 0.01, weight_decay: float = 0.0
) -> tuple[Phase, Phase]:
    """The homework's phases: Adadelta with its 2012 learning rate of 1.0, then SGD with momentum.

    Parameters
    ----------
    adadelta, sgd
        Steps of each.
    patience
        As in `Phase`.
    rate
        Of SGD at first; it falls to 0.
    weight_decay
        Of SGD.
    """
    return (
        Phase("adadelta", 1.0, adadelta, patience=patience),
        Phase("sgd", rate, sgd, momentum=0.9, weight_decay=weight_decay),
    )


_TINY = Recipe(
    widths=(2, 2, 2, 2), dense=(8, 8), phases=two_phases(4, 2), batch_size=16, evaluate_every=2
)
_QUICK = Recipe(
    widths=(8, 12, 16, 24),
    dense=(64, 64),
    phases=two_phases(540, 360),
    batch_size=32,
    evaluate_every=180,
)

PROFILES = {
    "tiny": Profile(models=_TINY, small=_TINY, seeds=1, without_convolutions=(4,)),
    "quick": Profile(models=_QUICK, small=_QUICK, seeds=1, without_convolutions=(18, 64, 16)),
    "reference": Profile(
        models=Recipe(
            widths=(16, 48, 128, 256),
            dense=(256, 128),
            phases=two_phases(
                12 * STEPS_PER_EPOCH, 60 * STEPS_PER_EPOCH, patience=3, rate=0.1, weight_decay=0.005
            ),
            evaluate_every=STEPS_PER_EPOCH,
            label_smoothing=0.1,
            unseen_only=True,
            precision="mixed_bfloat16",
        ),
        small=Recipe(
            widths=(12, 24, 48, 96),
            dense=(128, 128),
            phases=two_phases(8 * STEPS_PER_EPOCH, 6 * STEPS_PER_EPOCH),
            evaluate_every=STEPS_PER_EPOCH,
        ),
        seeds=3,
        without_convolutions=(832, 608, 128),
    ),
    "paper": Profile(
        models=Recipe(
            widths=(64, 128, 256, 512),
            dense=(1024, 512),
            phases=two_phases(60 * STEPS_PER_EPOCH, 90 * STEPS_PER_EPOCH, patience=10),
            evaluate_every=STEPS_PER_EPOCH,
        ),
        small=Recipe(
            widths=(32, 64, 128, 256),
            dense=(512, 256),
            phases=two_phases(30 * STEPS_PER_EPOCH, 20 * STEPS_PER_EPOCH),
            evaluate_every=STEPS_PER_EPOCH,
        ),
        seeds=3,
        without_convolutions=(2752, 2048, 512),
    ),
}

#: `runs/drawn/`: the reference on the drawn faces, of which there are an eighth as many.
_DRAWN_STEPS_PER_EPOCH = 56  # batches of 64
DRAWN = Profile(
    models=Recipe(
        widths=(8, 20, 32, 48),
        dense=(96, 64),
        phases=two_phases(
            20 * _DRAWN_STEPS_PER_EPOCH, 30 * _DRAWN_STEPS_PER_EPOCH, rate=0.05, weight_decay=0.002
        ),
        batch_size=64,
        evaluate_every=_DRAWN_STEPS_PER_EPOCH,
        label_smoothing=0.1,
    ),
    small=Recipe(
        widths=(8, 16, 24, 32),
        dense=(64, 64),
        phases=two_phases(20 * _DRAWN_STEPS_PER_EPOCH, 15 * _DRAWN_STEPS_PER_EPOCH),
        batch_size=64,
        evaluate_every=_DRAWN_STEPS_PER_EPOCH,
    ),
    seeds=1,
    without_convolutions=(56, 64, 80),
)


def scale(profile: str, dataset: str) -> Profile:
    """The profile of this name, as it is for a data set."""
    return DRAWN if (profile, dataset) == ("reference", "drawn") else PROFILES[profile]


#: The homework's models, and one without augmentation.
MODELS = {"model0": "x1", "model1": "x13", "model2": "x20"}

#: The small networks, by (per-image normalisation, batch normalisation, x20 augmentation).
FACTORIAL_DESIGN: dict[tuple[bool, bool, bool], dict[str, Any]] = {
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
REFLECTED: dict[str, Any] = {"transforms": "x20", "fill": "reflect"}


#: The homework's networks with less normalisation: role -> what model0 goes without.
WITHOUT = {
    "model0-raw": {"per_image_norm": False},
    "model0-raw-nobn": {"per_image_norm": False, "batch_norm": False},
}
#: model2 from a fourth seed: how much a single network's figure is chance. It keeps no weights, so
#: it must not be what a notebook with SEED = 3 finds as model2.
ANOTHER_SEED = "model2-seed3"
#: What a role adds to the seed: the models begin apart, those with less normalisation with model0.
OWN_SEED = {"model0": 2, **dict.fromkeys(WITHOUT, 2), "model1": 1, ANOTHER_SEED: 3}

#: What `model` makes.
ROLES = (*MODELS, *WITHOUT, ANOTHER_SEED, "dense")


def _lower_learning_rates(phases: tuple[Phase, ...]) -> tuple[Phase, ...]:
    """The phases at rates by which a network without either normalisation learns.

    By the models' own phases it predicted one class alone; bench/recipes.md has what was tried.
    """
    adadelta, sgd = phases
    return replace(adadelta, learning_rate=0.1, patience=0), replace(sgd, learning_rate=0.01)


def _config(name: str, profile: str, dataset: str, recipe: Recipe, **settings) -> Config:
    prefix = f"{profile}-{dataset}-"
    if profile == "reference":
        prefix = "" if dataset == "fer2013" else f"{dataset}/"
    name = prefix + name
    return Config(name=name, dataset=dataset, **{**vars(recipe), **settings})


def model(role: str, *, profile: str, dataset: str, seed: int) -> Config:
    """The config of a model.

    Parameters
    ----------
    role
        "model0", "model1", "model2"; "model0-raw", model0 without data normalisation, and
        "model0-raw-nobn", without batch normalisation as well and at lower learning rates;
        "model2-seed3", model2 from another seed; or "dense", model1 without convolutions.
    profile
        Of PROFILES.
    dataset
        "fer2013" or another name of a data set.
    seed
        Of weights and batches, to which OWN_SEED is added.
    """
    recipe = scale(profile, dataset).models
    name = role if seed == 0 else f"{role}-s{seed}"
    seed += OWN_SEED.get(role, 0)
    if role == "dense":
        widths = scale(profile, dataset).without_convolutions
        recipe = replace(recipe, widths=widths, dense=(), network="dense")
        settings = {"transforms": MODELS["model1"], "keep_weights": False}
    elif role in WITHOUT:
        settings = {"transforms": MODELS["model0"], "keep_weights": False, **WITHOUT[role]}
        if role == "model0-raw-nobn":
            settings["phases"] = _lower_learning_rates(recipe.phases)
    elif role == ANOTHER_SEED:
        settings = {"transforms": MODELS["model2"], "keep_weights": False}
    else:
        settings = {"transforms": MODELS[role]}
    return _config(name, profile, dataset, recipe, seed=seed, **settings)


#: Seeds of the replicates (bench/recipes.md has the rule); weights are kept of the first, and of
#: the second of model2, which notebooks examine.
REPLICATES = (101, 102, 103)


def replicate(role: str, seed: int) -> Config:
    """One of several trainings of a model that differ in their seed alone; the last step counts.

    role: a key of MODELS, or "model2-without-test-duplicates"
    seed: of REPLICATES, of weights and batches
    """
    cleaned = role == "model2-without-test-duplicates"
    kept = seed == REPLICATES[0] or (role == "model2" and seed == REPLICATES[1])
    settings = {"transforms": MODELS["model2" if cleaned else role], "keep_weights": kept}
    settings |= {"seed": seed, "selection": "last", "without_test_duplicates": cleaned}
    recipe = PROFILES["reference"].models
    return _config(f"{role}-seed{seed}", "reference", "fer2013", recipe, **settings)


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
    """The config of a small network; by default all of the homework but augmentation.

    Parameters
    ----------
    profile, dataset, seed
        As in `model`.
    per_image_norm, batch_norm, transforms, fill
        As in `Config`.
    """
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
        scale(profile, dataset).small,
        per_image_norm=per_image_norm,
        batch_norm=batch_norm,
        transforms=transforms,
        fill=fill,
        seed=seed,
        keep_weights=per_image_norm and batch_norm,
    )


def _small_then_large(small: int, large: int) -> tuple[Phase, Phase]:
    """SGD for so many epochs on images of 24 x 24 pixels, then of 48 x 48."""
    common: dict[str, Any] = {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.005}
    return (
        Phase(learning_rate=0.1, steps=small * STEPS_PER_EPOCH, final_rate=0.06, size=24, **common),
        Phase(learning_rate=0.06, steps=large * STEPS_PER_EPOCH, **common),
    )


#: The compact residual network, 64 M multiply-adds, 1.9 M parameters.
COMPACT = Recipe(
    network="compact",
    widths=(64, 128, 256),
    phases=_small_then_large(48, 28),
    evaluate_every=STEPS_PER_EPOCH,
    label_smoothing=0.1,
    dropout=(0.0, 0.0, 0.3),
    averaged=0.25,
    unseen_only=True,
    precision="mixed_bfloat16",
)

#: The ensemble's networks beside the models, and what each differs in.
MEMBERS: dict[str, dict[str, Any]] = {
    "member1": {"seed": 11},
    "member2": {"seed": 12, "activation": "silu"},
    "member3": {"seed": 13, "keep_weights": False},
    "member4": {"seed": 14, "activation": "silu", "keep_weights": False},
    "member5": {"seed": 15, "keep_weights": False, "recipe": PROFILES["reference"].models},
}
ENSEMBLE_OF_SEVEN = ("model1", "model2", *MEMBERS)
#: Those of the ensemble from whose mean probabilities the students are distilled.
TEACHERS = ("model1", "model2", "member1", "member2")
STUDENTS = ("student-compact", "student-tiny", "model2-distilled")


def member(name: str) -> Config:
    """The config of a member of the ensemble of seven."""
    settings: dict[str, Any] = {"recipe": COMPACT, "transforms": "random", **MEMBERS[name]}
    return _config(name, "reference", "fer2013", **settings)


def student(name: str) -> Config:
    """The config of "student-compact", "student-tiny" or "model2-distilled"."""
    common: dict[str, Any] = {"teachers": TEACHERS, "label_smoothing": 0.0}
    if name == "model2-distilled":
        like = model("model2", profile="reference", dataset="fer2013", seed=0)
        return replace(like, name=name, **common)
    settings = {"phases": _small_then_large(90, 60), "transforms": "random", "seed": 21, **common}
    if name == "student-tiny":
        tiny = {"widths": (20, 40, 80), "seed": 22, "dropout": (0.0, 0.0, 0.1)}
        settings |= {**tiny, "phases": _small_then_large(60, 40), "precision": "float32"}
    return _config(name, "reference", "fer2013", COMPACT, **settings)


def all_experiments(profile: str, dataset: str = "fer2013") -> list[Config]:
    """Every run that the notebooks ask for, the cheapest questions first.

    One seed of what the homework draws, then the models, then interactions and further seeds; on
    FER2013 also, with the profile "reference", the ensemble of seven, its students and model2 from
    another seed, and with that and "paper" the homework's two networks with less normalisation.
    """
    common: dict[str, Any] = {"profile": profile, "dataset": dataset}
    needed = [(True, True, False), (True, True, True), (False, True, False), (False, False, False)]
    contrasts = [*(FACTORIAL_DESIGN[levels] for levels in needed), REFLECTED]
    first = [*contrasts, FACTORIAL_DESIGN[True, False, False]]
    others = [cell for cell in FACTORIAL_DESIGN.values() if cell not in first]
    return [
        *(ablation(**cell, **common, seed=0) for cell in first),
        *(model(role, **common, seed=0) for role in ("dense", "model1", "model2", "model0")),
        *(ablation(**cell, **common, seed=0) for cell in others),
        *(
            ablation(**cell, **common, seed=seed)
            for seed in range(1, scale(profile, dataset).seeds)
            for cell in contrasts
        ),
        *(
            [
                *members_and_students(),
                model(ANOTHER_SEED, **common, seed=0),
                *(replicate(role, seed) for seed in REPLICATES for role in MODELS),
                *(replicate("model2-without-test-duplicates", seed) for seed in REPLICATES),
            ]
            if profile == "reference" and dataset == "fer2013"
            else ()
        ),
        *(
            model(role, **common, seed=0)
            for role in WITHOUT
            if profile in ("reference", "paper") and dataset == "fer2013"
        ),
    ]


def members_and_students() -> list[Config]:
    """The ensemble's members, then its students: the reference on FER2013 alone has them."""
    members, students = map(member, MEMBERS), map(student, STUDENTS)
    return [*members, *students]
