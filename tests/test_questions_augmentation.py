"""The homework's tables and effects, with several seeds, with and without duplicates."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fer_utils import homework
from fer_utils.data.dataset import Dataset
from fer_utils.fer2013 import PARTS, PRIVATE, PUBLIC, TRAINING
from fer_utils.questions import augmentation, contamination
from fer_utils.statistics.intervals import Interval
from fer_utils.training import experiments, predictions
from fer_utils.training.predictions import Predictions

N = 600
DUPLICATE = np.arange(2 * N) % 4 == 0


def parts(
    right: float,
    on_duplicates: float,
    seed: int,
    *,
    duplicate: np.ndarray = DUPLICATE,
    first: int = 0,
) -> dict[str, Predictions]:
    """Predictions on both test splits, correct with these probabilities.

    `right` is that of duplicate-free images. The test splits are rows `first` to `first` + 2 N of
    the data set, which `duplicate` (n,) covers.
    """
    rng = np.random.default_rng(seed)
    found = {}
    for number, part in enumerate(("public", "private")):
        rows = np.arange(N) + number * N + first
        correct = rng.random(N) < np.where(duplicate[rows], on_duplicates, right)
        logits = np.eye(7)[np.where(correct, 0, 1)]
        found[part] = Predictions(PARTS[part], rows, np.zeros(N, int), logits)
    return found


def group(right: float, on_duplicates: float, first_seed: int, **where) -> list:
    return [parts(right, on_duplicates, first_seed + k, **where) for k in range(3)]


def homework_rows(**where) -> dict[str, list]:
    """Augmentation helps, but on the duplicates, which the networks without it memorise."""
    plain = group(0.6, 0.9, 0, **where)
    return {
        "with data normalisation": plain,
        "without data normalisation": group(0.6, 0.9, 10, **where),
        "without batch normalisation": group(0.5, 0.6, 20, **where),
        "with augmentation (x20)": group(0.68, 0.68, 30, **where),
        "without augmentation": plain,
    }


@pytest.fixture(scope="module")
def groups():
    return homework_rows()


def test_an_effect_that_the_duplicates_hide_is_shown_without_them(groups):
    table = augmentation.effects(groups, DUPLICATE)
    verdicts = table["verdict"]
    assert verdicts["augmentation", "duplicate_free"] == "higher"
    assert verdicts["augmentation", "with_duplicate"] == "lower"
    assert verdicts["augmentation", "all"] == "no significant difference"
    assert table.loc[("augmentation", "all"), "detectable"] > 0
    assert verdicts["batch normalisation", "all"] == "higher"
    assert table.loc[("batch normalisation", "all"), "homework"] == pytest.approx(0.0797, abs=1e-3)


def test_effects_beside_the_homeworks_have_a_word_for_either_side_and_need_both_their_rows():
    rows = {"with augmentation (x20)": [parts(0.8, 0.8, 0)], "without augmentation": []}
    words = {}
    for without in (0.5, 0.9):
        rows["without augmentation"] = [parts(without, without, 1)]
        table = augmentation.effects(rows, DUPLICATE)
        words[without] = table.loc[("augmentation", "all"), "vs homework"]
    assert set(table.index.get_level_values(0)) == {"augmentation"}
    assert words == {0.5: "larger than the homework's", 0.9: "smaller than the homework's here"}


def test_an_effect_beside_the_homeworks_carries_both_sampling_errors(groups):
    table = augmentation.effects(groups, DUPLICATE)
    without = table.loc[("data normalisation", "duplicate_free")]
    assert np.isnan(without["homework"])
    row = table.loc[("data normalisation", "all")]
    assert row["vs homework"] == "no significant difference from the homework's"
    assert row["detectable_vs_homework"] > row["detectable"], "the homework's error is in it"


def test_injected_duplicates_are_found_and_the_printed_reading_says_what_they_hide():
    """From the pixels to the sentence: of 1,200 test images a quarter are darker copies."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (300 + 2 * N, 48, 48), np.uint8)
    copies = 300 + np.flatnonzero(DUPLICATE)
    images[copies] = images[: len(copies)] // 2 + 40
    split = np.repeat([TRAINING, PUBLIC, PRIVATE], [300, N, N]).astype(np.int8)
    dataset = Dataset("fer2013", "", images, np.zeros(len(images), np.int8), split)
    found = contamination.training_duplicates(dataset)
    assert np.flatnonzero(found & (split != TRAINING)).tolist() == copies.tolist()
    table = augmentation.effects(homework_rows(duplicate=found, first=300), found)
    without, on_duplicates, everywhere = (
        f"{table.loc[('augmentation', kind), 'effect']:+.3f} (**{verdict}**)"
        for kind, verdict in (
            ("duplicate_free", "higher"),
            ("with_duplicate", "lower"),
            ("all", "no significant difference"),
        )
    )
    text = augmentation.reading(table)
    assert (
        f"on duplicate-free test images {without}; on test images with a duplicate {on_duplicates}"
        in text
    )
    assert f"on all test images {everywhere}" in text
    assert "**The duplicates change the reading:** on all test images it would be “no sig" in text
    assert "on duplicate-free ones it is “higher”" in text
    mixed = "These two intervals lie on either side of 0"
    assert mixed in text
    few = found & (np.cumsum(found) < 4)  # their estimate may have any sign
    assert mixed not in augmentation.reading(
        augmentation.effects(homework_rows(duplicate=found, first=300), few)
    )
    nobody = augmentation.reading(augmentation.effects(homework_rows(), np.zeros(2 * N, bool)))
    assert "duplicate" not in nobody.replace("duplicate_free", "")


