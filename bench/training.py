"""Images/s of training on this machine: this project, plain Keras, and PyTorch where it is found.

`python bench/training.py` trains the same two networks on the same noise, one process for each
measurement; the fastest of the rounds counts, since other work on the machine only slows down.

    ours     the whole training loop, x20 augmentation included, evaluation left out
    keras    `Model.fit` as TensorFlow is installed: no oneDNN flag, Keras's batch normalisation,
             float32; it gets its images unaugmented, from memory
    pytorch  channels_last, batches and augmentation as ours; `--torch PYTHON` names the interpreter
             of an environment that has torch and numpy (default: this one, if it has torch)

Prints a table and writes bench/training.json, with the share of our time in which the network had
to wait for the next batch.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from fer_utils.files import ROOT, write_json
from fer_utils.training.config import Config, Phase
from fer_utils.training.examples import Batches

WIDTHS = {"narrow": (16, 32, 64, 128), "wide": (32, 64, 128, 256)}
BATCH, WARM_UP = 128, 3


def config(network: str, steps: int) -> Config:
    return Config(
        name=f"bench-{network}",
        dataset="noise",
        phases=(Phase("adadelta", 1.0, steps),),
        widths=WIDTHS[network],
        dense=(256, 128),
        evaluate_every=steps,
        transforms="x20",
        batch_size=BATCH,
    )


def noise(count: int = 4096) -> tuple[np.ndarray, np.ndarray]:
    """Images (count, 48, 48) uint8 and labels (count,) int32."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 48, 48), dtype=np.uint8)
    return images, rng.integers(0, 7, count, dtype=np.int32)


class Clock:
    """Called after every step; its speed is that of the steps after the first few."""

    def __init__(self):
        self.times = []

    def __call__(self, *_, **__) -> None:
        self.times.append(time.perf_counter())

    @property
    def images_per_second(self) -> float:
        times = self.times[WARM_UP - 1 :]
        return round(BATCH * (len(times) - 1) / (times[-1] - times[0]), 1)


def ours(network: str, steps: int) -> dict[str, float]:
    from fer_utils.training.examples import Examples
    from fer_utils.training.loop import train

    images, labels = noise()
    examples, clock = Examples(images, labels, images[:64], labels[:64]), Clock()
    with tempfile.TemporaryDirectory() as folder:
        trained = train(
            config(network, steps),
            examples,
            checkpoint=Path(folder) / "c.npz",
            made_from="noise",
            after_step=clock,
        )
    waited = trained.waited * clock.images_per_second / (BATCH * steps)
    return {"images_per_second": clock.images_per_second, "share_waited": round(waited, 4)}


def plain_keras(network: str, steps: int) -> dict[str, float]:
    import keras
    import tensorflow as tf

    # The network's own module, but with TensorFlow as it is and Keras's batch normalisation.
    sys.modules["fer_utils.backend"] = SimpleNamespace(keras=keras, tf=tf)
    from fer_utils.data.transforms import normalise
    from fer_utils.training import network as networks

    networks.BatchNorm = keras.layers.BatchNormalization
    model = networks.build(config(network, steps))
    model.compile(
        optimizer=keras.optimizers.Adadelta(1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    images, labels = noise(steps * BATCH)
    clock = Clock()
    watch = keras.callbacks.LambdaCallback(on_train_batch_end=clock)
    model.fit(normalise(images, True), labels, batch_size=BATCH, callbacks=[watch], verbose=0)
    return {"images_per_second": clock.images_per_second}


def pytorch(network: str, steps: int) -> dict[str, float]:
    from concurrent.futures import ThreadPoolExecutor

    import torch
    from torch import nn

    layers, channels = [], 1
    for width in WIDTHS[network]:
        for _ in range(3):
            convolution = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            channels = width
        layers += [nn.MaxPool2d(2), nn.Dropout(0.1)]
    layers += [nn.Flatten(), nn.Linear(9 * channels, 256), nn.ReLU(), nn.Dropout(0.3)]
    layers += [nn.Linear(256, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 7)]
    model = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0, rho=0.95, eps=1e-6)

    batches, clock = Batches(*noise(), config(network, steps)), Clock()
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(batches, 0)
        for step in range(steps):
            x, y, _ = upcoming.result()
            upcoming = pool.submit(batches, step + 1)
            x = (
                torch.from_numpy(x)
                .permute(0, 3, 1, 2)
                .contiguous(memory_format=torch.channels_last)
            )
            loss = nn.functional.cross_entropy(model(x), torch.from_numpy(y).long())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
            clock()
    return {"images_per_second": clock.images_per_second}


WAYS = {"ours": ours, "keras": plain_keras, "pytorch": pytorch}


def measured_apart(way: str, network: str, steps: int, interpreter: str) -> dict[str, float]:
    """What a way measures, in a process of its own that sees no oneDNN flag of the caller's."""
    environment = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
    child = subprocess.run(
        [interpreter, __file__, "--measure", way, network, "--steps", str(steps)],
        env=environment | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(child.stdout.splitlines()[-1])


def main(arguments: argparse.Namespace) -> None:
    from load import cpu_model

    torch = arguments.torch or (sys.executable if find_spec("torch") else None)
    interpreters = {"ours": sys.executable, "keras": sys.executable}
    interpreters |= {"pytorch": torch} if torch else {}
    results: dict[str, dict] = {network: {} for network in WIDTHS}
    for _ in range(arguments.rounds):
        for network, best in results.items():
            for way, interpreter in interpreters.items():
                result = measured_apart(way, network, arguments.steps, interpreter)
                best[way] = max(best.get(way, result), result, key=lambda r: r["images_per_second"])
    print(f"{'network':8}" + "".join(f"{way:>10}" for way in interpreters) + "   ours waited")
    for network, best in results.items():
        speeds = "".join(f"{best[way]['images_per_second']:10.0f}" for way in interpreters)
        print(f"{network:8}{speeds}   {best['ours']['share_waited']:.1%}")
    machine = {"cpu": cpu_model(), "cpus": os.cpu_count(), "python": platform.python_version()}
    versions = {package: version(package) for package in ("tensorflow", "keras", "numpy")}
    settings = {"batch_size": BATCH, "steps": arguments.steps, "rounds": arguments.rounds}
    write_json(arguments.output, machine | versions | settings | {"results": results})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=40, help="per measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torch", metavar="PYTHON", help="interpreter that has torch")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    parser.add_argument("--measure", nargs=2, metavar=("WAY", "NETWORK"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(WAYS[given.measure[0]](given.measure[1], given.steps)))
    else:
        main(given)
