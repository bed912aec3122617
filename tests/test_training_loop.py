"""The training engine: batches, exact resume after SIGKILL, stop on a loss that is not finite."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from fer_utils.backend import keras, tf
from fer_utils.data.transforms import normalise
from fer_utils.training import loop
from fer_utils.training.config import OPTIMIZERS, Config, Phase
from fer_utils.training.examples import Examples
from fer_utils.training.loop import TrainingError, train
from fer_utils.training.network import at_size, build

TINY = Config(
    name="tiny",
    dataset="drawn",
    phases=(Phase("adadelta", 1.0, 6, patience=2), Phase("sgd", 0.01, 5, momentum=0.9)),
    widths=(2,),
    dense=(8, 8),
    evaluate_every=2,
    transforms="x13",
    batch_size=8,
)


def examples() -> Examples:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (50, 48, 48), dtype=np.uint8)
    labels = rng.integers(0, 7, 50).astype(np.int8)
    return Examples(images[:40], labels[:40], images[40:], labels[40:])


def digest(trained) -> str:
    """Hash of all weights and of the history."""
    whole = hashlib.sha256(json.dumps(trained.history).encode())
    for weight in (*trained.best, *trained.last):
        whole.update(weight.tobytes())
    return whole.hexdigest()


def run_tiny(folder, after_step=None) -> str:
    return digest(
        train(TINY, examples(), checkpoint=folder / "c.npz", made_from="x", after_step=after_step)
    )


def test_same_seed_same_weights(tmp_path, whole):
    assert run_tiny(tmp_path) == whole


SECOND = replace(
    TINY,
    phases=(
        Phase("adadelta", 1.0, 4, size=24),
        Phase("sgd", 0.01, 3, 0.9, final_rate=0.005, size=24),
        Phase("sgd", 0.005, 24, 0.9),
    ),
    network="compact",
    activation="silu",
    widths=(4, 4, 4),
    transforms="random",
    evaluate_every=4,
    dropout=(0.1, 0.2, 0.4),
    averaged=0.9,
    teachers=("someone",),
    precision="mixed_bfloat16",
)


def soft_examples() -> Examples:
    soft = np.random.default_rng(1).dirichlet(np.ones(7), 40).astype(np.float32)
    return replace(examples(), soft=soft)


def run_second(folder, after_step=None) -> loop.Trained:
    """All that the ensemble of seven and its students have and the models do not."""
    options = {"checkpoint": folder / "c.npz", "made_from": "x", "after_step": after_step}
    return train(SECOND, soft_examples(), **options)


@pytest.fixture(scope="module")
def second(tmp_path_factory) -> loop.Trained:
    """What SECOND gives if nothing disturbs it."""
    return run_second(tmp_path_factory.mktemp("second"))


def test_interrupted_in_any_phase_it_ends_with_the_same_bits(tmp_path, monkeypatch, second):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)

    def stop_at(fatal):
        def after_step(step):
            if step == fatal:
                raise InterruptedError

        return after_step

    for fatal in (3, 6, 20, 31):
        with pytest.raises(InterruptedError):
            run_second(tmp_path / "cut", stop_at(fatal))
    assert digest(run_second(tmp_path / "cut")) == digest(second)


def test_history_of_small_then_large_images_ends_with_the_average(second):
    assert [row["size"] for row in second.history] == [24] * 2 + [48] * 8
    assert [row["step"] for row in second.history[-2:]] == [31, 31]
    assert second.history[-2]["learning_rate"] == pytest.approx(0, abs=1e-9)
    assert second.best_step > 7, "what was best on small images does not count"


@pytest.mark.parametrize("network", ["vgg", "compact"])
def test_the_network_for_small_images_has_the_same_weights(network):
    config = replace(TINY, network=network, widths=(4, 4, 4))
    model = build(config)
    small = at_size(model, 24)
    assert [id(v) for v in small.trainable_variables] == [id(v) for v in model.trainable_variables]
    shapes = [net.get_layer("logits").input.shape for net in (model, small)]
    assert shapes[0] == shapes[1]


def test_targets_are_labels_and_what_the_teachers_say():
    smoothed = loop._targets(soft_examples(), replace(TINY, label_smoothing=0.1))
    assert smoothed[0, soft_examples().labels[0]] == pytest.approx(0.9 + 0.1 / 7)
    mixed = loop._targets(soft_examples(), SECOND)
    expected = 0.8 * soft_examples().soft + 0.2 * np.eye(7)[soft_examples().labels]
    np.testing.assert_allclose(mixed, expected, atol=1e-6)
    assert mixed.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("empty", [0, 1])
def test_a_phase_without_steps_is_skipped(tmp_path, empty):
    phases = tuple(replace(p, steps=0 if n == empty else 3) for n, p in enumerate(TINY.phases))
    config = replace(TINY, phases=phases)
    trained = train(config, examples(), checkpoint=tmp_path / "c.npz", made_from="x")
    assert [row["step"] for row in trained.history] == [2, 3]
    assert {row["optimizer"] for row in trained.history} == {TINY.phases[1 - empty].optimizer}


def test_interrupted_between_two_steps_it_says_how_to_go_on_and_ends_with_the_same_bits(
    tmp_path, whole
):
    def stop(step):
        if step == 3:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(loop.Interrupted) as caught:
        run_tiny(tmp_path, stop)
    assert caught.match(
        r"^tiny: stopped after 3 of 11 steps; the best validation accuracy so far is [\d.]+%, of "
        r"step 2\. Run it again, and it goes on from here$"
    )
    assert signal.getsignal(signal.SIGINT) is before
    assert run_tiny(tmp_path) == whole


def test_after_each_evaluation_the_history_is_given(tmp_path):
    seen = []
    trained = train(
        TINY,
        examples(),
        checkpoint=tmp_path / "c.npz",
        made_from="x",
        after_evaluation=lambda history: seen.append(len(history)),
    )
    assert seen == list(range(len(trained.history) + 1))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_trains(tmp_path, optimizer):
    config = replace(TINY, phases=(Phase(optimizer, 0.01, 2, weight_decay=0.1),))
    trained = train(config, examples(), checkpoint=tmp_path / "c.npz", made_from="x")
    assert np.isfinite(trained.history[-1]["held_out_loss"])
    assert any(
        np.any(a != b) for a, b in zip(trained.last, build(config).get_weights(), strict=True)
    )


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [("constant", [0.4, 0.4]), ("linear", [0.25, 0.1]), ("cosine", [0.25, 0.1])],
)
def test_schedules_lead_the_learning_rate(tmp_path, schedule, rates):
    phase = Phase("adam", 0.4, 4, final_rate=0.1, schedule=schedule)
    config = replace(TINY, phases=(phase,))
    trained = train(config, examples(), checkpoint=tmp_path / "c.npz", made_from="x")
    found = [row["learning_rate"] for row in trained.history]
    assert found == pytest.approx(rates, rel=1e-5)


def test_class_weights_make_the_first_gradient_that_of_the_weighted_loss(tmp_path):
    phase = Phase("sgd", 0.1, 1)
    config = replace(
        TINY, phases=(phase,), evaluate_every=1, network="dense", widths=(4,), dense=()
    )
    config = replace(config, transforms="x1", batch_size=40, class_weights=True, batch_norm=False)
    trained = train(config, examples(), checkpoint=tmp_path / "c.npz", made_from="x")
    x, y = normalise(examples().images, True), examples().labels
    counts = np.bincount(y, minlength=7)
    weights = (len(y) / 7 / counts)[y]
    assert np.bincount(y, weights) == pytest.approx(np.full(7, len(y) / 7))
    model = build(config)
    with tf.GradientTape() as tape:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y.astype(int), model(x))
        loss = tf.reduce_mean(losses * weights.astype(np.float32))
    gradients = tape.gradient(loss, model.trainable_variables)
    for before, gradient, after in zip(model.get_weights(), gradients, trained.best, strict=True):
        np.testing.assert_allclose(after, before - 0.1 * gradient.numpy(), atol=1e-5)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> str:
    """The digest of the run that nothing disturbed."""
    return run_tiny(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> bytes:
    """A checkpoint of the same run after its first step."""
    folder = tmp_path_factory.mktemp("cut")

    def stop(step):
        raise InterruptedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "CHECKPOINT_SECONDS", 0)
        with pytest.raises(InterruptedError):
            run_tiny(folder, stop)
    return (folder / "c.npz").read_bytes()


@pytest.mark.parametrize("other", [{"made_from": "y"}, {"config": replace(TINY, seed=5)}])
def test_a_checkpoint_of_another_config_data_or_code_is_not_continued(tmp_path, checkpoint, other):
    path = tmp_path / "c.npz"
    path.write_bytes(checkpoint)
    given = {"config": TINY, "examples": examples(), "checkpoint": path, "made_from": "x"}
    assert loop._Training(**given, strategy=None).state.step == 1
    assert loop._Training(**given | other, strategy=None).state.step == 0


def with_array(checkpoint: bytes, name: str, array: np.ndarray | None) -> bytes:
    """A whole file with one array replaced, or left out."""
    with np.load(io.BytesIO(checkpoint)) as arrays:
        changed = dict(arrays)
    changed.pop(name) if array is None else changed.update({name: array})
    np.savez(file := io.BytesIO(), **changed)
    return file.getvalue()


DAMAGE = {
    "truncated": lambda file: file[: len(file) // 2],
    "empty": lambda file: b"",
    "a bit flipped": lambda file: file[:5000] + bytes([file[5000] ^ 1]) + file[5001:],
    "another file": lambda file: b"not a checkpoint",
    "without its state": lambda file: with_array(file, "state", None),
    "without a variable": lambda file: with_array(file, "variable3", None),
    "with a variable of another shape": lambda file: with_array(file, "variable3", np.zeros(3)),
    "with best weights of another shape": lambda file: with_array(file, "best0", np.zeros(3)),
}


def made_ready(folder) -> tuple:
    """All that decides how a training goes on, as it is when it begins or goes on."""
    training = loop._Training(TINY, examples(), folder / "c.npz", "x", None)
    return training.state, [variable.numpy().tolist() for variable in training._variables()]


@pytest.fixture(scope="module")
def beginning(tmp_path_factory) -> tuple:
    return made_ready(tmp_path_factory.mktemp("none"))


@pytest.mark.parametrize("damage", DAMAGE)
def test_with_a_damaged_checkpoint_training_starts_over(
    tmp_path, capsys, beginning, checkpoint, damage
):
    (tmp_path / "c.npz").write_bytes(DAMAGE[damage](checkpoint))
    assert made_ready(tmp_path) == beginning
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1
    assert said[0].startswith("tiny: the checkpoint is damaged (")
    assert said[0].endswith(": training starts over")
    (tmp_path / "c.npz").write_bytes(checkpoint)
    assert made_ready(tmp_path)[0].step == 1


@pytest.mark.parametrize("fault", ["a file where the folder should be", "a full disk"])
def test_a_checkpoint_that_cannot_be_written_costs_no_run(tmp_path, capsys, full_disk, fault):
    training = loop._Training(TINY, examples(), tmp_path / "there" / "c.npz", "x", None)
    if fault != "a full disk":
        (tmp_path / "there").write_text("in the way")
    with full_disk() if fault == "a full disk" else nullcontext():
        training._save()
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"tiny: no checkpoint, training goes on: {tmp_path / 'there'}: ")
    assert not list(tmp_path.glob("there/*"))


def test_hidden_dense_units_survive_the_first_steps_of_adadelta(tmp_path):
    """With the convolutions alone normalised, three quarters of dense1 die in these 25 steps."""
    adadelta = Phase("adadelta", 1.0, 25)
    config = replace(
        TINY, phases=(adadelta,), widths=(4, 4, 4, 96), dense=(128, 16), evaluate_every=25
    )
    trained = train(config, examples(), checkpoint=tmp_path / "c.npz", made_from="x")
    model = build(config)
    model.set_weights(trained.best)
    units = keras.Model(model.input, model.get_layer("relu13").output)
    active = units.predict(normalise(examples().images, True), verbose=0) > 0
    assert active.any(axis=0).mean() > 0.6


# Runs in a process of its own: checkpoints after every step, and kills itself with SIGKILL either
# in the middle of writing the checkpoint of step `fatal`, or after that step.
CHILD = """
import os, signal, sys
from pathlib import Path
from fer_utils.training import loop
sys.path.insert(0, {tests!r})
import test_training_loop

