"""Finished runs: `runs/<name>/` holds config, history, metrics, logits and, if kept, weights.

`config.json` also has the SHA-256 of the other files, and each file is checked against it wherever
it is read. The runs in `runs/` are the reference runs on FER2013, those in `runs/drawn/` on the
drawn faces; they are committed. All others are trained on the user's machine and lie in
`runs/local/`.
`training.train_run` writes them.
"""

import hashlib
import json
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fer_utils import provenance
from fer_utils.data.dataset import DataError, Dataset
from fer_utils.data.transforms import SHIPPED, TRANSFORMS
from fer_utils.files import ROOT, DamagedFile, cache_dir, cached, runs_dir
from fer_utils.training import experiments
from fer_utils.training.config import PROFILE_NAMES, Config, expect_one_of
from fer_utils.training.predictions import Predictions, of_logits, part_rows, scores

if TYPE_CHECKING:
    from fer_utils.backend import keras

#: What must be known of a run beyond its config.
CIRCUMSTANCES = ("rows", "pixels", "code", "parameters", "best_step", "seconds")


class DamagedRun(DataError):
    """A run that does not hold what it should; the message names the file and the remedy."""


@dataclass(frozen=True, repr=False)
class Run:
    """A finished run.

    `metadata` says how it was made; `history` has a row per evaluation; `metrics` and `logits` have
    an entry per part that the data have ("held_out", the validation set, "public", "private"),
    logits (n, 7) float32 in the data's order. `folder` is that of the predictions: of a run that
    was scored again on a copy of the data it is in the cache.
    """

    config: Config
    folder: Path
    metadata: dict
    history: pd.DataFrame
    metrics: dict
    logits: dict[str, np.ndarray]

    def __repr__(self) -> str:
        scores = ", ".join(f"{part} {m['accuracy']:.3f}" for part, m in self.metrics.items())
        return f"{self.config.name}: {self.metadata['parameters']:,} parameters, accuracy {scores}"

    def model(self) -> "keras.Model":
        """The trained network: normalised images (n, 48, 48, 1) -> logits (n, 7)."""
        return trained_model(self.config)

    def predictions(self, dataset: Dataset) -> dict[str, Predictions]:
        """The run's predictions on each labelled part of the data."""
        return of_logits(self.logits, dataset)


def is_reference(config: Config) -> bool:
    """Whether a run has the name of one that the project ships."""
    return config.name in _shipped()


def is_shipped(config: Config) -> bool:
    """Whether a config is, in every field, that of a run that the project ships."""
    return _shipped().get(config.name) == config


@lru_cache
def _shipped() -> dict[str, Config]:
    """The configs of all shipped runs, by name."""
    return {
        config.name: config
        for dataset in ("fer2013", "drawn")
        for config in experiments.all_experiments("reference", dataset)
    }


def folder_of(config: Config) -> Path:
    """Where the run of a config lies, or will lie."""
    return runs_dir() / config.name if is_reference(config) else runs_dir() / "local" / config.name


def trained_model(config: Config) -> "keras.Model":
    """The Keras model of a finished run that keeps its weights; needs no data.

    Raises DamagedRun if the weights are absent or damaged.
    """
    from fer_utils.training.network import build

    try:
        arrays = _arrays(Folder(folder_of(config)), "weights.npz")
    except DamagedFile as error:
        raise damaged_run(config, error) from None
    model = build(config)
    model.set_weights([arrays[f"w{i}"].astype(np.float32) for i in range(len(arrays))])
    return model


def weights_digest(config: Config) -> str:
    """SHA-256 of a run's weights, or of its logits where no weights were kept; see `digests`.

    Raises DamagedRun.
    """
    try:
        found = Folder(folder_of(config)).digests
    except DamagedFile as error:
        raise damaged_run(config, error) from None
    return found.get("weights.npz") or found["logits.npz"]


def saved_config(name: str) -> Config:
    """The config of the finished reference run of this name. Raises DataError."""
    try:
        config = Folder(runs_dir() / name).config
    except DamagedFile as error:
        raise DataError(f"{error}; train the run {name} first, or restore it") from None
    if config is None:
        raise DataError(f"the run {name} is of a version whose configs had other fields")
    return config


