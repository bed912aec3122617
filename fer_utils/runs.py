"""Finished runs: `runs/<name>/` holds config, history with its curves, metrics, logits, weights.

Asking for a run that exists loads it; asking for one that does not trains it. The runs in `runs/`
are the reference runs on FER2013 and are committed; all others are trained on the user's machine
and lie in `runs/local/`.

    python -m fer_utils.runs model1 ...     train these reference runs, `--all` for every one
    python -m fer_utils.runs model1 --profile paper     on all GPUs, and all machines of TF_CONFIG
"""

import argparse
import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from fer_utils import data, experiments
from fer_utils.experiments import Config
from fer_utils.labels import CLASSES, PRIVATE, PUBLIC
from fer_utils.paths import ROOT, cache_dir, replacing, runs_dir, write_json
from fer_utils.plots.training import learning_curves

TRAINING_SOURCES = ("pipeline", "models", "distribution", "training")


@dataclass(frozen=True)
class Run:
    """A finished run.

    `history` has a row per evaluation; `metrics` and `logits` have an entry per part that the data
    have ("held_out", "public", "private"), logits (n, 7) float32 in the data's order.
    """

    config: Config
    folder: Path
    made: dict
    history: pd.DataFrame
    metrics: dict
    logits: dict[str, np.ndarray]

    def model(self):
        """The trained Keras model: normalised images (n, 48, 48, 1) -> logits (n, 7)."""
        return trained_model(self.config)


def is_reference(config: Config) -> bool:
    """Whether a run is one of those that the project ships."""
    return not config.name.startswith(tuple(f"{profile}-" for profile in experiments.PROFILES))


def folder_of(config: Config) -> Path:
    """Where the run of a config lies, or will lie."""
    return runs_dir() / config.name if is_reference(config) else runs_dir() / "local" / config.name


def trained_model(config: Config):
    """The Keras model of a finished run that keeps its weights; needs no data."""
    from fer_utils.models import build

    model = build(config)
    with np.load(folder_of(config) / "weights.npz", allow_pickle=False) as arrays:
        model.set_weights([arrays[f"w{i}"].astype(np.float32) for i in range(len(arrays))])
    return model


def find(config: Config, dataset: data.Dataset) -> Run | None:
    """The finished run of this config on these data, or None.

    A reference run fits if labels and splits are the same, row for row; one trained on this machine
    also needs the same pixels and the same training code.
    """
    folder = folder_of(config)
    if not (folder / "config.json").exists():
        return None
    saved = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    try:
        same = Config.from_dict(saved["config"]) == config
    except TypeError:  # saved by a version whose configs had other fields
        same = False
    if not same or saved["made"]["rows"] != dataset.rows:
        return None
    if not is_reference(config):
        made = saved["made"]
        if made["pixels"] != dataset.pixels or made["code"] != code_version():
            return None
    with np.load(folder / "logits.npz", allow_pickle=False) as arrays:
        logits = {part: arrays[part].astype(np.float32) for part in arrays.files}
    return Run(
        config=config,
        folder=folder,
        made=saved["made"],
        history=pd.read_csv(folder / "history.csv"),
        metrics=json.loads((folder / "metrics.json").read_text(encoding="utf-8")),
        logits=logits,
    )


def get(config: Config, dataset: data.Dataset, strategy=None) -> Run:
    """The run of a config on a data set: loaded if it is finished, trained otherwise.

    `strategy` is a tf.distribute strategy; all its workers get the run that its chief writes.
    """
    return find(config, dataset) or _train(config, dataset, strategy)


def code_version() -> str:
    """Hash of the sources that decide how a run is trained."""
    digest = hashlib.sha256()
    for name in TRAINING_SOURCES:
        digest.update((ROOT / "fer_utils" / f"{name}.py").read_bytes())
    return digest.hexdigest()[:12]


def scored_parts(parts: Container[str]) -> list[str]:
    """Those of the labelled `parts` that figures are given for: the test splits, else held out."""
    return [part for part in ("public", "private") if part in parts] or ["held_out"]


def evaluation_parts(dataset: data.Dataset) -> dict[str, np.ndarray]:
    """Rows of each labelled part that models are scored on, in the data's order."""
    rows = {
        "held_out": data.hold_out(dataset)[1],
        "public": np.flatnonzero(dataset.split == PUBLIC),
        "private": np.flatnonzero(dataset.split == PRIVATE),
    }
    rows = {part: index[dataset.labels[index] >= 0] for part, index in rows.items()}
    return {part: index for part, index in rows.items() if len(index)}


