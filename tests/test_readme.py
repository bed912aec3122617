"""Sentences and tables in the Markdown files state what the finished runs measured."""

import json
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from fer_utils import overview
from fer_utils.data.dataset import Dataset
from fer_utils.data.drawn import faces
from fer_utils.fer2013 import CLASSES
from fer_utils.files import ROOT, read_arrays, runs_dir
from fer_utils.training import experiments, train_run

SUMMARY = overview.read_summary()
MODEL2 = SUMMARY["model2"]
AVERAGE = "model1 + model2"
SEVEN = SUMMARY["ensemble of seven"]
FILTERS = MODEL2["filters"]["seventh"]["zones"]
PREFERRED = ("mouth", "nose", "eyes and brows")
MINUTES = json.loads((ROOT / "bench" / "minutes.json").read_text(encoding="utf-8"))["runs"]


def percent(correct: int, images: int) -> float:
    return 100 * correct / images


def accuracy(name: str, images: str = "duplicate_free") -> float:
    """Of a network or an ensemble on the test images, in percent."""
    return percent(*SUMMARY[name]["test"][images])


def duplicates() -> float:
    """Percent of the test images that have a duplicate in Training."""
    test = MODEL2["test"]
    return percent(test["all"][1] - test["duplicate_free"][1], test["all"][1])


def recall(name: str) -> float:
    return percent(*MODEL2["classes"][name]["duplicate_free"])


def other_recalls(but: str) -> list[float]:
    return [recall(name) for name in CLASSES if name != but]


def difference(first: str, second: str) -> float:
    """In points of accuracy, on duplicate-free test images."""
    return accuracy(first) - accuracy(second)


def agreement(name: str) -> float:
    """With the annotators where at least eight of ten agree, duplicate-free, in percent."""
    return percent(*SUMMARY[name]["annotators"]["clear_duplicate_free"])


def wrong(label: str) -> str:
    """Which wrong class model2 predicts most often for images of a class."""
    counts = dict(zip(CLASSES, MODEL2["confusion"][CLASSES.index(label)], strict=True))
    return max(counts.keys() - {label}, key=lambda name: counts[name])


def nose() -> tuple[int, int]:
    """In how many classes both methods attribute the nose, and how many both can judge."""
    found = MODEL2["attribution"]
    both = [name for name, methods in found["judged_by"].items() if len(methods) == 2]
    return sum("nose" in found["zones"][name] for name in both), len(both)


def changed(way: str) -> float:
    """Percent of the correct predictions that a small change of the images changes."""
    return percent(*MODEL2["filters"]["changed"][way])


def ours_no_longer() -> dict[str, float]:
    """The longest training that took no longer than the peer's: not chosen by its accuracy.

    Students are left out: their minutes are without their teachers'.
    """
    others = MINUTES.keys() - {"peer", *experiments.STUDENTS}
    no_longer = [n for n in others if MINUTES[n]["minutes"] <= MINUTES["peer"]["minutes"]]
    return MINUTES[max(no_longer, key=lambda name: MINUTES[name]["minutes"])]


def more_than_peer() -> float:
    return 100 * (ours_no_longer()["accuracy"] - MINUTES["peer"]["accuracy"])


