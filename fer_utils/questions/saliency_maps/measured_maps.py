"""What chapter 6 measures of a network's saliency maps, image by image.

    python -m fer_utils.questions.saliency_maps.measured_maps model2

measures again, with the full budget; it takes about an hour. The numbers are saved with the run,
and the notebook loads them.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from fer_utils.backend import keras
from fer_utils.data.dataset import DataError, Dataset
from fer_utils.data.drawn import faces
from fer_utils.data.transforms import normalise
from fer_utils.fer2013 import CLASSES
from fer_utils.interpret.faithfulness import (
    area,
    cascading_randomisation,
    network_free_maps,
    perturbation_curves,
    pointing_game,
    relevance_mass,
)
from fer_utils.interpret.maps import mean_map
from fer_utils.interpret.saliency import METHODS, explain
from fer_utils.questions import examples
from fer_utils.questions.face_zones import zone_mass
from fer_utils.training.measurements import Arrays, Measurement, command, load_measured
from fer_utils.training.network import build
from fer_utils.training.progress import watched
from fer_utils.training.runs import Run

SIMILARITY = ("spearman", "ssim")


@dataclass(frozen=True)
class SaliencyBudget:
    """How much is computed.

    images: of each class, the most confident of those that are predicted correctly
    samples: noisy copies of an image in SmoothGrad
    steps: of Integrated Gradients
    stride: pixels between the occluding squares, which measure twice as much
    points: of a deletion or insertion curve, both ends counted
    randomised: of each class's images, those explained again with random weights
    draws: of random weights, among which these images are divided
    stages: of a draw, after which they are explained again
    """

    images: int
    samples: int
    steps: int
    stride: int
    points: int
    randomised: int
    draws: int
    stages: int

    @property
    def options(self) -> dict[str, dict]:
        """Options of `saliency.explain` by method."""
        chosen: dict[str, dict] = {
            "smoothgrad": {"samples": self.samples},
            "integrated_gradients": {"steps": self.steps},
            "occlusion": {"patch": 2 * self.stride, "stride": self.stride},
        }
        return {method: chosen.get(method, {}) for method in METHODS}


FULL = SaliencyBudget(
    images=50, samples=50, steps=50, stride=4, points=17, randomised=15, draws=15, stages=6
)
#: Takes half a minute.
QUICK = SaliencyBudget(
    images=16, samples=5, steps=10, stride=8, points=7, randomised=6, draws=6, stages=3
)


def measure_saliency(run: Run, dataset: Dataset, budget: SaliencyBudget = FULL) -> Arrays:
    """Explain the most confident images, and judge the maps; of n images m maps.

    Returns
    -------
    dict
        `names` (m,): the methods, then the network-free baselines. `row`, `label`, `probability`
        (n,): the images. `zones` (m, n, zones): what part of a map lies in each of
        `face_zones.ZONES`; `untrained` (methods, n, zones): of the maps of the network before
        training. `averages` (m, classes, 48, 48): average maps, 1 is a uniform one, NaN without
        images. `deletion`, `insertion` (m, n): areas under the curves. On drawn faces `pointing`
        (hits) and `evidence` (what part of a map lies in it) (m + 1, n), the last of them a uniform
        map's. `spearman`, `ssim` (methods, stages, k): how alike k maps are to the trained
        network's with random weights down to each of `layers`, in which `draw` (k,). `budget`:
        JSON.
    """
    chosen = examples.most_confident(examples.candidates(run, dataset), budget.images)
    model, untrained = run.model(), build(run.config)
    targets = chosen["label"].to_numpy()
    inputs = normalise(dataset.images[chosen["row"]], run.config.per_image_norm)
    bar = tqdm(total=len(METHODS) * 4 + budget.draws, disable=not watched(), desc="saliency")
    maps, of_untrained = {}, []
    for method, options in budget.options.items():
        maps[method] = explain(method, model, inputs, targets, **options)
        bar.update()
        of_untrained.append(zone_mass(explain(method, untrained, inputs, targets, **options)))
        bar.update()
    maps |= network_free_maps(inputs)
    arrays = {name: chosen[name].to_numpy() for name in ("row", "label", "probability")}
    arrays["names"] = np.array(list(maps))
    arrays["zones"] = np.stack([zone_mass(some) for some in maps.values()])
    arrays["untrained"] = np.stack(of_untrained)
    arrays["averages"] = np.stack([_averages(some, targets) for some in maps.values()])
    for mode in ("deletion", "insertion"):
        arrays[mode] = _areas(model, inputs, targets, maps, mode, budget.points)
        bar.update(len(METHODS))
    if dataset.name == "drawn":
        arrays |= _beside_evidence(maps, faces.evidence(chosen["row"]))
    few = chosen.groupby("label").cumcount().to_numpy() < budget.randomised
    arrays |= _randomised(model, inputs[few], targets[few], budget, bar)
    bar.close()
    return _compact(arrays) | {"budget": np.array(json.dumps(asdict(budget)))}


def _averages(maps: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Average the maps of each class: (classes, 48, 48), 1 where it is as a uniform one."""
    averages = np.full((len(CLASSES), *maps.shape[1:]), np.nan)
    for label in np.unique(labels):
        averages[label] = mean_map(maps[labels == label]) * maps[0].size
    return averages


