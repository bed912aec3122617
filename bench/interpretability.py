"""Saliency maps and gradient ascent on this machine: ours, xplique and tf-keras-vis, on one model.

`.cache/oracles/bin/python bench/interpretability.py`, once `make oracles` has made the environment.
Saliency: images/s of 64 images after a first call. Ascent: seconds for the 64 filters of the 7th
convolution x 100 steps in one call, tracing included. The fastest of the rounds counts, since other
work on the machine only slows down. Prints a table and writes bench/interpretability.json.

tf-keras-vis has its documented settings; "one by one" is how its documentation does many filters.
xplique has Fourier images and its standard transformations, as ours has.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fer_utils.backend import tf
from fer_utils.data.transforms import normalise
from fer_utils.files import write_json
from fer_utils.interpret.ascent import maximise
from fer_utils.interpret.introspection import normalise_tensor
from fer_utils.interpret.saliency import explain
from fer_utils.training.network import build
from load import cpu_model
from training import config

IMAGES, SAMPLES = 64, 50
LAYER, FILTERS, STEPS = 7, 64, 100  # the 7th convolution of training.py's small network


def saliency(model) -> dict[str, dict[str, Callable]]:
    """By method and library, a function of the images."""
    from tf_keras_vis.saliency import Saliency as KerasVis
    from tf_keras_vis.utils.scores import CategoricalScore
    from xplique.attributions import IntegratedGradients, Saliency, SmoothGrad

    targets = np.arange(IMAGES) % 7
    one_hot = np.eye(7, dtype=np.float32)[targets]
    keras_vis = KerasVis(model, clone=False)
    simple = Saliency(model, batch_size=64)
    smooth = SmoothGrad(model, batch_size=64, nb_samples=SAMPLES, noise=0.15)
    integrated = IntegratedGradients(model, batch_size=64, steps=SAMPLES)

    def one_by_one(images):
        for image, target in zip(images, targets.tolist(), strict=True):
            keras_vis(CategoricalScore(target), image[None])

    score = CategoricalScore(targets.tolist())
    return {
        "gradient": {
            "ours": lambda x: explain("gradient", model, x, targets),
            "xplique": lambda x: simple(x, one_hot),
            "tf-keras-vis": lambda x: keras_vis(score, x),
            "tf-keras-vis, one by one": one_by_one,
        },
        "smoothgrad": {
            "ours": lambda x: explain("smoothgrad", model, x, targets, samples=SAMPLES),
            "xplique": lambda x: smooth(x, one_hot),
            "tf-keras-vis": lambda x: keras_vis(score, x, smooth_samples=SAMPLES),
        },
        "integrated_gradients": {
            "ours": lambda x: explain("integrated_gradients", model, x, targets, steps=SAMPLES),
            "xplique": lambda x: integrated(x, one_hot),
        },
    }


def ascent(model) -> dict[str, Callable]:
    """By library, a function that makes the images of all filters again."""
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.utils.model_modifiers import ExtractIntermediateLayer
    from tf_keras_vis.utils.scores import CategoricalScore
    from xplique.features_visualizations import Objective, optimize

    before_relu, filters = f"bn{LAYER}", list(range(FILTERS))

    def ours(method):
        options = {"method": method, "steps": STEPS, "preprocess": normalise_tensor}
        return lambda: maximise(model, f"relu{LAYER}", filters, **options)

    def xplique():
        objective = Objective.channel(model, before_relu, filters)
        optimize(objective, nb_steps=STEPS, custom_shape=None, values_range=(-2, 2))

    def keras_vis():
        return ActivationMaximization(model, ExtractIntermediateLayer(before_relu), clone=True)

    def batched():
        seeds = tf.random.uniform((FILTERS, 48, 48, 1), -2, 2)
        score = CategoricalScore(filters)
        keras_vis()(score, seed_input=seeds, steps=STEPS, input_range=(-2, 2))

    def one_by_one():
        maximisation = keras_vis()
        for number in filters:
            maximisation(CategoricalScore(number), steps=STEPS, input_range=(-2, 2))

    return {
        "ours, regularised": ours("regularised"),
        "ours, plain": ours("plain"),
        "xplique": xplique,
        "tf-keras-vis": batched,
        "tf-keras-vis, one by one": one_by_one,
    }


def seconds(function: Callable, *inputs) -> float:
    start = time.perf_counter()
    function(*inputs)
    return time.perf_counter() - start


def main(rounds: int, output: Path) -> None:
    model = build(config("narrow", STEPS))  # untrained, which costs the same
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, 48, 48), dtype=np.uint8)
    images = normalise(pixels, True)
    jobs = [
        ("saliency, images/s", method, way, function)
        for method, ways in saliency(model).items()
        for way, function in ways.items()
    ]
    jobs += [("ascent, seconds", "7th convolution", *job) for job in ascent(model).items()]
    best: dict[tuple, float] = {}
    for number in range(rounds):
        for what, method, way, function in tqdm(jobs, desc=f"round {number + 1} of {rounds}"):
            inputs = [images] if what.startswith("saliency") else []
            if inputs and not number:
                function(images)  # traces
            taken = seconds(function, *inputs)
            best[what, method, way] = min(best.get((what, method, way), taken), taken)
    results: dict = {}
    for (what, method, way), taken in best.items():
        value = IMAGES / taken if what.startswith("saliency") else taken
        results.setdefault(what, {}).setdefault(method, {})[way] = round(value, 1)
    for what, table in results.items():
        for method, row in table.items():
            print(f"{what}: {method}")
            for way, value in row.items():
                print(f"  {way:26}{value:8.1f}")
    packages = ("tensorflow", "keras", "numpy", "xplique", "tf-keras-vis")
    machine = {"cpu": cpu_model(), "cpus": os.cpu_count(), "python": platform.python_version()}
    versions = {package: version(package) for package in packages}
    write_json(output, machine | versions | {"rounds": rounds, "results": results})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    main(given.rounds, given.output)
