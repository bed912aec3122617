"""Measurements that are kept with a run."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fer_utils.training import experiments, measurements
from fer_utils.training.measurements import Measurement, kept, measure
from fer_utils.training.runs import DamagedRun

MODULE = '''"""What it does."""

FACTOR = 2  # of all numbers


def double(x):
    """Twice."""
    return FACTOR * x
'''


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_RUNS", str(tmp_path))
    config = experiments.model("model1", profile="reference", dataset="fer2013", seed=0)
    folder = tmp_path / "model1"
    folder.mkdir()
    np.savez(folder / "weights.npz", w0=np.arange(3.0))
    np.savez(folder / "logits.npz", public=np.zeros((2, 7)))
    return SimpleNamespace(folder=folder, config=config)


@pytest.fixture
def measurement(tmp_path, monkeypatch):
    monkeypatch.setattr(measurements, "ROOT", tmp_path)
    (tmp_path / "fer_utils").mkdir()
    (tmp_path / "fer_utils" / "doubling.py").write_text(MODULE)
    return Measurement("lengths", ("doubling.py",), lambda run, dataset: {"x": np.full(2, dataset)})


def test_what_was_measured_is_kept_with_the_run(run, measurement):
    assert kept(run, measurement) is None
    measured = measure(run, 5, measurement)
    assert [path.name for path in (run.folder / "measured").iterdir()] == ["lengths.npz"]
    again = kept(run, measurement)
    assert list(again) == ["x"]
    np.testing.assert_array_equal(again["x"], measured["x"])


@pytest.mark.parametrize(("file", "array"), [("weights", "w0"), ("logits", "public")])
def test_other_weights_or_answers_do_not_fit(run, measurement, file, array):
    measure(run, 5, measurement)
    np.savez(run.folder / f"{file}.npz", **{array: np.ones(3)})
    assert kept(run, measurement) is None


def test_of_a_run_without_weights_the_answers_must_fit(run, measurement):
    run.config = replace(run.config, keep_weights=False)
    (run.folder / "weights.npz").unlink()
    measure(run, 5, measurement)
    assert kept(run, measurement) is not None
    np.savez(run.folder / "logits.npz", public=np.ones(3))
    assert kept(run, measurement) is None


def test_a_run_that_was_scored_anew_is_measured_anew(run, measurement, tmp_path):
    measure(run, 5, measurement)
    copy = SimpleNamespace(folder=tmp_path / "copies" / "model1", config=run.config)
    copy.folder.mkdir(parents=True)
    np.savez(copy.folder / "logits.npz", public=np.zeros((2, 7)), key="of the cache")
    assert kept(copy, measurement) is None
    measure(copy, 6, measurement)
    assert kept(copy, measurement)["x"].tolist() == [6, 6]
    assert kept(run, measurement)["x"].tolist() == [5, 5]


@pytest.mark.parametrize("name", ["weights.npz", "measured/lengths.npz"])
def test_a_damaged_file_is_named_with_the_cure(run, measurement, name):
    measure(run, 5, measurement)
    path = run.folder / name
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DamagedRun, match=rf"^{path}: [^\n]+; delete [^\n]+$"):
        kept(run, measurement)


def test_other_code_does_not_fit_but_other_words_do(run, measurement, tmp_path):
    measure(run, 5, measurement)
    source = tmp_path / "fer_utils" / "doubling.py"
    source.write_text(MODULE.replace("Twice.", "Two\n\n    times.").replace("of all", "of # the"))
    assert kept(run, measurement) is not None
    source.write_text(MODULE.replace("FACTOR * x", "FACTOR + x"))
    assert kept(run, measurement) is None


def test_a_measurement_that_fails_leaves_what_was_there(run, measurement):
    measure(run, 5, measurement)
    with pytest.raises(ZeroDivisionError):
        measure(run, 6, replace(measurement, compute=lambda run, dataset: {"x": 1 / 0}))
    assert kept(run, measurement)["x"].tolist() == [5, 5]


def test_the_command_names_a_run_that_is_missing(measurement, monkeypatch, capsys):
    monkeypatch.setattr(measurements, "load", lambda name: None)
    monkeypatch.setattr(measurements.runs, "find", lambda config, dataset: None)
    monkeypatch.setattr(sys, "argv", ["measure", "model2"])
    with pytest.raises(SystemExit):
        measurements.command(measurement, "measure")
    assert "no finished run on these data is called model2" in capsys.readouterr().err
