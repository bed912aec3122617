"""Which finished network predicts, its accuracy, and the least confidence that it needs."""

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.special import softmax

from fer_utils.data.dataset import DataError, load
from fer_utils.files import ROOT, runs_dir
from fer_utils.statistics import calibration
from fer_utils.training import runs
from fer_utils.training.config import Config

SPEED = ROOT / "bench" / "speed.json"
QUICK = 20  # ms of CPU time a face, at most, of the network that predicts unless another is named


class NoNetwork(Exception):
    """There is no such network; the message says what there is, or how to train one."""


@dataclass(frozen=True)
class Network:
    """A finished run that keeps its weights.

    config: what was trained
    accuracy: on its validation set
    validation_images: how many those are
    milliseconds: of CPU time for a face, as bench/speed.json has it, or None
    """

    config: Config
    accuracy: float
    validation_images: int
    milliseconds: float | None

    @property
    def name(self) -> str:
        """The name of its run."""
        return self.config.name

    @cached_property
    def confidence_threshold(self) -> float | None:
        """The `calibration.confidence_threshold` of the validation set; None if it can't be known.

        From runs/summary.json, or from the data that lie in data/ or that FER_DATA names if the run
        was trained on them.
        """
        path = runs_dir() / "summary.json"
        if path.exists():
            saved = json.loads(path.read_text(encoding="utf-8")).get(self.name, {})
            if "confidence_threshold" in saved:
                return saved["confidence_threshold"]
        try:
            with redirect_stdout(sys.stderr):  # stdout is the table's
                run = runs.find(self.config, data := load(self.config.dataset))
        except DataError:
            return None
        if run is None:
            return None
        found = run.predictions(data)["held_out"]
        return calibration.confidence_threshold(found.probabilities.max(axis=1), found.correct)

    @cached_property
    def _forward(self) -> Callable:
        from fer_utils.inference import predictor

        return predictor(self.model, padded=False)

    @cached_property
    def model(self) -> Callable:
        """The Keras model: normalised images (n, 48, 48, 1) -> logits (n, 7)."""
        return runs.trained_model(self.config)

    def inputs(self, crops: np.ndarray) -> np.ndarray:
        """(n, 48, 48, 1) float32, as the network wants (n, 48, 48) uint8."""
        from fer_utils.data.transforms import normalise

        return normalise(crops, self.config.per_image_norm)

    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        """(n, 7) float64 for (n, 48, 48) uint8, of the seven classes.

        The mean over each crop and its mirror image, which makes up for some of what is lost
        because a detector's box is less steady than FER2013's crops (bench/detection.py).
        """
        both = np.concatenate([crops, crops[:, :, ::-1]])
        logits = self._forward(self.inputs(both))
        return softmax(logits.astype(np.float64), axis=1).reshape(2, len(crops), -1).mean(axis=0)

    def __str__(self) -> str:
        quick = f", {self.milliseconds:.1f} ms a face" if self.milliseconds is not None else ""
        accuracy = f"accuracy {self.accuracy:.1%} on {self.validation_images:,} validation images"
        return f"{self.name} ({accuracy}, duplicates of its training included{quick})"


def finished() -> dict[str, Network]:
    """The networks in runs/ by name: runs that keep their weights. Raises DamagedRun."""
    found = {}
    for pattern in ("*", "drawn/*", "local/*"):
        for path in sorted(runs_dir().glob(f"{pattern}/weights.npz")):
            if network := _network(path.parent):
                found[network.name] = network
    return found


def _network(folder: Path) -> Network | None:
    """The network in a folder; None if it was saved by a version with other configs."""
    try:
        saved = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        config = Config.from_dict(saved["config"])
        accuracy = float(metrics["held_out"]["accuracy"])
        validation_images = int(metrics["held_out"]["n"])
    except TypeError:
        return None
    except (OSError, KeyError, ValueError) as error:
        raise runs.DamagedRun(f"{folder}: a damaged run ({error}); restore or delete it") from None
    if runs.folder_of(config) != folder:  # moved or renamed by hand
        return None
    return Network(config, accuracy, validation_images, _speeds().get(config.name))


def _speeds() -> dict[str, float]:
    """Milliseconds of CPU time for a face, by name of run."""
    if not SPEED.exists():
        return {}
    return json.loads(SPEED.read_text(encoding="utf-8"))["milliseconds"]


def best_network() -> Network:
    """Of the reference runs on FER2013 that need at most QUICK ms a face, the most accurate.

    Raises NoNetwork if none of them is finished.
    """
    candidates = [
        network
        for network in finished().values()
        if network.milliseconds is not None and network.milliseconds <= QUICK
    ]
    if not candidates:
        raise NoNetwork(
            "no reference run is finished: train one with `python -m fer_utils.training model1`"
        )
    return max(candidates, key=lambda network: network.accuracy)


def network(name: str | None = None) -> Network:
    """The network of the run of this name; without a name the best.

    Raises NoNetwork, or DamagedRun if its files are damaged.
    """
    if name is None:
        return best_network()
    found = finished()
    if name not in found:
        known = ", ".join(found) or "none yet"
        raise NoNetwork(f"no finished run with weights is called {name}; there are: {known}")
    return found[name]