def find(config: Config, dataset: Dataset, *, rescore: bool = True) -> Run | None:
    """The finished run of this config on these data, or None.

    A reference run fits if labels and splits are the same, row for row, and faces are drawn in
    the same way (a last grey level may differ between machines). On a copy of FER2013 with other
    pixels (`Dataset.original`) it is scored again; unless `rescore`, and where its weights were not
    kept, it has its predictions for the original's pixels. A run trained on this machine also needs
    the same pixels and the same training code. It counts as absent if it is damaged, which is said;
    a reference run that is damaged raises DamagedRun.
    """
    folder = _folder_number(config)
    try:
        found: Run | DamagedFile | None = _read(config, dataset, rescore) if folder else None
    except DamagedFile as error:
        found = error
    if _folder_number(config) != folder:  # replaced while it was read
        return find(config, dataset, rescore=rescore)
    if not isinstance(found, DamagedFile):
        return found
    if is_reference(config):
        raise damaged_run(config, found)
    print(f"{found}; {config.name} counts as absent", flush=True)
    return None


def _folder_number(config: Config) -> int | None:
    """What tells a folder from another that takes its place; None if there is none."""
    folder = folder_of(config)
    return folder.stat().st_ino if folder.is_dir() else None


def damaged_run(config: Config, error: DamagedFile) -> DamagedRun:
    """The error that a damaged file of a run is to its user, with the remedy."""
    folder = folder_of(config)
    if is_reference(config) and folder.is_relative_to(ROOT):
        return DamagedRun(f"{error}; `git checkout -- {folder.relative_to(ROOT)}` restores it")
    return DamagedRun(f"{error}; delete {folder}, and the run is trained again")


class Folder:
    """The files of a saved run, each of which is checked when it is read.

    path: of the folder
    config: None if it was saved by a version whose configs had other fields
    metadata: how the run was made
    digests: SHA-256 by name of the other files

    Raises DamagedFile if `config.json` is not that of a run.
    """

    def __init__(self, path: Path):
        self.path, file = path, path / "config.json"
        try:
            saved = json.loads(file.read_text(encoding="utf-8"))
            given, self.metadata, self.digests = saved["config"], saved["made"], saved["sha256"]
            missing = [name for name in CIRCUMSTANCES if name not in self.metadata]
            other_fields = set(given) - {field.name for field in fields(Config)}
            self.config = None if other_fields else Config.from_dict(given)
        except FileNotFoundError:
            raise DamagedFile(f"{file}: missing") from None
        except (AttributeError, KeyError, TypeError, ValueError, OSError) as error:
            raise DamagedFile(f"{file}: a field is missing or wrong ({error})") from None
        if missing:
            raise DamagedFile(f"{file}: without {', '.join(missing)}")

    def read(self, name: str) -> bytes:
        """The content of a file. Raises DamagedFile unless it is as when the run was written."""
        path = self.path / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DamagedFile(f"{path}: {error.strerror}") from None
        if hashlib.sha256(content).hexdigest() != self.digests.get(name):
            raise DamagedFile(f"{path}: not as it was when the run was written")
        return content


def _arrays(folder: Folder, name: str) -> dict[str, np.ndarray]:
    with np.load(BytesIO(folder.read(name)), allow_pickle=False) as arrays:
        return dict(arrays)


def _read(config: Config, dataset: Dataset, rescore: bool) -> Run | None:
    """The run in its folder, None if it is another's. Raises DamagedFile."""
    folder = Folder(folder_of(config))
    if folder.config != config and is_shipped(config):
        raise DamagedFile(f"{folder.path / 'config.json'}: not the config of the shipped run")
    if folder.config != config or not _fits(folder, config, dataset):
        return None
    run = _loaded(folder, config)
    rescore = rescore and is_on_copy(run, dataset) and config.keep_weights
    return _rescored(run, dataset) if rescore else run


def own(dataset: Dataset) -> dict[str, Run]:
    """The user's own runs on these very data by name, the oldest first; see `find_own`."""
    files = (runs_dir() / "local").glob("*/config.json")
    names = [file.parent.name for file in sorted(files, key=lambda file: file.stat().st_mtime)]
    found = {name: find_own(name, dataset) for name in names}
    return {name: run for name, run in found.items() if run}


