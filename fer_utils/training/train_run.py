"""From configs to finished runs: what is missing is trained, scored and written to `runs/`.

Asking for a run that exists loads it; asking for one that does not trains it. A run that the
project ships is never overwritten.
"""

import os
import platform
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fer_utils import provenance
from fer_utils.data.dataset import DataError, Dataset
from fer_utils.files import (
    cache_dir,
    commit,
    locked,
    replacing,
    require_checkout,
    require_space,
    write_arrays,
    write_json,
)
from fer_utils.training.config import Config
from fer_utils.training.examples import prepare
from fer_utils.training.predictions import scores
from fer_utils.training.progress import hours
from fer_utils.training.runs import (
    Run,
    brightness,
    code_version,
    digests,
    find,
    folder_of,
    is_reference,
    is_shipped,
    named_content,
    part_logits,
)

if TYPE_CHECKING:
    from fer_utils.backend import tf
    from fer_utils.training.loop import Trained

ROOM = 100 * 10**6  # bytes that must be free before a training begins


class TooLong(Exception):
    """Training would take days; the message says how long, and how to go on all the same."""


class ShippedRun(DataError):
    """A training would overwrite a run that the project ships; the message says what to do."""


def get(
    config: Config,
    dataset: Dataset,
    strategy: "tf.distribute.Strategy | None" = None,
    *,
    after_evaluation: "Callable[[list[dict]], None] | None" = None,
) -> Run:
    """The run of a config on a data set: loaded if it is finished, trained otherwise.

    A second process that asks for it meanwhile waits, and loads it. `strategy` is a tf.distribute
    strategy; all its workers train together and get the run that its chief writes.
    `after_evaluation` is that of `loop.train`.
    Raises ShippedRun, TrainingError, StorageError if the run could not be written, and as `find`
    does.
    """
    if run := find(config, dataset):
        return run
    _refuse_to_overwrite(config)
    if not os.environ.get("FER_RUNS"):
        require_checkout("training without FER_RUNS=folder")
    if "TF_CONFIG" in os.environ:
        return _trained(config, dataset, strategy, after_evaluation)
    folder = folder_of(config)
    require_space(folder.parent, 0)
    waiting = f"{config.name} is being trained by another process; waiting for it"
    with locked(folder.with_name(f".{folder.name}.lock"), waiting):
        found = find(config, dataset)
        return found or _trained(config, dataset, strategy, after_evaluation)


def _refuse_to_overwrite(config: Config) -> None:
    """Raise ShippedRun where a training would take the place of a shipped run."""
    if not is_reference(config):
        return
    way_out = f'name yours otherwise: replace(config, name="my-{config.name.rpartition("/")[2]}")'
    if not is_shipped(config):
        raise ShippedRun(f"{config.name} is a shipped run with another config; {way_out}")
    if folder_of(config).exists():
        raise ShippedRun(f"{config.name} is a shipped run that was made on other data; {way_out}")


def _trained(
    config: Config,
    dataset: Dataset,
    strategy: "tf.distribute.Strategy | None",
    after_evaluation: "Callable[[list[dict]], None] | None",
) -> Run:
    train_and_write(config, dataset, strategy, after_evaluation)
    run = find(config, dataset)
    assert run, "it has just been written"
    return run


def train_and_write(
    config: Config,
    dataset: Dataset,
    strategy: "tf.distribute.Strategy | None" = None,
    after_evaluation: "Callable[[list[dict]], None] | None" = None,
) -> None:
    """Train a config, score it, and write its folder. Raises TrainingError, StorageError."""
    from fer_utils.backend import tf
    from fer_utils.training import devices, loop

    require_space(folder_of(config).parent, ROOM)
    strategy = strategy or tf.distribute.get_strategy()
    examples = prepare(config, dataset)
    checkpoint = cache_dir() / "checkpoints" / f"{config.name}.npz"
    named = named_content(config)
    trained = loop.train(
        config,
        examples,
        checkpoint=checkpoint,
        made_from=provenance.key(
            train_and_write,
            dataset.labels_hash,
            dataset.images_hash,
            {"soft": examples.soft, **named},
        ),
        strategy=strategy,
        after_evaluation=after_evaluation,
    )
    if devices.is_chief(strategy):
        _write(config, dataset, trained, named)
        with suppress(OSError):  # absent, or no right to remove it: another code never reads it
            checkpoint.unlink()
    devices.barrier(strategy)


def _write(config: Config, dataset: Dataset, trained: "Trained", named: dict[str, str]) -> None:
    """Score what was trained, its weights rounded as they are saved, and write the run's folder."""
    from fer_utils.training.network import build

    model = build(config)

    def scored(weights: list[np.ndarray]) -> dict[str, np.ndarray]:
        model.set_weights([weight.astype(np.float32) for weight in weights])
        found = part_logits(model, config, dataset)
        return {part: logits.astype(np.float16) for part, logits in found.items()}

    best, last = (
        [weight.astype(np.float16) for weight in weights]
        for weights in (trained.best, trained.last)
    )
    selected = last if config.selection == "last" else best
    logits = scored(selected)
    with replacing(folder_of(config)) as folder:
        folder.mkdir(parents=True)
        pd.DataFrame(trained.history).to_csv(folder / "history.csv", index=False)
        write_arrays(folder / "logits.npz", logits)
        if config.selection == "last":
            write_arrays(folder / "best_evaluation.npz", scored(best))
        if config.keep_weights:
            arrays = {f"w{i}": weight for i, weight in enumerate(selected)}
            write_arrays(folder / "weights.npz", arrays)
        write_json(folder / "metrics.json", scores(logits, dataset))
        made = _circumstances(dataset, trained, model.count_params(), named)
        about = {"config": config.to_dict(), "made": made, "sha256": digests(folder)}
        write_json(folder / "config.json", about)


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


def _circumstances(
    dataset: Dataset, trained: "Trained", parameters: int, named: dict[str, str]
) -> dict:
    """What a reader needs to know of a run beyond its config."""
    drawn = {"brightness": brightness(dataset).round(3).tolist()}
    return {
        "rows": dataset.labels_hash,
        "pixels": dataset.images_hash,
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
        **trained.arithmetic,
        **({"named": named} if named else {}),
        **(drawn if dataset.name == "drawn" else {}),
    }
