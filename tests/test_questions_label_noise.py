import numpy as np
import pytest

from fer_utils.data.ferplus import Annotations
from fer_utils.questions import label_noise
from fer_utils.statistics.intervals import (
    Interval,
    paired_interval,
    proportion,
)

VOTES = (
    (9, 1, 0, 0, 0, 0, 0, 0, 0, 0),  # angry
    (0, 0, 0, 0, 1, 1, 6, 2, 0, 0),  # neutral
    (0, 0, 5, 0, 5, 0, 0, 0, 0, 0),  # fear or sad: no majority
    (0, 0, 0, 0, 0, 0, 0, 0, 0, 10),  # no face
)
LABELS = np.array([0, 4, 2, 3], np.int8)  # angry, sad, fear, happy


@pytest.fixture
def annotations() -> Annotations:
    return Annotations(np.array(VOTES))


def test_label_counts(annotations):
    counts = label_noise.label_counts(LABELS, annotations)
    assert counts.to_numpy().sum() == 4
    assert counts.loc["angry", "angry"] == counts.loc["sad", "neutral"] == 1
    assert counts.loc["fear", "no_majority"] == counts.loc["happy", "no face"] == 1
    unlabelled = np.array([0, -1, -1, -1])
    assert label_noise.label_counts(unlabelled, annotations).to_numpy().sum() == 1


def test_contradicted(annotations):
    table = label_noise.contradicted(LABELS, annotations)
    assert table.columns.tolist() == ["contradicted", "images", "confirmed", "no_majority"]
    assert table.loc["angry"].tolist() == [proportion(0, 1), 1, 1, 0]
    assert table.loc["sad"].tolist() == [proportion(1, 1), 1, 0, 0]
    assert np.isnan(table.loc["fear", "contradicted"].estimate)
    assert table.loc["all"].tolist() == [proportion(2, 3), 4, 1, 1]


def test_annotator_votes():
    votes = np.zeros((3, 10), int)
    votes[:, 0], votes[:, 1] = (10, 5, 0), (0, 5, 10)
    shares = label_noise.annotator_votes(np.array([0, 0, 1]), Annotations(votes))
    assert shares.index.tolist() == ["angry"]  # one image of disgust has no interval
    assert shares.loc["angry", "angry"].estimate == 0.75
    assert shares.loc["angry", "angry"].high == 1  # Student's interval, cut
    assert shares.loc["angry", "fear"] == Interval(0, 0, 0)


def test_who_agrees_with_whom(annotations):
    # majorities: angry (9 of 10), neutral (6), none, no face
    predictions = np.array([0, 6, 4, 6])
    table = label_noise.agreement(predictions, LABELS, annotations)
    assert table["images"].tolist() == [4, 3, 2, 1]
    assert table["network"].tolist() == [
        proportion(1, 4),
        proportion(1, 3),
        proportion(2, 2),
        proportion(1, 1),
    ]
    assert table["majority"].iloc[1] == proportion(1, 3)
    assert table["majority"].isna().tolist() == [True, False, True, True]
    assert table["one_annotator"].iloc[0].estimate == pytest.approx((0.9 + 0.1 + 0.5 + 0) / 4)
    counts = label_noise.mistakes(predictions, LABELS, annotations)
    assert counts.to_dict() == {
        "mistakes": 3,
        "network": 1,
        "label": 0,
        "neither": 1,
        "no_majority": 1,
    }


def test_a_network_can_give_the_label_more_often_than_the_majority(annotations):
    # where there is a majority the network is right on all three images, the majority on one
    predictions = np.array([0, 4, 0, 3])
    more, images = label_noise.network_against_majority(predictions, LABELS, annotations)
    assert (more, images) == (paired_interval(2, 0, 3), 2)


def test_recall_where_the_majority_confirms_the_label(annotations):
    predictions = np.array([0, 6, 2, 6])
    table = label_noise.confirmed_recall(predictions, LABELS, annotations)
    columns = ["images", "recall", "confirmed_images", "confirmed_recall"]
    assert table.columns.tolist() == columns
    assert table.loc["sad"].tolist()[:3] == [1, proportion(0, 1), 0]
    assert table.loc["angry"].tolist() == [1, proportion(1, 1), 1, proportion(1, 1)]
    labels, predictions = np.array([0, 6, 2, 3]), np.array([0, 2, 2, 3])
    gap = label_noise.confirmed_gap(predictions, labels, annotations, "angry")
    assert gap.estimate == -1  # of angry and neutral, angry is predicted
