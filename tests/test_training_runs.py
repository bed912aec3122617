"""Finished runs: trained once, loaded afterwards, and never mistaken for another."""

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fer_utils import files
from fer_utils.data.dataset import Dataset, load
from fer_utils.data.drawn import faces
from fer_utils.data.transforms import TRANSFORMS, Transform, normalise
from fer_utils.training import experiments, loop, runs, train_run
from fer_utils.training.config import Config, ConfigError, Phase
from fer_utils.training.examples import prepare
from fer_utils.training.predictions import part_rows, scores
from fer_utils.training.progress import hours

CONFIG = experiments.model("model1", profile="tiny", dataset="drawn", seed=0)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    images, labels, split = faces.dataset(sizes=(120, 30, 20))
    return Dataset("drawn", "a few drawn faces", images, labels, split)


@pytest.fixture(scope="module")
def finished(dataset, tmp_path_factory):
    """A trained run, in folders that stay the module's own; whoever trains it again gets what this
    training gave, without its steps (that they give the same bits: test_training_loop).
    """
    trained = []

    def train(*arguments, **options):
        trained.append(trained[0] if trained else once(*arguments, **options))
        return trained[-1]

    with pytest.MonkeyPatch.context() as patch:
        once = loop.train
        patch.setattr(loop, "train", train)
        patch.setenv("FER_RUNS", str(tmp_path_factory.mktemp("runs")))
        patch.setenv("FER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield train_run.get(CONFIG, dataset)


def test_folder_holds_what_it_should(finished):
    names = {path.name for path in finished.folder.iterdir()}
    figures = {"metrics.json", "logits.npz", "weights.npz"}
    assert names == {"config.json", "history.csv"} | figures
    assert len(finished.history) == 3
    assert finished.history["step"].tolist() == [2, 4, 6]
    assert not list(finished.folder.parent.glob(".*.tmp")), "nothing half-written is left"


def test_metrics_are_those_of_the_logits(finished, dataset):
    rows = part_rows(dataset)
    assert set(finished.metrics) == set(rows) == {"held_out", "public", "private"}
    for part, found in finished.metrics.items():
        predictions = finished.logits[part].argmax(axis=1)
        labels = dataset.labels[rows[part]]
        assert found["n"] == len(labels)
        assert found["accuracy"] == np.mean(predictions == labels)
        assert np.sum(found["confusion"]) == len(labels)
        assert found["confusion"][labels[0]][predictions[0]] > 0


def test_weights_give_the_logits_again(finished, dataset):
    from fer_utils.inference import predictor

    rows = part_rows(dataset)["public"]
    again = predictor(finished.model())(normalise(dataset.images[rows], True))
    np.testing.assert_allclose(again, finished.logits["public"], atol=0.01)


def test_finished_run_is_loaded_not_trained(finished, dataset, monkeypatch):
    monkeypatch.setattr(train_run, "train_and_write", lambda *_: pytest.fail("trained again"))
    assert train_run.get(CONFIG, dataset).metrics == finished.metrics


def test_run_whose_history_is_cut_in_half_is_trained_again_to_the_same_metrics(
    finished, dataset, capsys
):
    before = json.loads((finished.folder / "metrics.json").read_text())
    history = finished.folder / "history.csv"
    history.write_text("".join(history.read_text().splitlines(keepends=True)[:2]))
    assert train_run.get(CONFIG, dataset).metrics == before
    said = capsys.readouterr().out.splitlines()[0]
    absent = f"{CONFIG.name} counts as absent"
    assert said == f"{history}: not as it was when the run was written; {absent}"
    assert len(pd.read_csv(history)) == 3


def as_reference(finished, name: str, dataset: str):
    """A copy of the run under the name of a reference run: its config."""
    reference = replace(CONFIG, name=name, dataset=dataset)
    folder = runs.folder_of(reference)
    shutil.copytree(finished.folder, folder)
    with_json(folder / "config.json", lambda saved: saved.update(config=reference.to_dict()))
    return reference


def with_json(path, change) -> None:
    """Change what a JSON file holds."""
    saved = json.loads(path.read_text())
    change(saved)
    path.write_text(json.dumps(saved))


def with_arrays(path, change) -> None:
    """Change what an .npz file holds."""
    with np.load(path) as arrays:
        changed = dict(arrays)
    change(changed)
    np.savez_compressed(path, **changed)


def flip_a_bit(path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)


def without_a_row(path, number: int) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:number] + lines[number + 1 :]))


