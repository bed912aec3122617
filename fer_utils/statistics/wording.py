"""The phrases for verdicts, made here alone, and a table with phrases in place of verdicts."""

from collections.abc import Mapping

import pandas as pd

from fer_utils.statistics.intervals import ALPHA
from fer_utils.statistics.verdicts import Support, Verdict

Words = Mapping[Verdict, str] | Mapping[Support, str]


def _verdicts(higher: str, lower: str, not_significant: str) -> dict[Verdict, str]:
    """Name the phrases in the order of `Verdict`."""
    return dict(zip(Verdict, (higher, lower, not_significant), strict=True))


#: Of two networks, or kinds of labels.
QUALITY = _verdicts("better", "worse", "no significant difference")
ACCURACY = _verdicts("higher", "lower", "no significant difference")
HOMEWORK = _verdicts("above", "below", "no significant difference")
FREQUENCY = _verdicts("more often", "less often", "no significant difference")
#: Of an effect, and of an effect minus the homework's.
EFFECT = _verdicts("positive", "negative", "no significant effect")
HOMEWORK_EFFECT = _verdicts(
    "larger than the homework's",
    "smaller than the homework's here",
    "no significant difference from the homework's",
)
#: That one of two normalisations matters little because of the other, by their interaction.
EXPLANATION = _verdicts("is contradicted", "is supported", "is inconclusive")
#: Of duplicates: their accuracy minus that of other images, and whose label is predicted more
#: often.
DUPLICATES = _verdicts(
    "duplicates are easier", "duplicates are harder", "no significant difference"
)
LABEL = _verdicts("the duplicate's label", "its own label", "no significant difference")
#: Of a confusion, one way minus the other.
DIRECTION = _verdicts(
    "more often than the reverse", "less often than the reverse", "no significant difference"
)
#: Of confidence minus accuracy.
CALIBRATION = _verdicts("over-confident", "under-confident", "not significant")
#: Of a saliency method minus its strongest baseline; of the likeness that random weights leave it.
BASELINES = _verdicts("beats every baseline", "worse than a baseline", "no significant difference")
RANDOMISATION = _verdicts(
    "shows the image rather than the model", "depends on the weights", "inconclusive"
)
#: Of responses at a border, and of what training does to pictures there.
BORDER = _verdicts("more at the border", "less at the border", "no significant difference")
TRAINING = _verdicts(
    "training increases it", "training decreases it", "no significant effect of training"
)
#: Of a filter's preference, and of predictions that an attack changes.
PREFERENCE = _verdicts(
    "above the untrained networks", "below the untrained networks", "no significant difference"
)
ATTACK = _verdicts("more", "fewer", "no significant difference")

#: Of a claim; of one that is contradicted by a zone; of one that several methods, or several
#: comparisons at a border, judge together.
CLAIM = {
    Support.SUPPORTED: "supported",
    Support.CONTRADICTED: "contradicted",
    Support.INCONCLUSIVE: "inconclusive",
}
BELOW_BASELINE, BELOW_OTHERS = "below a baseline", "below the other classes"
METHODS_CLAIM = CLAIM | {
    Support.PARTLY_SUPPORTED: "supported by some methods only",
    Support.MIXED: "the methods disagree",
}
BORDER_CLAIM = {
    Support.SUPPORTED: "supported",
    Support.CONTRADICTED: "contradicted",
    Support.INCONCLUSIVE: "inconclusive",
    Support.PARTLY_SUPPORTED: "supported by some of the comparisons",
    Support.MIXED: "contradicted by some of the comparisons",
}


def with_phrases(table: pd.DataFrame, words: Words, column: str = "verdict") -> pd.DataFrame:
    """Put phrases into the column of a table that holds verdicts; cells without one stay empty."""
    return table.assign(**{column: table[column].map(words)})


def note_on_correction(table: pd.DataFrame, interval: str) -> str:
    """Explain the rows of a judged table whose interval leaves out 0 but p (Holm) is not small.

    Returns a sentence with a space before it, "" if there is no such row.
    """
    if all(each.verdict is each.interval.verdict for each in table[interval]):
        return ""
    chance = 1 - (1 - ALPHA) ** len(table)
    return (
        f" Where an interval leaves out 0 and yet nothing is significant, that is Holm's "
        f"correction: without any difference one or more of {len(table)} independent intervals "
        f"leave out 0 with a probability of {chance:.0%}."
    )
