"""What comparisons come to, as values; `notebook.labels` has their words."""

from enum import Enum


class Verdict(Enum):
    """A verdict says where a difference lies, by its interval and, after a test, by its p-value.

    HIGHER is above 0, LOWER is below it, NOT_SIGNIFICANT is neither.
    """

    HIGHER = "higher"
    LOWER = "lower"
    NOT_SIGNIFICANT = "not significant"


class Support(Enum):
    """Support says what a claim comes to.

    The last two are for a claim that rests on several comparisons, which some support; others do
    not, or contradict it.
    """

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    INCONCLUSIVE = "inconclusive"
    PARTLY_SUPPORTED = "partly supported"
    MIXED = "mixed"

    @classmethod
    def of(cls, verdict: Verdict) -> "Support":
        """Judge the claim that a difference lies above 0 by the verdict on it."""
        return {Verdict.HIGHER: cls.SUPPORTED, Verdict.LOWER: cls.CONTRADICTED}.get(
            verdict, cls.INCONCLUSIVE
        )


class Outcome(Enum):
    """Outcome says how a method fares in a check; UNDECIDED means no significant difference."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"

    @classmethod
    def of(cls, verdict: Verdict, good: Verdict) -> "Outcome":
        """Judge by a verdict whose `good` side, HIGHER or LOWER, is in the method's favour."""
        if verdict is Verdict.NOT_SIGNIFICANT:
            return cls.UNDECIDED
        return cls.PASSED if verdict is good else cls.FAILED
