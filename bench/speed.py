"""CPU time of each network that fer-predict may use, for a face: `python bench/speed.py`.

Times networks of every config that keeps its weights, finished or not: speed does not depend on
what the weights are. Writes bench/speed.json, by which fer-predict chooses. CPU seconds of all
threads; of several rounds the quickest counts, since other work on the machine only slows down.
"""

import time
from pathlib import Path

import numpy as np

from fer_utils.backend import tf
from fer_utils.fer2013 import SIZE
from fer_utils.files import write_json
from fer_utils.training import experiments
from fer_utils.training.config import Config
from fer_utils.training.network import build
from load import cpu_model

RESULT = Path(__file__).with_suffix(".json")
FACES, ROUNDS = 64, 4


def milliseconds(config: Config) -> float:
    """CPU milliseconds a face, FACES at once."""
    model = build(config)
    forward = tf.function(lambda x: model(x, training=False))
    faces = tf.constant(np.zeros((FACES, SIZE, SIZE, 1), np.float32))
    forward(faces)
    taken = []
    for _ in range(ROUNDS):
        start = time.process_time()
        forward(faces)
        taken.append(time.process_time() - start)
    return round(1000 * min(taken) / FACES, 2)


def main() -> None:
    configs = [c for c in experiments.all_experiments("reference") if c.keep_weights]
    found = {config.name: milliseconds(config) for config in configs}
    write_json(RESULT, {"cpu": cpu_model(), "faces": FACES, "milliseconds": found})
    for name, value in found.items():
        print(f"{name:24} {value:6.2f} ms")


if __name__ == "__main__":
    main()
