"""Statements that some classes exceed all others, checked on a confusion matrix.

`counts` is a data frame as `classification.confusion` makes it. A statement is (true, named):
images of class `true` are predicted as the `named` classes; or (None, named): the `named` classes
have the lowest recall.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from fer_utils.statistics.corrections import detectable
from fer_utils.statistics.intervals import ALPHA, Interval, independent_interval, paired_interval
from fer_utils.statistics.verdicts import Support

Statement = tuple[str | None, Sequence[str]]


class Claim(NamedTuple):
    """The claim that each of some classes exceeds each of the others, and what it comes to.

    `named` and `other` are the two classes that come closest to refuting it (or do), `difference`
    their difference. It is SUPPORTED if every pair's interval lies above 0 (intersection-union
    test); CONTRADICTED if some pair's interval, Bonferroni-corrected, lies below 0; else
    INCONCLUSIVE.
    """

    verdict: Support
    named: str
    other: str
    difference: Interval


def predicted_as(
    counts: pd.DataFrame, true: str, named: Sequence[str], others: Sequence[str] = ()
) -> Claim:
    """Check the claim that a class is predicted as some classes more than as others.

    Parameters
    ----------
    counts
        As in the head of this module.
    true
        The class.
    named
        What it is predicted as: each of these more than any of `others`.
    others
        Without them these are all the other classes.
    """
    row = counts.loc[true]

    def difference(one: str, other: str, alpha: float) -> Interval:
        return paired_interval(row[one], row[other], row.sum(), alpha)

    return _claim(difference, named, others or _others(counts, true, named))


def lowest_recall(counts: pd.DataFrame, named: Sequence[str], others: Sequence[str] = ()) -> Claim:
    """Check the claim that each of `named` has a lower recall than any of `others`.

    Differences are those of the miss rates, 1 - recall. Without `others` these are all the other
    classes.
    """
    true = counts.sum(axis=1)
    missed = true - np.diag(counts)

    def difference(one: str, other: str, alpha: float) -> Interval:
        return independent_interval(missed[one], true[one], missed[other], true[other], alpha)

    return _claim(difference, named, others or _others(counts, None, named))


def shares(counts: pd.DataFrame, true: str | None) -> pd.Series:
    """Compute what a statement is about, a float by class.

    This is the share of the images of `true` that is predicted as each other class; or, for None,
    the recall of each class.
    """
    if true is None:
        return pd.Series(np.diag(counts), counts.index) / counts.sum(axis=1)
    return counts.loc[true].drop(true) / counts.loc[true].sum()


def check(counts: pd.DataFrame, statements: Mapping[str, Statement]) -> pd.DataFrame:
    """Check each of `statements`, by name, as a whole and for each class that it names.

    A single class is compared with those that the statement does not name. A statement that is not
    supported as a whole is PARTLY_SUPPORTED if some of its classes are.

    Returns
    -------
    pd.DataFrame
        Rows: (statement, "whole" or a class). Columns: `verdict` (Support); `closest` and
        `against`, the named and the other class that come closest to refuting it, or do; their
        `difference` (Interval); `detectable`, where the row is inconclusive the minimum detectable
        difference of these two classes (80 % power), else None.
    """
    table: dict[tuple[str, str], dict] = {}
    for name, (true, named) in statements.items():
        others = _others(counts, true, named)
        parts = {"whole": named} | {one: [one] for one in named}
        claims = {
            part: predicted_as(counts, true, classes, others)
            if true
            else lowest_recall(counts, classes, others)
            for part, classes in parts.items()
        }
        found = {claim.verdict for claim in claims.values()}
        if claims["whole"].verdict is not Support.SUPPORTED and Support.SUPPORTED in found:
            claims["whole"] = claims["whole"]._replace(verdict=Support.PARTLY_SUPPORTED)
        table |= {(name, part): _row(claim) for part, claim in claims.items()}
    rows = pd.MultiIndex.from_tuples(table, names=["claim", "class"])
    return pd.DataFrame(list(table.values()), rows)


def _row(claim: Claim) -> dict:
    inconclusive = claim.verdict is Support.INCONCLUSIVE
    return {
        "verdict": claim.verdict,
        "closest": claim.named,
        "against": claim.other,
        "difference": claim.difference,
        "detectable": detectable(claim.difference) if inconclusive else None,
    }


def _others(counts: pd.DataFrame, true: str | None, named: Sequence[str]) -> list[str]:
    """List the classes of a matrix that a statement does not mention."""
    return [name for name in counts.index if name not in (true, *named)]


def _claim(
    difference: Callable[[str, str, float], Interval], named: Sequence[str], others: Sequence[str]
) -> Claim:
    """Judge the claim by the differences of all pairs of a named and another class."""
    pairs = list(product(named, others))

    def intervals(alpha: float) -> list[Interval]:
        return [difference(one, other, alpha) for one, other in pairs]

    plain, corrected = intervals(ALPHA), intervals(ALPHA / len(pairs))
    if any(d.high < 0 for d in corrected):
        decisive = int(np.nanargmin([d.high for d in corrected]))
        return Claim(Support.CONTRADICTED, *pairs[decisive], plain[decisive])
    closest = int(np.argmin([d.low for d in plain]))
    verdict = Support.SUPPORTED if plain[closest].low > 0 else Support.INCONCLUSIVE
    return Claim(verdict, *pairs[closest], plain[closest])
