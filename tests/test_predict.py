"""fer-predict, on two portraits in the public domain, from scikit-image and matplotlib."""

import json
import os
import sys
from functools import cache
from io import StringIO
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pandas as pd
import pytest
import skimage.data
from PIL import Image, ImageFile

from fer_utils import predict
from fer_utils.fer2013 import CLASSES
from fer_utils.files import ROOT
from fer_utils.predict import command, networks, pictures, saving
from fer_utils.predict.expressions import COLUMNS, UNSURE
from fer_utils.training import experiments

HOPPER = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
PORTRAIT = skimage.data.astronaut()
FACE = (228, 122)  # x, y of the middle of her face


@pytest.fixture(autouse=True)
def strict_pillow(monkeypatch):
    # WeasyPrint, if a test of the report came first in this process, has set it to True.
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)


KEPT = cache(networks._network)


@pytest.fixture(autouse=True)
def networks_are_loaded_once(monkeypatch):
    monkeypatch.setattr(networks, "_network", KEPT)


@pytest.fixture
def network():
    return predict.best_network()


def save(picture: np.ndarray, path: Path, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, **options)
    return path


def sideways(path: Path) -> Path:
    """A picture lying on its side, whose EXIF says so."""
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees clockwise to see it"
    image = Image.fromarray(PORTRAIT).transpose(Image.Transpose.ROTATE_90)
    image.save(path, exif=exif)
    return path


def sixteen_bit(path: Path) -> Path:
    grey = cv2.cvtColor(PORTRAIT, cv2.COLOR_RGB2GRAY).astype(np.uint16)
    return save(grey * 257, path)


def transparent(path: Path) -> Path:
    return save(np.dstack([PORTRAIT, np.full(PORTRAIT.shape[:2], 255, np.uint8)]), path)


