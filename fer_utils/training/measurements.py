"""What was measured on a finished run at length, kept with it: `runs/<name>/measured/*.npz`.

Such a file holds numbers, no pictures, and the fingerprint of what they depend on: the run's
weights (if it keeps them) and answers, and the code that measured (but for its comments and
docstrings). A file that doesn't fit is not used; the command line of the module that measures makes
it anew.
"""

import argparse
import ast
import hashlib
import io
import sys
import tokenize
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_utils.data.dataset import DataError, Dataset, load
from fer_utils.files import ROOT, DamagedFile, FolderError, read_arrays, write_arrays
from fer_utils.training import experiments, runs
from fer_utils.training.runs import Run

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Measurement:
    """What is measured, and by which code.

    name: of the file
    sources: modules whose code decides the numbers, as paths below fer_utils/
    compute: measures with the full budget, and shows how far it has come
    settings: what else decides the numbers
    """

    name: str
    sources: tuple[str, ...]
    compute: Callable[[Run, Dataset], Arrays]
    settings: str = ""


def kept(run: Run, measurement: Measurement) -> Arrays | None:
    """The numbers kept with a run, or None: not measured, or with other weights or other code.

    Raises DamagedRun.
    """
    try:
        found = read_arrays(_path(run, measurement))
        return found if found.pop("key", None) == _key(run, measurement) else None
    except FileNotFoundError:
        return None
    except DamagedFile as error:
        raise runs.damaged_run(run.config, error) from None


def measure(run: Run, dataset: Dataset, measurement: Measurement) -> Arrays:
    """Measure with the full budget, and keep the numbers with the run."""
    key, arrays = _key(run, measurement), measurement.compute(run, dataset)
    write_arrays(_path(run, measurement), {"key": key, **arrays})
    return arrays


def command(measurement: Measurement, program: str) -> int:
    """The command line of a module that measures: names of finished runs on FER2013."""
    about = f"Measure {measurement.name} of finished runs on FER2013, and keep it with them."
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=about)
    parser.add_argument("names", nargs="+", metavar="RUN", help="such as model2")
    configs = {config.name: config for config in experiments.campaign("reference")}
    try:
        dataset = load("fer2013")
        for name in parser.parse_args().names:
            run = runs.find(configs[name], dataset) if name in configs else None
            if run is None:
                parser.error(f"no finished run on these data is called {name}")
            measure(run, dataset, measurement)
            print(_path(run, measurement))
    except (DataError, FolderError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _path(run: Run, measurement: Measurement) -> Path:
    return run.folder / "measured" / f"{measurement.name}.npz"


def _key(run: Run, measurement: Measurement) -> str:
    """Fingerprint of weights (if kept), answers, code and settings: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    weights = [runs.weights_file(run.config)] if run.config.keep_weights else []
    for path in (*weights, run.folder / "logits.npz"):
        for name, array in read_arrays(path).items():
            if name != "key":  # of `files.cached`
                digest.update(np.ascontiguousarray(array).data)
    for name in measurement.sources:
        digest.update(_code((ROOT / "fer_utils" / name).read_text(encoding="utf-8")).encode())
    digest.update(measurement.settings.encode())
    return digest.hexdigest()[:16]


def _code(source: str) -> str:
    """The source of a module without comments, docstrings and blank lines."""
    lines = source.splitlines()
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            text = node.body[0]
            lines[text.lineno - 1 : text.end_lineno] = [""] * (text.end_lineno - text.lineno + 1)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return "\n".join(line.rstrip() for line in lines if line.strip())
