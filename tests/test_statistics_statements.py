"""Statements on confusion matrices of which it is known whether they hold."""

import numpy as np
import pandas as pd

from fer_utils.statistics import intervals, statements
from fer_utils.statistics.verdicts import Support

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
SUPPORTED, CONTRADICTED = Support.SUPPORTED, Support.CONTRADICTED
INCONCLUSIVE = Support.INCONCLUSIVE


def counts_of(cells: dict[tuple[str, str], int]) -> pd.DataFrame:
    counts = pd.DataFrame(0, CLASSES, CLASSES)
    for (true, predicted), count in cells.items():
        counts.loc[true, predicted] = count
    return counts


def test_claims_are_supported_contradicted_or_inconclusive():
    diagonal = {(name, name): 90 for name in CLASSES}
    others = {(name, "happy"): 10 for name in CLASSES if name not in ("happy", "fear", "sad")}
    weak = {("fear", "fear"): 40, ("fear", "sad"): 60, ("sad", "sad"): 40, ("sad", "fear"): 60}
    counts = counts_of(diagonal | others | weak)
    assert statements.lowest_recall(counts, ["fear", "sad"]).verdict is SUPPORTED
    assert statements.lowest_recall(counts, ["angry"]).verdict is CONTRADICTED
    assert statements.lowest_recall(counts, ["fear"]).verdict is INCONCLUSIVE  # as weak as sad
    assert statements.predicted_as(counts, "fear", ["sad"]).verdict is SUPPORTED
    claim = statements.predicted_as(counts, "fear", ["sad", "disgust"])
    assert (claim.verdict, claim.named) == (INCONCLUSIVE, "disgust")  # nor has any other class
    claim = statements.predicted_as(counts, "fear", ["disgust", "happy"])
    assert (claim.verdict, claim.other) == (CONTRADICTED, "sad")
    assert claim.difference == intervals.paired_interval(0, 60, 100)


def test_statements_are_checked_as_a_whole_and_for_each_class():
    right = {(name, name): 100 for name in CLASSES if name != "fear"}
    counts = counts_of({("fear", "fear"): 40, ("fear", "sad"): 60, **right})
    checked = {"weakest": (None, ["fear"]), "fear_as": ("fear", ["sad", "disgust"])}
    table = statements.check(counts, checked)
    assert table["verdict"].to_dict() == {
        ("weakest", "whole"): SUPPORTED,
        ("weakest", "fear"): SUPPORTED,
        ("fear_as", "whole"): Support.PARTLY_SUPPORTED,
        ("fear_as", "sad"): SUPPORTED,
        ("fear_as", "disgust"): INCONCLUSIVE,
    }
    closest = table.loc[("fear_as", "sad")]
    assert closest["closest"] == "sad"
    assert closest["against"] not in ("sad", "disgust")  # compared with classes not named
    assert np.isnan(closest["detectable"])
    assert statements.shares(counts, "fear")["sad"] == 0.6
    assert statements.shares(counts, None)["fear"] == 0.4
