"""The settings of a network of one's own: from a few words to a `Config`, and back."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fer_utils import provenance
from fer_utils.data.dataset import Dataset, validation_split
from fer_utils.data.transforms import TRANSFORMS, Transform
from fer_utils.training import experiments
from fer_utils.training.config import (
    PROFILE_NAMES,
    Config,
    ConfigError,
    Phase,
    expect_number,
    expect_one_of,
)

EVALUATIONS = 12  # of a training
MOMENTUM = 0.9  # of SGD
SWEEPS = "sweeps/"  # the names of a sweep's networks begin so

#: What `define` takes, with the fields of a phase, and of a config, that it decides.
OF_PHASE = {
    "optimizer": "optimizer",
    "learning_rate": "learning_rate",
    "schedule": "schedule",
    "weight_decay": "weight_decay",
    "image_size": "size",
}
OF_CONFIG = {
    "widths": "widths",
    "depth": "convolutions",
    "dense": "dense",
    "dropout": "dropout",
    "batch_norm": "batch_norm",
    "transforms": "transforms",
    "label_smoothing": "label_smoothing",
    "class_weights": "class_weights",
    "batch_size": "batch_size",
    "share": "share",
    "seed": "seed",
}
SETTINGS = (*OF_PHASE, "epochs", *OF_CONFIG)


def recipe(dataset: Dataset) -> Config:
    """Return the config that others start from: a small network that is trained in minutes."""
    return Config(
        name="recipe",
        dataset=dataset.name,
        phases=experiments.two_phases(800, 400, rate=0.05),
        widths=(8, 16, 24, 32),
        dense=(64, 64),
        evaluate_every=100,
        transforms="x13",
        unseen_only=True,
    )


def define(name: str, dataset: Dataset, base: Config | None = None, **settings: Any) -> Config:
    """Make the config of a network of one's own; what is not named is as in `base`.

    Parameters
    ----------
    name
        Of the try, which no run of the project's has.
    dataset
        What it is trained on.
    base
        Another config, such as one made before or `run.config`; None is `recipe`.
    **settings
        `optimizer`, `learning_rate`, `schedule`, `weight_decay`, `image_size` in pixels and
        `epochs`: a value, or a list with one for each phase of training. `widths` of the units;
        `depth`, the number of convolutions in each; `dense`, units of the hidden dense layers;
        `dropout`, one rate, a list with one for each unit and dense layer, or None for the rule of
        `network.dropout_rate`; `batch_norm`; `transforms`, the name of a set or a list of
        `Transform`; `label_smoothing`; `class_weights`; `batch_size`; `share` of the training
        images; `seed`. Without `epochs` as many images are trained on as in `base`.

    Raises
    ------
    ConfigError
        In one line, for a value that makes no sense.
    """
    _expect_own(name)
    for setting in settings:
        expect_one_of("setting", setting, SETTINGS)
    base = base or recipe(dataset)
    changes = {
        field: _field(setting, settings[setting])
        for setting, field in OF_CONFIG.items()
        if setting in settings
    }
    if "dropout" not in settings and {"widths", "dense"} & set(settings):
        changes["dropout"] = ()
    elif isinstance(rate := changes.get("dropout"), float | int):
        changed = replace(base, **{**changes, "dropout": ()})
        changes["dropout"] = (rate,) * (
            len(changed.widths) + len(changed.dense) * (changed.network == "vgg")
        )
    changed = replace(base, name=name, dataset=dataset.name, keep_weights=True, **changes)
    size = changed.share * len(validation_split(dataset)[0])
    phases = _phases(base, changed.batch_size, size, settings)
    steps = sum(phase.steps for phase in phases)
    return replace(changed, phases=phases, evaluate_every=max(1, -(-steps // EVALUATIONS)))


def epochs(config: Config, steps: int, dataset: Dataset) -> float:
    """Return how often so many steps take every training image that a config uses."""
    return steps * config.batch_size / (config.share * len(validation_split(dataset)[0]))


def changes(before: Config, config: Config) -> str:
    """Say, in the words of `define`, what a config has changed of another."""
    old, new = _settings(before), _settings(config)
    found = [f"{name} {old[name]} → {new[name]}" for name in new if old[name] != new[name]]
    return f"{before.name}, but {'; '.join(found)}" if found else f"{before.name} again"


def name_of(base: Config, values: Mapping[str, Any]) -> str:
    """Name a network that differs from `base` in some settings: "sweeps/mine-dropout-0.1"."""
    parts = [
        f"{name}-{re.sub('[^0-9A-Za-z.]+', '-', str(value)).strip('-')}"
        for name, value in values.items()
    ]
    return SWEEPS + "-".join([base.name, *parts])


def _expect_own(name: str) -> None:
    """Raise ConfigError for the name of a shipped run, or one that begins with a profile's."""
    shipped = [*experiments.ROLES, *(c.name for c in experiments.all_experiments("reference"))]
    prefixes = tuple(f"{profile}-" for profile in PROFILE_NAMES)
    is_taken = name in shipped or str(name).startswith(prefixes)
    if is_taken or "/" in str(name).removeprefix(SWEEPS):
        raise ConfigError(f"name = {name!r}: expected a name of your own, such as 'mine'")


