"""Own networks in a notebook: trained, kept, interrupted, compared, swept, and found elsewhere."""

import re
import signal
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure

from fer_utils import notebook
from fer_utils.backend import keras
from fer_utils.data.dataset import DataError, Dataset, validation_split
from fer_utils.data.drawn import faces
from fer_utils.data.duplicates import duplicate_free_validation
from fer_utils.data.transforms import normalise
from fer_utils.files import ROOT
from fer_utils.notebook import experiment as module
from fer_utils.notebook.experiment import Experiments
from fer_utils.notebook.run_selection import RunSelection
from fer_utils.notebook.session import Session
from fer_utils.training import loop, network, runs, train_run

TINY = {"widths": [2, 2], "depth": 1, "dense": [4], "batch_size": 32}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    images, labels, split = faces.dataset(sizes=(120, 30, 20))
    return Dataset("drawn", "a few drawn faces", images, labels, split)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_HEADLESS", "1")
        patch.setenv("FER_RUNS", str(tmp_path_factory.mktemp("runs")))
        patch.setenv("FER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def experiment(folders, dataset) -> Experiments:
    """Two networks are trained."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "display", lambda *_, **__: None)
        found = Experiments(dataset)
        mine = found.define("mine", **TINY, epochs=[2, 1])
        found.train(mine)
        found.train(found.define("other", base=mine, learning_rate=0.5))
    return found


@pytest.fixture
def shown(monkeypatch) -> list[Figure]:
    """Every figure that is displayed, or drawn again in its place."""
    figures = []

    def display(figure, display_id=False):
        figures.append(figure)
        return SimpleNamespace(update=figures.append)

    monkeypatch.setattr(module, "display", display)
    return figures


def test_tries_are_beside_one_another_with_what_each_changed(experiment):
    table = experiment.tries()
    assert set(table.index) == {"mine", "other"}
    assert table["change"].to_dict() == {
        "mine": "the first",
        "other": "mine, but learning rate 1.0 0.05 → 0.5",
    }
    assert table["epochs"].astype(float).tolist() == pytest.approx([3, 3], abs=0.3)
    assert (table["parameters"] > 100).all()
    assert experiment.plot_tries().axes[0].texts[0].get_text() in table.index


def test_a_finished_network_is_loaded_and_its_curve_is_shown(experiment, shown, capsys):
    run = experiment.train(experiment.run("mine").config)
    assert capsys.readouterr().out == "mine was trained before, and is loaded\n"
    assert len(shown) == 1
    assert run.folder.parts[-2:] == ("local", "mine")


def test_the_difference_is_paired_and_told_in_words(experiment, capsys):
    difference = experiment.compare("mine", "other")
    assert difference.n == np.count_nonzero(duplicate_free_validation(experiment.data))
    english, chinese = capsys.readouterr().out.splitlines()
    assert english.startswith("difference, mine − other: ")
    assert "個百分點" in chinese
    with pytest.raises(DataError, match=r"^no finished network is called 'hers'; there are mine, "):
        experiment.compare("mine", "hers")


def test_other_notebooks_find_it_by_its_name(experiment, dataset):
    selection = RunSelection(dataset, "reference", 0)
    run = selection.model("mine")
    assert run.config == experiment.run("mine").config
    assert run.model().count_params() == run.metadata["parameters"]
    with pytest.raises(DataError, match=r"called 'hers'; there are model0, model1, model2, mine, "):
        selection.model("hers")


def test_a_sweep_trains_one_after_the_other_and_draws_one_figure(experiment, shown):
    base = experiment.run("mine").config
    table = experiment.sweep(base, learning_rate=[0.1, 0.2], widths=[[2, 2], [2, 3]])
    assert table.index.names == ["learning_rate", "widths"]
    assert len(table) == 4
    assert len(shown) == 1
    assert set(experiment.tries().index) == {"mine", "other"}, "they have no row there"
    assert experiment.run("sweeps/mine-learning_rate-0.1-widths-2-3")


def test_interrupted_it_keeps_the_best_shows_its_curve_and_goes_on(
    experiment, shown, monkeypatch, dataset
):
    config = experiment.define("long", base=experiment.run("mine").config, epochs=[6, 6])
    monkeypatch.setattr(module.progress, "watched", lambda: True)
    steps = []

    def stop(history):
        steps.append(history[-1]["step"] if history else 0)
        if len(history) == 3 and steps.count(steps[-1]) == 1:
            signal.raise_signal(signal.SIGINT)

    get = train_run.get
    both = lambda curve: lambda history: (curve(history), stop(history))  # noqa: E731
    monkeypatch.setattr(
        train_run,
        "get",
        lambda *given, after_evaluation: get(*given, after_evaluation=both(after_evaluation)),
    )
    with pytest.raises(loop.Interrupted, match=r"^long: stopped after \d+ of \d+ steps; the best"):
        experiment.train(config)
    assert len(shown) == 2, "the curve of two evaluations, then of three"
    assert runs.find(config, dataset) is None
    stopped = steps[-1]
    run = experiment.train(config)
    assert steps[steps.index(stopped) + 1] == stopped, "it begins where it was stopped"
    assert run.history["step"].is_monotonic_increasing
    assert len(run.history) == 10


def notebook_cells() -> list[str]:
    path = ROOT / "notebooks" / "experiment.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


def test_plain_keras_is_as_accurate_as_the_engine_after_the_same_steps(folders):
    """The notebook's cell with `fit`, on a small set, for as many epochs as it takes to learn."""
    images, labels, split = faces.dataset(sizes=(700, 30, 20))
    dataset = Dataset("drawn", "some drawn faces", images, labels, split)
    config = Experiments(dataset).define(
        "engine",
        optimizer="adam",
        learning_rate=0.003,
        schedule="constant",
        epochs=10,
        batch_size=32,
        widths=[8, 16, 24],
        depth=1,
        dense=[32],
        transforms="x1",
    )
    engine = train_run.get(config, dataset).metrics["held_out"]["accuracy"]
    fit, validation = validation_split(dataset)
    (cell,) = [source for source in notebook_cells() if "model.fit(" in source]
    model = network.build(config)
    given = {
        "keras": keras,
        "model": model,
        "x": normalise(images[fit], True),
        "y": labels[fit],
        "x_val": normalise(images[validation], True),
        "y_val": labels[validation],
    }
    cell = cell.replace('"batch_size": 128', '"batch_size": 32').replace(
        '"epochs": 2', '"epochs": 10'
    )
    cell = cell.replace("patience=3", "patience=10").replace('"verbose": 2', '"verbose": 0')
    exec(f"from tempfile import TemporaryDirectory\n{cell}", given)
    plain = np.mean(model.predict(given["x_val"], verbose=0).argmax(axis=1) == given["y_val"])
    assert min(engine, plain) > 0.4, "both have learned; one class in seven is chance"
    noise = np.sqrt(2 * 0.25 / len(validation))
    assert abs(engine - plain) < 3 * noise


#: What makes the notebook's networks tiny, and its sweep short.
SMALLER = [
    (r"epochs=[\d.]+", "epochs=1"),
    (r"batch_size=128", "batch_size=32"),
    (r"widths=\[.*?\]", "widths=[2, 2]"),
    (r"dense=\[.*?\]", "dense=[4]"),
    (r"\[0.0, 0.2, 0.4\]", "[0.0, 0.2]"),
]


def test_the_notebook_runs_from_top_to_bottom(folders, dataset, monkeypatch, shown):
    """With tiny networks on a few drawn faces, also what it trains only if it is asked to."""
    cells = notebook_cells()
    definition = next(source for source in cells if source.startswith("mine = "))
    assert all("#" in line for line in definition.splitlines()[1:-1]), "each setting is explained"
    session = Session("experiment", dataset, "reference", 0)
    monkeypatch.setattr(notebook, "start", lambda *_, **__: session)
    values: dict = {}
    for number, source in enumerate(cells):
        for pattern, smaller in SMALLER:
            source = re.sub(pattern, smaller, source)
        exec(source, values)
        if number == 0:
            values |= {"SECOND": True, "SWEEP": "dropout"}
    assert list(values["swept"].index) == [0.0, 0.2]
    assert {"mine", "other"} <= set(runs.own(dataset))
    assert len(shown) == 3, "the curves of both networks, and the sweep"