def film(path: Path) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (512, 512))
    for shift in range(11):
        writer.write(cv2.cvtColor(np.roll(PORTRAIT, 3 * shift, axis=1), cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def small_portrait(path: Path) -> Path:
    return save(np.asarray(Image.fromarray(PORTRAIT[40:220, 140:320]).resize((60, 60))), path)


def of_bytes(content: bytes):
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


def of_array(picture: np.ndarray):
    return lambda path: save(picture, path)


def turned(degrees: int):
    return of_array(np.asarray(Image.fromarray(PORTRAIT).rotate(degrees)))


HEIC = b"\0\0\0\x20ftypheic" + bytes(40)
FLAT = np.full((48, 48), 128, np.uint8)

#: One input a row: file name, how it is made, what the table says of it: found, answer; stderr.
INPUTS = [
    ("upright.png", of_array(PORTRAIT), "face", "happy", ""),
    ("upright.jpg", of_array(PORTRAIT), "face", "happy", ""),
    ("upright.webp", of_array(PORTRAIT), "face", "happy", ""),
    ("upright.bmp", of_array(PORTRAIT), "face", "happy", ""),
    ("UPPER.JPEG", of_array(PORTRAIT), "face", "happy", ""),
    ("sideways_exif.jpg", sideways, "face", "happy", ""),
    ("tilted_25.png", turned(25), "face", "happy", ""),
    ("tilted_minus_25.png", turned(-25), "face", "happy", ""),
    ("quarter_turn.png", turned(90), "face", "happy", ""),
    ("half_turn.png", turned(180), "face", "happy", ""),
    ("three_quarters.png", turned(270), "face", "happy", ""),
    ("sixteen_bit.png", sixteen_bit, "face", "happy", ""),
    ("transparent.png", transparent, "face", "happy", ""),
    ("sixty_pixels.png", small_portrait, "face", "happy", ""),
    ("cut_out.png", of_array(FLAT), "whole picture", UNSURE, ""),
    ("line\nbreak.png", of_array(PORTRAIT), "face", "happy", ""),
    ("臉.png", of_array(PORTRAIT), "face", "happy", ""),
    ("x" * 236 + ".png", of_array(PORTRAIT), "face", "happy", ""),
    (os.fsdecode(b"caf\xe9.png"), of_array(PORTRAIT), "face", "happy", ""),
    ("wall.png", of_array(np.full((200, 600), 90, np.uint8)), "no face", None, "no face found"),
    ("brick.png", of_array(skimage.data.brick()), "no face", None, "no face found"),
    ("text.jpg", of_bytes(b"not a picture"), "not read", None, "not a picture (expected JPEG,"),
    ("empty.png", of_bytes(b""), "not read", None, "not a picture (expected JPEG,"),
    ("renamed.jpg", of_bytes(HEIC), "not read", None, "a HEIC picture: convert it first"),
    ("half.png", None, "not read", None, "the picture can't be read: "),
    ("absent.png", lambda path: path, "not read", None, "there is no such file"),
    ("absent.mp4", lambda path: path, "not read", None, "there is no such file"),
    ("text.mp4", of_bytes(b"not a film"), "not read", None, "not a film that OpenCV can read"),
]


def half(path: Path) -> Path:
    save(PORTRAIT, path)
    path.write_bytes(path.read_bytes()[:5000])
    return path


def said(printed: str) -> tuple[list[str], list[str]]:
    """What stderr says of single files, and of the network, with csv and json."""
    lines = printed.splitlines()
    return lines[:-3], lines[-3:]


@pytest.mark.parametrize(
    ("name", "make", "found", "answer", "error"),
    INPUTS,
    ids=[ascii(row[0])[1:30] for row in INPUTS],
)
def test_every_input_has_its_row(name, make, found, answer, error, tmp_path, capsys):
    path = (make or half)(tmp_path / name)
    status = command.main([str(path), "--format", "json"])
    printed = capsys.readouterr()
    (row,) = json.loads(printed.out)
    assert row["picture"] == pictures.shown(path)
    assert "\n" not in row["picture"]
    assert (row["found"], row["answer"]) == (found, answer)
    assert status == bool(error)
    wrong, about = said(printed.err)
    assert len(wrong) == bool(error)
    assert error in "".join(wrong)
    assert about[0].startswith(f"Network: {row['run']} (")
    assert "does not carry over" in about[2]
    if answer == "happy":
        assert row["likeliest"] == "happy"
        assert sum(row[cls] for cls in CLASSES) == pytest.approx(1, abs=0.001)
        assert row["run"] == predict.best_network().name


@pytest.mark.parametrize(
    ("turn", "x", "y"),
    [(0, *FACE), (1, FACE[1], 512 - FACE[0]), (2, 512 - FACE[0], 512 - FACE[1])],
)
def test_the_box_lies_on_the_face_however_the_picture_lies(turn, x, y, network):
    (row,) = predict.read_expressions([np.rot90(PORTRAIT, turn)], network).to_dict("records")
    assert row["left"] + row["width"] / 2 == pytest.approx(x, abs=15)
    assert row["top"] + row["height"] / 2 == pytest.approx(y, abs=15)
    assert 70 < row["width"] < 130
    assert abs((row["turned"] + 90 * turn + 180) % 360 - 180) < 15


def test_faces_of_a_group_are_listed_from_the_left(network):
    hopper = pictures.read(HOPPER)[:512]
    frame = predict.read_expressions([np.hstack([hopper, PORTRAIT])], network, names=["two"])
    assert frame["face"].tolist() == [1, 2]
    assert frame["left"].is_monotonic_increasing
    assert frame["answer"][1] == "happy"


@pytest.mark.parametrize(
    "convert",
    [
        lambda picture: picture,
        lambda picture: picture.astype(np.uint16) * 257,
        lambda picture: picture / 255,
        lambda picture: np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]),
    ],
    ids=["uint8", "uint16", "float", "alpha"],
)
def test_arrays_of_every_kind_give_the_same_row(convert, network):
    expected = predict.read_expressions([PORTRAIT], network)
    found = predict.read_expressions([convert(PORTRAIT)], network)
    assert list(found) == [column for column in COLUMNS if column != "time"]
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((9, 9), 300.0), "not within 0 to 1"),
        (np.zeros((9, 9, 5), np.uint8), r"shape \(9, 9, 5\)"),
        (np.zeros((0, 9), np.uint8), r"shape \(0, 9\)"),
    ],
)
def test_arrays_that_are_no_picture_are_refused(array, message, network):
    with pytest.raises(ValueError, match=message):
        predict.read_expressions([array], network)


def test_cropped_pictures_are_not_searched(network):
    face = np.asarray(Image.fromarray(PORTRAIT[60:180, 165:285]))
    frame = predict.read_expressions([face, PORTRAIT], network, cropped=True)
    assert frame["found"].tolist() == ["whole picture"] * 2
    assert frame["answer"][0] == "happy"
    assert frame[["left", "top", "width", "height"]].iloc[1].tolist() == [0, 0, 512, 512]


