"""Finished runs: trained once, loaded afterwards, and never mistaken for another."""

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fer_utils import files
from fer_utils.data.dataset import Dataset, load
from fer_utils.data.drawn import faces
from fer_utils.data.transforms import normalise
from fer_utils.training import campaign, experiments, loop, runs
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
        yield campaign.get(CONFIG, dataset)


def test_folder_holds_what_it_should(finished):
    names = {path.name for path in finished.folder.iterdir()}
    figures = {"metrics.json", "logits.npz", "weights.npz"}
    assert names == {"config.json", "history.csv", "curve.png"} | figures
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
    monkeypatch.setattr(campaign, "_train", lambda *_: pytest.fail("trained again"))
    assert campaign.get(CONFIG, dataset).metrics == finished.metrics


def test_run_whose_history_is_cut_in_half_is_trained_again_to_the_same_metrics(
    finished, dataset, capsys
):
    before = json.loads((finished.folder / "metrics.json").read_text())
    history = finished.folder / "history.csv"
    history.write_text("".join(history.read_text().splitlines(keepends=True)[:2]))
    assert campaign.get(CONFIG, dataset).metrics == before
    said = capsys.readouterr().out.splitlines()[0]
    absent = f"{CONFIG.name} counts as absent"
    assert said == f"{history}: not the history of a whole run; {absent}"
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


