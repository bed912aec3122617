"""Networks of one's own: defined in a few words, trained under a name, and compared.

    experiment = Experiments(nb.data)
    mine = experiment.define("mine", optimizer="sgd", learning_rate=0.1, epochs=6)
    run = experiment.train(mine)
    experiment.tries()

A try lies in `runs/local/` under its name. No run of the project's is ever changed.
"""

import itertools
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure
from tqdm.auto import tqdm

from fer_utils.data.dataset import DataError, Dataset
from fer_utils.data.duplicates import duplicate_free_validation
from fer_utils.notebook import settings
from fer_utils.notebook.numbers import plain_line
from fer_utils.plots import training as plots
from fer_utils.statistics.comparisons import paired_difference
from fer_utils.statistics.intervals import Comparison, proportion
from fer_utils.statistics.results import Result
from fer_utils.training import experiments, progress, runs, train_run
from fer_utils.training.config import Config, ConfigError
from fer_utils.training.predictions import Predictions
from fer_utils.training.runs import Run

REFERENCE = ("model1", "model2")


class Experiments:
    """The user's own networks on a data set, beside the reference."""

    def __init__(self, dataset: Dataset):
        self.data = dataset

    def define(self, name: str, base: Config | None = None, **changes: Any) -> Config:
        """Make the config of a network of one's own, see `settings.define`. Raises ConfigError."""
        return settings.define(name, self.data, base, **changes)

    def train(self, config: Config) -> Run:
        """Train a network, or load it if it is finished; a growing curve shows how far it is.

        The stop button keeps the best so far and shows its curve; another call goes on from there.
        Raises Interrupted, and as `train_run.get` does.
        """
        curve, is_new = _Curve(config.name), runs.find(config, self.data) is None
        if progress.watched():
            run = train_run.get(config, self.data, after_evaluation=curve.draw)
        else:
            with progress.silent():
                run = train_run.get(config, self.data)
        if not is_new:
            print(f"{config.name} was trained before, and is loaded")
        curve.draw(run.history.to_dict("records"))
        return run

    def run(self, name: str) -> Run:
        """Return a finished try, or a model of the reference. Raises DataError."""
        found = self._reference().get(name) or runs.find_own(name, self.data)
        if not found:
            there = ", ".join((*self._reference(), *runs.own(self.data)))
            raise DataError(f"no finished network is called {name!r}; there are {there}")
        return found

    def tries(self) -> pd.DataFrame:
        """Make the table of tries and reference models, the most accurate first, without sweeps.

        Returns
        -------
        pandas.DataFrame
            By name: `change`, in words, from the try before; `epochs`, as text; `seconds`;
            `training_accuracy` on training batches, augmented and with dropout, at the selected
            checkpoint; `validation_accuracy` (Interval) on duplicate-free validation images;
            `parameters`.
        """
        reference, own = self._reference(), runs.own(self.data)
        rows = {
            name: {"change": "reference", **self._scores(run)} for name, run in reference.items()
        }
        for before, name in zip([None, *own], own, strict=False):
            config = own[name].config
            change = settings.changes(own[before].config, config) if before else "the first"
            rows[name] = {"change": change, **self._scores(own[name])}
        columns = ["change", "epochs", "seconds", "training_accuracy", "validation_accuracy"]
        table = pd.DataFrame.from_dict(rows, "index", columns=[*columns, "parameters"])
        table = table.sort_values("validation_accuracy", ascending=False)
        return table.rename_axis("network")

    def plot_tries(self) -> Figure:
        """Draw the validation accuracy of every try against its seconds of training."""
        return plots.tries(self.tries(), REFERENCE)

    def compare(self, first: str, second: str) -> Comparison:
        """Subtract the validation accuracies of two networks, image by image, and say the result.

        Raises DataError if one of them is not finished.
        """
        one, other = (self._validation(self.run(name)).correct for name in (first, second))
        difference = paired_difference(one, other)
        for line in plain_line(Result(("difference", f"{first} − {second}"), difference)):
            print(line)
        return difference

    def sweep(self, base: Config, **values: Sequence) -> pd.DataFrame:
        """Train a small grid of networks, one after the other, and draw their accuracies.

        After the stop button the finished ones are drawn; another call goes on.

        Parameters
        ----------
        base
            What they have in common.
        **values
            One or two settings of `define`, each with a list of its values.

        Returns
        -------
        pandas.DataFrame
            By the settings' values: columns as in `tries`, without `change`.
        """
        if len(values) not in (1, 2):
            raise ConfigError(f"sweep: expected one or two settings with values, not {len(values)}")
        cells = [
            dict(zip(values, cell, strict=True)) for cell in itertools.product(*values.values())
        ]
        configs = [self.define(settings.name_of(base, cell), base, **cell) for cell in cells]
        rows = []
        try:
            for run in self._one_after_the_other(configs):
                rows.append(self._scores(run))
        finally:
            table = pd.DataFrame(rows, _index(cells[: len(rows)]))
            if rows:
                display(plots.sweep(table))
        return table

    def _one_after_the_other(self, configs: Sequence[Config]):
        """Yield the runs of some configs, with one bar over all of them."""
        total = sum(config.steps for config in configs)
        is_hidden = not progress.watched()
        with tqdm(total=total, unit="step", leave=False, disable=is_hidden) as bar:
            done = 0
            for number, config in enumerate(configs, 1):
                bar.set_description(f"{config.name} ({number} of {len(configs)})")

                def move(history: list[dict], done: int = done) -> None:
                    bar.update(done + (history[-1]["step"] if history else 0) - bar.n)

                with progress.silent():
                    run = train_run.get(config, self.data, after_evaluation=move)
                done += config.steps
                bar.update(done - bar.n)
                yield run

    def _reference(self) -> dict[str, Run]:
        """The finished models of the reference."""
        found = {
            role: runs.find(
                experiments.model(role, profile="reference", dataset=self.data.name, seed=0),
                self.data,
            )
            for role in REFERENCE
        }
        return {role: run for role, run in found.items() if run}

    def _scores(self, run: Run) -> dict[str, Any]:
        given, history = self._validation(run), run.history
        at_best = history["step"] == run.metadata["best_step"]
        return {
            "epochs": f"{settings.epochs(run.config, int(history['step'].max()), self.data):.1f}",
            "seconds": round(run.metadata["seconds"]),
            "training_accuracy": float(history.loc[at_best, "accuracy"].iloc[0]),
            "validation_accuracy": proportion(int(given.correct.sum()), len(given.correct)),
            "parameters": int(run.metadata["parameters"]),
        }

    def _validation(self, run: Run) -> Predictions:
        """The predictions on the duplicate-free validation images."""
        return run.predictions(self.data)["held_out"][self._duplicate_free]

    @cached_property
    def _duplicate_free(self) -> np.ndarray:
        """(n,) bool: which validation images have no duplicate in the part trained on."""
        return duplicate_free_validation(self.data)


class _Curve:
    """The learning curve of a training, drawn again after each evaluation in the same place."""

    def __init__(self, name: str):
        self.name, self._handle = name, None

    def draw(self, history: list[dict]) -> None:
        """Draw the history so far; a single evaluation makes no line."""
        if len(history) < 2:
            return
        figure = plots.learning_curves(pd.DataFrame(history), title=self.name)
        if self._handle is None:
            self._handle = display(figure, display_id=True)
        else:
            self._handle.update(figure)


def _index(cells: Sequence[Mapping[str, Any]]) -> pd.Index:
    """The values of a sweep's settings; lists are written out."""
    frame = pd.DataFrame(cells).map(lambda v: str(v) if isinstance(v, list | tuple) else v)
    columns = list(frame)
    return pd.MultiIndex.from_frame(frame) if len(columns) > 1 else pd.Index(frame[columns[0]])