def _areas(
    model: keras.Model,
    inputs: np.ndarray,
    targets: np.ndarray,
    maps: Mapping[str, np.ndarray],
    mode: str,
    points: int,
) -> np.ndarray:
    """Compute (m, n): the area under the deletion or insertion curve of each map and image."""
    fractions = np.linspace(0, 1, points)
    some_map = next(iter(maps.values()))
    options: dict[str, Any] = {"mode": mode, "fractions": fractions[[0, -1]]}
    ends = perturbation_curves(model, inputs, targets, some_map, **options)  # of all maps alike
    options["fractions"] = fractions[1:-1]
    inner = [perturbation_curves(model, inputs, targets, some, **options) for some in maps.values()]
    curves = (np.hstack([ends[:, :1], curve, ends[:, 1:]]) for curve in inner)
    return np.stack([area(curve, fractions) for curve in curves])


def _beside_evidence(maps: Mapping[str, np.ndarray], evidence: np.ndarray) -> Arrays:
    """Judge whether the maps point to the regions that show the expression, and lie in them."""
    pointing, inside = (
        [judge(some, evidence) for some in maps.values()]
        for judge in (pointing_game, relevance_mass)
    )
    return {
        "pointing": np.stack([*(hits for hits, _ in pointing), pointing[0][1]]),
        "evidence": np.stack([*(mass for mass, _ in inside), inside[0][1]]),
    }


def _randomised(
    model: keras.Model, inputs: np.ndarray, targets: np.ndarray, budget: SaliencyBudget, bar: tqdm
) -> Arrays:
    """Measure how alike maps stay to the trained network's, with ever more layers random."""
    options = {"draws": budget.draws, "stages": budget.stages, "after_each": bar.update}
    table = cascading_randomisation(budget.options, model, inputs, targets, **options)
    by_image = table.pivot(index=["method", "depth"], columns="image", values=list(SIMILARITY))
    shape = len(METHODS), budget.stages, len(inputs)
    arrays = {
        name: by_image[name].loc[list(METHODS)].to_numpy().reshape(shape) for name in SIMILARITY
    }
    layers = table.drop_duplicates("depth").sort_values("depth")["layer"].to_numpy(str)
    return arrays | {"layers": layers, "draw": np.arange(len(inputs)) % budget.draws}


def _compact(arrays: Arrays) -> Arrays:
    """Store fractions as float32, which is what a network computes with."""
    return {
        name: array.astype(np.float32) if array.dtype == np.float64 else array
        for name, array in arrays.items()
    }


MEASUREMENT = Measurement("saliency", measure_saliency)


def saved_or_quick(run: Run, dataset: Dataset, images: int = 0) -> Arrays:
    """Load what was measured in full and saved with a run, else measure with the budget QUICK.

    With `images` of each class it is measured in any case. Raises DataError if there are not two
    correctly predicted images of any class.
    """
    saved = None if images else load_measured(run, MEASUREMENT)
    if saved is not None:
        return saved
    table = examples.candidates(run, dataset)
    correct = table.loc[table["correct"], "label"]
    if correct.value_counts().max() < 2 or correct.empty:
        raise DataError(
            f"{run.config.name} predicts at most one test image of each class correctly: "
            "train it on more images"
        )
    draws = min(QUICK.draws, len(correct))  # each draw of random weights wants an image
    budget = replace(QUICK, images=images or QUICK.images, draws=draws)
    return measure_saliency(run, dataset, budget)


def budget_of(measured: Mapping[str, np.ndarray]) -> SaliencyBudget:
    """Return the budget with which the arrays were measured."""
    return SaliencyBudget(**json.loads(str(measured["budget"])))


if __name__ == "__main__":
    sys.exit(command(MEASUREMENT, "fer_utils.questions.saliency_maps.measured_maps"))
