"""Finished runs: `runs/<name>/` holds config, history with its curves, metrics, logits, weights.

`config.json` also has the SHA-256 of the other files that hold numbers.
The runs in `runs/` are the reference runs on FER2013, those in `runs/drawn/` on the drawn faces;
they are committed. All others are trained on the user's machine and lie in `runs/local/`.
`training.campaign` writes them.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fer_utils.data.dataset import DataError, Dataset
from fer_utils.fer2013 import CLASSES
from fer_utils.files import ROOT, DamagedFile, cache_dir, cached, read_arrays, runs_dir
from fer_utils.training import experiments
from fer_utils.training.experiments import Config
from fer_utils.training.predictions import Predictions, of_logits, part_rows, scores

if TYPE_CHECKING:
    from fer_utils.backend import keras

#: What decides how a run is trained.
TRAINING_SOURCES = (
    "data/transforms.py",
    "inference.py",
    *(f"training/{name}.py" for name in ("batches", "devices", "layers", "loop", "network")),
)


#: What must be known of a run beyond its config.
CIRCUMSTANCES = ("rows", "pixels", "code", "parameters", "best_step", "seconds")

#: Numbers that each row of a history has; that of the averaged weights no loss and no accuracy.
CURVES = ("loss", "accuracy", "learning_rate", "held_out_loss", "held_out_accuracy")


class DamagedRun(DataError):
    """A run that does not hold what it should; the message names the file and the remedy."""


@dataclass(frozen=True, repr=False)
class Run:
    """A finished run.

    `history` has a row per evaluation; `metrics` and `logits` have an entry per part that the data
    have ("held_out", "public", "private"), logits (n, 7) float32 in the data's order. `folder` is
    that of the answers: of a run that was scored anew it is in the cache.
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
    """Where the weights of a run lie, if it keeps them."""
    return folder_of(config) / "weights.npz"


def trained_model(config: Config) -> "keras.Model":
    """The Keras model of a finished run that keeps its weights; needs no data.

    Raises DamagedRun if the weights are absent, damaged or another network's.
    """
    from fer_utils.training.network import build

    model = build(config)
    try:
        weights = _weights(config)
        found, expected = ([w.shape for w in each] for each in (weights, model.get_weights()))
        if found != expected:
            raise DamagedFile(f"{weights_file(config)}: the weights are another network's")
    except DamagedFile as error:
        raise damaged_run(config, error) from None
    model.set_weights(weights)
    return model


def find(config: Config, dataset: Dataset, *, anew: bool = True) -> Run | None:
    """The finished run of this config on these data, or None.

    A reference run fits if labels and splits are the same, row for row, and faces are drawn in
    the same way (a last grey level may differ between machines). On a copy of FER2013 with other
    pixels (`Dataset.original`) it is scored anew; unless `anew`, and where its weights were not
    kept, it has its answers to the original's pixels. A run trained on this machine also needs the
    same pixels and the same training code. It counts as absent if it is damaged, which is said; a
    reference run that is damaged raises DamagedRun.
    """
    folder = _folder_number(config)
    try:
        found = _read(config, dataset, anew) if folder else None
    except DamagedFile as error:
        found = error
    if _folder_number(config) != folder:  # replaced while it was read
        return find(config, dataset, anew=anew)
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


def _read(config: Config, dataset: Dataset, anew: bool) -> Run | None:
    """The run in its folder, None if it is another's. Raises DamagedFile."""
    folder = folder_of(config)
    saved = _parsed(folder / "config.json", _json)
    made = _made(folder / "config.json", saved, config, dataset)
    if made is None:
        return None
    logits = {
        part: values.astype(np.float32) for part, values in _arrays(folder / "logits.npz").items()
    }
    metrics = _parsed(folder / "metrics.json", _json)
    history = _parsed(folder / "history.csv", pd.read_csv)
    _check_scores(folder, logits, metrics, dataset)
    if not whole(history, config) or made["best_step"] not in history["step"].to_numpy():
        raise DamagedFile(f"{folder / 'history.csv'}: not the history of a whole run")
    if not is_reference(config) and config.keep_weights:
        _weights(config)
    _check_digests(folder, saved.get("sha256", {}))
    run = Run(config, folder, made, history, metrics, logits)
    anew = anew and is_on_copy(run, dataset) and config.keep_weights
    return _scored_anew(run, dataset) if anew else run


