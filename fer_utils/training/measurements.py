"""What was measured on a finished run at length, saved with it: `runs/<name>/measured/*.npz`.

Such a file holds numbers, no pictures, the key of what made them (`provenance.key`: the code that
measured, the run's weights and predictions) and a digest of the numbers. One with another key is
not used: the command line of the module that measures makes it again.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_utils import provenance
from fer_utils.data.dataset import DataError, Dataset, load
from fer_utils.files import DamagedFile, FolderError, read_arrays, require_checkout, write_arrays
from fer_utils.training import experiments, runs
from fer_utils.training.runs import Run

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Measurement:
    """What is measured: the name of its file, and the function that computes it in full.

    The function shows how far it has come.
    """

    name: str
    compute: Callable[[Run, Dataset], Arrays]


def load_measured(run: Run, measurement: Measurement) -> Arrays | None:
    """The numbers saved with a run, or None: not measured, or with other weights or other code.

    Raises DamagedRun.
    """
    path = _path(run, measurement)
    try:
        found = read_arrays(path)
        key, content = (found.pop(name, "") for name in ("key", "content"))
        if key != _key(run, measurement):
            return None
        if content != provenance.digest(found):
            raise DamagedFile(f"{path}: not as it was when it was measured")
    except FileNotFoundError:
        return None
    except DamagedFile as error:
        raise runs.damaged_run(run.config, error) from None
    return found


def measure_and_save(run: Run, dataset: Dataset, measurement: Measurement) -> Arrays:
    """Measure in full, and save the numbers with the run."""
    key, arrays = _key(run, measurement), measurement.compute(run, dataset)
    about = {"key": key, "content": provenance.digest(arrays)}
    write_arrays(_path(run, measurement), {**about, **arrays})
    return arrays


def command(measurement: Measurement, program: str) -> int:
    """The command line of a module that measures: names of finished runs on FER2013."""
    about = f"Measure {measurement.name} of finished runs on FER2013, and save it with them."
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=about)
    parser.add_argument("names", nargs="+", metavar="RUN", help="such as model2")
    configs = {config.name: config for config in experiments.all_experiments("reference")}
    try:
        require_checkout(program)
        dataset = load("fer2013")
        for name in parser.parse_args().names:
            run = runs.find(configs[name], dataset) if name in configs else None
            if run is None:
                parser.error(f"no finished run on these data is called {name}")
            measure_and_save(run, dataset, measurement)
            print(_path(run, measurement))
    except (DataError, FolderError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _path(run: Run, measurement: Measurement) -> Path:
    return run.folder / "measured" / f"{measurement.name}.npz"


def _key(run: Run, measurement: Measurement) -> str:
    return provenance.key(measurement.compute, runs.weights_digest(run.config), run.logits)
