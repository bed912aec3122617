"""Phrases for verdicts, and tables with phrases in place of verdicts."""

import numpy as np
import pandas as pd
import pytest

from fer_utils.statistics import wording
from fer_utils.statistics.corrections import judged
from fer_utils.statistics.intervals import Interval
from fer_utils.statistics.verdicts import Support, Verdict

WORDS = {name: value for name, value in vars(wording).items() if isinstance(value, dict)}
WORDS = {name: words for name, words in WORDS.items() if name.isupper()}


@pytest.mark.parametrize("name", WORDS)
def test_every_verdict_has_a_phrase_of_its_own(name):
    words = WORDS[name]
    single = (Support.SUPPORTED, Support.CONTRADICTED, Support.INCONCLUSIVE)
    assert set(words) in ({*Verdict}, {*Support}, {*single})
    assert len(set(words.values())) == len(words)


def test_phrases_take_the_place_of_verdicts():
    table = pd.DataFrame({"n": [1, 2, 3], "verdict": [Verdict.LOWER, Verdict.HIGHER, np.nan]})
    told = wording.with_phrases(table, wording.ACCURACY)
    assert told.columns.tolist() == ["n", "verdict"]
    assert told["verdict"].tolist()[:2] == ["lower", "higher"]
    assert told["verdict"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize(("p", "said"), [(0.04, True), (0.001, False)])
def test_what_holm_takes_back_is_said(p, said):
    differences = [Interval(1, 0.1, 2).tested(p, 9), Interval(0, -1, 1).tested(0.9, 9)]
    text = wording.note_on_correction(judged(pd.DataFrame({"d": differences}), interval="d"), "d")
    assert ("of 2 independent" in text) == said
    assert (text == "") == (not said)
