"""The finished networks at a glance, for README.md and MODEL_CARD.md: `runs/summary.json`.

    FER_DATA=path/to/fer2013.csv python -m fer_utils.overview

Counts: correct answers and images, on all images and on those without a twin in Training; and what
the measurements kept with a run say of its saliency maps and filters.
"""

import sys
from collections.abc import Mapping

import numpy as np

from fer_utils.backend import keras
from fer_utils.data import ferplus
from fer_utils.data.dataset import DataError, Dataset, load
from fer_utils.data.duplicates import unseen
from fer_utils.fer2013 import CLASSES
from fer_utils.files import runs_dir, write_json
from fer_utils.interpret.maps import NAMES
from fer_utils.questions import filters, fooling
from fer_utils.questions.label_noise import CLEAR
from fer_utils.questions.leakage import twins
from fer_utils.questions.saliency_maps import checks, claims, measurement
from fer_utils.statistics.calibration import confidence_threshold
from fer_utils.statistics.classification import confusion
from fer_utils.statistics.verdicts import Verdict
from fer_utils.training import experiments, runs
from fer_utils.training.measurements import Arrays, kept
from fer_utils.training.predictions import Predictions, average, tested, together

LEVEL = 2  # grey levels of 255 of the change that notebook 07 judges
AGAIN = experiments.ANOTHER_SEED
MEANS = (("model1", "model2"), ("model1", AGAIN), ("model1", "model2", AGAIN))
#: Ensemble -> its members; it is given when all of them are finished.
ENSEMBLES = {" + ".join(names): names for names in MEANS} | {"committee": experiments.COMMITTEE}
FACTORIAL = ("norm-", "raw-")  # the narrow networks, which have a table in notebook 02


def measure(dataset: Dataset) -> dict[str, dict]:
    """By name of network or ensemble: [correct, images] on parts of the data, see `_of_one`."""
    finished = {
        config.name: run
        for config in experiments.campaign("reference")
        if not config.name.startswith(FACTORIAL) and (run := runs.find(config, dataset))
    }
    votes = _votes(dataset)
    marks = {"twin": twins(dataset), "unseen": unseen(dataset)}
    table = {}
    for name, run in finished.items():
        facts = {"parameters": run.made["parameters"], "code": run.made["code"]}
        table[name] = facts | _of_one(run.predictions(dataset), marks, votes)
        if saliency := kept(run, measurement.MEASUREMENT):
            table[name]["looks_at"] = looks_at(saliency)
        if measured := kept(run, fooling.MEASUREMENT):
            table[name]["filters"] = of_filters(run.model(), measured)
    for name, members in ENSEMBLES.items():
        if all(member in finished for member in members):
            each = [finished[member].predictions(dataset) for member in members]
            mean = {part: average([one[part] for one in each]) for part in each[0]}
            table[name] = {"members": list(members)} | _of_one(mean, marks, votes)
    return table


def looks_at(measured: Arrays) -> dict:
    """As in notebook 06: the methods that may speak, and the zones that each class is shown to
    be recognised by under all of them."""
    judgements = {
        name: checks.judge(name, checks.values(measured, name))
        for name in checks.measures(measured)
    }
    speaking = checks.believed(judgements, checks.judge_randomisation(measured))
    names = [NAMES[name] for name in measured["names"]]
    zones = dict(zip(names, measured["zones"].astype(float), strict=True))
    untrained = dict(zip(names, measured["untrained"].astype(float), strict=False))
    methods = {name: zones[name] for name in untrained}
    table = claims.compare(methods, untrained, zones[NAMES["contrast"]], measured["label"])
    more = claims.agreement(table, speaking or list(untrained)) == Verdict.HIGHER
    return {
        "images": len(measured["label"]),
        "methods": speaking,
        "zones": {name: list(row.index[row]) for name, row in more.iterrows()},
    }


def of_filters(model: keras.Model, measured: Arrays) -> dict:
    """As in notebook 07: filters of the first layer by pattern, those of the 7th convolution that
    prefer a zone more than any of untrained networks, and [flipped, images] by a small change."""
    leading = filters.pattern_energy(model).idxmax(axis=1).value_counts()
    density, controls = (measured[name].astype(float) for name in ("density", "controls"))
    preferred = filters.zones_preferred(density, controls)
    flipped = measured["epsilons"] * 255 <= LEVEL
    return {
        "first_layer": leading.to_dict(),
        "seventh": {"filters": len(density), "zones": preferred[preferred > 0].to_dict()},
        "level": LEVEL,
        "flipped": dict(zip(("gradient", "random"), map(_count, flipped), strict=True)),
    }


def _votes(dataset: Dataset) -> ferplus.Crowd | None:
    path = ferplus.find()
    return ferplus.load(path, dataset.labels, dataset.split) if path else None


def _of_one(
    parts: Mapping[str, Predictions],
    marks: Mapping[str, np.ndarray],
    votes: ferplus.Crowd | None,
) -> dict:
    """Counts [correct, images] of one network.

    "held_out", "public", "private" and "test" (both): "all" and "twin_free" (held out: without a
    near duplicate in the part trained on); "classes" of the test images in the same way; "crowd":
    against the majority of ten voters, and where at least CLEAR of them agree, on all images and
    on "clear_twin_free" ones; "confusion": rows true, of the twin-free test images; "confidence":
    the mean largest probability on the test images; "sure_from": `calibration.confidence_threshold`
    on the held-out images without a near duplicate in the part trained on.
    """
    test = together(tested(parts))
    found = {
        part: _both(given.correct, ~marks["twin"][given.rows])
        for part, given in {**parts, "test": test}.items()
        if part != "held_out"
    }
    held_out = parts["held_out"]
    found["held_out"] = _both(held_out.correct, marks["unseen"])
    chosen = held_out[marks["unseen"]]
    threshold = confidence_threshold(chosen.probabilities.max(axis=1), chosen.correct)
    found["sure_from"] = round(threshold, 4)
    twin_free = ~marks["twin"][test.rows]
    found["classes"] = {
        name: _both(test.correct[chosen], twin_free[chosen])
        for name, chosen in ((name, test.labels == k) for k, name in enumerate(CLASSES))
    }
    counts = confusion(test.labels[twin_free], test.classes[twin_free], CLASSES)
    found["confusion"] = counts.to_numpy().tolist()
    found["confidence"] = round(float(test.probabilities.max(axis=1).mean()), 4)
    if votes is not None:
        seen = votes[test.rows]
        named = (seen.majority >= 0) & (seen.majority < len(CLASSES))
        right = test.classes == seen.majority
        clear = named & (seen.agreement >= CLEAR)
        found["crowd"] = {
            "majority": _count(right[named]),
            "clear": _count(right[clear]),
            "clear_twin_free": _count(right[clear & twin_free]),
        }
    return found


def _both(correct: np.ndarray, without_twin: np.ndarray) -> dict[str, list[int]]:
    return {"all": _count(correct), "twin_free": _count(correct[without_twin])}


def _count(correct: np.ndarray) -> list[int]:
    return [int(correct.sum()), len(correct)]


def main() -> int:
    """Write `runs/summary.json` anew."""
    try:
        dataset = load("fer2013")
        write_json(runs_dir() / "summary.json", measure(dataset))
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
