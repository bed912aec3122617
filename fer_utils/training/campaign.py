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
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from fer_utils.data.dataset import DataError, Dataset, hold_out, load
from fer_utils.data.duplicates import unseen
from fer_utils.fer2013 import CLASSES
from fer_utils.files import ROOT, cache_dir, locked, replacing, write_json
from fer_utils.plots import style
from fer_utils.plots.training import learning_curves
from fer_utils.training import experiments
from fer_utils.training.experiments import Config
from fer_utils.training.predictions import of_logits, part_rows
from fer_utils.training.runs import Run, brightness, code_version, find, folder_of, weights_file

if TYPE_CHECKING:
    from fer_utils.backend import tf
    from fer_utils.training.loop import Trained


def get(config: Config, dataset: Dataset, strategy: "tf.distribute.Strategy | None" = None) -> Run:
    """The run of a config on a data set: loaded if it is finished, trained otherwise.

    A second process that asks for it meanwhile waits, and loads it. `strategy` is a tf.distribute
    strategy; all its workers train together and get the run that its chief writes.
    """
    if run := find(config, dataset):
        return run
    if "TF_CONFIG" in os.environ:
        return _train(config, dataset, strategy)
    folder = folder_of(config)
    waiting = f"{config.name} is being trained by another process; waiting for it"
    with locked(folder.with_name(f".{folder.name}.lock"), waiting):
        return find(config, dataset) or _train(config, dataset, strategy)


def _train(config: Config, dataset: Dataset, strategy: "tf.distribute.Strategy | None") -> Run:
    from fer_utils.backend import tf
    from fer_utils.training import devices, teachers
    from fer_utils.training.loop import Examples, train

    strategy = strategy or tf.distribute.get_strategy()
    fit, held_out = hold_out(dataset)
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
        _write(config, dataset, trained, devices.arithmetic(strategy))
        checkpoint.unlink(missing_ok=True)
    devices.meet(strategy)
    return find(config, dataset)


def _write(config: Config, dataset: Dataset, trained: "Trained", arithmetic: dict) -> None:
    """Score what was trained, its weights rounded as they are saved, and write the run's folder."""
    from fer_utils.data.transforms import normalise
    from fer_utils.interpret.inference import predictor
    from fer_utils.training.network import build

    rounded = [weight.astype(np.float16) for weight in trained.weights]
    model = build(config)
    model.set_weights([weight.astype(np.float32) for weight in rounded])
    predict = predictor(model)
    scored = {
        part: predict(normalise(dataset.images[rows], config.per_image_norm))
        for part, rows in part_rows(dataset).items()
    }
    logits = {part: values.astype(np.float16) for part, values in scored.items()}
    history = pd.DataFrame(trained.history)
    made = _circumstances(dataset, trained, model.count_params()) | arithmetic
    if dataset.name == "drawn":
        made["brightness"] = brightness(dataset).round(3).tolist()
    with replacing(folder_of(config)) as folder:
        folder.mkdir(parents=True)
        history.to_csv(folder / "history.csv", index=False)
        _draw(history, config.name, folder / "curve.png")
        np.savez_compressed(folder / "logits.npz", **logits)
        arrays = {f"w{i}": weight for i, weight in enumerate(rounded)}
        if config.keep_weights:
            np.savez_compressed(folder / "weights.npz", **arrays)
        else:
            with replacing(weights_file(config)) as kept, kept.open("wb") as file:
                np.savez_compressed(file, **arrays)
        write_json(folder / "metrics.json", _scores(logits, dataset))
        write_json(folder / "config.json", {"config": config.to_dict(), "made": made})


def _draw(history: pd.DataFrame, title: str, path: Path) -> None:
    with style.context():
        figure = learning_curves(history, title=title)
        figure.savefig(path, bbox_inches="tight")
    plt.close(figure)


def _scores(logits: dict[str, np.ndarray], dataset: Dataset) -> dict:
    """Accuracy, per-class figures and confusion matrix (rows: label) of each part."""
    classes = range(len(CLASSES))
    scores = {}
    for part, given in of_logits(logits, dataset).items():
        labels, predictions = given.labels, given.classes
        per_class = precision_recall_fscore_support(
            labels, predictions, labels=classes, zero_division=0
        )
        scores[part] = {
            "n": len(labels),
            "accuracy": float((labels == predictions).mean()),
            "precision": per_class[0].tolist(),
            "recall": per_class[1].tolist(),
            "f1": per_class[2].tolist(),
            "confusion": confusion_matrix(labels, predictions, labels=classes).tolist(),
        }
    return scores


def _circumstances(dataset: Dataset, trained: "Trained", parameters: int) -> dict:
    """What a reader needs to know of a run beyond its config."""
    return {
        "rows": dataset.rows,
        "pixels": dataset.pixels,
        "code": code_version(),
        "commit": _commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seconds": round(trained.seconds, 1),
        "waited_for_batches": round(trained.waited, 1),
        "best_step": trained.best_step,
        "parameters": parameters,
        "machine": platform.machine(),
        "tensorflow": version("tensorflow"),
        "keras": version("keras"),
    }


def _commit() -> str:
    """The commit of the working tree, "-dirty" if it has changes; "unknown" outside git."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


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
        for name in names:
            run = get(campaign[name], dataset, strategy)
            accuracy = ", ".join(f"{p} {m['accuracy']:.4f}" for p, m in run.metrics.items())
            print(f"{name}: {accuracy}", flush=True)
    except (DataError, TrainingError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
