"""FER+'s votes, and what is wrong with a file of them."""

import numpy as np
import pytest

from fer_utils.data import dataset, ferplus
from fer_utils.data.formats import DataError

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
    assert ferplus.VOTE_CLASSES[:7] == (
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


def test_votes_of_some_images(loaded):
    assert loaded[np.array([3, 0])].majority.tolist() == [9, 0]


def test_beside_says_what_it_found(write, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ferplus, "LEAST_MATCH", 0.3)
    name = str(tmp_path)
    (tmp_path / "fer2013.csv").write_text("emotion,pixels,Usage\n")
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


def test_find_looks_beside_the_data_wherever_they_are(tmp_path, monkeypatch, write):
    monkeypatch.delenv("FER_DATA", raising=False)
    monkeypatch.setattr(dataset, "data_dir", lambda: tmp_path)
    csv = tmp_path / "set" / "archive" / "fer2013.csv"
    csv.parent.mkdir(parents=True)
    csv.write_text("emotion,pixels,Usage\n")
    assert ferplus.find() is None
    path = write(HEADER)  # in a folder above, but not above the one that is searched
    assert ferplus.find() == ferplus.find("fer2013") == path
    assert ferplus.find("drawn") is None
    assert ferplus.find(str(csv)) is None
    monkeypatch.setenv("FER_DATA", str(csv.parent.parent))
    assert ferplus.find() is None
    path = path.rename(csv.parent / ferplus.FILE)
    assert ferplus.find() == ferplus.find(str(csv)) == path
