"""Figures of chapter 5: what is written in them, also where there is little to show."""

import numpy as np
import pandas as pd
import pytest
from figures import legend

from fer_utils.fer2013 import CLASSES
from fer_utils.plots import confusion
from fer_utils.statistics import calibration, classification
from fer_utils.statistics.verdicts import Verdict

pytestmark = pytest.mark.usefixtures("drawn_in_the_style_and_shown_once")


def test_heat_maps_have_their_counts_and_shares():
    counts = pd.DataFrame(np.diag([4, 0, 0, 0, 0, 0, 0]), CLASSES, CLASSES)
    figure = confusion.counts({"PUBLIC": counts, "PRIVATE": counts})
    assert [ax.get_title() for ax in figure.axes] == ["PUBLIC", "PRIVATE"]
    assert figure.axes[0].texts[0].get_text() == "4"
    shares = classification.row_shares(counts)
    assert confusion.shares(shares).axes[0].texts[0].get_text() == "100"
    figure = confusion.shares(shares, intervals=True)
    assert figure.axes[0].texts[0].get_text() == "100\n51–100"


def test_the_mistakes_show_label_prediction_and_probabilities():
    images = np.zeros((4, 48, 48), np.uint8)
    probabilities = np.full((4, 7), 0.05)
    probabilities[:, 3] = 0.7
    figure = confusion.mistakes(images, np.array([0, 1, 2, 4]), probabilities)
    assert figure.axes[0].get_title() == "label angry: 5%\npredicted happy: 70%"
    assert len(figure.axes) == 6
    confusion.mistakes(images[:0], np.empty(0, int), probabilities[:0])


def test_each_verdict_on_calibration_has_its_mark():
    confidence = np.repeat([0.5, 0.95], 200)
    bins = calibration.confidence_bins(confidence, np.arange(400) >= 140, 2)
    names = {Verdict.HIGHER: "over", Verdict.LOWER: "under", Verdict.NOT_SIGNIFICANT: "neither"}
    figure = confusion.reliability({"as trained": bins}, names)
    assert legend(figure) == ["over", "under"]
    assert [ax.get_title() for ax in figure.axes] == ["as trained"]


def test_rows_of_classes_and_pairs():
    counts = pd.DataFrame(5, CLASSES, CLASSES)
    table = classification.key_figures({"duplicate_free": counts, "all": counts}).loc[[*CLASSES]]
    figure = confusion.recalls(table, network="model2")
    assert legend(figure) == ["all images", "duplicate-free images"]
    figure = confusion.directions(classification.confused_pairs(counts).head(2), network="model2")
    assert figure.axes[0].get_yticklabels()[0].get_text() == "angry, disgust"
    curve = calibration.coverage_curve(np.linspace(0.5, 1, 40), np.arange(40) > 9)
    assert confusion.coverage(curve, network="model2").axes[0].get_ylabel() == "accuracy"