# Every file but config.json is checked against the digest in it, so one kind of change is enough.
DAMAGE = {
    "config.json": [
        lambda path: path.unlink(),
        lambda path: path.write_text("{"),
        lambda path: path.write_text("[]"),
        lambda path: with_json(path, lambda saved: saved["config"].pop("widths")),
        lambda path: with_json(path, lambda saved: saved["config"]["phases"][0].pop("steps")),
        lambda path: with_json(path, lambda saved: saved["made"].pop("parameters")),
        lambda path: with_json(path, lambda saved: saved.update(made=None)),
    ],
    "history.csv": [
        lambda path: path.unlink(),
        lambda path: path.write_text(""),
        lambda path: without_a_row(path, 3),
        lambda path: path.write_text(path.read_text().replace(",0.", ",0.1", 1)),
    ],
    "logits.npz": [
        lambda path: path.unlink(),
        flip_a_bit,
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: with_arrays(path, lambda arrays: arrays.update(public=2 * arrays["public"])),
    ],
    "metrics.json": [
        lambda path: path.unlink(),
        lambda path: path.write_text("1"),
        lambda path: with_json(path, lambda saved: saved["public"].update(accuracy=0.99)),
    ],
    "weights.npz": [
        lambda path: path.unlink(),
        flip_a_bit,
        lambda path: with_arrays(path, lambda arrays: arrays["w0"].fill(0)),
    ],
}
EACH_DAMAGE = [(name, damage) for name, damages in DAMAGE.items() for damage in damages]


@pytest.mark.parametrize(("name", "damage"), EACH_DAMAGE)
def test_damage_is_named_and_a_run_of_this_machine_counts_as_absent(
    finished, dataset, tmp_path, monkeypatch, capsys, name, damage
):
    monkeypatch.setenv("FER_RUNS", str(tmp_path))
    reference = as_reference(finished, "drawn/model1", "drawn")
    shutil.copytree(finished.folder, local := runs.folder_of(CONFIG))
    damage(local / name)
    assert runs.find(CONFIG, dataset) is None
    said = capsys.readouterr().out
    assert said.startswith(f"{local / name}: ")
    assert said.endswith(f"; {CONFIG.name} counts as absent\n")
    assert said.count("\n") == 1
    damage(runs.folder_of(reference) / name)
    with pytest.raises(runs.DamagedRun) as caught:  # noqa: PT012 - who reads the file, names it
        runs.find(reference, dataset)
        runs.trained_model(reference)
    folder = runs.folder_of(reference)
    assert str(caught.value).startswith(f"{folder / name}: ")
    assert str(caught.value).endswith(f"; delete {folder}, and the run is trained again")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("brightness", [None, [1, 2, 3], "x"])
def test_damaged_brightness_is_named(finished, dataset, tmp_path, monkeypatch, brightness):
    """By it a reference run on the drawn faces is known to be of these drawings."""
    monkeypatch.setenv("FER_RUNS", str(tmp_path))
    reference = as_reference(finished, "drawn/model1", "drawn")
    path = tmp_path / "drawn" / "model1" / "config.json"
    with_json(path, lambda saved: saved["made"].update(brightness=brightness))
    with pytest.raises(runs.DamagedRun, match=r"config\.json: a field is missing or wrong"):
        runs.find(reference, dataset)


