"""From configs to finished runs: what is missing is trained, scored and written to `runs/`.

    python -m fer_utils.training.campaign model1 ...    train these reference runs; `--all`: all
    python -m fer_utils.training.campaign model1 --profile paper    on all GPUs, and all machines
                                                                    that TF_CONFIG names
    python -m fer_utils.training.campaign --all --dataset drawn     what `runs/drawn/` holds

Asking for a run that exists loads it; asking for one that does not trains it.
"""

import argparse
import hashlib
import os
import platform
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fer_utils.data.dataset import DataError, Dataset, hold_out, load
from fer_utils.data.duplicates import unseen, without_test_duplicates
from fer_utils.files import (
    FolderError,
    cache_dir,
    commit,
    locked,
    replacing,
    require_space,
    write_json,
)
from fer_utils.plots import style
from fer_utils.plots.training import learning_curves
from fer_utils.training import experiments
from fer_utils.training.experiments import Config
from fer_utils.training.predictions import part_rows, scores
from fer_utils.training.progress import hours
from fer_utils.training.runs import (
    Run,
    brightness,
    code_version,
    digests,
    find,
    folder_of,
)

if TYPE_CHECKING:
    from fer_utils.backend import tf
    from fer_utils.training.loop import Trained

#: Makes a config from the keywords profile, dataset and seed.
Maker = Callable[..., Config]

#: Of `experiments.CELLS`, what the homework's tables and the interaction of the two
#: normalisations need.
CORE = ((True, True, False), (False, True, False), (True, False, False), (False, False, False))
CORE += ((True, True, True),)


class TooLong(Exception):
    """Training would take days; the message says how long, and how to go on all the same."""


def get(config: Config, dataset: Dataset, strategy: "tf.distribute.Strategy | None" = None) -> Run:
    """The run of a config on a data set: loaded if it is finished, trained otherwise.

    A second process that asks for it meanwhile waits, and loads it. `strategy` is a tf.distribute
    strategy; all its workers train together and get the run that its chief writes.
    Raises TrainingError, StorageError if the run could not be written, and as `find` does.
    """
    if run := find(config, dataset):
        return run
    if "TF_CONFIG" in os.environ:
        return _train(config, dataset, strategy)
    folder = folder_of(config)
    require_space(folder.parent, 0)
    waiting = f"{config.name} is being trained by another process; waiting for it"
    with locked(folder.with_name(f".{folder.name}.lock"), waiting):
        return find(config, dataset) or _train(config, dataset, strategy)


def _train(config: Config, dataset: Dataset, strategy: "tf.distribute.Strategy | None") -> Run:
    from fer_utils.backend import tf
    from fer_utils.training import devices, teachers
    from fer_utils.training.loop import Examples, train
    from fer_utils.training.network import build

    require_space(folder_of(config).parent, 2 * build(config).count_params() + 10**6)
    strategy = strategy or tf.distribute.get_strategy()
    fit, held_out = hold_out(dataset)
    if config.without_test_duplicates:
        fit = fit[without_test_duplicates(dataset, fit)]
    if config.unseen_only:
        held_out = held_out[unseen(dataset)]
    soft = teachers.probabilities(config.teachers, dataset, fit) if config.teachers else None
    examples = Examples(
        dataset.images[fit],
        dataset.labels[fit],
        dataset.images[held_out],
        dataset.labels[held_out],
        soft,
    )
    checkpoint = cache_dir() / "checkpoints" / f"{config.name}.npz"
    data_id = f"{dataset.rows}-{dataset.pixels}"
    if soft is not None:
        data_id += f"-{hashlib.sha256(soft.tobytes()).hexdigest()[:16]}"
    trained = train(config, examples, checkpoint=checkpoint, data_id=data_id, strategy=strategy)
    if devices.is_chief(strategy):
        _write(config, dataset, trained, devices.arithmetic(config, strategy))
        with suppress(OSError):  # absent, or no right to remove it: another code never reads it
            checkpoint.unlink()
    devices.meet(strategy)
    return find(config, dataset)


