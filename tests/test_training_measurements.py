"""Measurements that are kept with a run."""

import hashlib
import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fer_utils.training import experiments, measurements, runs
from fer_utils.training.measurements import Measurement, load_measured, measure_and_save
from fer_utils.training.runs import DamagedRun

WEIGHTS, LOGITS = {"w0": np.arange(3.0)}, {"public": np.zeros((2, 7))}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_RUNS", str(tmp_path))
    config = experiments.model("model1", profile="reference", dataset="fer2013", seed=0)
    save(tmp_path / "model1", config)
    return SimpleNamespace(folder=tmp_path / "model1", config=config, logits=LOGITS)


def save(folder, config, **arrays):
    """Write what a measurement depends on: weights, logits, and their digests."""
    folder.mkdir(exist_ok=True)
    found = {}
    for name, content in {"weights": WEIGHTS, "logits": LOGITS, **arrays}.items():
        path = folder / f"{name}.npz"
        np.savez(path, **content)
        if name == "logits" or config.keep_weights:
            found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    made = dict.fromkeys(runs.CIRCUMSTANCES, 1)
    about = {"config": config.to_dict(), "made": made, "sha256": found}
    (folder / "config.json").write_text(json.dumps(about))


def lengths(run, dataset):
    """The measurement of these tests."""
    return {"x": np.full(2, dataset)}


def divided_by_zero(run, dataset):
    """A measurement that fails."""
    return {"x": 1 / 0}


@pytest.fixture
def measurement():
    return Measurement("lengths", lengths)


def test_what_was_measured_is_kept_with_the_run(run, measurement):
    assert load_measured(run, measurement) is None
    measured = measure_and_save(run, 5, measurement)
    assert [path.name for path in (run.folder / "measured").iterdir()] == ["lengths.npz"]
    again = load_measured(run, measurement)
    assert list(again) == ["x"]
    np.testing.assert_array_equal(again["x"], measured["x"])


def test_other_weights_or_predictions_do_not_fit(run, measurement):
    measure_and_save(run, 5, measurement)
    save(run.folder, run.config, weights={"w0": np.ones(3)})
    assert load_measured(run, measurement) is None
    save(run.folder, run.config)
    assert load_measured(run, measurement) is not None
    run.logits = {"public": np.ones((2, 7))}
    assert load_measured(run, measurement) is None


def test_of_a_run_without_weights_the_logits_must_fit(run, measurement):
    run.config = replace(run.config, keep_weights=False)
    save(run.folder, run.config)
    measure_and_save(run, 5, measurement)
    assert load_measured(run, measurement) is not None
    save(run.folder, run.config, logits={"public": np.ones((2, 7))})
    assert load_measured(run, measurement) is None


def test_a_run_that_was_scored_again_is_measured_again(run, measurement, tmp_path):
    measure_and_save(run, 5, measurement)
    copy = SimpleNamespace(
        folder=tmp_path / "copies" / "model1",
        config=run.config,
        logits={"public": np.ones((2, 7))},
    )
    assert load_measured(copy, measurement) is None
    measure_and_save(copy, 6, measurement)
    assert load_measured(copy, measurement)["x"].tolist() == [6, 6]
    assert load_measured(run, measurement)["x"].tolist() == [5, 5]


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-30])


def with_other_numbers(path):
    with np.load(path) as arrays:
        np.savez(path, **{**arrays, "x": arrays["x"][::-1] + 1})


@pytest.mark.parametrize("damage", [cut_off, with_other_numbers])
def test_a_damaged_file_is_named_with_the_cure(run, measurement, damage):
    measure_and_save(run, 5, measurement)
    path = run.folder / "measured" / "lengths.npz"
    damage(path)
    with pytest.raises(DamagedRun, match=rf"^{path}: [^\n]+; delete [^\n]+$"):
        load_measured(run, measurement)


def test_a_measurement_that_fails_leaves_what_was_there(run, measurement):
    measure_and_save(run, 5, measurement)
    with pytest.raises(ZeroDivisionError):
        measure_and_save(run, 6, Measurement("lengths", divided_by_zero))
    assert load_measured(run, measurement)["x"].tolist() == [5, 5]


def test_the_command_names_a_run_that_is_missing(measurement, monkeypatch, capsys):
    monkeypatch.setattr(measurements, "load", lambda name: None)
    monkeypatch.setattr(measurements.runs, "find", lambda config, dataset: None)
    monkeypatch.setattr(sys, "argv", ["measure", "model2"])
    with pytest.raises(SystemExit):
        measurements.command(measurement, "measure")
    assert "no finished run on these data is called model2" in capsys.readouterr().err
