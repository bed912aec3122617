"""Finished runs: `runs/<name>/` holds config, history with its curves, metrics, logits, weights.

The runs in `runs/` are the reference runs on FER2013, those in `runs/drawn/` on the drawn faces;
they are committed. All others are trained on the user's machine and lie in `runs/local/`.
`training.campaign` writes them.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fer_utils.data.dataset import Dataset
from fer_utils.files import ROOT, cache_dir, runs_dir
from fer_utils.training import experiments
from fer_utils.training.experiments import Config
from fer_utils.training.predictions import Predictions, of_logits

if TYPE_CHECKING:
    from fer_utils.backend import keras

#: What decides how a run is trained.
TRAINING_SOURCES = (
    "data/transforms.py",
    "interpret/inference.py",
    *(f"training/{name}.py" for name in ("batches", "devices", "layers", "loop", "network")),
)


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        scores = ", ".join(f"{part} {m['accuracy']:.3f}" for part, m in self.metrics.items())
        return f"{self.config.name}: {self.made['parameters']:,} parameters, accuracy {scores}"

    def model(self) -> "keras.Model":
        """The trained network: normalised images (n, 48, 48, 1) -> logits (n, 7)."""
        return trained_model(self.config)

    def predictions(self, dataset: Dataset) -> dict[str, Predictions]:
        """The run's answers on each labelled part of the data."""
        return of_logits(self.logits, dataset)


def is_reference(config: Config) -> bool:
    """Whether a run is one of those that the project ships."""
    return not config.name.startswith(tuple(f"{profile}-" for profile in experiments.PROFILES))


def folder_of(config: Config) -> Path:
    """Where the run of a config lies, or will lie."""
    return runs_dir() / config.name if is_reference(config) else runs_dir() / "local" / config.name


def weights_file(config: Config) -> Path:
    """Where the weights of a run lie: with it, or in the cache, for teachers that leave no more."""
    if config.keep_weights:
        return folder_of(config) / "weights.npz"
    return cache_dir() / "weights" / f"{config.name}.npz"


def trained_model(config: Config) -> "keras.Model":
    """The Keras model of a finished run that keeps its weights; needs no data."""
    from fer_utils.training.network import build

    model = build(config)
    with np.load(weights_file(config), allow_pickle=False) as arrays:
        model.set_weights([arrays[f"w{i}"].astype(np.float32) for i in range(len(arrays))])
    return model


def find(config: Config, dataset: Dataset) -> Run | None:
    """The finished run of this config on these data, or None.

    A reference run fits if labels and splits are the same, row for row, and faces are drawn in
    the same way (a last grey level may differ between machines); one trained on this machine also
    needs the same pixels and the same training code.
    """
    folder = folder_of(config)
    if not (folder / "config.json").exists():
        return None
    saved = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    try:
        same = Config.from_dict(saved["config"]) == config
    except TypeError:  # saved by a version whose configs had other fields
        same = False
    if not same or not _fits(config, saved["made"], dataset):
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


def _fits(config: Config, made: dict, dataset: Dataset) -> bool:
    if made["rows"] != dataset.rows:
        return False
    if not is_reference(config):
        return made["pixels"] == dataset.pixels and made["code"] == code_version()
    return dataset.name != "drawn" or np.allclose(made["brightness"], brightness(dataset), atol=0.1)


def brightness(dataset: Dataset) -> np.ndarray:
    """Mean grey level of every hundredth image: it differs as soon as faces are drawn otherwise."""
    return dataset.images[::100].mean(axis=(1, 2))


def code_version() -> str:
    """Hash of the sources that decide how a run is trained."""
    digest = hashlib.sha256()
    for name in TRAINING_SOURCES:
        digest.update((ROOT / "fer_utils" / name).read_bytes())
    return digest.hexdigest()[:12]
