"""Several replicas or several processes train to the weights that one trains to."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from fer_utils.backend import GPUS
from fer_utils.data.dataset import Dataset, validation_split
from fer_utils.training import devices, loop, runs
from fer_utils.training.config import Config, Phase

# No tensor is wide enough for dropout, whose masks depend on the number of replicas.
CONFIG = Config(
    name="tiny-distributed",
    dataset="drawn",
    phases=(Phase("adadelta", 1.0, 4), Phase("sgd", 0.01, 4, momentum=0.9)),
    widths=(2,),
    dense=(8,),
    evaluate_every=2,
    transforms="x13",
    batch_size=8,
)


def dataset() -> Dataset:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (180, 48, 48), dtype=np.uint8)
    labels = (np.arange(180) % 7).astype(np.int8)
    split = np.repeat([0, 1, 2], (140, 20, 20)).astype(np.int8)
    return Dataset("drawn", "noise", images, labels, split)


def examples() -> loop.Examples:
    noise = dataset()
    fit, held_out = validation_split(noise)
    return loop.Examples(
        noise.images[fit], noise.labels[fit], noise.images[held_out], noise.labels[held_out]
    )


def train(config: Config, checkpoint, strategy=None, after_step=None) -> loop.Trained:
    noise = dataset()
    return loop.train(
        config,
        examples(),
        checkpoint=checkpoint,
        made_from=f"{noise.labels_hash}-{noise.images_hash}",
        strategy=strategy,
        after_step=after_step,
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> loop.Trained:
    return train(CONFIG, tmp_path_factory.mktemp("alone") / "c.npz")


def start(code: str, folder, **environment) -> subprocess.Popen:
    """Python code in a process of its own, with its runs and cache in a folder."""
    folders = {"FER_RUNS": str(folder / "runs"), "FER_CACHE": str(folder / "cache")}
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        env={**os.environ, **folders, "PYTHONPATH": os.path.dirname(__file__), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def weights(path) -> list[np.ndarray]:
    with np.load(path) as arrays:
        return list(arrays.values())


def assert_same(trained: list[np.ndarray], alone: loop.Trained) -> None:
    for ours, theirs in zip(trained, alone.best, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


MIRRORED = """
import sys
from pathlib import Path
import numpy as np
from fer_utils.backend import keras, tf
from test_training_devices import CONFIG, train

[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy, folder = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), Path(sys.argv[1])
np.savez(folder / "w.npz", *train(CONFIG, folder / "a.npz", strategy).best)

with strategy.scope():
    dropout = keras.layers.Dropout(0.5, seed=0)

@tf.function
def drop():
    return strategy.run(lambda: dropout(tf.ones((4, 64)), training=True))

np.save(folder / "dropped.npy", [strategy.experimental_local_results(drop()) for _ in range(2)])
"""


def test_mirrored_replicas_train_to_the_weights_of_one(tmp_path, alone):
    process = start(MIRRORED, tmp_path)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    assert_same(weights(tmp_path / "w.npz"), alone)
    (one, other), (later, _) = np.load(tmp_path / "dropped.npy")
    np.testing.assert_array_equal(one, other, "dropout masks are those of the other replica")
    assert 0.3 < np.mean(one == later) < 0.7, "they change from step to step"


# Stops after step 4, goes on from the checkpoint to the end, and has the finished run kept.
WORKER = """
import sys
from pathlib import Path
import numpy as np
from fer_utils.training import devices
from fer_utils.training import train_run
from fer_utils.training import loop
from fer_utils.files import cache_dir
from test_training_devices import CONFIG, dataset, train

strategy, folder = devices.choose(), Path(sys.argv[1])
loop.CHECKPOINT_SECONDS = 0
checkpoint = cache_dir() / "checkpoints" / f"{CONFIG.name}.npz"
savez = np.savez

def chief_only(*args, **arrays):
    assert devices.is_chief(strategy), "a worker writes a checkpoint"
    savez(*args, **arrays)

def stop(step):
    if step == 4:
        raise InterruptedError

loop.np.savez = chief_only
try:
    train(CONFIG, checkpoint, strategy, after_step=stop)
except InterruptedError:
    print("interrupted")
steps = []
trained = train(CONFIG, checkpoint, strategy, after_step=steps.append)
print("resumed", steps)
name = "chief" if devices.is_chief(strategy) else "worker"
savez(folder / f"{name}.npz", *trained.best)
print("run", train_run.get(CONFIG, dataset(), strategy).metadata["replicas"])
"""


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def test_two_processes_stopped_and_resumed_train_to_the_weights_of_one(
    tmp_path, alone, monkeypatch
):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    processes = [
        start(
            WORKER,
            tmp_path,
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}),
        )
        for index in range(2)
    ]
    for process in processes:
        output = process.communicate()[0]
        assert process.returncode == 0, output
        assert "interrupted" in output
        assert "resumed [5, 6, 7, 8]" in output
        assert "run 2" in output
    chief, worker = weights(tmp_path / "chief.npz"), weights(tmp_path / "worker.npz")
    for ours, theirs in zip(chief, worker, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert_same(chief, alone)
    monkeypatch.setenv("FER_RUNS", str(tmp_path / "runs"))
    run = runs.find(CONFIG, dataset())
    losses = [row["loss"] for row in alone.history]
    np.testing.assert_allclose(run.history["loss"], losses, rtol=1e-4)


@pytest.mark.skipif(bool(GPUS), reason="a GPU has float16")
@pytest.mark.parametrize(
    ("listed", "policy"),
    [
        ("flags : avx2 avx512f amx_bf16 avx512_bf16", "mixed_bfloat16"),
        ("flags : avx2 avx512f", "float32"),
        (None, "float32"),
    ],
)
def test_bfloat16_only_where_the_processor_multiplies_it(tmp_path, monkeypatch, listed, policy):
    monkeypatch.setattr(devices, "PROCESSORS", tmp_path / "cpuinfo")
    if listed:
        devices.PROCESSORS.write_text(listed)
    assert devices.precision(replace(CONFIG, precision="mixed_bfloat16")) == policy
    assert devices.precision(CONFIG) == "float32"