def is_on_copy(run: Run, dataset: Dataset) -> bool:
    """Whether the data are a copy, with other pixels, of the photographs that a run was made on."""
    return dataset.name == "fer2013" and run.made["pixels"] != dataset.pixels


def is_scored_anew(run: Run) -> bool:
    """Whether the answers are to the data's own pixels, not as saved to those of the original."""
    return run.folder != folder_of(run.config)


def _scored_anew(run: Run, dataset: Dataset) -> Run:
    """The run with its answers to these pixels, which are kept in the cache."""
    from fer_utils.data.transforms import normalise
    from fer_utils.inference import predictor

    weights = hashlib.sha256(weights_file(run.config).read_bytes()).hexdigest()
    folder = cache_dir() / "copies" / dataset.pixels / run.config.name

    def compute() -> dict[str, np.ndarray]:
        print(f"{run.config.name}: scored anew on these images", flush=True)
        predict = predictor(run.model())
        return {
            part: predict(normalise(dataset.images[rows], run.config.per_image_norm))
            for part, rows in part_rows(dataset).items()
        }

    logits = cached(folder / "logits.npz", f"{dataset.rows} {weights}", compute)
    return replace(run, folder=folder, logits=logits, metrics=scores(logits, dataset))


def _made(path: Path, saved: dict, config: Config, dataset: Dataset) -> dict | None:
    """How a run was made, None if its config or data are others; `saved` is what `path` holds.

    Raises DamagedFile.
    """
    try:
        given, made = saved["config"], saved["made"]
        if set(given) - {field.name for field in fields(Config)}:
            return None  # saved by a version whose configs had other fields
        if missing := [name for name in CIRCUMSTANCES if name not in made]:
            raise DamagedFile(f"{path}: without {', '.join(missing)}")
        fits = Config.from_dict(given) == config and _fits(config, made, dataset)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DamagedFile(f"{path}: a field is missing or wrong ({error})") from None
    return made if fits else None


def _json(path: Path) -> object:
    return json.loads(path.read_text(encoding="utf-8"))


def _parsed(path: Path, parse: Callable[[Path], object]):
    """What `parse` makes of a file. Raises DamagedFile."""
    try:
        return parse(path)
    except FileNotFoundError:
        raise DamagedFile(f"{path}: missing") from None
    except Exception as error:
        raise DamagedFile(f"{path}: {str(error).splitlines()[0]}") from error


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """`files.read_arrays`, for which a missing file is damage too; all numbers are finite."""
    try:
        arrays = read_arrays(path)
    except FileNotFoundError:
        raise DamagedFile(f"{path}: missing") from None
    for name, array in arrays.items():
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise DamagedFile(f"{path}: {name} is not finite numbers")
    return arrays


def _weights(config: Config) -> list[np.ndarray]:
    """The saved weights, float32. Raises DamagedFile."""
    path = weights_file(config)
    arrays = _arrays(path)
    if set(arrays) != {f"w{i}" for i in range(len(arrays))}:
        raise DamagedFile(f"{path}: not the weights of a network")
    return [arrays[f"w{i}"].astype(np.float32) for i in range(len(arrays))]


