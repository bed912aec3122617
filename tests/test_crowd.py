import numpy as np
import pytest

from fer_utils.data import ferplus
from fer_utils.data.formats import DataError
from fer_utils.statistics.intervals import Interval, independent_interval, proportion

HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)
ROWS = (
    "Training,fer0000000.png,0,0,0,0,9,1,0,0,0,0",  # angry
    "Training,fer0000001.png,6,0,1,1,0,0,0,2,0,0",  # neutral
    "PublicTest,fer0000002.png,0,0,0,5,0,0,5,0,0,0",  # a tie
    "PrivateTest,,0,0,0,0,0,0,0,0,0,10",  # no face
)
LABELS = np.array([0, 4, 2, 3], np.int8)
SPLIT = np.array([0, 0, 1, 2], np.int8)


@pytest.fixture
def write(tmp_path):
    def write(*lines: str):
        path = tmp_path / ferplus.FILE
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def loaded(write, monkeypatch):
    monkeypatch.setattr(ferplus, "LEAST_MATCH", 0.3)  # one label of three is confirmed
    return ferplus.load(write(HEADER, *ROWS), LABELS, SPLIT)


def test_votes_are_in_the_order_of_the_classes(loaded):
    assert ferplus.ANSWERS[:7] == (
        "angry",
        "disgust",
        "fear",
        "happy",
        "sad",
        "surprise",
        "neutral",
    )
    assert loaded.votes.tolist() == [
        [9, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 1, 1, 6, 2, 0, 0],
        [0, 0, 5, 0, 5, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 10],
    ]


def test_majority_is_more_than_half(loaded):
    assert loaded.majority.tolist() == [0, 6, -1, 9]
    assert loaded.agreement.tolist() == [9, 6, 5, 10]


def test_label_counts(loaded):
    counts = ferplus.label_counts(LABELS, loaded)
    assert counts.to_numpy().sum() == 4
    assert counts.loc["angry", "angry"] == counts.loc["sad", "neutral"] == 1
    assert counts.loc["fear", "none"] == counts.loc["happy", "no face"] == 1
    assert ferplus.label_counts(np.array([0, -1, -1, -1]), loaded).to_numpy().sum() == 1