def _train(config: Config, dataset: data.Dataset, strategy) -> Run:
    from fer_utils import distribution
    from fer_utils.backend import tf
    from fer_utils.training import Examples, train

    strategy = strategy or tf.distribute.get_strategy()
    fit, held_out = data.hold_out(dataset)
    examples = Examples(
        dataset.images[fit],
        dataset.labels[fit],
        dataset.images[held_out],
        dataset.labels[held_out],
    )
    checkpoint = cache_dir() / "checkpoints" / f"{config.name}.npz"
    data_id = f"{dataset.rows}-{dataset.pixels}"
    trained = train(config, examples, checkpoint=checkpoint, data_id=data_id, strategy=strategy)
    if distribution.is_chief(strategy):
        _write(config, dataset, trained, distribution.arithmetic(strategy))
        checkpoint.unlink(missing_ok=True)
    distribution.meet(strategy)
    return find(config, dataset)


def _write(config: Config, dataset: data.Dataset, trained, arithmetic: dict) -> None:
    """Score what was trained, its weights rounded as they are saved, and write the run's folder."""
    from fer_utils.models import build, predictor
    from fer_utils.pipeline import normalise

    rounded = [weight.astype(np.float16) for weight in trained.weights]
    model = build(config)
    model.set_weights([weight.astype(np.float32) for weight in rounded])
    predict = predictor(model)
    scored = {
        part: predict(normalise(dataset.images[rows], config.per_image_norm))
        for part, rows in evaluation_parts(dataset).items()
    }
    logits = {part: values.astype(np.float16) for part, values in scored.items()}
    history = pd.DataFrame(trained.history)
    made = _circumstances(dataset, trained, model.count_params()) | arithmetic
    with replacing(folder_of(config)) as folder:
        folder.mkdir(parents=True)
        history.to_csv(folder / "history.csv", index=False)
        _draw(history, config.name, folder / "curve.png")
        np.savez_compressed(folder / "logits.npz", **logits)
        if config.keeps_weights:
            arrays = {f"w{i}": weight for i, weight in enumerate(rounded)}
            np.savez_compressed(folder / "weights.npz", **arrays)
        write_json(folder / "metrics.json", _scores(logits, dataset))
        write_json(folder / "config.json", {"config": config.to_dict(), "made": made})


def _draw(history: pd.DataFrame, title: str, path: Path) -> None:
    figure = learning_curves(history, title=title)
    figure.savefig(path, bbox_inches="tight")
    plt.close(figure)


def _scores(logits: dict[str, np.ndarray], dataset: data.Dataset) -> dict:
    """Accuracy, per-class figures and confusion matrix (rows: label) of each part."""
    classes = range(len(CLASSES))
    scores = {}
    for part, rows in evaluation_parts(dataset).items():
        labels, predictions = dataset.labels[rows], logits[part].argmax(axis=1)
        per_class = precision_recall_fscore_support(
            labels, predictions, labels=classes, zero_division=0
        )
        scores[part] = {
            "n": len(rows),
            "accuracy": float((labels == predictions).mean()),
            "precision": per_class[0].tolist(),
            "recall": per_class[1].tolist(),
            "f1": per_class[2].tolist(),
            "confusion": confusion_matrix(labels, predictions, labels=classes).tolist(),
        }
    return scores


def _circumstances(dataset: data.Dataset, trained, parameters: int) -> dict:
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
    """Train runs on FER2013 by name, on all GPUs and, with TF_CONFIG, on all machines."""
    parser = argparse.ArgumentParser(prog="python -m fer_utils.runs", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as model1")
    parser.add_argument("--all", action="store_true", help="every run of the profile")
    parser.add_argument("--profile", choices=experiments.PROFILES, default="reference")
    arguments = parser.parse_args()
    prefix = f"{arguments.profile}-fer2013-"
    campaign = {
        config.name.removeprefix(prefix): config
        for config in experiments.campaign(arguments.profile)
    }
    names = list(campaign) if arguments.all else arguments.names
    unknown = [name for name in names if name not in campaign]
    if unknown or not names:
        known = ", ".join(campaign)
        parser.error(f"no run is called {', '.join(unknown) or '(nothing)'}; there are {known}")
    from fer_utils.distribution import choose
    from fer_utils.training import TrainingError

    try:
        strategy, dataset = choose(), data.load("fer2013")
        for name in names:
            run = get(campaign[name], dataset, strategy)
            accuracy = ", ".join(f"{p} {m['accuracy']:.4f}" for p, m in run.metrics.items())
            print(f"{name}: {accuracy}", flush=True)
    except (data.DataError, TrainingError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