def _check_scores(folder: Path, logits: dict, metrics: dict, dataset: Dataset) -> None:
    """Raises DamagedFile unless there is a row of logits per image, and they give the metrics."""
    rows = {part: (len(index), len(CLASSES)) for part, index in part_rows(dataset).items()}
    if {part: values.shape for part, values in logits.items()} != rows:
        raise DamagedFile(f"{folder / 'logits.npz'}: not a row for each image of {', '.join(rows)}")
    expected = scores(logits, dataset)
    try:
        same = _names(metrics) == _names(expected) and np.allclose(
            _numbers(metrics), _numbers(expected), rtol=0, atol=1e-9
        )
    except (AttributeError, TypeError, ValueError):
        same = False
    if not same:
        raise DamagedFile(f"{folder / 'metrics.json'}: not what logits.npz gives")


def digests(folder: Path) -> dict[str, str]:
    """SHA-256, by name, of the files of a run that hold numbers, its config apart."""
    names = ("history.csv", "metrics.json", "logits.npz", "best_evaluation.npz", "weights.npz")
    return {name: _sha256(folder / name) for name in names if (folder / name).exists()}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check_digests(folder: Path, written: dict[str, str]) -> None:
    """Raises DamagedFile for a file that is not as `written`; runs of earlier code have {}."""
    for name, digest in written.items():
        if not (folder / name).exists() or _sha256(folder / name) != digest:
            raise DamagedFile(f"{folder / name}: not as it was when the run was written")


def _names(metrics: dict) -> dict[str, list[str]]:
    return {part: sorted(figures) for part, figures in metrics.items()}


def _numbers(metrics: dict) -> np.ndarray:
    """All numbers of `scores`, in the order of their names."""
    figures = [value for part in sorted(metrics) for _, value in sorted(metrics[part].items())]
    return np.concatenate([np.ravel(value) for value in figures])


def whole(history: pd.DataFrame, config: Config) -> bool:
    """Whether a history has every evaluation of every phase, up to the end of the last.

    A phase ends after its steps, or when patience has run out; after the last there may be one row
    more, of the averaged weights.
    """
    if not {"step", "phase", "optimizer", *CURVES} <= set(history):
        return False
    history = history[["step", "phase", *CURVES]].apply(pd.to_numeric, errors="coerce")
    finite = np.isfinite(history)
    finite.loc[history.duplicated("step"), ["loss", "accuracy"]] = True
    if not finite.all(axis=None):
        return False
    if set(history["phase"]) != set(range(1, len(config.phases) + 1)):
        return False
    start = 0
    for number, phase in enumerate(config.phases, 1):
        rows = history[history["phase"] == number]
        steps = rows["step"].tolist()
        if number == len(config.phases) and steps[-1:] == steps[-2:-1]:
            steps.pop()
        end = steps[-1]
        on_time = [s for s in range(start + 1, end) if s % config.evaluate_every == 0]
        if steps != [*on_time, end] or not _ended(phase, end - start, rows["held_out_accuracy"]):
            return False
        start = end
    return True


def _ended(phase: experiments.Phase, steps: int, accuracies: pd.Series) -> bool:
    """Whether a phase is over after so many steps and these evaluations."""
    stale = len(accuracies) - 1 - int(np.argmax(accuracies))
    return steps == phase.steps or 0 < phase.patience <= stale


def _fits(config: Config, made: dict, dataset: Dataset) -> bool:
    if made["rows"] != dataset.rows:
        return False
    if not is_reference(config):
        return made["pixels"] == dataset.pixels and made["code"] == code_version()
    if dataset.name != "drawn":
        return made["pixels"] == dataset.pixels or dataset.original
    return np.allclose(made["brightness"], brightness(dataset), atol=0.1)


def brightness(dataset: Dataset) -> np.ndarray:
    """Mean grey level of every hundredth image: it differs as soon as faces are drawn otherwise."""
    return dataset.images[::100].mean(axis=(1, 2))


def code_version() -> str:
    """Hash of the sources that decide how a run is trained."""
    digest = hashlib.sha256()
    for name in TRAINING_SOURCES:
        digest.update((ROOT / "fer_utils" / name).read_bytes())
    return digest.hexdigest()[:12]