def find_own(name: str, dataset: Dataset) -> Run | None:
    """The user's own run of this name, if it was trained on these very data.

    It was trained on this machine under a name that is no profile's, in `runs/local/`. It counts
    as absent if it is damaged, which is said.
    """
    path = runs_dir() / "local" / name
    if name.startswith(tuple(f"{profile}-" for profile in PROFILE_NAMES)) or not path.is_dir():
        return None
    try:
        folder = Folder(path)
        made = folder.metadata
        data = made["rows"], made["pixels"]
        if folder.config is None or data != (dataset.labels_hash, dataset.images_hash):
            return None
        return _loaded(folder, folder.config)
    except DamagedFile as error:
        print(f"{error}; {name} counts as absent", flush=True)
        return None


def _loaded(folder: Folder, config: Config) -> Run:
    """The run of a folder, every file of which is checked. Raises DamagedFile."""
    logits = {part: x.astype(np.float32) for part, x in _arrays(folder, "logits.npz").items()}
    metrics = json.loads(folder.read("metrics.json"))
    history = pd.read_csv(BytesIO(folder.read("history.csv")))
    if config.keep_weights:
        folder.read("weights.npz")
    return Run(config, folder.path, folder.metadata, history, metrics, logits)


def is_on_copy(run: Run, dataset: Dataset) -> bool:
    """Whether the data are a copy, with other pixels, of the photographs that a run was made on."""
    return dataset.name == "fer2013" and run.metadata["pixels"] != dataset.images_hash


def is_rescored(run: Run) -> bool:
    """Whether the predictions are for the data's own pixels, not as saved for the original's."""
    return run.folder != folder_of(run.config)


def _rescored(run: Run, dataset: Dataset) -> Run:
    """The run with its predictions for these pixels, which are kept in the cache."""
    folder = cache_dir() / "copies" / dataset.images_hash / run.config.name
    key = provenance.key(part_logits, dataset.labels_hash, weights_digest(run.config))

    def compute() -> dict[str, np.ndarray]:
        print(f"{run.config.name}: scored again on these images", flush=True)
        return part_logits(run.model(), run.config, dataset)

    logits = cached(folder / "logits.npz", key, compute)
    return replace(run, folder=folder, logits=logits, metrics=scores(logits, dataset))


def part_logits(model: "keras.Model", config: Config, dataset: Dataset) -> dict[str, np.ndarray]:
    """Logits (n, 7) float32 of a network for the labelled images of each part."""
    from fer_utils.data.transforms import normalise
    from fer_utils.inference import predictor

    predict = predictor(model)
    return {
        part: predict(normalise(dataset.images[rows], config.per_image_norm))
        for part, rows in part_rows(dataset).items()
    }


def digests(folder: Path) -> dict[str, str]:
    """SHA-256, by name, of the files in a folder."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


def _fits(folder: Folder, config: Config, dataset: Dataset) -> bool:
    made = folder.metadata
    if made["rows"] != dataset.labels_hash or made.get("named", {}) != named_content(config):
        return False
    if not is_reference(config):
        return made["pixels"] == dataset.images_hash and made["code"] == code_version()
    if dataset.name != "drawn":
        return made["pixels"] == dataset.images_hash or dataset.original
    try:
        return np.allclose(made["brightness"], brightness(dataset), atol=0.1)
    except (KeyError, TypeError, ValueError) as error:
        path = folder.path / "config.json"
        raise DamagedFile(f"{path}: a field is missing or wrong ({error})") from None


def named_content(config: Config) -> dict[str, str]:
    """Digests of what a config has by name alone, and the project does not ship.

    These are a set of transforms of one's own, or one of the project's that was changed, and the
    weights of the teachers of a run that is trained here. Raises ConfigError for a set that there
    is not, DataError for a teacher.
    """
    found, name = {}, config.transforms
    if name != "random":
        expect_one_of("transforms", name, (*TRANSFORMS, "random"))
        if TRANSFORMS[name] != SHIPPED.get(name):
            found["transforms"] = provenance.digest(TRANSFORMS[name])
    if config.teachers and not is_reference(config):
        found["teachers"] = provenance.digest(
            [weights_digest(saved_config(teacher)) for teacher in config.teachers]
        )
    return found


def brightness(dataset: Dataset) -> np.ndarray:
    """Mean grey level of every hundredth image: it differs as soon as faces are drawn otherwise."""
    return dataset.images[::100].mean(axis=(1, 2))


def code_version() -> str:
    """The key of the code that decides how a run is trained and scored."""
    return provenance.key("training.train_run:train_and_write")
