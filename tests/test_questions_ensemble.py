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


def test_choose_weights_finds_the_optimum():
    """Where one member gives the label q and the other 1 - q, in turn, both count alike."""
    of_label = np.array([[0.9, 0.1, 0.9, 0.1], [0.1, 0.9, 0.1, 0.9]])
    members = np.stack([of_label, 1 - of_label], axis=-1)
    weights = ensemble.choose_weights(members, np.zeros(4, int))
    assert weights == pytest.approx([0.5, 0.5], abs=1e-3)
    useless = np.array([[[0.9, 0.1]] * 3, [[0.1, 0.9]] * 3])
    assert ensemble.choose_weights(useless, np.zeros(3, int)) == pytest.approx([1, 0], abs=1e-6)


def test_weights_are_chosen_on_the_given_validation_images_alone():
    """On the chosen image the first member is right, on the other, left out, the second."""
    first = {"held_out": predicted("held_out", [[0.9, 0.1], [0.1, 0.9]], [0, 0])}
    second = {"held_out": predicted("held_out", [[0.1, 0.9], [0.9, 0.1]], [0, 0])}
    combined = ensemble.combine([first, second], np.array([True, False]))
    assert combined.weights == pytest.approx([1, 0], abs=1e-6)
    np.testing.assert_allclose(combined.equal["held_out"].probabilities, 0.5)
    assert combined.weighted["held_out"].classes.tolist() == [0, 1]


def test_accuracy_by_size_is_the_mean_over_subsets():
    """Members 1 and 2 are right on both images, member 3 on neither but most confident."""
    right, wrong = [[0.6, 0.4], [0.4, 0.6]], [[0.1, 0.9], [0.9, 0.1]]
    members = [{"public": predicted("public", p, [0, 1])} for p in (right, right, wrong)]
    table = ensemble.by_size(members, np.zeros(2, bool))
    assert [cell.estimate for cell in table["all"]] == pytest.approx([2 / 3, 1 / 3, 0])
    assert table.index.tolist() == ["1 member", "2 members", "3 members"]


def test_accuracy_by_size_beside_members_that_are_in_every_ensemble():
    right, wrong = [[0.6, 0.4], [0.4, 0.6]], [[0.1, 0.9], [0.9, 0.1]]
    a, b, c = ({"public": predicted("public", p, [0, 1])} for p in (right, right, wrong))
    table = ensemble.by_size([b, c], np.zeros(2, bool), beside=[a])
    assert [cell.estimate for cell in table["all"]] == pytest.approx([1, 1 / 2, 0])
    assert table.index.tolist() == ["1 member", "2 members", "3 members"]


def test_diversity():
    one = predicted("public", np.eye(2)[[0, 0, 1, 1, 0]] * 0.8 + 0.1, [0, 0, 1, 1, 1])
    other = predicted("public", np.eye(2)[[0, 1, 1, 0, 0]] * 0.8 + 0.1, [0, 0, 1, 1, 1])
    found = ensemble.diversity(one, other)
    assert found["same class"] == proportion(3, 5)
    assert found["one right"] == proportion(2, 5)
    assert found["both wrong"] == proportion(1, 5)


def test_share_of_the_lead_that_a_student_has():
    """Of 100 duplicate-free images one network is right on 60, an ensemble on 80; of 20 with a
    duplicate both on all, the student on half.
    """
    right = {name: np.arange(120) < n for name, n in (("one", 60), ("all", 80), ("taught", 75))}
    right = {name: correct | (np.arange(120) >= 100) for name, correct in right.items()}
    right["taught"] &= np.arange(120) < 110
    parts = {
        name: {
            "public": predicted("public", np.where(c[:, None], [0.9, 0.1], [0.1, 0.9]), [0] * 120)
        }
        for name, c in right.items()
    }
    duplicate = np.arange(120) >= 100
    share = ensemble.share_of_lead(parts["one"], parts["taught"], parts["all"], duplicate)
    assert share["duplicate_free"].estimate == pytest.approx(0.75)
    assert 0.4 < share["duplicate_free"].low < 0.75 < share["duplicate_free"].high < 1
    assert share["all"].estimate == pytest.approx((85 - 80) / (100 - 80))
    same = ensemble.share_of_lead(parts["one"], parts["all"], parts["all"], duplicate)
    assert {(each.low, each.high) for each in same.values()} == {(1, 1)}


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
