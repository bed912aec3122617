from types import SimpleNamespace

import numpy as np
import pytest

from fer_utils.fer2013 import PARTS
from fer_utils.questions import ensemble
from fer_utils.statistics.intervals import proportion
from fer_utils.training import experiments, runs
from fer_utils.training.measurements import Measurement
from fer_utils.training.predictions import Predictions, average


def predicted(part: str, probabilities, labels) -> Predictions:
    rows = np.arange(len(labels))
    return Predictions(PARTS[part], rows, np.array(labels), np.log(np.array(probabilities)))


def test_average_is_the_mean_of_probabilities():
    one, other = predicted("public", [[0.2, 0.8]], [1]), predicted("public", [[0.6, 0.4]], [1])
    np.testing.assert_allclose(average([one, other]).probabilities, [[0.4, 0.6]])
    np.testing.assert_allclose(average([one, other], [3, 1]).probabilities, [[0.3, 0.7]])


def test_accuracy_by_size_is_the_mean_over_subsets():
    """Members 1 and 2 are right on both images, member 3 on neither but most confident."""
    right, wrong = [[0.6, 0.4], [0.4, 0.6]], [[0.1, 0.9], [0.9, 0.1]]
    members = [{"public": predicted("public", p, [0, 1])} for p in (right, right, wrong)]
    table = ensemble.by_size(members, np.zeros(2, bool))
    assert [cell.estimate for cell in table["all"]] == pytest.approx([2 / 3, 1 / 3, 0])
    assert table.index.tolist() == [1, 2, 3]


def test_accuracy_by_size_beside_members_that_are_in_every_ensemble():
    right, wrong = [[0.6, 0.4], [0.4, 0.6]], [[0.1, 0.9], [0.9, 0.1]]
    a, b, c = ({"public": predicted("public", p, [0, 1])} for p in (right, right, wrong))
    table = ensemble.by_size([b, c], np.zeros(2, bool), beside=[a])
    assert [cell.estimate for cell in table["all"]] == pytest.approx([1, 1 / 2, 0])
    assert table.index.tolist() == [1, 2, 3]


def test_diversity():
    one = predicted("public", np.eye(2)[[0, 0, 1, 1, 0]] * 0.8 + 0.1, [0, 0, 1, 1, 1])
    other = predicted("public", np.eye(2)[[0, 1, 1, 0, 0]] * 0.8 + 0.1, [0, 0, 1, 1, 1])
    found = ensemble.diversity(one, other)
    assert found["same_class"] == proportion(3, 5)
    assert found["one_correct"] == proportion(2, 5)
    assert found["both_wrong"] == proportion(1, 5)


def six(run, dataset):
    """Logits of an image under six transforms."""
    return {"public": np.ones((6, 2, 7), np.float16)}


def two(run, dataset):
    """The same by other code."""
    return {"public": np.ones((2, 2, 7), np.float16)}


def test_logits_for_transformed_images_are_saved_and_damage_names_the_cure(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "weights_digest", lambda config: "")
    config = experiments.model("model2", profile="tiny", dataset="drawn", seed=0)
    run = SimpleNamespace(config=config, folder=tmp_path, logits={"public": np.zeros((2, 7))})
    for code in (six, six, two):
        monkeypatch.setattr(ensemble, "MEASUREMENT", Measurement("test_time", code))
        found = ensemble.transformed_logits(run, None)
        np.testing.assert_array_equal(found["public"], code(run, None)["public"])
        assert found["public"].dtype == np.float32
    (tmp_path / "measured" / "test_time.npz").write_bytes(b"PK")
    with pytest.raises(runs.DamagedRun, match=r"test_time\.npz: .*; delete .*trained again"):
        ensemble.transformed_logits(run, None)
