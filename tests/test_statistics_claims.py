"""Claims on confusion matrices in which the answer is known."""

import numpy as np

from fer_utils.fer2013 import CLASSES
from fer_utils.statistics import claims, intervals


def counts_of(cells: dict[tuple[str, str], int]) -> np.ndarray:
    counts = np.zeros((7, 7), int)
    for (true, predicted), count in cells.items():
        counts[CLASSES.index(true), CLASSES.index(predicted)] = count
    return counts


def test_claims_hold_fail_or_are_not_shown():
    diagonal = {(name, name): 90 for name in CLASSES}
    others = {(name, "happy"): 10 for name in CLASSES if name not in ("happy", "fear", "sad")}
    weak = {("fear", "fear"): 40, ("fear", "sad"): 60, ("sad", "sad"): 40, ("sad", "fear"): 60}
    counts = counts_of(diagonal | others | weak)
    assert claims.weakest(counts, ["fear", "sad"]).verdict == "holds"
    assert claims.weakest(counts, ["angry"]).verdict == "does not hold"
    assert claims.weakest(counts, ["fear"]).verdict == "not shown"  # as weak as sad
    assert claims.taken_for(counts, "fear", ["sad"]).verdict == "holds"
    claim = claims.taken_for(counts, "fear", ["sad", "disgust"])
    assert (claim.verdict, claim.named) == ("not shown", "disgust")  # nor has any other class
    claim = claims.taken_for(counts, "fear", ["disgust", "happy"])
    assert (claim.verdict, claim.other) == ("does not hold", "sad")
    assert claim.difference == intervals.paired_interval(0, 60, 100)


def test_statements_are_checked_as_a_whole_and_by_name():
    right = {(name, name): 100 for name in CLASSES if name != "fear"}
    counts = counts_of({("fear", "fear"): 40, ("fear", "sad"): 60, **right})
    table = claims.check(counts, [(None, ["fear"]), ("fear", ["sad", "disgust"])])
    assert table["verdict"].to_dict() == {
        "weakest: fear": "holds",
        "fear → sad, disgust": "not shown",
        "fear → sad": "holds",
        "fear → disgust": "not shown",
    }
    closest = table.loc["fear → sad", "closest"]
    assert closest.startswith("sad − ")
    assert "disgust" not in closest  # compared with classes not named
    assert table.loc["fear → sad", "images"] == "100 fear"
    assert np.isnan(table.loc["fear → sad", "would show"])


def test_the_verdicts_on_two_sets_of_images_stand_side_by_side():
    even = np.full((7, 7), 10)
    matrices = {"all": even, "twin-free": even + 90 * np.eye(7, dtype=int)}
    table = claims.side_by_side(matrices, [(None, ["fear", "sad"])])
    assert table.columns.tolist() == [
        ("all", "verdict"),
        ("all", "difference"),
        ("all", "would show"),
        ("twin-free", "verdict"),
        ("twin-free", "difference"),
        ("twin-free", "would show"),
    ]
    row = table.loc["weakest: fear, sad"]
    assert row["all", "verdict"].startswith("not shown: ")
    assert "(70 fear and 70 " in row["all", "verdict"]
    assert row["all", "would show"] > row["all", "difference"].high
