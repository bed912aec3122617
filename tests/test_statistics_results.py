"""Checks of measured values: each holds for what it says, and not beside it."""

import numpy as np
import pandas as pd
import pytest

from fer_utils.statistics.intervals import Interval
from fer_utils.statistics.results import Result, pick
from fer_utils.statistics.verdicts import Support

HIGHER = Interval(0.048, 0.036, 0.06).tested(0.001, 100)
UNSURE = Interval(0.004, -0.006, 0.014).tested(0.4, 100)


def result(value, **options) -> Result:
    return Result(("accuracy",), value, **options)


@pytest.mark.parametrize(
    ("check", "holds"),
    [
        (result(Interval(0.6698, 0.65, 0.68)).rounds_to(67.0), True),
        (result(Interval(0.6698, 0.65, 0.68)).rounds_to(67.1), False),
        (result(0.333).rounds_to(33), True),
        (result(0.333).rounds_to(33.0), False),
        (result(0.8).rounds_to(80), True),
        (result(1435).rounds_to(1435), True),
        (result(1.42, percent=False).rounds_to(1.4), True),
        (result(0.5).between(49, 51), True),
        (result(0.5).between(51, 52), False),
        (result(np.nan).between(0, 100), False),
        (result(HIGHER).higher_by(4, 6), True),
        (result(HIGHER).higher_by(5, 6), False),
        (result(HIGHER).lower_by(4, 6), False),
        (result(UNSURE).higher_by(0, 1), False),
        (result(UNSURE).not_significant(), True),
        (result(HIGHER).not_significant(), False),
        (result("fear").equals("fear"), True),
        (result(Support.MIXED).equals(Support.SUPPORTED), False),
    ],
)
def test_a_check_holds_for_what_it_says(check, holds):
    assert check.holds is holds


@pytest.mark.parametrize("name", ["higher", "lower", "not_significant"])
def test_of_what_was_not_measured_nothing_holds(name):
    assert not getattr(result(None), name)().holds


def test_a_cell_is_named_by_its_place_in_the_table():
    table = pd.DataFrame({"n": [3, 4]}, pd.MultiIndex.from_tuples([("a", "all"), ("b", "all")]))
    found = pick(table, ("b", "all"), "n")
    assert (found.key, found.value) == (("n", "b", "all"), 4)
    assert pick(table, ("c", "all"), "n").value is None
    assert pick(table, ("b", "all"), "p").value is None