def test_rows_beside_the_homework(groups):
    rows = {name: groups[name] for name in homework.AUGMENTATION}
    table = augmentation.beside_homework(rows, homework.AUGMENTATION, DUPLICATE)
    splits = ["PUBLIC", "PRIVATE", "both"]
    assert table.index.tolist()[:3] == [("with augmentation (x20)", split) for split in splits]
    row = table.loc[("without augmentation", "PRIVATE")]
    assert row["homework"] == homework.AUGMENTATION["without augmentation"][1]
    own, both = (row[name].high - row[name].low for name in ("all", "all − homework"))
    assert both > own, "the homework's sampling error is in it"
    joint = table.loc[("without augmentation", "both")]
    assert joint["homework"] == np.mean(homework.AUGMENTATION["without augmentation"])
    seeds = [given.correct for p in rows["without augmentation"] for given in p.values()]
    assert joint["all"].estimate == pytest.approx(np.mean(seeds))
    assert table["verdict"].notna().tolist() == [False, False, True] * 2


def test_the_explanation_needs_a_negative_interaction():
    def cells(gain: float):
        """Normalisation helps by `gain` without batch normalisation, not at all with it."""
        levels = [(norm, bn, False) for norm in (False, True) for bn in (False, True)]
        return {
            (norm, bn, aug): group(0.5 + 0.1 * bn + gain * norm * (not bn), 0.9, 7 * norm + 3 * bn)
            for norm, bn, aug in levels
        }

    table = augmentation.interactions(cells(0.2), DUPLICATE)
    assert augmentation.explanation(table) == "is supported"
    assert (
        augmentation.explanation(augmentation.interactions(cells(0.0), DUPLICATE))
        == "is inconclusive"
    )
    assert isinstance(table["effect"].iloc[0], Interval)


def test_accuracies_of_a_factorials_cells():
    cells = {(False, True, False): [parts(0.5, 0.5, 1)], (True, True, False): [parts(0.9, 0.5, 0)]}
    table = augmentation.accuracies(cells, DUPLICATE)
    assert table.index.tolist() == [("no", "yes", "yes"), ("no", "no", "yes")]
    assert table["networks"].tolist() == [1, 1]
    given = predictions.together(predictions.tested(cells[True, True, False][0]))
    first, free = table.iloc[0], ~DUPLICATE[given.rows]
    assert first["all"].estimate == pytest.approx(given.correct.mean())
    assert first["duplicate_free"].estimate == pytest.approx(given.correct[free].mean())


def test_an_effect_whose_networks_have_two_recipes_is_named():
    def run(role):
        config = experiments.model(role, profile="reference", dataset="fer2013", seed=0)
        return SimpleNamespace(config=config)

    runs = {row: run(role) for row, role in augmentation.MODELS.items()}
    words = (
        "trained by Adadelta at 1 then SGD at 0.1 with it "
        "and by Adadelta at 0.1 then SGD at 0.01 without it"
    )
    assert augmentation.two_recipes(runs) == {"batch normalisation": words}
    del runs["without batch normalisation"]
    assert augmentation.two_recipes(runs) == {}


def test_a_run_that_ended_early_is_named():
    def run(name, last):
        config = SimpleNamespace(name=name, steps=7200)
        return SimpleNamespace(config=config, history=pd.DataFrame({"step": [200, last]}))

    whole, early = run("model0", 7200), run("model0-raw-nobn", 6800)
    assert augmentation.ended_early([whole]) == ""
    assert augmentation.ended_early([whole, early]).endswith(": model0-raw-nobn took 6,800 steps.")