def swap(arrays: dict) -> None:
    arrays["public"] = arrays["public"][::-1]


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
        lambda path: without_a_row(path, 0),
        lambda path: without_a_row(path, 1),
        lambda path: without_a_row(path, 3),
        lambda path: path.write_text(path.read_text().replace("held_out_loss", "x")),
        lambda path: path.write_text(path.read_text().replace("learning_rate", "x")),
        lambda path: path.write_text(path.read_text().replace(",0.", ",0.1", 1)),
    ],
    "logits.npz": [
        lambda path: path.unlink(),
        flip_a_bit,
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: with_arrays(path, lambda arrays: arrays.pop("public")),
        lambda path: with_arrays(path, lambda arrays: arrays.update(public=arrays["public"][1:])),
        lambda path: with_arrays(path, lambda arrays: arrays["public"].fill(np.nan)),
        lambda path: with_arrays(path, lambda arrays: arrays.update(public=2 * arrays["public"])),
        lambda path: with_arrays(path, lambda arrays: arrays.update(public=np.array(["a"]))),
    ],
    "metrics.json": [
        lambda path: path.unlink(),
        lambda path: path.write_text("1"),
        lambda path: with_json(path, lambda saved: saved["public"].update(accuracy=0.99)),
        lambda path: with_json(path, lambda saved: saved["public"].pop("recall")),
        lambda path: with_json(
            path, lambda saved: saved["public"].update(m=saved["public"].pop("n"))
        ),
        lambda path: with_json(path, lambda saved: saved.pop("private")),
        lambda path: with_arrays(path.with_name("logits.npz"), swap),
    ],
    "weights.npz": [
        lambda path: path.unlink(),
        flip_a_bit,
        lambda path: with_arrays(path, lambda arrays: arrays.pop("w1")),
        lambda path: with_arrays(path, lambda arrays: arrays["w0"].fill(np.inf)),
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


def test_curves_look_the_same_whoever_trains(finished, tmp_path):
    """The theme of a notebook, or of the user, does not get into a run's picture."""
    pictures = []
    for number, size in enumerate((10, 23)):
        with plt.rc_context({"font.size": size, "axes.facecolor": "red", "savefig.dpi": 37}):
            campaign._draw(finished.history, "model1", tmp_path / f"{number}.png")
        pictures.append((tmp_path / f"{number}.png").read_bytes())
    assert pictures[0] == pictures[1]


def test_damage_of_a_committed_run_names_the_cure(finished, dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("FER_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(runs, "ROOT", tmp_path)
    reference = as_reference(finished, "drawn/model1", "drawn")
    (tmp_path / "runs" / "drawn" / "model1" / "logits.npz").unlink()
    with pytest.raises(
        runs.DamagedRun, match=r"; `git checkout -- runs/drawn/model1` restores it$"
    ):
        runs.find(reference, dataset)


def test_weights_of_another_network_are_not_loaded(finished, tmp_path, monkeypatch):
    monkeypatch.setenv("FER_RUNS", str(tmp_path))
    shutil.copytree(finished.folder, folder := runs.folder_of(CONFIG))
    with_arrays(folder / "weights.npz", lambda arrays: arrays.update(w0=arrays["w0"][..., :1]))
    with pytest.raises(runs.DamagedRun, match=r"weights\.npz: the weights are another network's;"):
        runs.trained_model(CONFIG)


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


def history_of(steps: list[int], phases: list[int], accuracies: list[float]) -> pd.DataFrame:
    columns = {"step": steps, "phase": phases, "held_out_accuracy": accuracies}
    others = dict.fromkeys(("loss", "accuracy", "learning_rate", "held_out_loss"), 1.0)
    return pd.DataFrame(columns | others | {"optimizer": "sgd"})


def test_history_of_a_whole_run():
    patient = experiments.Phase("adadelta", 1.0, 9, patience=2)
    config = replace(CONFIG, phases=(patient, experiments.Phase("sgd", 0.1, 3)), evaluate_every=2)
    whole = history_of([2, 4, 6, 8, 9], [1, 1, 1, 2, 2], [0.3, 0.2, 0.3, 0.1, 0.1])
    assert runs.whole(whole, config)
    averaged = history_of([2, 4, 6, 8, 9, 9], [1, 1, 1, 2, 2, 2], [0.3, 0.2, 0.3, 0.1, 0.1, 0.2])
    averaged.loc[5, ["loss", "accuracy"]] = np.nan  # it has not been trained on batches
    assert runs.whole(averaged, config)
    assert not runs.whole(averaged.assign(loss=np.nan), config)
    impatient = whole.assign(held_out_accuracy=[0.3, 0.2, 0.4, 0.1, 0.1])
    assert not runs.whole(impatient, config), "phase 1 was not over"
    for row in range(5):
        assert not runs.whole(whole.drop(index=row), config)
    assert not runs.whole(whole.assign(held_out_loss=np.nan), config)


def test_runs_that_cannot_be_written_are_not_trained(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(campaign, "_train", lambda *arguments: pytest.fail("is trained"))
    (tmp_path / "file").touch()
    monkeypatch.setenv("FER_RUNS", str(tmp_path / "file"))
    with pytest.raises(files.StorageError, match=r"file/local: can't be written \("):
        campaign.get(CONFIG, dataset)


def test_missing_space_is_told_before_training(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("FER_RUNS", str(tmp_path))
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(
        files.StorageError, match=r"local: the disk is full, \d\.\d MB more are need"
    ):
        campaign.get(CONFIG, dataset)


def test_cache_that_cannot_be_written_costs_no_run(dataset, finished, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "file"))
    monkeypatch.setenv("FER_RUNS", str(tmp_path / "runs"))
    assert campaign.get(CONFIG, dataset).metrics == finished.metrics


def test_runs_of_another_profile_may_be_compared_once_they_are_trained(dataset, finished):
    makers = [partial(experiments.model, "model1")]
    common = {"profile": "tiny", "seed": 0, "seeds": 1}
    found, missing = campaign.comparable(makers, dataset, **common)
    assert [[run.config for run in group] for group in found] == [[CONFIG]]
    assert missing == []
    assert campaign.finished(makers[0], dataset, profile="tiny", seed=1) == []


def test_if_one_reference_run_is_missing_all_are_stand_ins(dataset, monkeypatch, capsys):
    monkeypatch.setattr(
        campaign, "find", lambda config, *_, **__: config if config.name == "model2" else None
    )
    monkeypatch.setattr(campaign, "get", lambda config, _: config)
    photographs = replace(dataset, name="fer2013")
    makers = [partial(experiments.model, role) for role in ("model1", "model2")]
    common = {"profile": "reference", "seed": 0, "seeds": 1}
    found, missing = campaign.comparable(makers, photographs, **common)
    assert [[config.name for config in group] for group in found] == [
        ["quick-fer2013-model1"],
        ["quick-fer2013-model2"],
    ]
    assert missing == ["model1"]
    said = "no reference run for these data: model1; quick stand-ins instead\n"
    assert capsys.readouterr().out == said


@pytest.mark.parametrize("absent", [None, "raw-nobn-x20-s0", "norm-bn-x1-s0"])
def test_factorial_has_eight_cells_or_the_five_of_the_homework(dataset, monkeypatch, absent):
    monkeypatch.setattr(
        campaign, "find", lambda config, *_, **__: config if config.name != absent else None
    )
    monkeypatch.setattr(campaign, "get", lambda config, _: config)
    monkeypatch.setattr(experiments, "scale", lambda *_: experiments.PROFILES["tiny"])
    photographs = replace(dataset, name="fer2013")
    found, missing = campaign.factorial(photographs, profile="reference", seed=0)
    assert len(found) == (5 if absent else 8)
    assert missing == (["norm-bn-x1-s0"] if absent == "norm-bn-x1-s0" else [])


def test_days_without_a_gpu_are_refused_unless_asked_for(dataset, finished, monkeypatch):
    missing = replace(
        CONFIG, name="tiny-drawn-missing", phases=(experiments.Phase("sgd", 1, 10**9),)
    )
    campaign.refuse_long([CONFIG], dataset)
    message = (
        r"^1 runs of this profile are missing, .* about [\d,]+ hours without a GPU; FER_LONG=1"
    )
    with pytest.raises(campaign.TooLong, match=message):
        campaign.refuse_long([CONFIG, missing], dataset)
    monkeypatch.setenv("FER_LONG", "1")
    campaign.refuse_long([CONFIG, missing], dataset)


def test_estimated_hours_grow_with_the_images():
    one = hours(replace(CONFIG, phases=(experiments.Phase("sgd", 1, 100),)))
    assert one > 0
    assert hours(replace(CONFIG, phases=(experiments.Phase("sgd", 1, 200),))) == 2 * one
    assert hours(replace(CONFIG, phases=(experiments.Phase("sgd", 1, 100, size=24),))) == one / 4


def test_other_config_pixels_or_labels_do_not_fit(finished, dataset):
    assert runs.find(replace(CONFIG, seed=CONFIG.seed + 1), dataset) is None
    other = replace(dataset, images=dataset.images + np.uint8(1))
    assert runs.find(CONFIG, other) is None
    other = replace(dataset, labels=(dataset.labels + 1) % 7)
    assert runs.find(CONFIG, other) is None


def test_reference_run_is_scored_anew_on_a_copy_of_the_original(finished, dataset, monkeypatch):
    """Once; the answers are kept apart from the run's own."""
    reference = as_reference(finished, "model1", "fer2013")
    same = replace(dataset, name="fer2013")
    assert not runs.is_on_copy(runs.find(reference, same), same)
    images = dataset.images // 8 * 8
    other = replace(same, images=images)
    assert runs.find(reference, other) is None, "who knows what these images are"
    copy = replace(other, original=True)
    run = runs.find(reference, copy)
    assert runs.is_on_copy(run, copy)
    assert runs.is_scored_anew(run)
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


def test_reference_run_without_weights_answers_as_saved_on_a_copy(finished, dataset):
    reference = replace(as_reference(finished, "dense", "fer2013"), keep_weights=False)
    with_json(
        runs.folder_of(reference) / "config.json",
        lambda saved: saved.update(config=reference.to_dict()),
    )
    copy = replace(dataset, name="fer2013", images=dataset.images // 8 * 8, original=True)
    run = runs.find(reference, copy)
    assert runs.is_on_copy(run, copy)
    assert not runs.is_scored_anew(run)
    np.testing.assert_array_equal(run.logits["public"], finished.logits["public"])


def test_on_a_copy_all_that_are_compared_are_scored_anew_or_none(finished, dataset, monkeypatch):
    asked = []
    monkeypatch.setattr(
        campaign, "find", lambda config, _, anew: asked.append((config.name, anew)) or config
    )
    common = {"profile": "reference", "seed": 0, "seeds": 1}
    photographs = replace(dataset, name="fer2013")
    monkeypatch.setattr(experiments, "scale", lambda *_: experiments.PROFILES["tiny"])
    for roles, anew in ((("model1", "model2"), True), (("model1", "dense"), False)):
        asked.clear()
        makers = [partial(experiments.model, role) for role in roles]
        campaign.comparable(makers, photographs, **common)
        assert asked == [(role, anew) for role in roles]


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
    assert experiments.Config.from_dict(saved) == config
    del saved["label_smoothing"], saved["phases"][1]["weight_decay"]
    assert experiments.Config.from_dict(saved) == config
    smoothed = replace(config, label_smoothing=0.1)
    assert experiments.Config.from_dict(smoothed.to_dict()) == smoothed


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
    names = [config.name for config in experiments.campaign("reference")]
    assert len(names) == len(set(names))
    assert {"model0", "model1", "model2", "raw-nobn-x1-s0", "norm-bn-x20reflect-s2"} <= set(names)
    paper = {config.name for config in experiments.campaign("paper")}
    roles = (*experiments.MODELS, *experiments.WITHOUT)
    assert {f"paper-fer2013-{role}" for role in roles} <= paper, "the homework's five networks"


def test_another_seed_of_model2_differs_in_its_seed_alone():
    model2, again = (
        experiments.model(role, profile="reference", dataset="fer2013", seed=0)
        for role in ("model2", experiments.ANOTHER_SEED)
    )
    assert (model2.seed, again.seed) == (0, 3)
    assert replace(again, name="model2", seed=0, keep_weights=True) == model2
    assert again in experiments.campaign("reference")


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
    monkeypatch.setattr(campaign, "_train", lambda *arguments: pytest.fail("trains it again"))
    folder = runs.folder_of(CONFIG)
    with ThreadPoolExecutor(1) as pool:
        with files.locked(folder.with_name(f".{folder.name}.lock"), "nobody has it"):
            second = pool.submit(campaign.get, CONFIG, dataset)
            while "is being trained by another process" not in capsys.readouterr().out:
                assert not second.done()
                time.sleep(0.05)
            shutil.copytree(finished.folder, folder)
        assert second.result(timeout=20).metrics == finished.metrics


def test_the_drawn_faces_come_with_their_runs(monkeypatch):
    """Drawing them otherwise, or another recipe, makes these runs unfit: train them again."""
    monkeypatch.setenv("FER_RUNS", "")
    dataset = load("drawn")
    configs = experiments.campaign("reference", "drawn")
    assert [config.name for config in configs if not runs.find(config, dataset)] == []