def test_voter_counts(loaded):
    counts = ferplus.voter_counts(LABELS, loaded)
    assert counts.loc["angry"].tolist() == [9, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert counts.loc["fear", "sad"] == 5
    assert counts.loc["neutral"].sum() == 0


def test_voter_against_others(loaded):
    counts = ferplus.voter_against_others(loaded)
    assert counts.loc["angry"].tolist() == [9, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    # a neutral voter leaves 5 of 9 neutral, any other 6 of 9
    assert counts.loc["neutral"].tolist() == [0, 0, 0, 0, 1, 1, 6, 2, 0, 0]
    # whoever leaves the tie of 5 and 5 judges by the 5 of 9 on the other side
    assert counts.loc["sad", "fear"] == counts.loc["fear", "sad"] == 5
    assert counts.loc["no face", "no face"] == 10
    assert counts.to_numpy().sum() == 40


def test_contradicted(loaded):
    # angry is confirmed; sad has a neutral majority, happy one of "no face"; fear has none
    table = ferplus.contradicted(LABELS, loaded)
    assert table.loc["angry"].tolist() == [1, 0, 1, proportion(0, 1)]
    assert table.loc["sad"].tolist() == [1, 0, 0, proportion(1, 1)]
    assert table.loc["fear", "without_majority"] == 1
    assert np.isnan(table.loc["fear", "contradicted"].estimate)
    assert table.loc["all"].tolist() == [4, 1, 1, proportion(2, 3)]


def test_voter_shares():
    votes = np.zeros((3, 10), int)
    votes[:, 0], votes[:, 1] = (10, 5, 0), (0, 5, 10)
    shares = ferplus.voter_shares(np.array([0, 0, 1]), ferplus.Crowd(votes))
    assert shares.index.tolist() == ["angry"]  # one image of disgust has no interval
    assert shares.loc["angry", "angry"].estimate == 0.75
    assert shares.loc["angry", "angry"].high == 1  # Student's interval, cut
    assert shares.loc["angry", "fear"] == Interval(0, 0, 0)


def test_judge_and_sides(loaded):
    # majorities: angry (9 of 10), neutral (6), none, no face
    predictions = np.array([0, 6, 4, 6])
    judged = ferplus.judge(predictions, LABELS, loaded)
    assert judged["label"] == proportion(1, 4)
    assert judged["majority"] == proportion(2, 2)
    assert judged["clear"] == proportion(1, 1)
    assert judged["voter"].estimate == pytest.approx((0.9 + 0.1 + 0.5 + 0) / 4)
    assert ferplus.sides(predictions, LABELS, loaded) == {
        "mistakes": 3,
        "model": 1,
        "label": 0,
        "neither": 1,
        "undecided": 1,
    }


def test_confirmed_recall(loaded):
    # of the labels angry, sad, fear and happy the crowd confirms angry
    table = ferplus.confirmed_recall(np.array([0, 6, 2, 6]), LABELS, loaded)
    assert table.columns.tolist() == ["images", "recall", "confirmed", "recall_confirmed"]
    assert table.loc["sad"].tolist()[:3] == [1, proportion(0, 1), 0]
    assert table.loc["angry"].tolist() == [1, proportion(1, 1), 1, proportion(1, 1)]
    gap = table.loc["gap of fear"]
    assert (gap["images"], gap["confirmed"]) == (4, 1)
    assert gap["recall"] == independent_interval(1, 3, 1, 1)


def test_votes_of_some_images(loaded):
    assert loaded[np.array([3, 0])].majority.tolist() == [9, 0]


def test_beside_says_what_it_found(write, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ferplus, "LEAST_MATCH", 0.3)
    name = str(tmp_path)
    assert ferplus.beside(name, LABELS, SPLIT) is None
    assert "no fer2013new.csv" in capsys.readouterr().out
    write(HEADER, *ROWS)
    assert len(ferplus.beside(name, LABELS, SPLIT).votes) == 4
    assert ferplus.beside(name, LABELS[:3], SPLIT[:3]) is None
    assert "not used: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((HEADER, *ROWS[:3]), "3 rows of votes for 4 images"),
        ((HEADER.replace("contempt", "scorn"), *ROWS), "no column contempt"),
        ((HEADER, ROWS[0], *ROWS[2:], ROWS[1]), "row 2 is of PublicTest, the image of Training"),
        ((HEADER, *ROWS[:3], ROWS[3].replace("10", "ten")), "row 4 has no votes"),
        ((HEADER, *ROWS[:3], ROWS[3].replace("10", "-1")), "row 4 has no votes"),
        ((HEADER, *ROWS[:3], ROWS[3].replace("10", "0")), "row 4 has no votes"),
        ((), "not a readable CSV file"),
        ((HEADER, ROWS[1], ROWS[0], *ROWS[2:]), "another order"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(write, lines, message):
    path = write(*lines)
    with pytest.raises(DataError, match=message) as error:
        ferplus.load(path, LABELS, SPLIT)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_find_looks_beside_the_data(tmp_path, monkeypatch, write):
    monkeypatch.delenv("FER_DATA", raising=False)
    monkeypatch.setattr(ferplus, "data_dir", lambda: tmp_path)
    assert ferplus.find() is None
    path = write(HEADER)
    assert ferplus.find() == ferplus.find("fer2013") == path
    assert ferplus.find("drawn") is None
    assert ferplus.find(str(tmp_path)) == ferplus.find(str(tmp_path / "fer2013.csv")) == path
    monkeypatch.setenv("FER_DATA", str(tmp_path / "elsewhere" / "fer2013.csv"))
    assert ferplus.find() is None
    monkeypatch.setenv("FER_DATA", str(tmp_path / "fer2013.csv.gz"))
    assert ferplus.find() == path
