"""fer-predict on two portraits in the public domain, from scikit-image and matplotlib."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageFile

from fer_utils import predict
from fer_utils.fer2013 import CLASSES
from fer_utils.training import runs

HOPPER = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"


@pytest.fixture(scope="module")
def astronaut(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("portraits") / "astronaut.png"
    Image.fromarray(skimage.data.astronaut()).save(path)
    return path


@pytest.fixture(scope="module")
def network():
    config = predict.best_run()
    return runs.trained_model(config), config


def eyes_and_mouth_lie_within(box, points) -> bool:
    left, top, width, height = box
    return all(left < x < left + width and top < y < top + height for x, y in points)


def test_the_face_is_found_and_cropped(astronaut):
    (box,) = predict.detect(predict.read(astronaut))
    assert eyes_and_mouth_lie_within(box, [(207, 105), (246, 103), (228, 145)])
    assert 80 < box[2] < 130
    (box,) = predict.detect(predict.read(HOPPER))
    assert eyes_and_mouth_lie_within(box, [(215, 195), (300, 195), (265, 290)])
    (face,) = predict.crop(predict.read(HOPPER), box[None])
    assert face.shape == (48, 48)
    assert face.std() > 20


def test_a_broad_smile_is_happy(astronaut, network):
    found = predict.predict(astronaut, *network)
    assert CLASSES[found.probabilities[0].argmax()] == "happy"
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)


def test_a_picture_lying_on_its_side_is_turned_upright(astronaut, network, tmp_path):
    with Image.open(astronaut) as image:
        exif = Image.Exif()
        exif[0x0112] = 6  # "turn by 90 degrees clockwise to see it"
        image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "side.png", exif=exif)
    upright, turned = (predict.predict(p, *network) for p in (astronaut, tmp_path / "side.png"))
    np.testing.assert_array_equal(upright.faces, turned.faces)
    np.testing.assert_array_equal(upright.probabilities, turned.probabilities)


def test_faces_of_a_group_are_listed_from_the_left(astronaut, network, tmp_path):
    hopper, collins = predict.read(HOPPER)[:512], predict.read(astronaut)
    Image.fromarray(np.hstack([hopper, collins])).save(tmp_path / "two.png")
    found = predict.predict(tmp_path / "two.png", *network)
    assert found.boxes[:, 0].tolist() == sorted(found.boxes[:, 0])
    assert len(found.boxes) == 2
    alone = predict.predict(astronaut, *network).probabilities[0]
    np.testing.assert_allclose(found.probabilities[1], alone, atol=0.15)
    rows = predict.table({"two.png": found})
    assert rows["face"].tolist() == [1, 2]
    assert rows["answer"][1] == "happy"
    np.testing.assert_allclose(rows[list(CLASSES)].sum(axis=1), 1, atol=0.004)


def test_large_pictures_are_searched_at_a_bounded_size():
    picture = predict.read(HOPPER)
    large = np.asarray(Image.fromarray(picture).resize((2048, 2400)))
    (small_box,), (large_box,) = predict.detect(picture), predict.detect(large)
    np.testing.assert_allclose(large_box / 4, small_box, atol=30)


def test_command_prints_a_table_and_saves_pictures(astronaut, tmp_path, capsys):
    assert predict.main([str(astronaut), str(HOPPER), "--save", str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Network: {predict.best_run().name}"
    assert lines[1].split() == ["picture", "face", "answer", *CLASSES]
    assert [line.split()[0] for line in lines[2:]] == [str(astronaut), str(HOPPER)]
    saved = {path.name: np.asarray(Image.open(path)) for path in (tmp_path / "out").iterdir()}
    names = ("astronaut", "grace_hopper")
    assert set(saved) == {f"{name}-{kind}.png" for name in names for kind in ("faces", "saliency")}
    original, framed = predict.read(astronaut), saved["astronaut-faces.png"]
    (left, top, width, _), *_ = predict.detect(original)
    assert framed.shape == original.shape
    assert (framed[top, left : left + width] == (255, 255, 0)).all(), "the frame's upper side"
    assert (framed[: top // 2] == original[: top // 2]).all(), "the rest is as it was"


def test_a_folder_goes_on_after_a_picture_without_a_face(astronaut, tmp_path, capsys, monkeypatch):
    # WeasyPrint, if a test of the report came first in this process, has set it to True.
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
    (tmp_path / "a.png").write_bytes(astronaut.read_bytes())
    Image.new("RGB", (200, 200), "gray").save(tmp_path / "b.jpg")
    (tmp_path / "c.jpg").write_bytes(b"not a picture")
    (tmp_path / "d.png").write_bytes(astronaut.read_bytes()[:5000])
    (tmp_path / "notes.txt").write_text("left alone")
    assert predict.main([str(tmp_path), "--save", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr()
    assert [line.split()[0] for line in printed.out.splitlines()[2:]] == [str(tmp_path / "a.png")]
    errors = [line for line in printed.err.splitlines() if line.startswith(str(tmp_path))]
    assert [error.split(": ")[1] for error in errors] == [
        "no face found (expected one seen from the front, upright, at least 30 pixels and 1/40 of "
        "the picture wide)",
        "not a picture (expected JPEG, PNG or the like)",
        "the picture can't be read",
    ]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "a-faces.png",
        "a-saliency.png",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.jpg"], "missing.jpg: there is no such file"),
        (["empty"], "empty: no picture in this folder"),
        (["one", "two", "--save", "out"], "several pictures are called x: save them one at a time"),
        (["one", "--run", "model9"], "no finished run with weights is called model9; there are: "),
    ],
)
def test_one_line_errors(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    for folder in ("one", "two"):
        Path(folder).mkdir()
        Image.new("L", (60, 60)).save(f"{folder}/x.png")
    assert predict.main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1
    assert not Path("out").exists()


def test_without_a_finished_run_the_error_says_how_to_train_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FER_RUNS", str(tmp_path))
    assert predict.main([str(HOPPER)]) == 1
    assert "python -m fer_utils.training.campaign model1" in capsys.readouterr().err
