"""Do soft labels teach better from networks that have not seen the image? `python bench/labels.py`

A trial on FER2013 (FER_DATA), judged on held-out images without a near duplicate in the part that
is trained on; no test image is looked at. That part is divided into FOLDS, near duplicates
together, and one compact network is trained on all but each fold. A student then learns from the
label of the network that has not seen the image ("unseen"), another from that of a network that has
("seen"): the same networks, so equally good ones. "all" is a teacher trained on the whole part,
which has seen every image, too. Everything at 24 x 24 pixels. Writes bench/labels.json.
"""

import argparse
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import softmax

from fer_utils.data.dataset import Dataset, hold_out, load
from fer_utils.data.duplicates import find, unseen
from fer_utils.data.transforms import normalise
from fer_utils.files import cache_dir, cached, write_json
from fer_utils.training.experiments import PASS, Config, Phase, member, student

RESULT = Path(__file__).with_suffix(".json")
FOLDS, SIZE = 3, 24
TEACHER_PASSES, STUDENT_PASSES = 30, 30
SEEDS = (31, 32)


def short(config: Config, name: str, steps: int, seed: int) -> Config:
    """The config at the trial's size, with one phase of so many steps."""
    phase = Phase("sgd", 0.1, steps, momentum=0.9, weight_decay=0.005, size=SIZE)
    return replace(config, name=name, phases=(phase,), seed=seed, averaged=0.0)


def folds(dataset: Dataset) -> np.ndarray:
    """(n,) the fold of each image: 0, 1, ...; near duplicates are in the same one."""
    pairs, n = find(dataset), len(dataset.images)
    graph = coo_array((np.ones(len(pairs)), (pairs["first"], pairs["second"])), shape=(n, n))
    _, group = connected_components(graph, directed=False)
    return np.random.default_rng(0).integers(0, FOLDS, n)[group]


def trained(config: Config, dataset: Dataset, rows: np.ndarray, soft: np.ndarray | None = None):
    """A predictor (n, 48, 48) uint8 -> probabilities (n, 7), after training on these rows."""
    from fer_utils.interpret.inference import predictor
    from fer_utils.training.loop import Examples, train
    from fer_utils.training.network import at_size, build

    held_out = hold_out(dataset)[1][unseen(dataset)]
    images, labels = dataset.images, dataset.labels
    examples = Examples(images[rows], labels[rows], images[held_out], labels[held_out], soft)
    checkpoint = cache_dir() / "trials" / f"{config.name}-checkpoint.npz"
    data = rows.tobytes() + (b"" if soft is None else soft.tobytes())
    data_id = hashlib.sha256(data).hexdigest()
    made = train(config, examples, checkpoint=checkpoint, data_id=data_id)
    checkpoint.unlink(missing_ok=True)
    model = build(config)
    model.set_weights(made.weights)
    predict = predictor(at_size(model, SIZE))

    def probabilities(some: np.ndarray) -> np.ndarray:
        inputs = normalise(some, True).reshape(-1, SIZE, 2, SIZE, 2, 1).mean(axis=(2, 4))
        return softmax(predict(inputs), axis=1)

    return probabilities


def kept(name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """What was made earlier, or is made now, so that the trial can be stopped and go on."""
    path = cache_dir() / "trials" / f"{name}.npz"
    return cached(path, str(FOLDS), lambda: {"found": make()})["found"]


def taught(name: str, dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """(n, 7) what a teacher trained on these rows says to all images and their mirror images."""
    config = short(member("member1"), name, round(TEACHER_PASSES * len(rows) / 128), seed=31)

    def make() -> np.ndarray:
        predict, images = trained(config, dataset, rows), dataset.images
        return (predict(images) + predict(images[:, :, ::-1])) / 2

    return kept(f"soft-{name}", make)


def taught_by(kind: str, soft: np.ndarray, dataset: Dataset, rows: np.ndarray, seed: int):
    """(k, 7) what a student of these labels (n, 7) says to the images at `rows`."""
    name, fit = f"labels-{kind}-{seed}", hold_out(dataset)[0]
    like = replace(student("student-tiny"), teachers=(kind,))
    config = short(like, name, STUDENT_PASSES * PASS, seed)
    return kept(name, lambda: trained(config, dataset, fit, soft[fit])(dataset.images[rows]))


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    dataset = load("fer2013")
    fit, held_out = hold_out(dataset)
    judged, labels, fold = held_out[unseen(dataset)], dataset.labels, folds(dataset)

    def share_right(answers: np.ndarray, rows: np.ndarray) -> float:
        return round(float((answers.argmax(-1) == labels[rows]).mean()), 4)

    teachers = [taught(f"without-{k}", dataset, fit[fold[fit] != k]) for k in range(FOLDS)]
    every, by_fold = np.arange(len(fold)), np.stack(teachers)
    soft = {"unseen": by_fold[fold, every], "seen": by_fold[(fold + 1) % FOLDS, every]}
    students: dict[str, list[np.ndarray]] = {}
    for kind in ("unseen", "seen", "all"):
        if kind == "all":
            soft["all"] = taught("without-none", dataset, fit)
        students[kind] = [taught_by(kind, soft[kind], dataset, judged, seed) for seed in SEEDS]
        print(kind, [share_right(each, judged) for each in students[kind]], flush=True)
    found = {
        "images": len(judged),
        "trained_on": len(fit),
        "folds": FOLDS,
        "seeds": SEEDS,
        "teachers": [share_right(each[judged], judged) for each in (*teachers, soft["all"])],
        "labels": {kind: share_right(each[fit], fit) for kind, each in soft.items()},
        "students": {
            kind: [share_right(each, judged) for each in several]
            for kind, several in students.items()
        },
    }
    right = {kind: np.argmax(each, -1) == labels[judged] for kind, each in students.items()}
    for other in ("seen", "all"):
        difference = right["unseen"].mean(0) - right[other].mean(0)
        half = 1.96 * difference.std(ddof=1) / len(judged) ** 0.5
        interval = [round(float(difference.mean() + side * half), 4) for side in (-1, 0, 1)]
        found[f"unseen minus {other}"] = dict(zip(("low", "mean", "high"), interval, strict=True))
    write_json(RESULT, found)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
