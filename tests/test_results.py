import numpy as np
import pytest

from fer_utils.questions import accuracy

HOMEWORK = {"plain": (0.5, 0.4), "better": (0.75, 0.7)}
PUBLIC = {
    "plain": np.array([[True, False, False, False]]),
    "better": np.array([[True, True, True, False]]),
}


def hits(*parts):
    return {name: dict.fromkeys(parts, right) for name, right in PUBLIC.items()}


@pytest.mark.parametrize(
    ("parts", "boards"),
    [
        (("held_out", "public", "private"), ["PUBLIC", "PRIVATE"]),
        (("held_out", "public"), ["PUBLIC"]),
        (("held_out",), ["HELD-OUT"]),
    ],
)
def test_boards_are_those_with_labels(parts, boards):
    by_part = hits(*parts)
    assert list(accuracy.boards(by_part["plain"]).values()) == boards
    table = accuracy.beside_homework(by_part, HOMEWORK)
    assert list(table.columns.levels[0][table.columns.codes[0][::3]]) == boards
    assert list(accuracy.accuracies(by_part).columns) == boards
    assert table.loc["better", (boards[0], "homework")] == 0.75
    assert float(table.loc["better", (boards[0], "ours")]) == 0.75
    ours, difference = (table.loc["plain", (boards[0], f"ours{x}")] for x in ("", " − homework"))
    assert float(difference) == -0.25
    assert difference.high - difference.low == pytest.approx(ours.high - ours.low)
    if len(boards) == 2:
        assert table.loc["plain", ("PRIVATE", "homework")] == 0.4


def test_prose_speaks_of_the_first_board():
    effects = accuracy.effects_beside_homework(
        {"step": ("better", "plain")}, hits("public", "private"), HOMEWORK
    )
    fact = accuracy.facts(effects)["step"]
    assert fact["homework"] == 0.25
    assert float(fact["ours"]) == 0.5
    assert effects.loc["step", ("PRIVATE", "homework")] == pytest.approx(0.3)
    paired = accuracy.facts(accuracy.paired(hits("held_out"), [("better", "plain")]))
    assert float(paired["better − plain"]["difference"]) == 0.5
    assert paired["better − plain"]["verdict"] == "no difference shown"
