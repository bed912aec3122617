"""Accuracy beside the homework and beside other networks, with and without duplicates."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fer_utils.data.dataset import Dataset
from fer_utils.fer2013 import PARTS
from fer_utils.questions import accuracy
from fer_utils.statistics.intervals import independent_interval, proportion
from fer_utils.statistics.verdicts import Verdict
from fer_utils.training import loop
from fer_utils.training.config import Config, Phase
from fer_utils.training.predictions import Predictions


def predicted(part: str, correct, first_row: int = 0) -> Predictions:
    """Predictions that are correct as told; every label is 0."""
    logits = np.eye(7)[np.where(correct, 0, 1)]
    rows = np.arange(first_row, first_row + len(logits))
    return Predictions(PARTS[part], rows, np.zeros(len(logits), int), logits)


NO_DUPLICATE = np.zeros(400, bool)


@pytest.mark.parametrize(
    ("parts", "splits"),
    [
        (("held_out", "public", "private"), ["PUBLIC", "PRIVATE", "both"]),
        (("held_out", "public"), ["PUBLIC"]),
        (("held_out",), ["validation"]),
    ],
)
def test_rows_are_the_splits_that_have_labels(parts, splits):
    given = {part: predicted(part, [True, True, True, False]) for part in parts}
    table = accuracy.beside_homework({"net": given}, {"net": (0.5, 0.25)}, NO_DUPLICATE)
    assert table.index.tolist() == [("net", split) for split in splits]
    figures = {"PRIVATE": 0.25, "both": 0.375}
    assert table["homework"].tolist() == [figures.get(split, 0.5) for split in splits]
    assert table["all"].iloc[0] == proportion(3, 4)
    assert table["difference"].iloc[0].interval == independent_interval(3, 4, 2, 4)
    assert table["verdict"].notna().tolist() == [False] * (len(splits) - 1) + [True]
    assert table["verdict"].iloc[-1] is Verdict.NOT_SIGNIFICANT
    assert table["detectable"].iloc[-1] > 0


def test_both_splits_together_are_judged_against_the_homeworks_mean_over_their_images():
    right = {"public": np.arange(300) < 190, "private": np.arange(100) < 60}
    given = {part: predicted(part, correct) for part, correct in right.items()}
    networks, figures = {"a": given, "b": given}, {"a": (0.5, 0.6), "b": (0.6, 0.7)}
    table = accuracy.beside_homework(networks, figures, NO_DUPLICATE)
    both = table.loc[("a", "both")]
    assert both["all"] == proportion(250, 400)
    assert both["homework"] == pytest.approx((300 * 0.5 + 100 * 0.6) / 400)
    assert both["difference"].interval == independent_interval(250, 400, 210, 400)
    assert both["verdict"] is Verdict.HIGHER
    p = stats.fisher_exact([[250, 150], [210, 190]]).pvalue
    assert both["p"] == pytest.approx(2 * p)
    assert table.loc[("b", "both"), "verdict"] is Verdict.NOT_SIGNIFICANT


def test_a_network_without_a_figure_of_the_homework_has_none_beside_it():
    given = {"public": predicted("public", [True, False])}
    table = accuracy.beside_homework({"net": given}, {}, NO_DUPLICATE)
    assert "homework" not in table
    assert accuracy.beside_homework({}, {"net": (0.5, 0.5)}, NO_DUPLICATE).empty


def test_duplicates_can_make_an_effect_vanish_and_the_table_shows_it():
    """First network: better on duplicate-free images; second: memorises the duplicates."""
    duplicate = np.arange(400) >= 200
    rng = np.random.default_rng(0)
    first = rng.random(400) < np.where(duplicate, 0.6, 0.8)
    second = rng.random(400) < np.where(duplicate, 0.8, 0.6)
    predictions = {"first": {"public": predicted("public", first)}}
    predictions["second"] = {"public": predicted("public", second)}
    table = accuracy.differences(predictions, [("first", "second")], duplicate, apart=True)
    kinds = table.loc["first", "second"].to_dict("index")
    assert kinds["duplicate_free"]["verdict"] is Verdict.HIGHER
    assert kinds["with_duplicate"]["verdict"] is Verdict.LOWER
    assert kinds["all"]["verdict"] is Verdict.NOT_SIGNIFICANT
    assert kinds["all"]["detectable"] > abs(kinds["all"]["difference"].estimate)
    assert pd.isna(kinds["duplicate_free"]["detectable"])
    assert kinds["duplicate_free"]["difference"].n == 200


def test_both_splits_are_compared_together():
    given = {
        name: {"public": predicted("public", right), "private": predicted("private", right, 4)}
        for name, right in {"a": [1, 1, 1, 0], "b": [1, 0, 0, 0]}.items()
    }
    table = accuracy.differences(given, [("a", "b")], NO_DUPLICATE)
    assert [difference.n for difference in table["difference"]] == [8, 8]
    assert table["difference"].iloc[0].estimate == 0.5


def test_phases_count_epochs_of_the_images_trained_on():
    phases = (Phase("adadelta", 1.0, 30, patience=3), Phase("sgd", 0.1, 60, weight_decay=0.005))
    config = Config("net", "drawn", phases, (2,) * 4, (8, 8), evaluate_every=10, batch_size=50)
    table = accuracy.phases(config, images=500)
    assert table["optimiser"].tolist() == ["Adadelta", "SGD"]
    assert table["epochs"].tolist() == [3, 6]
    assert table["learning_rate"].tolist() == ["1", "0.1 to 0"]


def test_the_live_training_holds_out_a_fifth_of_however_few_images_there_are(monkeypatch):
    labels = np.repeat(np.arange(7, dtype=np.int8), 10)
    images = np.random.default_rng(0).integers(0, 256, (70, 48, 48)).astype(np.uint8)
    given = []

    def train(config, examples, **options):
        given.append(examples)
        return SimpleNamespace(history=[{"step": 1}])

    monkeypatch.setattr(loop, "train", train)
    few = Dataset("drawn", "", images, labels, np.zeros(70, np.int8))
    accuracy.train_a_little(few, images=1000, steps=6, seed=0)
    accuracy.train_a_little(few, images=20, steps=6, seed=0)
    sizes = [(len(each.images), len(each.validation_images)) for each in given]
    assert sizes == [(51, 12), (16, 4)]


def test_accuracies_on_each_split_and_on_duplicate_free_validation_images():
    duplicate = np.array([False, False, True, True])
    given = {"held_out": predicted("held_out", [True, False, True])}
    given |= {"public": predicted("public", [True, False, True, True])}
    table = accuracy.accuracies({"net": given}, duplicate, np.array([True, True, False]))
    counts = {
        "validation": (1, 2),
        "duplicate_free": (1, 2),
        "all": (3, 4),
        "PUBLIC_duplicate_free": (1, 2),
        "PUBLIC_all": (3, 4),
    }
    assert table.loc["net"].to_dict() == {name: proportion(*n) for name, n in counts.items()}
    assert "validation" not in accuracy.accuracies({"net": given}, duplicate)