def _field(setting: str, value: Any) -> Any:
    """Return a setting as a config has it."""
    if setting == "dropout" and value is None:
        return ()
    if setting != "transforms":
        return tuple(value) if isinstance(value, list) else value
    if isinstance(value, str):
        expect_one_of("transforms", value, [*TRANSFORMS, "random"])
        return value
    is_list = isinstance(value, list | tuple) and len(value) > 0
    if not is_list or not all(isinstance(each, Transform) for each in value):
        raise ConfigError(f"transforms = {value!r}: expected a name, or a list of Transform(...)")
    name = f"own-{provenance.digest(tuple(value))[:8]}"  # another list is another set
    TRANSFORMS[name] = tuple(value)
    return name


def _phases(
    base: Config, batch_size: int, size: float, settings: Mapping[str, Any]
) -> tuple[Phase, ...]:
    """Return the phases of `base` with the settings; there are as many as a list has values.

    `size` counts the images to train on.
    """
    given = {name: settings[name] for name in (*OF_PHASE, "epochs") if name in settings}
    lists = {name: value for name, value in given.items() if isinstance(value, list | tuple)}
    count = max(map(len, lists.values()), default=1 if "optimizer" in given else len(base.phases))
    for name, value in lists.items():
        if len(value) != count:
            raise ConfigError(f"{name} = {value!r}: expected {count} values, one for each phase")
    images = [phase.steps * base.batch_size for phase in base.phases]
    if count != len(images):
        images = [round(sum(images) / count)] * count
    phases = []
    for number in range(count):
        new = {name: v[number] if name in lists else v for name, v in given.items()}
        phase = base.phases[min(number, len(base.phases) - 1)]
        if "epochs" in new:
            expect_number("epochs", new["epochs"], low=0)
            images[number] = new.pop("epochs") * size
        if "optimizer" in new:
            momentum = MOMENTUM if new["optimizer"] == "sgd" else 0.0
            phase = replace(phase, momentum=momentum, weight_decay=0.0, schedule="")
        phase = replace(phase, **{OF_PHASE[name]: value for name, value in new.items()})
        steps = max(round(images[number] / batch_size), int(images[number] > 0))
        phases.append(replace(phase, steps=steps))
    return tuple(phases)


def _settings(config: Config) -> dict[str, str]:
    """Return what `define` decides, in its words."""
    found = {name: getattr(config, field) for name, field in OF_CONFIG.items()}
    for name, field in {**OF_PHASE, "steps": "steps"}.items():
        values = [getattr(phase, field) for phase in config.phases]
        found[name] = tuple(values)
    return {name.replace("_", " "): _written(value) for name, value in found.items()}


def _written(value: object) -> str:
    """Write a setting: what is the same for all layers or phases once, a default as such."""
    if isinstance(value, tuple) and len(set(value)) == 1:
        value = value[0]
    if isinstance(value, tuple):
        return " ".join(map(_written, value)) or "default"
    return str(value) if value != "" else "default"
