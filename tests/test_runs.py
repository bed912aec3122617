"""Finished runs: trained once, loaded afterwards, and never mistaken for another."""

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from fer_utils import files
from fer_utils.data.dataset import Dataset, load
from fer_utils.data.drawn import faces
from fer_utils.data.transforms import normalise
from fer_utils.training import campaign, experiments, runs
from fer_utils.training.predictions import part_rows

CONFIG = experiments.model("model1", profile="tiny", dataset="drawn", seed=0)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    images, labels, split = faces.dataset(sizes=(120, 30, 20))
    return Dataset("drawn", "a few drawn faces", images, labels, split)


@pytest.fixture(scope="module")
def finished(dataset, tmp_path_factory):
    """A trained run, in folders that stay the module's own."""
    with pytest.MonkeyPatch.context() as patch:
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
    for part, scores in finished.metrics.items():
        predictions = finished.logits[part].argmax(axis=1)
        labels = dataset.labels[rows[part]]
        assert scores["n"] == len(labels)
        assert scores["accuracy"] == np.mean(predictions == labels)
        assert np.sum(scores["confusion"]) == len(labels)
        assert scores["confusion"][labels[0]][predictions[0]] > 0


def test_weights_give_the_logits_again(finished, dataset):
    from fer_utils.interpret.inference import predictor

    rows = part_rows(dataset)["public"]
    again = predictor(finished.model())(normalise(dataset.images[rows], True))
    np.testing.assert_allclose(again, finished.logits["public"], atol=0.01)


def test_finished_run_is_loaded_not_trained(finished, dataset, monkeypatch):
    monkeypatch.setattr(campaign, "_train", lambda *_: pytest.fail("trained again"))
    assert campaign.get(CONFIG, dataset).metrics == finished.metrics


def test_deleted_run_is_trained_again_to_the_same_metrics(finished, dataset):
    before = json.loads((finished.folder / "metrics.json").read_text())
    shutil.rmtree(finished.folder)
    assert campaign.get(CONFIG, dataset).metrics == before


def test_other_config_pixels_or_labels_do_not_fit(finished, dataset):
    assert runs.find(replace(CONFIG, seed=1), dataset) is None
    other = replace(dataset, images=dataset.images + np.uint8(1))
    assert runs.find(CONFIG, other) is None
    other = replace(dataset, labels=(dataset.labels + 1) % 7)
    assert runs.find(CONFIG, other) is None


def test_reference_run_fits_another_copy_of_the_pixels(finished, dataset):
    reference = replace(CONFIG, name="model1", dataset="fer2013")
    folder = runs.folder_of(reference)
    shutil.copytree(finished.folder, folder)
    saved = json.loads((folder / "config.json").read_text())
    saved["config"] = reference.to_dict()
    (folder / "config.json").write_text(json.dumps(saved))
    photographs = replace(dataset, name="fer2013", images=dataset.images + np.uint8(1))
    assert runs.find(reference, photographs)
    assert runs.find(reference, replace(photographs, labels=(dataset.labels + 1) % 7)) is None


def test_reference_run_fits_faces_that_are_drawn_in_the_same_way(finished, dataset):
    """A last grey level here and there may differ between machines; a drawing may not."""
    reference = replace(CONFIG, name="drawn/model1")
    folder = runs.folder_of(reference)
    shutil.copytree(finished.folder, folder)
    saved = json.loads((folder / "config.json").read_text())
    saved["config"] = reference.to_dict()
    (folder / "config.json").write_text(json.dumps(saved))
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
