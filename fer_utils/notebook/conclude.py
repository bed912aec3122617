"""Sentences that a person wrote, each with checks of what it states.

On the reference data a check that fails stops the build, so that a person writes the sentence anew.
On other data, or with other parameters, the plain lines of the results stand in its place.
"""

from collections.abc import Sequence
from typing import NamedTuple

from fer_utils.notebook.numbers import plain_line
from fer_utils.statistics.results import Check


class UntrueSentence(ValueError):
    """A sentence that the reference results contradict: it, what is expected, what is measured."""


class Told(NamedTuple):
    """A conclusion in both languages, and the checks of what it states."""

    english: str
    chinese: str
    checks: Sequence[Check]


def told_or_plain(told: Told, *, strict: bool) -> tuple[str, str]:
    """Return the sentences in both languages where all checks hold, else the results' plain lines.

    Raises UntrueSentence instead if `strict`.
    """
    failed = [check for check in told.checks if not check.holds]
    if not failed:
        return told.english, told.chinese
    if strict:
        reasons = "; ".join(
            f"expected {check.expected}, measured {_measured(check)}" for check in failed
        )
        raise UntrueSentence(f"“{told.english}” {reasons}")
    results = dict.fromkeys(check.result for check in told.checks)
    lines = [plain_line(result) for result in results if result.value is not None]
    if not lines:
        return "", ""
    english, chinese = zip(*lines, strict=True)
    return f"{'; '.join(english)}.", f"{'；'.join(chinese)}。"


def _measured(check: Check) -> str:
    if check.result.value is None:
        return f"{', '.join(check.result.key)}: nothing"
    return plain_line(check.result)[0]
