"""The homework's tables and effects, with several seeds, with and without twins."""

import numpy as np
import pytest

from fer_utils import homework
from fer_utils.fer2013 import PARTS
from fer_utils.questions import augmentation
from fer_utils.statistics.intervals import Interval
from fer_utils.training.predictions import Predictions

N = 600
TWIN = np.arange(2 * N) % 4 == 0


def parts(right: float, on_twins: float, seed: int) -> dict[str, Predictions]:
    """Answers on both boards, correct with these probabilities without and with a twin."""
    rng = np.random.default_rng(seed)
    found = {}
    for number, part in enumerate(("public", "private")):
        rows = np.arange(N) + number * N
        correct = rng.random(N) < np.where(TWIN[rows], on_twins, right)
        logits = np.eye(7)[np.where(correct, 0, 1)]
        found[part] = Predictions(PARTS[part], rows, np.zeros(N, int), logits)
    return found


def group(right: float, on_twins: float, first_seed: int) -> list:
    return [parts(right, on_twins, first_seed + k) for k in range(3)]


@pytest.fixture(scope="module")
def groups():
    plain = group(0.6, 0.9, 0)
    return {
        "with data normalisation": plain,
        "without data normalisation": group(0.6, 0.9, 10),
        "without batch normalisation": group(0.5, 0.6, 20),
        "with augmentation (x20)": group(0.68, 0.68, 30),
        "without augmentation": plain,
    }


def test_an_effect_that_the_twins_hide_is_shown_without_them(groups):
    table = augmentation.effects(groups, TWIN)
    verdicts = table["verdict"]
    assert verdicts["augmentation", "without twins"] == "higher"
    assert verdicts["augmentation", "with a twin"] == "lower"
    assert verdicts["augmentation", "all"] == "no difference shown"
    assert table.loc[("augmentation", "all"), "would show"] > 0
    assert verdicts["batch normalisation", "all"] == "higher"
    assert table.loc[("batch normalisation", "all"), "homework"] == pytest.approx(0.0797, abs=1e-3)


def test_rows_beside_the_homework(groups):
    rows = {name: groups[name] for name in homework.AUGMENTATION}
    table = augmentation.beside_homework(rows, homework.AUGMENTATION, TWIN)
    assert table.index.tolist()[:2] == [
        ("with augmentation (x20)", "PUBLIC"),
        ("with augmentation (x20)", "PRIVATE"),
    ]
    row = table.loc[("without augmentation", "PRIVATE")]
    assert row["homework"] == homework.AUGMENTATION["without augmentation"][1]
    own, both = (row[name].high - row[name].low for name in ("all", "all − homework"))
    assert both > own, "the homework's sampling error is in it"


def test_the_explanation_needs_a_negative_interaction():
    def cells(gain: float):
        """Normalisation helps by `gain` without batch normalisation, not at all with it."""
        levels = [(norm, bn, False) for norm in (False, True) for bn in (False, True)]
        return {
            (norm, bn, aug): group(0.5 + 0.1 * bn + gain * norm * (not bn), 0.9, 7 * norm + 3 * bn)
            for norm, bn, aug in levels
        }

    table = augmentation.interactions(cells(0.2), TWIN)
    assert augmentation.explanation(table) == "is confirmed"
    assert augmentation.explanation(augmentation.interactions(cells(0.0), TWIN)) == "is not shown"
    assert isinstance(table["effect"].iloc[0], Interval)
