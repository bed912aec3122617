"""Measured values by name, and expectations of them.

A person writes the sentences of the report. Beside each sentence stand the values that it states,
as checks of results:

    gain = results.pick(table, ("ensemble", "model1", "duplicate_free"), "difference")
    gain.higher_by(1.5, 2.8)  # points

Shares are kept as fractions; expectations of them are in percent, those of differences in points.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pandas as pd

from fer_utils.statistics.intervals import Interval
from fer_utils.statistics.verdicts import Verdict

Value = Interval | Enum | float | int | str | None


@dataclass(frozen=True)
class Check:
    """An expectation of a result, in words, and whether it holds."""

    holds: bool
    expected: str
    result: "Result"


@dataclass(frozen=True)
class Result:
    """A measured value and its name.

    Parameters
    ----------
    key
        Identifiers that name the value: the quantity, then what it was measured on.
    value
        An Interval or Comparison, a number, an enum, or an identifier. None where it was not
        measured; then no check of it holds.
    percent
        Whether a number is a share, or a difference of shares, which is told in percent.
    """

    key: tuple[str, ...]
    value: Value
    percent: bool = True

    def rounds_to(self, shown: float) -> Check:
        """Expect the number to be printed as `shown`: 67.0 has one decimal, 67 has none."""
        digits = 0 if isinstance(shown, int) else max(1, len(repr(shown).partition(".")[2]))
        number = self.number
        holds = number is not None and f"{number:.{digits}f}" == f"{shown:.{digits}f}"
        return Check(holds, f"rounds to {shown}", self)

    def between(self, low: float, high: float) -> Check:
        """Expect the number to lie from `low` to `high`."""
        number = self.number
        return Check(number is not None and low <= number <= high, f"{low} to {high}", self)

    def higher_by(self, low: float, high: float) -> Check:
        """Expect a significant difference above 0, of `low` to `high` points."""
        holds = self.higher().holds and self.between(low, high).holds
        return Check(holds, f"significantly higher, by {low} to {high}", self)

    def lower_by(self, low: float, high: float) -> Check:
        """Expect a significant difference below 0, of `low` to `high` points."""
        holds = self.lower().holds and self.between(-high, -low).holds
        return Check(holds, f"significantly lower, by {low} to {high}", self)

    def higher(self) -> Check:
        """Expect a difference that lies significantly above 0."""
        return Check(self.verdict is Verdict.HIGHER, "significantly higher", self)

    def lower(self) -> Check:
        """Expect a difference that lies significantly below 0."""
        return Check(self.verdict is Verdict.LOWER, "significantly lower", self)

    def not_significant(self) -> Check:
        """Expect a difference that is not significant."""
        holds = self.verdict is Verdict.NOT_SIGNIFICANT
        return Check(holds, "no significant difference", self)

    def equals(self, expected: Enum | str | int) -> Check:
        """Expect an enum, an identifier or a count."""
        return Check(self.value == expected, f"equal to {expected}", self)

    @property
    def number(self) -> float | None:
        """Return the value as it is told, a share in percent; None where there is no number."""
        if not isinstance(self.value, Interval | float | int) or np.isnan(float(self.value)):
            return None
        is_share = self.percent and not isinstance(self.value, int)
        return float(self.value) * (100 if is_share else 1)

    @property
    def verdict(self) -> Verdict | None:
        """Return where a difference lies; None for what is no difference."""
        return self.value.verdict if isinstance(self.value, Interval) else None


def pick(table: pd.DataFrame, row: Hashable, column: str, *, percent: bool = True) -> Result:
    """Take a cell of a table whose rows and columns have identifiers.

    The result is named by the column, then the row. Where the table has no such cell, its value is
    None.
    """
    key = (column, *(row if isinstance(row, tuple) else (row,)))
    if row not in table.index or column not in table:
        return Result(tuple(map(str, key)), None, percent)
    value = table.loc[[row], column].iloc[0]
    return Result(tuple(map(str, key)), _plain(value), percent)


def _plain(value: object) -> Value:
    """Make Python's own number of NumPy's, and None of what is missing."""
    if isinstance(value, np.generic):
        value = value.item()
    return value  # type: ignore[return-value]