fatal, during_save = int(sys.argv[2]), sys.argv[3] == "during"
loop.CHECKPOINT_SECONDS = 0
steps = [0]
savez = loop.np.savez

def torn(file, **arrays):
    if during_save and steps[0] + 1 == fatal:
        file.write(b"half a checkpoint")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    savez(file, **arrays)

def after_step(step):
    steps[0] = step
    if step == fatal:
        os.kill(os.getpid(), signal.SIGKILL)

loop.np.savez = torn
test_training_loop.run_tiny(Path(sys.argv[1]), after_step)
"""


def child(folder, fatal: int, when: str) -> subprocess.CompletedProcess:
    code = CHILD.format(tests=os.path.dirname(__file__))
    return subprocess.run(
        [sys.executable, "-c", code, str(folder), str(fatal), when], capture_output=True, text=True
    )


TWICE = [
    [(first, when), (second, other)]
    for first, second in ((3, 8), (7, 9), (1, 4))
    for when, other in (("after", "during"), ("during", "after"))
]


@pytest.mark.parametrize(
    "kills", [[(7, "during")], *(pytest.param(kills, marks=pytest.mark.long) for kills in TWICE)]
)
def test_killed_run_ends_with_the_same_bits(tmp_path, whole, kills):
    for fatal, when in kills:
        killed = child(tmp_path / "killed", fatal, when)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = {path.name for path in (tmp_path / "killed").iterdir()}
    assert left - {"c.npz"} if kills[-1][1] == "during" else left == {"c.npz"}
    assert run_tiny(tmp_path / "killed") == whole


def test_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)
    wild = replace(TINY, phases=(Phase("sgd", 1e25, 50),), batch_norm=False)
    with pytest.raises(TrainingError, match=r"tiny: .* not finite at step \d+; lower the learning"):
        train(wild, examples(), checkpoint=tmp_path / "c.npz", made_from="x")
    with np.load(tmp_path / "c.npz") as arrays:
        assert all(np.isfinite(arrays[name]).all() for name in arrays.files)


def test_first_step_of_sgd_follows_smoothed_labels_and_shrinks_kernels_alone(tmp_path):
    """With Nesterov momentum m and rate r: w - r·decay·w - r(1 + m)·gradient, decay for kernels."""
    phase = Phase("sgd", 0.1, 1, momentum=0.5, weight_decay=0.2)
    config = replace(TINY, phases=(phase,), evaluate_every=1, label_smoothing=0.3)
    config = replace(config, network="dense", widths=(4,), dense=(), transforms="x1", batch_size=40)
    trained = train(config, examples(), checkpoint=tmp_path / "c.npz", made_from="x")
    x, y = normalise(examples().images, True), examples().labels
    model = build(config)
    labels = tf.one_hot(y, 7)
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        smoothed = keras.losses.categorical_crossentropy(0.7 * labels + 0.3 / 7, logits, True)
        loss = tf.reduce_mean(smoothed)
    gradients = tape.gradient(loss, model.trainable_variables)
    after = build(config)
    after.set_weights(trained.best)
    for w, gradient, new in zip(
        model.trainable_variables, gradients, after.trainable_variables, strict=True
    ):
        kept = 1 - 0.1 * 0.2 * (w.name == "kernel")
        expected = kept * w.numpy() - 0.1 * 1.5 * gradient.numpy()
        np.testing.assert_allclose(new.numpy(), expected, atol=1e-5, err_msg=w.path)
    unsmoothed = tf.reduce_mean(keras.losses.categorical_crossentropy(labels, logits, True))
    assert trained.history[0]["loss"] == pytest.approx(float(unsmoothed), rel=1e-5)


def test_mixed_precision_trains_float32_weights_to_nearly_the_same(tmp_path, monkeypatch):
    one_phase = replace(TINY, phases=TINY.phases[:1])
    exact = train(one_phase, examples(), checkpoint=tmp_path / "c.npz", made_from="x")
    monkeypatch.setattr(loop, "precision", lambda config: "mixed_float16")
    mixed = train(one_phase, examples(), checkpoint=tmp_path / "d.npz", made_from="x")
    losses = [[row["loss"] for row in trained.history] for trained in (mixed, exact)]
    np.testing.assert_allclose(*losses, rtol=0.01)
    assert losses[0] != losses[1], "float16 was used"
    assert {weight.dtype for weight in mixed.best} == {np.dtype("float32")}
