"""Claims that some classes exceed all others, checked on a confusion matrix.

`counts` is (7, 7) int, rows true, columns predicted. A statement is (true, named): images of class
`true` are taken for the `named` classes; or (None, named): the `named` classes are the weakest.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from fer_utils.fer2013 import CLASSES
from fer_utils.statistics.intervals import (
    ALPHA,
    Interval,
    detectable,
    independent_interval,
    paired_interval,
)

Statement = tuple[str | None, Sequence[str]]


class Claim(NamedTuple):
    """A statement that each of some classes exceeds each of the others, and whether it holds.

    `named` and `other` are the two classes that come closest to refuting it (or do), `difference`
    their difference. "holds": every pair's interval lies above 0 (intersection-union test);
    "does not hold": some pair's interval, Bonferroni-corrected, lies below 0; else "not shown".
    """

    verdict: str
    named: str
    other: str
    difference: Interval


def taken_for(
    counts: np.ndarray, true: str, named: Sequence[str], others: Sequence[str] = ()
) -> Claim:
    """The claim that images of a class are taken for some classes more than for others.

    Parameters
    ----------
    counts
        (7, 7) confusion counts, rows true.
    true
        The class.
    named
        What it is taken for: each of these more than any of `others`.
    others
        Without them all the other classes.
    """
    row = counts[CLASSES.index(true)]
    others = others or [name for name in CLASSES if name not in (true, *named)]

    def difference(one: int, other: int, alpha: float) -> Interval:
        return paired_interval(row[one], row[other], row.sum(), alpha)

    return _claim(difference, named, others)


def weakest(counts: np.ndarray, named: Sequence[str], others: Sequence[str] = ()) -> Claim:
    """The claim that each of `named` has a smaller recall than any of `others`.

    Differences are those of the miss rates, 1 - recall.
    Without `others` these are all the other classes.
    """
    true = counts.sum(axis=1)
    missed = true - np.diag(counts)

    def difference(one: int, other: int, alpha: float) -> Interval:
        return independent_interval(missed[one], true[one], missed[other], true[other], alpha)

    others = others or [name for name in CLASSES if name not in named]
    return _claim(difference, named, others)


def name(true: str | None, named: Sequence[str]) -> str:
    """A statement in a few words: "fear → sad, neutral", or "weakest: fear, sad"."""
    return f"{true} → {', '.join(named)}" if true else f"weakest: {', '.join(named)}"


def check(counts: np.ndarray, statements: Sequence[Statement]) -> pd.DataFrame:
    """Check each of `statements` as a whole, and for each class that it names.

    A single class is compared with those that the statement does not name. Rows: the statements;
    columns: `verdict`; `closest`, the two classes that come closest to refuting it, or do; their
    `difference`; `images`, in words how many it rests on; `would show`, the difference of these two
    classes that would have been shown four times in five, where nothing is shown.
    """
    images, table = counts.sum(axis=1), {}
    for true, named in statements:
        others = [other for other in CLASSES if other not in (true, *named)]
        for part in (named, *([one] for one in named)):
            claim = taken_for(counts, true, part, others) if true else weakest(counts, part, others)
            classes = (true,) if true else (claim.named, claim.other)
            unshown = claim.verdict == "not shown"
            table[name(true, part)] = {
                "verdict": claim.verdict,
                "closest": f"{claim.named} − {claim.other}",
                "difference": claim.difference,
                "images": " and ".join(f"{images[CLASSES.index(c)]:,} {c}" for c in classes),
                "would show": detectable(claim.difference) if unshown else None,
            }
    return pd.DataFrame.from_dict(table, "index").rename_axis("statement")


def side_by_side(
    matrices: Mapping[str, np.ndarray], statements: Sequence[Statement]
) -> pd.DataFrame:
    """`check` on several confusion matrices, by name; columns (name, of `check`).

    The verdict names the two classes that decide it, and how many images they have.
    """
    tables = {}
    for name, counts in matrices.items():
        checked = check(counts, statements)
        words = checked["verdict"] + ": " + checked["closest"] + " (" + checked["images"] + ")"
        tables[name] = checked.assign(verdict=words)[["verdict", "difference", "would show"]]
    return pd.concat(tables, axis=1)


def _claim(
    difference: Callable[[int, int, float], Interval], named: Sequence[str], others: Sequence[str]
) -> Claim:
    pairs = list(product(named, others))

    def intervals(alpha: float) -> list[Interval]:
        return [difference(CLASSES.index(a), CLASSES.index(b), alpha) for a, b in pairs]

    plain, corrected = intervals(ALPHA), intervals(ALPHA / len(pairs))
    if any(d.high < 0 for d in corrected):
        decisive = int(np.nanargmin([d.high for d in corrected]))
        return Claim("does not hold", *pairs[decisive], plain[decisive])
    closest = int(np.argmin([d.low for d in plain]))
    word = "holds" if plain[closest].low > 0 else "not shown"
    return Claim(word, *pairs[closest], plain[closest])
