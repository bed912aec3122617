"""README.md and MODEL_CARD.md say what the finished runs say."""

import json

import numpy as np
import pytest

from fer_utils import overview, readme
from fer_utils.data.dataset import Dataset
from fer_utils.data.drawn import faces
from fer_utils.files import ROOT, read_arrays, runs_dir
from fer_utils.training import experiments, train_run
from fer_utils.training.network import build


@pytest.mark.parametrize("name", readme.BLOCKS)
def test_tables_are_those_of_the_summary(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert readme.with_tables(name, text) == text, "run `python -m fer_utils.readme`"


def test_summary_is_that_of_the_committed_runs():
    found = readme.summary()
    assert found
    for name, counts in found.items():
        path = runs_dir() / name / "metrics.json"
        if "members" in counts:
            assert all(member in found for member in counts["members"])
            continue
        metrics = json.loads(path.read_text(encoding="utf-8"))
        for part in ("held_out", "public", "private"):
            correct, images = counts[part]["all"]
            assert (images, correct / images) == (metrics[part]["n"], metrics[part]["accuracy"])


def test_every_finished_model_is_in_the_summary():
    names = {path.parent.name for path in runs_dir().glob("*/metrics.json")}
    models = {name for name in names if not name.startswith(overview.FACTORIAL)}
    assert models <= set(readme.summary()), "run `python -m fer_utils.overview`"


def test_counts_of_one_network(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "cache"))
    dataset = Dataset("drawn", "", *faces.dataset(sizes=(160, 40, 30)))
    config = experiments.model("model1", profile="tiny", dataset="drawn", seed=0)
    monkeypatch.setattr(overview.experiments, "all_experiments", lambda _: [config])
    monkeypatch.setattr(overview, "ENSEMBLES", {"alone": (config.name,)})
    run = train_run.get(config, dataset)
    table = overview.measure(dataset)
    assert table[config.name]["public"]["all"][1] == 40
    assert table[config.name]["test"]["all"][1] == 70
    assert np.sum(table[config.name]["confusion"]) == table[config.name]["test"]["twin_free"][1]
    assert sum(pair["all"][1] for pair in table[config.name]["classes"].values()) == 70
    assert table["alone"]["private"] == table[config.name]["private"]
    accuracy = run.metrics["private"]["accuracy"]
    assert table["alone"]["private"]["all"][0] / 30 == pytest.approx(accuracy)


def test_what_is_inside_a_network_in_words():
    looks = {"images": 70, "methods": ["occlusion"]}
    common = readme._looks_at(looks | {"zones": {"happy": ["nose", "mouth"], "sad": ["nose"]}})
    assert common.startswith("**In every class model2 looks at nose.** What the maps of occlusion ")
    assert common.endswith("(70 images): nose in 2 of 2 classes; mouth in happy.")
    none = readme._looks_at(looks | {"methods": [], "zones": {"happy": [], "sad": []}})
    assert none.startswith(
        "**No zone of the face is shown to be looked at by model2 in every class.**"
    )
    assert "all methods agree on, none of which passes notebook 06's tests against maps" in none
    assert none.endswith(": nothing.")


def test_peer_is_compared_with_the_longest_training_that_took_no_longer():
    found = {
        "peer": {"minutes": 60.0, "accuracy": 0.5},
        "short": {"minutes": 30.0, "accuracy": 0.9},
        "chosen": {"minutes": 59.0, "accuracy": 0.6},
        "model2-distilled": {"minutes": 59.5, "accuracy": 0.7},
        "long": {"minutes": 61.0, "accuracy": 0.8},
    }
    text = readme._beside_peer(found, 1000)
    assert "chosen with 59 minutes, has 0.600 [" in text
    assert "**ahead**, by +0.100 [+0.056, +0.143]" in text
    found["chosen"]["accuracy"] = 0.51
    assert "**not shown to differ**, by +0.010 [" in readme._beside_peer(found, 1000)
    found["chosen"]["accuracy"] = 0.4
    assert "**behind**, by -0.100 [" in readme._beside_peer(found, 1000)


def test_summary_is_that_of_the_committed_measurements():
    found, folder = readme.summary()["model2"], runs_dir() / "model2" / "measured"
    assert overview.looks_at(read_arrays(folder / "saliency.npz")) == found["looks_at"]
    config = experiments.model("model2", profile="tiny", dataset="drawn", seed=0)
    filters = overview.of_filters(build(config), read_arrays(folder / "filters.npz"))
    for name in ("seventh", "level", "flipped"):
        assert filters[name] == found["filters"][name]
    assert sum(filters["first_layer"].values()) == config.widths[0]
