"""The homework's tables and effects, with several seeds, with and without duplicates."""

import numpy as np
import pytest

from fer_utils import homework
from fer_utils.data.dataset import Dataset
from fer_utils.fer2013 import PARTS, PRIVATE, PUBLIC, TRAINING
from fer_utils.questions import augmentation, contamination
from fer_utils.statistics.verdicts import Verdict
from fer_utils.training import predictions
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
        "with_data_normalisation": plain,
        "without_data_normalisation": group(0.6, 0.9, 10, **where),
        "without_batch_normalisation": group(0.5, 0.6, 20, **where),
        "with_augmentation": group(0.68, 0.68, 30, **where),
        "without_augmentation": plain,
    }


@pytest.fixture(scope="module")
def groups():
    return homework_rows()


def test_an_effect_that_the_duplicates_hide_is_shown_without_them(groups):
    table = augmentation.effects(groups, DUPLICATE, homework.ABLATIONS)
    verdicts = table["verdict"]
    assert verdicts["augmentation", "duplicate_free"] is Verdict.HIGHER
    assert verdicts["augmentation", "with_duplicate"] is Verdict.LOWER
    assert verdicts["augmentation", "all"] is Verdict.NOT_SIGNIFICANT
    assert table.loc[("augmentation", "all"), "detectable"] > 0
    assert verdicts["batch_normalisation", "all"] is Verdict.HIGHER
    assert table.loc[("batch_normalisation", "all"), "homework"] == pytest.approx(0.0797, abs=1e-3)


def test_effects_need_both_their_rows_and_are_compared_with_the_homeworks():
    rows = {"with_augmentation": [parts(0.8, 0.8, 0)], "without_augmentation": []}
    verdicts = {}
    for without in (0.5, 0.9):
        rows["without_augmentation"] = [parts(without, without, 1)]
        table = augmentation.effects(rows, DUPLICATE, homework.ABLATIONS)
        verdicts[without] = table.loc[("augmentation", "all"), "beside_homework"]
    assert set(table.index.get_level_values("factor")) == {"augmentation"}
    assert verdicts == {0.5: Verdict.HIGHER, 0.9: Verdict.LOWER}


def test_an_effect_beside_the_homeworks_carries_both_sampling_errors(groups):
    table = augmentation.effects(groups, DUPLICATE, homework.ABLATIONS)
    assert np.isnan(table.loc[("data_normalisation", "duplicate_free"), "homework"])
    row = table.loc[("data_normalisation", "all")]
    assert row["beside_homework"] is Verdict.NOT_SIGNIFICANT
    assert row["homework_detectable"] > row["detectable"], "the homework's error is in it"


def test_effects_on_other_data_stand_alone(groups):
    table = augmentation.effects(groups, np.zeros(2 * N, bool), {})
    assert table.columns.tolist() == ["effect", "verdict", "p", "detectable"]
    assert set(table.index.get_level_values("images")) == {"duplicate_free", "all"}


def test_injected_duplicates_are_found_and_their_effect_is_told_apart():
    """From the pixels to the verdicts: of 1,200 test images a quarter are darker copies."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (300 + 2 * N, 48, 48), np.uint8)
    copies = 300 + np.flatnonzero(DUPLICATE)
    images[copies] = images[: len(copies)] // 2 + 40
    split = np.repeat([TRAINING, PUBLIC, PRIVATE], [300, N, N]).astype(np.int8)
    dataset = Dataset("fer2013", "", images, np.zeros(len(images), np.int8), split)
    found = contamination.training_duplicates(dataset)
    assert np.flatnonzero(found & (split != TRAINING)).tolist() == copies.tolist()
    table = augmentation.effects(homework_rows(duplicate=found, first=300), found, {})
    assert table["verdict"]["augmentation", "duplicate_free"] is Verdict.HIGHER
    assert table["verdict"]["augmentation", "with_duplicate"] is Verdict.LOWER


def test_normalisation_that_helps_without_the_other_alone_is_a_negative_interaction():
    def cells(gain: float):
        """Normalisation helps by `gain` without batch normalisation, not at all with it."""
        levels = [(norm, bn, False) for norm in (False, True) for bn in (False, True)]
        return {
            (norm, bn, aug): group(0.5 + 0.1 * bn + gain * norm * (not bn), 0.9, 7 * norm + 3 * bn)
            for norm, bn, aug in levels
        }

    for gain, verdict in ((0.2, Verdict.LOWER), (0.0, Verdict.NOT_SIGNIFICANT)):
        table = augmentation.interactions(cells(gain), DUPLICATE)
        assert table["verdict"]["data_normalisation_x_batch_normalisation"] is verdict


def test_accuracies_of_a_factorials_cells():
    cells = {(False, True, False): [parts(0.5, 0.5, 1)], (True, True, False): [parts(0.9, 0.5, 0)]}
    table = augmentation.accuracies(cells, DUPLICATE)
    assert table.index.tolist() == [("no", "yes", "yes"), ("no", "no", "yes")]
    assert table["training_runs"].tolist() == [1, 1]
    given = predictions.together(predictions.tested(cells[True, True, False][0]))
    first, free = table.iloc[0], ~DUPLICATE[given.rows]
    assert first["all"].estimate == pytest.approx(given.correct.mean())
    assert first["duplicate_free"].estimate == pytest.approx(given.correct[free].mean())
