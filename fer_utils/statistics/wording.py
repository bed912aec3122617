"""The phrases for verdicts, made here alone, and a table with phrases in place of verdicts."""

from collections.abc import Mapping, Sequence

import pandas as pd

from fer_utils.statistics import statements
from fer_utils.statistics.intervals import ALPHA
from fer_utils.statistics.verdicts import Support, Verdict

Words = Mapping[Verdict, str] | Mapping[Support, str]


def _verdicts(higher: str, lower: str, not_significant: str) -> dict[Verdict, str]:
    """Name the phrases in the order of `Verdict`."""
    return dict(zip(Verdict, (higher, lower, not_significant), strict=True))


#: Of two networks, or kinds of labels.
QUALITY = _verdicts("better", "worse", "no difference shown")
ACCURACY = _verdicts("higher", "lower", "no difference shown")
HOMEWORK = _verdicts("above", "below", "not shown to differ")
PEER = _verdicts("ahead", "behind", "not shown to differ")
FREQUENCY = _verdicts("more often", "less often", "no difference shown")
#: Of an effect, and of an effect minus the homework's.
EFFECT = _verdicts("positive", "negative", "no effect shown")
HOMEWORK_EFFECT = _verdicts(
    "larger than the homework's",
    "smaller than the homework's here",
    "not shown to differ from the homework's",
)
#: That one of two normalisations matters little because of the other, by their interaction.
EXPLANATION = _verdicts("is contradicted", "is supported", "is not shown")
#: Of duplicates: their accuracy minus that of other images, and whose label is given more often.
DUPLICATES = _verdicts("twins are easier", "twins are harder", "no difference shown")
LABEL = _verdicts("the twin's label", "its own label", "no difference shown")
#: Of a confusion, one way minus the other.
DIRECTION = _verdicts(
    "more often than the reverse", "less often than the reverse", "no difference shown"
)
#: Of confidence minus accuracy.
CALIBRATION = _verdicts("over-confident", "under-confident", "not shown")
#: Of a saliency method minus its strongest baseline; of the likeness that random weights leave it.
BASELINES = _verdicts("beats every control", "worse than a control", "not shown")
RANDOMISATION = _verdicts(
    "shows the image rather than the model", "depends on the weights", "undecided"
)
#: Of responses at a border, and of what training does to pictures there.
BORDER = _verdicts("more at the border", "less at the border", "no difference shown")
TRAINING = _verdicts(
    "training adds to it", "training takes from it", "training is not shown to matter"
)
#: Of a filter's preference, and of predictions that an attack changes.
PREFERENCE = _verdicts("beyond the controls", "below the controls", "no more than the controls")
ATTACK = _verdicts("more", "fewer", "no difference shown")

#: Of a claim; of one that is contradicted by a zone; of one that several methods, or several
#: comparisons at a border, judge together.
CLAIM = {
    Support.SUPPORTED: "holds",
    Support.CONTRADICTED: "does not hold",
    Support.INCONCLUSIVE: "not shown",
}
LESS_THAN_CONTROL, LESS_THAN_OTHERS = "less than a control", "less than in other classes"
METHODS_CLAIM = CLAIM | {
    Support.PARTLY_SUPPORTED: "shown by some methods only",
    Support.MIXED: "the methods disagree",
}
BORDER_CLAIM = {
    Support.SUPPORTED: "supported",
    Support.CONTRADICTED: "contradicted",
    Support.INCONCLUSIVE: "not shown",
    Support.PARTLY_SUPPORTED: "supported by some of the comparisons",
    Support.MIXED: "contradicted by some of the comparisons",
}


def with_phrases(table: pd.DataFrame, words: Words, column: str = "verdict") -> pd.DataFrame:
    """Put phrases into the column of a table that holds verdicts; cells without one stay empty."""
    return table.assign(**{column: table[column].map(words)})


def statements_side_by_side(
    matrices: Mapping[str, pd.DataFrame], checked: Sequence[statements.Statement]
) -> pd.DataFrame:
    """Check statements on several confusion matrices, by name; columns (name, of `check`).

    `verdict` is the phrase, with the two classes that decide it and how many images they have;
    `difference` and `would show` are as `statements.check` gives them.
    """
    tables = {}
    for name, counts in matrices.items():
        table = with_phrases(statements.check(counts, checked), CLAIM)
        words = table["verdict"] + ": " + table["closest"] + " (" + table["images"] + ")"
        tables[name] = table.assign(verdict=words)[["verdict", "difference", "would show"]]
    return pd.concat(tables, axis=1)


def taken_back(table: pd.DataFrame, interval: str) -> str:
    """Explain the rows of a judged table whose interval leaves out 0 but p (Holm) is not small.

    Returns a sentence with a space before it, "" if there is no such row.
    """
    if all(each.verdict is each.interval.verdict for each in table[interval]):
        return ""
    chance = 1 - (1 - ALPHA) ** len(table)
    return (
        f" Where an interval leaves out 0 and yet nothing is shown, Holm's correction takes it "
        f"back: without any difference one or more of {len(table)} independent intervals leave "
        f"out 0 with a probability of {chance:.0%}."
    )