def test_a_file_in_place_of_a_run_gives_way_to_it(finished, dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("FER_RUNS", str(tmp_path))
    folder = runs.folder_of(CONFIG)
    folder.parent.mkdir()
    folder.write_text("no folder")
    assert runs.find(CONFIG, dataset) is None
    with files.replacing(folder) as temporary:
        shutil.copytree(finished.folder, temporary)
    assert runs.find(CONFIG, dataset).metrics == finished.metrics


def test_damage_of_a_committed_run_names_the_cure(finished, dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("FER_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(runs, "ROOT", tmp_path)
    reference = as_reference(finished, "drawn/model1", "drawn")
    (tmp_path / "runs" / "drawn" / "model1" / "logits.npz").unlink()
    with pytest.raises(
        runs.DamagedRun, match=r"; `git checkout -- runs/drawn/model1` restores it$"
    ):
        runs.find(reference, dataset)


def shipped_config(name: str, dataset: str):
    """The config of a run that the project ships."""
    configs = experiments.all_experiments("reference", dataset)
    return next(config for config in configs if config.name == name)


def folder_contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_shipped_run_is_never_overwritten(finished, dataset, tmp_path, monkeypatch):
    """Neither by a run with another config, nor by the same on other data."""
    monkeypatch.setenv("FER_RUNS", str(tmp_path))
    shipped = shipped_config("drawn/model1", "drawn")
    folder = runs.folder_of(shipped)
    shutil.copytree(finished.folder, folder)
    with_json(folder / "config.json", lambda saved: saved.update(config=shipped.to_dict()))
    before = folder_contents(folder)
    changed = replace(shipped, phases=(Phase("sgd", 0.1, 1),))
    with pytest.raises(train_run.ShippedRun) as caught:
        train_run.get(changed, dataset)
    assert str(caught.value) == (
        "drawn/model1 is a shipped run with another config; name yours otherwise: "
        'replace(config, name="my-model1")'
    )
    other = replace(dataset, labels=(dataset.labels + 1) % 7)
    with pytest.raises(train_run.ShippedRun, match="made on other data; name yours otherwise"):
        train_run.get(shipped, other)
    assert folder_contents(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["drawn"]


def test_what_the_project_does_not_ship_is_local_whatever_its_name():
    for name in ("mine", "model3", "model2-s1", "drawn-model2", "tiny-drawn-model1"):
        folder = runs.folder_of(replace(CONFIG, name=name))
        assert folder.parts[-2:] == ("local", name)


def test_a_shipped_run_with_a_changed_config_names_the_cure(
    finished, dataset, tmp_path, monkeypatch
):
    monkeypatch.setenv("FER_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(runs, "ROOT", tmp_path)
    shipped = shipped_config("drawn/model1", "drawn")
    shutil.copytree(finished.folder, runs.folder_of(shipped))
    message = (
        r"drawn/model1/config\.json: not the config of the shipped run; "
        r"`git checkout -- runs/drawn/model1` restores it$"
    )
    with pytest.raises(runs.DamagedRun, match=message):
        runs.find(shipped, dataset)


def test_a_changed_set_of_transforms_trains_again(finished, dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("FER_RUNS", str(tmp_path))
    mine = replace(CONFIG, name="mine", transforms="mine")
    with pytest.raises(ConfigError, match=r"^transforms = 'mine': expected one of 'x1', .*"):
        train_run.get(mine, dataset)
    monkeypatch.setitem(TRANSFORMS, "mine", (Transform(), Transform(right=2)))
    first = train_run.get(mine, dataset)
    assert first.folder.parts[-2:] == ("local", "mine")
    assert runs.find(mine, dataset)
    monkeypatch.setitem(TRANSFORMS, "mine", (Transform(), Transform(right=3)))
    assert runs.find(mine, dataset) is None
    train_run.get(mine, dataset)
    assert runs.find(mine, dataset).metadata["named"] != first.metadata["named"]


def test_a_shipped_set_of_transforms_that_was_changed_fits_no_run(finished, dataset, monkeypatch):
    assert "named" not in finished.metadata
    assert runs.find(CONFIG, dataset)
    monkeypatch.setitem(TRANSFORMS, CONFIG.transforms, (Transform(right=1),))
    assert runs.find(CONFIG, dataset) is None


def test_a_teacher_that_was_trained_again_makes_its_student_train_again(
    finished, dataset, tmp_path, monkeypatch
):
    monkeypatch.setenv("FER_RUNS", str(tmp_path))
    teacher = as_reference(finished, "model1", "fer2013")
    student = replace(CONFIG, name="student", teachers=("model1",))
    train_run.get(student, dataset)
    assert runs.find(student, dataset)
    other = lambda saved: saved["sha256"].update({"weights.npz": "0" * 64})  # noqa: E731
    with_json(runs.folder_of(teacher) / "config.json", other)
    assert runs.find(student, dataset) is None


def test_a_smaller_share_of_the_training_images_lies_within_a_larger(dataset):
    shares = [prepare(replace(CONFIG, share=share), dataset).images for share in (0.1, 0.5, 1)]
    assert [len(images) for images in shares] == [round(s * len(shares[2])) for s in (0.1, 0.5, 1)]
    small, large = ({image.tobytes() for image in images} for images in shares[:2])
    assert small < large


def test_run_that_is_replaced_while_it_is_read_is_read_again(finished, dataset, monkeypatch):
    read, calls = runs._read, []

    def meanwhile(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            with files.replacing(finished.folder) as folder:
                shutil.copytree(finished.folder, folder)
            raise files.DamagedFile("half of the old one")
        return read(*arguments)

    monkeypatch.setattr(runs, "_read", meanwhile)
    assert runs.find(CONFIG, dataset).metrics == finished.metrics
    assert len(calls) == 2


def test_runs_that_cannot_be_written_are_not_trained(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(train_run, "train_and_write", lambda *arguments: pytest.fail("is trained"))
    (tmp_path / "file").touch()
    monkeypatch.setenv("FER_RUNS", str(tmp_path / "file"))
    with pytest.raises(files.StorageError, match=r"file/local: can't be written \("):
        train_run.get(CONFIG, dataset)


def test_missing_space_is_told_before_training(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("FER_RUNS", str(tmp_path))
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(
        files.StorageError, match=r"local: the disk is full, \d+\.\d MB more are need"
    ):
        train_run.get(CONFIG, dataset)


def test_cache_that_cannot_be_written_costs_no_run(dataset, finished, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "file"))
    monkeypatch.setenv("FER_RUNS", str(tmp_path / "runs"))
    assert train_run.get(CONFIG, dataset).metrics == finished.metrics


def test_days_without_a_gpu_are_refused_unless_asked_for(dataset, finished, monkeypatch):
    missing = replace(CONFIG, name="tiny-drawn-missing", phases=(Phase("sgd", 1, 10**9),))
    train_run.refuse_long([CONFIG], dataset)
    message = (
        r"^1 runs of this profile are missing, .* about [\d,]+ hours without a GPU; FER_LONG=1"
    )
    with pytest.raises(train_run.TooLong, match=message):
        train_run.refuse_long([CONFIG, missing], dataset)
    monkeypatch.setenv("FER_LONG", "1")
    train_run.refuse_long([CONFIG, missing], dataset)


def test_estimated_hours_grow_with_the_images():
    one = hours(replace(CONFIG, phases=(Phase("sgd", 1, 100),)))
    assert one > 0
    assert hours(replace(CONFIG, phases=(Phase("sgd", 1, 200),))) == 2 * one
    assert hours(replace(CONFIG, phases=(Phase("sgd", 1, 100, size=24),))) == one / 4


def test_other_config_pixels_or_labels_do_not_fit(finished, dataset):
    assert runs.find(replace(CONFIG, seed=CONFIG.seed + 1), dataset) is None
    other = replace(dataset, images=dataset.images + np.uint8(1))
    assert runs.find(CONFIG, other) is None
    other = replace(dataset, labels=(dataset.labels + 1) % 7)
    assert runs.find(CONFIG, other) is None


def test_reference_run_is_scored_again_on_a_copy_of_the_original(finished, dataset, monkeypatch):
    """Once; the predictions are kept apart from the run's own."""
    reference = as_reference(finished, "model1", "fer2013")
    same = replace(dataset, name="fer2013")
    assert not runs.is_on_copy(runs.find(reference, same), same)
    images = dataset.images // 8 * 8
    other = replace(same, images=images)
    assert runs.find(reference, other) is None, "who knows what these images are"
    copy = replace(other, original=True)
    run = runs.find(reference, copy)
    assert runs.is_on_copy(run, copy)
    assert runs.is_rescored(run)
    rows = part_rows(copy)["public"]
    model = run.model()
    expected = model(normalise(images[rows], reference.per_image_norm), training=False).numpy()
    np.testing.assert_allclose(run.logits["public"], expected, atol=1e-3)
    assert not np.allclose(run.logits["public"], finished.logits["public"], atol=1e-3)
    assert run.metrics == scores(run.logits, copy)
    assert not run.folder.is_relative_to(runs.runs_dir())
    monkeypatch.setattr(runs.Run, "model", None)
    again = runs.find(reference, copy)
    np.testing.assert_array_equal(again.logits["held_out"], run.logits["held_out"])
    assert runs.find(reference, replace(copy, labels=(dataset.labels + 1) % 7)) is None


def test_reference_run_without_weights_predicts_as_saved_on_a_copy(finished, dataset):
    reference = replace(as_reference(finished, "dense", "fer2013"), keep_weights=False)
    with_json(
        runs.folder_of(reference) / "config.json",
        lambda saved: saved.update(config=reference.to_dict()),
    )
    copy = replace(dataset, name="fer2013", images=dataset.images // 8 * 8, original=True)
    run = runs.find(reference, copy)
    assert runs.is_on_copy(run, copy)
    assert not runs.is_rescored(run)
    np.testing.assert_array_equal(run.logits["public"], finished.logits["public"])


def test_reference_run_fits_faces_that_are_drawn_in_the_same_way(finished, dataset):
    """A last grey level here and there may differ between machines; a drawing may not."""
    reference = as_reference(finished, "drawn/model1", "drawn")
    images = dataset.images.copy()
    images[:, ::9, 0] ^= 1
    assert runs.find(reference, replace(dataset, images=images))
    images[:, 20:24, 20:28] = 255
    assert runs.find(reference, replace(dataset, images=images)) is None


def test_config_saved_before_a_field_existed_has_its_default():
    config = experiments.model("model1", profile="quick", dataset="fer2013", seed=3)
    saved = config.to_dict()
    assert Config.from_dict(saved) == config
    del saved["label_smoothing"], saved["phases"][1]["weight_decay"]
    assert Config.from_dict(saved) == config
    smoothed = replace(config, label_smoothing=0.1)
    assert Config.from_dict(smoothed.to_dict()) == smoothed


def test_run_saved_with_a_field_that_is_gone_does_not_fit(finished, dataset):
    other = replace(CONFIG, name="tiny-drawn-other")
    folder = runs.folder_of(other)
    shutil.copytree(finished.folder, folder)
    saved = json.loads((folder / "config.json").read_text())
    saved["config"] = other.to_dict()
    (folder / "config.json").write_text(json.dumps(saved))
    assert runs.find(other, dataset)
    saved["config"]["gone"] = 1
    (folder / "config.json").write_text(json.dumps(saved))
    assert runs.find(other, dataset) is None


def test_data_without_a_private_part(dataset):
    kept = dataset.split != 2
    shorter = replace(
        dataset,
        images=dataset.images[kept],
        labels=np.where(dataset.split[kept] == 1, -1, dataset.labels[kept]).astype(np.int8),
        split=dataset.split[kept],
    )
    assert set(part_rows(shorter)) == {"held_out"}


def test_campaign_has_the_homeworks_cells_and_models_once():
    names = [config.name for config in experiments.all_experiments("reference")]
    assert len(names) == len(set(names))
    assert {"model0", "model1", "model2", "raw-nobn-x1-s0", "norm-bn-x20reflect-s2"} <= set(names)
    paper = {config.name for config in experiments.all_experiments("paper")}
    roles = (*experiments.MODELS, *experiments.WITHOUT)
    assert {f"paper-fer2013-{role}" for role in roles} <= paper, "the homework's five networks"


def test_another_seed_of_model2_differs_in_its_seed_alone():
    model2, again = (
        experiments.model(role, profile="reference", dataset="fer2013", seed=0)
        for role in ("model2", experiments.ANOTHER_SEED)
    )
    assert (model2.seed, again.seed) == (0, 3)
    assert replace(again, name="model2", seed=0, keep_weights=True) == model2
    assert again in experiments.all_experiments("reference")


def test_paper_profile_builds_and_takes_a_step():
    from fer_utils.training.network import build

    config = experiments.model("model1", profile="paper", dataset="fer2013", seed=0)
    network = build(config)
    network.compile(optimizer="sgd", loss="mse")
    network.train_on_batch(np.zeros((2, 48, 48, 1), np.float32), np.zeros((2, 7), np.float32))
    assert network.count_params() > 10_000_000


@pytest.mark.parametrize("profile", ["quick", "reference", "paper"])
def test_dense_network_has_the_parameters_of_model1(profile):
    from fer_utils.training.network import build

    dense, model1 = (
        build(experiments.model(role, profile=profile, dataset="fer2013", seed=0)).count_params()
        for role in ("dense", "model1")
    )
    assert dense == pytest.approx(model1, rel=0.01)


def test_second_process_waits_and_loads(finished, dataset, tmp_path, monkeypatch, capsys):
    """Here a thread: while the lock is held, it does not train; then the run is there."""
    monkeypatch.setenv("FER_RUNS", str(tmp_path))
    monkeypatch.setattr(train_run, "train_and_write", lambda *_: pytest.fail("trains again"))
    folder = runs.folder_of(CONFIG)
    with ThreadPoolExecutor(1) as pool:
        with files.locked(folder.with_name(f".{folder.name}.lock"), "nobody has it"):
            second = pool.submit(train_run.get, CONFIG, dataset)
            while "is being trained by another process" not in capsys.readouterr().out:
                assert not second.done()
                time.sleep(0.05)
            shutil.copytree(finished.folder, folder)
        assert second.result(timeout=20).metrics == finished.metrics


def test_the_drawn_faces_come_with_their_runs(monkeypatch):
    """Drawing them otherwise, or another recipe, makes these runs unfit: train them again."""
    monkeypatch.setenv("FER_RUNS", "")
    dataset = load("drawn")
    configs = experiments.all_experiments("reference", "drawn")
    assert [config.name for config in configs if not runs.find(config, dataset)] == []