#: File -> a part of a sentence as it stands there, what it states, the range in which it is true.
STATED: dict[str, list[tuple[str, Callable[[], float], float, float]]] = {
    "README.md": [
        ("One test image in five", duplicates, 19, 21),
        ("reaches 65.1 % there", lambda: accuracy("model2"), 65.05, 65.15),
        ("68.9 % on all test images", lambda: accuracy("model2", "all"), 68.85, 68.95),
        ("Averaged with model1 it reaches 67.0 %", lambda: accuracy(AVERAGE), 66.95, 67.05),
        ("ensemble of seven networks", lambda: len(SEVEN["members"]), 7, 7),
        ("seven networks 67.8 %", lambda: accuracy("ensemble of seven"), 67.75, 67.85),
        ("worth about five points", lambda: difference("model2", "model0"), 4.5, 5.5),
        ("about three when model2", lambda: difference("model2-seed3", "model0"), 2.5, 3.5),
        ("highest recall (87 %)", lambda: recall("happy"), 86.5, 87.5),
        ("Happy has the highest", lambda: recall("happy") - max(other_recalls("happy")), 5, 100),
        ("the lowest (33 %)", lambda: recall("fear"), 32.5, 33.5),
        ("fear the lowest", lambda: min(other_recalls("fear")) - recall("fear"), 5, 100),
        ("fear is most often predicted as sad", lambda: wrong("fear") == "sad", True, True),
        ("Two attribution methods", lambda: len(MODEL2["attribution"]["methods"]), 2, 2),
        ("in three of the four classes that both", lambda: nose()[0], 3, 3),
        ("four classes that both can judge", lambda: nose()[1], 4, 4),
        ("mouth, the nose or the eyes", lambda: min(map(FILTERS.get, PREFERRED)), 1, 32),
    ],
    "MODEL_CARD.md": [
        ("One test image in five", duplicates, 19, 21),
        ("their class for 80 %", lambda: agreement("model2"), 79.5, 80.5),
        ("two points less", lambda: difference("model2", "model2-seed3"), 1.5, 2.5),
        ("five points more", lambda: agreement("model2-seed3") - agreement("model2"), 4.5, 5.5),
        ("fear as sad", lambda: wrong("fear") == "sad", True, True),
        ("sad as neutral", lambda: wrong("sad") == "neutral", True, True),
        ("angry as sad", lambda: wrong("angry") == "sad", True, True),
        ("disgust as angry", lambda: wrong("disgust") == "angry", True, True),
        ("at most two grey levels", lambda: MODEL2["filters"]["level"], 2, 2),
        ("changes 78 % of model2's", lambda: changed("gradient"), 77.5, 78.5),
        ("that size changes 4 %", lambda: changed("random"), 3.5, 4.5),
    ],
    "docs/results.md": [
        ("two points apart", lambda: difference("model2", "model2-seed3"), 1.5, 2.5),
    ],
    "bench/recipes.md": [
        ("After 50 minutes the peer's", lambda: MINUTES["peer"]["minutes"], 49.5, 50.5),
        ("accuracy of 30.9 %", lambda: 100 * MINUTES["peer"]["accuracy"], 30.85, 30.95),
        ("7,178 test images", lambda: MODEL2["test"]["all"][1], 7178, 7178),
        ("member5 with", lambda: ours_no_longer() is MINUTES["member5"], True, True),
        ("with 50 minutes, reaches", lambda: ours_no_longer()["minutes"], 49.5, 50.5),
        ("reaches 65.4 %", lambda: 100 * ours_no_longer()["accuracy"], 65.35, 65.45),
        ("34.5 points more", more_than_peer, 34.45, 34.55),
    ],
}


@pytest.mark.parametrize(
    ("file", "sentence", "value", "low", "high"),
    [(file, *row) for file, rows in STATED.items() for row in rows],
)
def test_sentence_states_what_was_measured(file, sentence, value, low, high):
    assert sentence in " ".join((ROOT / file).read_text(encoding="utf-8").split())
    assert low <= value() <= high, f"{file} says: {sentence}"


@pytest.mark.parametrize("name", dict.fromkeys(file for file, _ in overview.TABLES))
def test_tables_are_those_of_the_summary(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert overview.with_tables(name, text) == text, "run `python -m fer_utils.overview --tables`"
    with pytest.raises(ValueError, match="has no place for the table"):
        overview.with_tables(name, text.replace("<!-- end of ", "<!-- "))


def test_summary_is_that_of_the_committed_runs():
    for counts in SUMMARY.values():
        if "members" in counts:
            assert all(member in SUMMARY for member in counts["members"])
    for name in SUMMARY.keys() - overview.ENSEMBLES:
        metrics = json.loads((runs_dir() / name / "metrics.json").read_text(encoding="utf-8"))
        for part in ("held_out", "public", "private"):
            correct, images = SUMMARY[name][part]["all"]
            assert (images, correct / images) == (metrics[part]["n"], metrics[part]["accuracy"])


def test_every_finished_model_is_in_the_summary():
    names = {path.parent.name for path in runs_dir().glob("*/metrics.json")}
    models = {name for name in names if not name.startswith(overview.FACTORIAL)}
    assert models <= set(SUMMARY), "run `python -m fer_utils.overview`"


def test_counts_of_one_network(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "cache"))
    dataset = Dataset("drawn", "", *faces.dataset(sizes=(160, 40, 30)))
    config = experiments.model("model1", profile="tiny", dataset="drawn", seed=0)
    few = SimpleNamespace(all_experiments=lambda _: [config])
    monkeypatch.setattr(overview, "experiments", few)
    monkeypatch.setattr(overview, "ENSEMBLES", {"alone": (config.name,)})
    run = train_run.get(config, dataset)
    table = overview.summarise(dataset)
    one, alone = table[config.name], table["alone"]
    assert one["public"]["all"][1] == 40
    assert one["test"]["all"][1] == 70
    assert np.sum(one["confusion"]) == one["test"]["duplicate_free"][1]
    assert sum(pair["all"][1] for pair in one["classes"].values()) == 70
    assert alone["private"] == one["private"]
    assert alone["private"]["all"][0] / 30 == pytest.approx(run.metrics["private"]["accuracy"])


def test_summary_is_that_of_the_committed_measurements():
    folder = runs_dir() / "model2" / "measured"
    zones = overview.attributed_zones(read_arrays(folder / "saliency.npz"))
    assert zones == MODEL2["attribution"]
    filters = overview.filter_counts(read_arrays(folder / "filters.npz"))
    assert filters == MODEL2["filters"]