def _write(config: Config, dataset: Dataset, trained: "Trained", arithmetic: dict) -> None:
    """Score what was trained, its weights rounded as they are saved, and write the run's folder."""
    from fer_utils.data.transforms import normalise
    from fer_utils.inference import predictor
    from fer_utils.training.network import build

    counted = trained.last if config.selection == "last" else trained.best
    rounded = [weight.astype(np.float16) for weight in counted]
    model = build(config)
    predict = predictor(model)

    def scored(weights: list[np.ndarray]) -> dict[str, np.ndarray]:
        model.set_weights([weight.astype(np.float16).astype(np.float32) for weight in weights])
        found = {}
        for part, rows in part_rows(dataset).items():
            inputs = normalise(dataset.images[rows], config.per_image_norm)
            found[part] = predict(inputs).astype(np.float16)
        return found

    logits = scored(counted)
    history = pd.DataFrame(trained.history)
    made = _circumstances(dataset, trained, model.count_params()) | arithmetic
    if dataset.name == "drawn":
        made["brightness"] = brightness(dataset).round(3).tolist()
    with replacing(folder_of(config)) as folder:
        folder.mkdir(parents=True)
        history.to_csv(folder / "history.csv", index=False)
        _draw(history, config.name, folder / "curve.png")
        np.savez_compressed(folder / "logits.npz", **logits)
        if config.selection == "last":
            np.savez_compressed(folder / "best_evaluation.npz", **scored(trained.best))
        if config.keep_weights:
            arrays = {f"w{i}": weight for i, weight in enumerate(rounded)}
            np.savez_compressed(folder / "weights.npz", **arrays)
        write_json(folder / "metrics.json", scores(logits, dataset))
        about = {"config": config.to_dict(), "made": made, "sha256": digests(folder)}
        write_json(folder / "config.json", about)


def finished(
    make: Maker, dataset: Dataset, *, profile: str, seed: int, anew: bool = True
) -> list[Run]:
    """The finished runs of a config, over the seeds of a profile.

    Parameters
    ----------
    make
        Makes the config.
    dataset
        What they were trained on.
    profile, seed
        The profile, and the first of its seeds.
    anew
        Whether they are scored anew on a copy of FER2013, see `runs.find`.
    """
    seeds = range(seed, seed + experiments.scale(profile, dataset.name).seeds)
    configs = [make(profile=profile, dataset=dataset.name, seed=number) for number in seeds]
    return [run for config in configs if (run := find(config, dataset, anew=anew))]


def comparable(
    makers: Sequence[Maker], dataset: Dataset, *, profile: str, seed: int, seeds: int
) -> tuple[list[list[Run]], list[str]]:
    """Runs that may be compared: all of the profile, or all of them stand-ins.

    Parameters
    ----------
    makers
        Make the configs, `functools.partial(experiments.model, "model1")` for example.
    dataset, profile
        What the runs are trained on, and by which profile.
    seed, seeds
        The first seed, and how many at most.

    Returns
    -------
    tuple
        For each maker its runs, one per seed; and the names of the reference runs that are missing.
        If there are any, quick stand-ins take the place of all, which is said. Runs of other
        profiles are trained if they do not exist. On a copy of FER2013 with other pixels all are
        scored anew, or none, if one of them has not kept its weights.
    """
    missing = []
    if profile == "reference":
        named = {"profile": profile, "dataset": dataset.name, "seed": seed}
        anew = all(make(**named).keep_weights for make in makers)
        given = {"profile": profile, "seed": seed, "anew": anew}
        found = [finished(make, dataset, **given)[:seeds] for make in makers]
        if all(found):
            return found, []
        missing = [make(**named).name for make, runs in zip(makers, found, strict=True) if not runs]
        why = f"of seed {seed}" if seed else "for these data"
        print(f"no reference run {why}: {', '.join(missing)}; quick stand-ins instead", flush=True)
        profile, seeds = "quick", 1
    numbers = range(seed, seed + seeds)
    groups = [
        [make(profile=profile, dataset=dataset.name, seed=number) for number in numbers]
        for make in makers
    ]
    return [[get(config, dataset) for config in group] for group in groups], missing


