"""From a phone's pictures to a network of one's own, on drawn faces rendered large."""

from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fer_utils.data import dataset
from fer_utils.data.drawn import faces
from fer_utils.fer2013 import CLASSES, PUBLIC, SIZE, TRAINING
from fer_utils.predict import command, networks, training_data
from fer_utils.training import experiments, train_run

OF_EACH = 8


def photograph(index: int, expression: int) -> Image.Image:
    """A drawn face, 200 pixels wide, in a grey room."""
    face = Image.fromarray(faces.draw(index, 0, expression).image).resize((200, 200))
    room = Image.new("RGB", (480, 360), (150, 140, 130))
    room.paste(face, (100 + 20 * expression, 80))
    return room


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pictures") / "my photos"
    for label, name in enumerate(CLASSES):
        (folder / name.capitalize()).mkdir(parents=True)
        for number in range(OF_EACH):
            picture = photograph(100 * label + number, label)
            picture.save(folder / name.capitalize() / f"IMG_{number}.jpg", quality=95)
    photograph(3, 3).save(folder / "nowhere.jpg")
    wall = folder / "Sad" / "wall.jpg"
    Image.new("RGB", (480, 360), "gray").save(wall)
    (folder / "Sad" / "broken.png").write_bytes(b"no picture")
    (folder / "Sad" / "again.jpg").write_bytes((folder / "Sad" / "IMG_1.jpg").read_bytes())
    two = Image.new("RGB", (960, 360))
    two.paste(photograph(1, 3), (0, 0))
    two.paste(photograph(2, 3), (480, 0))
    two.save(folder / "Happy" / "two.jpg")
    return folder


@pytest.fixture(scope="module")
def made(photos) -> Path:
    folder = photos.with_name("my faces")
    assert training_data.main([str(photos), str(folder)]) == 0
    return folder


def test_faces_are_cut_out_into_the_folder_form(made, tmp_path, monkeypatch):
    monkeypatch.setenv("FER_CACHE", str(tmp_path))
    data = dataset.load(str(made / "faces"))
    assert data.images.shape == (7 * OF_EACH, SIZE, SIZE)
    counts = pd.crosstab(data.labels, data.split)
    assert counts[TRAINING].tolist() == [OF_EACH - 1] * 7
    assert counts[PUBLIC].tolist() == [1] * 7
    drawn = {f.tobytes() for f in (faces.draw(100 * k, 0, k).image for k in range(7))}
    alike = max(
        np.corrcoef(np.frombuffer(one, np.uint8), image.ravel())[0, 1]
        for one in drawn
        for image in data.images
    )
    assert alike > 0.8, "the crop shows what was drawn, framed alike"


def test_everything_left_out_is_listed_with_its_reason(made, photos):
    left_out = pd.read_csv(made / "left_out.csv").set_index("picture")["reason"]
    named = {str(Path(name).relative_to(photos)): reason for name, reason in left_out.items()}
    assert named.pop("nowhere.jpg").startswith("not in a folder of a class")
    assert named.pop("Happy/two.jpg") == "2 faces found, expected one"
    assert named.pop("Sad/wall.jpg") == "no faces found, expected one"
    assert named.pop("Sad/broken.png").startswith("not a picture")
    assert named.popitem()[1].startswith("the same face as in ")
    assert not named


def test_each_face_is_traced_to_its_picture_and_all_are_on_the_contact_sheet(made, photos):
    table = pd.read_csv(made / "faces.csv")
    assert len(table) == 7 * OF_EACH
    assert all((made / name).is_file() for name in table["face"])
    assert all(Path(name).is_relative_to(photos) for name in table["picture"])
    for face, picture in zip(table["face"], table["picture"], strict=True):
        assert Path(face).parent.name == Path(picture).parent.name.lower()
    sheet = np.asarray(Image.open(made / "contact_sheet.png"))
    step = SIZE + 2
    assert sheet.shape == (7 * (16 + step), training_data.COLUMNS * step)
    first = [np.asarray(Image.open(made / name)) for name in table["face"] if "/angry/" in name]
    shown = [sheet[16 : 16 + SIZE, step * k : step * k + SIZE] for k in range(OF_EACH)]
    assert {image.tobytes() for image in first} == {image.tobytes() for image in shown}


def test_folders_that_name_splits_keep_them(photos, tmp_path):
    for split in ("Training", "val", "test"):
        (tmp_path / "in" / split / "happy").mkdir(parents=True)
        photograph(len(split), 3).save(tmp_path / "in" / split / "happy" / "a.png")
    assert training_data.main([str(tmp_path / "in")]) == 0
    found = sorted(p.parts[-3] for p in (tmp_path / "in-faces" / "faces").rglob("*.png"))
    assert found == ["test", "train", "validation"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent"], "absent: no such folder"),
        (["empty"], "empty: no picture in it"),
        (["full", "there"], "there is there already: remove it, or name another with TO="),
    ],
)
def test_one_line_errors(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "full/happy", "there"):
        Path(name).mkdir(parents=True)
    photograph(0, 3).save("full/happy/a.png")
    assert training_data.main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(message)
    assert not list(Path("there").iterdir())


def test_the_summary_says_what_is_missing_to_train(tmp_path, capsys):
    (tmp_path / "in" / "happy").mkdir(parents=True)
    photograph(0, 3).save(tmp_path / "in" / "happy" / "a.png")
    assert training_data.main([str(tmp_path / "in")]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("to train, at least 6 faces in train/ are wanted of: angry, disgust,")


def test_a_network_trained_on_them_predicts(made, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FER_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("FER_DATA", str(made / "faces"))
    config = experiments.model("model2", profile="tiny", dataset="fer2013", seed=0)
    train_run.get(config, dataset.load())
    picture = photos / "Happy" / "IMG_0.jpg"
    capsys.readouterr()
    assert command.main([str(picture), "--run", config.name, "--format", "csv"]) == 0
    (row,) = pd.read_csv(StringIO(capsys.readouterr().out)).to_dict("records")
    assert (row["picture"], row["found"], row["run"]) == (str(picture), "face", config.name)
    network = networks.network(config.name)
    assert 0 < network.confidence_threshold <= 1, "from the validation set of one's own"
    assert f"on {network.validation_images} validation images" in str(network)
    monkeypatch.setenv("FER_DATA", str(photos))
    assert command.main([str(picture), "--run", config.name]) == 0
    assert "unless FER_DATA names the data that it was trained on" in capsys.readouterr().out
