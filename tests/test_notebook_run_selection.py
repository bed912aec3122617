"""Which runs a notebook uses: all of its profile, or fallback models for all."""

from functools import partial
from types import SimpleNamespace

import pytest

from fer_utils.notebook import run_selection
from fer_utils.notebook.run_selection import RunSelection
from fer_utils.training import experiments


@pytest.fixture
def selection(monkeypatch):
    """Of the reference on FER2013, with one seed a contrast; runs are their configs here."""
    monkeypatch.setattr(run_selection.runs, "is_on_copy", lambda *_: False)
    monkeypatch.setattr(run_selection.train_run, "get", lambda config, _: config)
    monkeypatch.setattr(experiments, "scale", lambda *_: experiments.PROFILES["tiny"])
    return RunSelection(SimpleNamespace(name="fer2013"), "reference", 0)


def are_finished(monkeypatch, condition):
    """Let those configs be finished that fulfil a condition."""
    find = lambda config, *_, **__: config if condition(config.name) else None  # noqa: E731
    monkeypatch.setattr(run_selection.runs, "find", find)


def test_if_one_reference_run_is_missing_all_are_fallbacks(selection, monkeypatch, capsys):
    are_finished(monkeypatch, lambda name: name == "model2")
    found = selection.models("model1", "model2")
    assert {role: config.name for role, config in found.items()} == {
        "model1": "quick-fer2013-model1",
        "model2": "quick-fer2013-model2",
    }
    assert selection.fallbacks == {"model1"}
    said = "no reference run for these data: model1; quick fallback models instead\n"
    assert capsys.readouterr().out == said


def test_finished_reference_runs_are_taken(selection, monkeypatch):
    are_finished(monkeypatch, lambda name: True)
    assert [c.name for c in selection.models("model1", "model2").values()] == ["model1", "model2"]
    assert selection.are_finished("model0")
    assert not selection.fallbacks


def test_runs_of_another_profile_are_trained(selection):
    selection.profile = "tiny"
    assert selection.model("model1").name == "tiny-fer2013-model1"


@pytest.mark.parametrize("absent", [None, "raw-nobn-x20-s0", "norm-bn-x1-s0"])
def test_factorial_has_eight_cells_or_the_five_of_the_homework(selection, monkeypatch, absent):
    are_finished(monkeypatch, lambda name: name != absent)
    assert len(selection.factorial()) == (5 if absent else 8)
    assert selection.fallbacks == ({absent} if absent == "norm-bn-x1-s0" else set())


@pytest.mark.parametrize(
    ("roles", "rescore"), [(("model1", "model2"), True), (("model1", "dense"), False)]
)
def test_on_a_copy_all_that_are_compared_are_scored_again_or_none(
    selection, monkeypatch, roles, rescore
):
    asked = []

    def find(config, _, rescore):
        asked.append((config.name, rescore))
        return config

    monkeypatch.setattr(run_selection.runs, "find", find)
    selection.comparable([partial(experiments.model, role) for role in roles], seeds=1)
    assert asked == [(role, rescore) for role in roles]


def test_on_a_copy_the_ensemble_has_only_members_that_are_scored_again(monkeypatch):
    def find(config, dataset):
        on_copy = dataset.images_hash != "original"
        folder = None if on_copy and config.keep_weights else run_selection.runs.folder_of(config)
        return SimpleNamespace(config=config, metadata={"pixels": "original"}, folder=folder)

    monkeypatch.setattr(run_selection.runs, "find", find)
    monkeypatch.setattr(run_selection, "Run", SimpleNamespace)
    missing = {"member3", "member4", "member5"}
    for pixels, expected in (("original", missing), ("of a copy", set())):
        dataset = SimpleNamespace(name="fer2013", images_hash=pixels)
        found = RunSelection(dataset, "reference", 0).members_and_students()
        assert {"member1", "student-tiny"} < set(found)
        assert missing & set(found) == expected
