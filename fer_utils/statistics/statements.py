"""Statements that some classes exceed all others, checked on a confusion matrix.

`counts` is a data frame as `classification.confusion` makes it. A statement is (true, named):
images of class `true` are predicted as the `named` classes; or (None, named): the `named` classes
have the lowest recall.
"""

from collections.abc import Callable, Sequence
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


def statement_label(true: str | None, named: Sequence[str]) -> str:
    """Write a statement in a few words: "fear → sad, neutral", or "weakest: fear, sad"."""
    return f"{true} → {', '.join(named)}" if true else f"weakest: {', '.join(named)}"


def check(counts: pd.DataFrame, statements: Sequence[Statement]) -> pd.DataFrame:
    """Check each of `statements` as a whole, and for each class that it names.

    A single class is compared with those that the statement does not name. Rows: the statements, by
    `statement_label`. Columns: `verdict` (Support); `closest`, the two classes that come closest to
    refuting it, or do, as "one − other"; their `difference` (Interval); `images`, how many of which
    class it rests on; `minimum detectable`, where it is inconclusive the minimum detectable
    difference of these two classes (80 % power), else None.
    """
    images, table = counts.sum(axis=1), {}
    for true, named in statements:
        others = _others(counts, true, named)
        for part in (named, *([one] for one in named)):
            claim = (
                predicted_as(counts, true, part, others)
                if true
                else lowest_recall(counts, part, others)
            )
            classes = (true,) if true else (claim.named, claim.other)
            unshown = claim.verdict is Support.INCONCLUSIVE
            table[statement_label(true, part)] = {
                "verdict": claim.verdict,
                "closest": f"{claim.named} − {claim.other}",
                "difference": claim.difference,
                "images": " and ".join(f"{images[name]:,} {name}" for name in classes),
                "detectable": detectable(claim.difference) if unshown else None,
            }
    return pd.DataFrame.from_dict(table, "index").rename_axis("statement")


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