def test_many_pictures_at_once_give_what_each_gives_alone(network):
    crops = [np.roll(PORTRAIT[60:180, 165:285], shift, axis=0) for shift in range(70)]
    together = predict.read_expressions(crops, network, cropped=True)
    alone = predict.read_expressions(crops[66:67], network, cropped=True)
    np.testing.assert_allclose(
        together[list(CLASSES)].iloc[66], alone[list(CLASSES)].iloc[0], atol=2e-4
    )


def test_a_face_and_its_mirror_image_have_the_same_prediction(network):
    crops = np.stack([cv2.resize(PORTRAIT[60:180, 165:285, 0], (48, 48)), FLAT])
    found = network.probabilities(crops)
    np.testing.assert_allclose(network.probabilities(crops[:, :, ::-1]), found, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_below_its_threshold_a_network_is_unsure(network):
    frame = predict.read_expressions([FLAT], network)
    assert frame["answer"][0] == UNSURE
    assert frame["likeliest"][0] in CLASSES
    assert frame[list(CLASSES)].to_numpy().max() < network.confidence_threshold < 1


def test_a_film_has_a_row_for_each_time(tmp_path, capsys):
    path = film(tmp_path / "clip.mp4")
    out = tmp_path / "out"
    assert command.main([str(path), "--every", "0.5", "--format", "csv", "--save", str(out)]) == 0
    frame = pd.read_csv(StringIO(capsys.readouterr().out))
    assert frame["time"].tolist() == [0, 0.5, 1]
    assert (frame["answer"] == "happy").all()
    assert frame["left"].is_monotonic_increasing
    assert [file.name for file in out.iterdir()] == ["clip.mp4-expressions.png"]
    assert pictures.is_own(out / "clip.mp4-expressions.png")


def test_the_table_names_network_accuracy_threshold_and_what_it_is_not_good_for(tmp_path, capsys):
    path = save(PORTRAIT, tmp_path / "me.png")
    assert command.main([str(path)]) == 0
    first, second, third, head, *rows = capsys.readouterr().out.splitlines()
    network = predict.best_network()
    assert first.startswith(
        f"Network: {network.name} (accuracy {network.accuracy:.1%} on "
        f"{network.validation_images:,} validation images"
    )
    assert f"{network.confidence_threshold:.2f}" in second
    assert "does not carry over" in third
    assert head.split() == ["picture", "face", "found", "answer", *CLASSES, "score", "box"]
    assert [row.split()[0] for row in rows] == [str(path)]


def test_csv_and_json_have_the_same_columns(tmp_path, capsys):
    arguments = [str(save(PORTRAIT, tmp_path / "me.png")), str(tmp_path / "absent.png")]
    assert command.main([*arguments, "--format", "csv"]) == 1
    frame = pd.read_csv(StringIO(capsys.readouterr().out))
    assert command.main([*arguments, "--format", "json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [list(row) for row in rows] == [list(frame)] * 2
    assert frame["found"].tolist() == ["face", "not read"]
    assert (frame["run_accuracy"].round(4) == round(predict.best_network().accuracy, 4)).all()


@pytest.fixture
def album(tmp_path, monkeypatch) -> Path:
    """A folder with sub-folders, in which two pictures have one name."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "album"
    save(PORTRAIT, folder / "me.png")
    save(PORTRAIT, folder / "me.jpg")
    save(PORTRAIT, folder / "spain" / "me.png")
    (folder / "note.txt").write_text("left alone")
    (folder / "raw.HEIC").write_bytes(HEIC)
    (folder / ".hidden.png").write_bytes(b"")
    return folder


def test_files_left_out_are_counted_by_kind(album, capsys):
    assert command.main([str(album)]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("left out: 1 .heic, 1 .txt, 1 folder, 1 hidden; HEIC: convert it first")


def test_saved_pictures_keep_folders_and_suffixes_and_are_never_inputs(album, capsys):
    arguments = [str(album), "--recursive", "--save", str(album)]
    assert command.main(arguments) == 0
    first = capsys.readouterr()
    made = {str(p.relative_to(album)) for p in album.rglob("*-*.png")}
    names = ("me.png", "me.jpg", "spain/me.png")
    assert made == {f"{name}-{kind}.png" for name in names for kind in ("faces", "saliency")}
    assert command.main(arguments) == 0
    again = capsys.readouterr()
    assert again.out == first.out
    assert "6 written by fer-predict" in again.err
    assert command.main([str(album / "me.png-faces.png")]) == 1
    assert "1 written by fer-predict" in capsys.readouterr().err


def test_the_saved_picture_is_framed_and_otherwise_as_it_was(tmp_path):
    path = save(PORTRAIT, tmp_path / "me.png")
    assert command.main([str(path), "--save", str(tmp_path / "out")]) == 0
    framed = np.asarray(Image.open(tmp_path / "out" / "me.png-faces.png"))
    assert framed.shape == PORTRAIT.shape
    assert 300 < (framed == (255, 255, 0)).all(axis=2).sum() < 3000, "the frame"
    assert (framed[250:] == PORTRAIT[250:]).all(), "the rest is as it was"


def test_what_fer_predict_did_not_write_is_never_replaced(tmp_path, capsys):
    path = save(PORTRAIT, tmp_path / "me.png")
    mine = save(FLAT, tmp_path / "me.png-faces.png")
    before = mine.read_bytes()
    assert command.main([str(path), "--save", str(tmp_path), "--format", "csv"]) == 1
    printed = capsys.readouterr()
    assert mine.read_bytes() == before
    assert f"{mine}: not written by fer-predict and so not replaced" in printed.err
    assert "happy" in printed.out


@pytest.mark.parametrize("kind", ["a file", "below a file", "not writable"])
def test_an_unwritable_folder_costs_no_row(kind, tmp_path, monkeypatch, capsys):
    path = save(PORTRAIT, tmp_path / "me.png")
    out = tmp_path / "out"
    if kind == "not writable":
        out.mkdir()
        monkeypatch.setattr(Path, "mkdir", refuse_below(out))
    else:
        out.write_text("a file")
        out = out / "deeper" if kind == "below a file" else out
    assert command.main([str(path), "--save", str(out), "--format", "csv"]) == 1
    printed = capsys.readouterr()
    assert "happy" in printed.out
    ((line,), _) = said(printed.err)
    assert line.startswith(f"{out / 'me.png-faces.png'}: not saved (")


def refuse_below(folder: Path):
    def mkdir(self, *arguments, **options):
        raise PermissionError(13, "Permission denied", str(folder))

    return mkdir


def test_long_names_are_cut_and_stay_apart(tmp_path):
    folder = tmp_path / "out"
    names = [Path("臉" * 80 + letter + ".png") for letter in "ab"]
    made = [saving.target(folder, name, names, "faces") for name in names]
    assert len(set(made)) == 2
    assert all(len(os.fsencode(path.name)) <= 255 for path in made)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["empty"], "no picture or film to read"),
        (["one", "--run", "model9"], "no finished run with weights is called model9; there are: "),
    ],
)
def test_one_line_errors(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    save(FLAT, Path("one/x.png"))
    assert command.main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1


def test_a_reader_that_goes_before_the_end_is_no_traceback(tmp_path, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert command.main([str(save(FLAT, tmp_path / "x.png")), "--format", "csv"]) == 1


def test_an_interrupt_is_no_traceback(tmp_path, monkeypatch, capsys):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "find_faces", interrupted)
    assert command.main([str(save(FLAT, tmp_path / "x.png"))]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("every", ["0", "-1", "inf", "nan", "often"])
def test_seconds_between_pictures_must_be_positive(every, capsys):
    with pytest.raises(SystemExit):
        command.main(["clip.mp4", "--every", every])
    assert "--every" in capsys.readouterr().err


def test_without_a_finished_run_the_error_says_how_to_train_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FER_RUNS", str(tmp_path))
    assert command.main([str(HOPPER)]) == 1
    assert "python -m fer_utils.training model1" in capsys.readouterr().err


def test_the_most_accurate_quick_network_predicts(monkeypatch):
    best = predict.best_network()
    assert f"today `{best.name}`" in (ROOT / "README.md").read_text(encoding="utf-8")
    others = [n for n in networks.finished().values() if n.milliseconds is not None]
    assert best.accuracy == max(n.accuracy for n in others if n.milliseconds <= networks.QUICK)
    monkeypatch.setattr(networks, "QUICK", best.milliseconds / 2)
    quicker = predict.best_network()
    assert quicker.milliseconds <= best.milliseconds / 2
    assert quicker.accuracy <= best.accuracy


def test_every_network_that_may_predict_has_a_speed_and_a_threshold():
    summary = json.loads((ROOT / "runs" / "summary.json").read_text(encoding="utf-8"))
    assert 0.3 < summary[predict.best_network().name]["confidence_threshold"] < 1
    reference = {c.name for c in experiments.all_experiments("reference") if c.keep_weights}
    finished = {name for name in reference if (ROOT / "runs" / name).exists()}
    assert "model2-distilled" in finished
    assert finished <= set(networks._speeds())