def factorial(
    dataset: Dataset, *, profile: str, seed: int
) -> tuple[dict[tuple[bool, bool, bool], list[Run]], list[str]]:
    """Runs by (per-image normalisation, batch normalisation, x20 augmentation); what is missing.

    All eight cells where they are finished, otherwise the five of CORE, as `comparable` finds them.
    """
    makers = {
        levels: partial(experiments.ablation, **cell) for levels, cell in experiments.CELLS.items()
    }
    seeds = experiments.scale(profile, dataset.name).seeds
    common = {"profile": profile, "seed": seed}
    core, missing = comparable([makers[cell] for cell in CORE], dataset, **common, seeds=seeds)
    rest = {
        levels: finished(make, dataset, **common, anew=False)  # as the core, see `comparable`
        for levels, make in makers.items()
        if levels not in CORE
    }
    found = dict(zip(CORE, core, strict=True))
    return (found | rest if all(rest.values()) and not missing else found), missing


def refuse_long(configs: Sequence[Config], dataset: Dataset) -> None:
    """Raises TooLong, with an estimate in hours, if these would be trained without a GPU.

    Not if the environment's FER_LONG is set, which is how to go on all the same.
    """
    missing = [config for config in configs if not find(config, dataset)]
    if not missing or os.environ.get("FER_LONG"):
        return
    from fer_utils.backend import tf

    if not tf.config.list_physical_devices("GPU"):
        total = sum(hours(config) for config in missing)
        raise TooLong(
            f"{len(missing)} runs of this profile are missing, and to train them would take about "
            f"{total:,.0f} hours without a GPU; FER_LONG=1 in the environment goes on all the same"
        )


def _draw(history: pd.DataFrame, title: str, path: Path) -> None:
    with style.context():
        learning_curves(history, title=title).savefig(path, bbox_inches="tight")


def _circumstances(dataset: Dataset, trained: "Trained", parameters: int) -> dict:
    """What a reader needs to know of a run beyond its config."""
    return {
        "rows": dataset.rows,
        "pixels": dataset.pixels,
        "code": code_version(),
        "commit": commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seconds": round(trained.seconds, 1),
        "waited_for_batches": round(trained.waited, 1),
        "best_step": trained.best_step,
        "parameters": parameters,
        "machine": platform.machine(),
        "tensorflow": version("tensorflow"),
        "keras": version("keras"),
    }


def main() -> int:
    """Train runs by name, on all GPUs and, with TF_CONFIG, on all machines."""
    parser = argparse.ArgumentParser(
        prog="python -m fer_utils.training.campaign", description=main.__doc__
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as model1")
    parser.add_argument("--all", action="store_true", help="every run of the profile")
    parser.add_argument("--profile", choices=experiments.PROFILES, default="reference")
    parser.add_argument("--dataset", choices=("fer2013", "drawn"), default="fer2013")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")
    prefix = f"{arguments.profile}-{arguments.dataset}-"
    campaign = {
        config.name.removeprefix("drawn/").removeprefix(prefix): config
        for config in experiments.campaign(arguments.profile, arguments.dataset)
    }
    names = list(campaign) if arguments.all else arguments.names
    unknown = [name for name in names if name not in campaign]
    if unknown or not names:
        known = ", ".join(campaign)
        parser.error(f"no run is called {', '.join(unknown) or '(nothing)'}; there are {known}")
    from fer_utils.training.devices import choose
    from fer_utils.training.loop import TrainingError

    try:
        strategy, dataset = choose(), load(arguments.dataset)
        if arguments.profile == "paper":
            refuse_long([campaign[name] for name in names], dataset)
        for name in names:
            run = get(campaign[name], dataset, strategy)
            accuracy = ", ".join(f"{p} {m['accuracy']:.4f}" for p, m in run.metrics.items())
            print(f"{name}: {accuracy}", flush=True)
    except (DataError, FolderError, TooLong, TrainingError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
