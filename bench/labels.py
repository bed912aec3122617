"""Do soft labels teach better from networks that have not seen the image?

    python bench/labels.py

A trial on FER2013 (FER_DATA), judged on validation images without a near duplicate in the part that
is trained on; no test image is used. That part is divided into FOLDS, near duplicates
together, and one compact network is trained on all but each fold. A student then learns from the
label of the network that has not seen the image ("unseen"), another from that of a network that has
("seen"): the same networks, so equally good ones. "all" is a teacher trained on the whole part,
which has seen every image, too. Everything at 24 x 24 pixels. Writes bench/labels.json.
"""

import argparse
import hashlib
import json
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import softmax

from fer_utils.data.dataset import Dataset, load, validation_split
from fer_utils.data.duplicates import duplicate_free_validation, find
from fer_utils.data.transforms import normalise
from fer_utils.files import cache_dir, cached, write_json
from fer_utils.inference import predictor
from fer_utils.statistics.comparisons import contrast
from fer_utils.statistics.corrections import judged
from fer_utils.training.config import Config, Phase
from fer_utils.training.examples import Examples
from fer_utils.training.experiments import STEPS_PER_EPOCH, member, student
from fer_utils.training.loop import train
from fer_utils.training.network import at_size, build

RESULT = Path(__file__).with_suffix(".json")
FOLDS, SIZE = 3, 24
TEACHER_EPOCHS, STUDENT_EPOCHS = 30, 30
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


def probabilities(config: Config, examples: Examples, asked: np.ndarray) -> np.ndarray:
    """(k, 7) probabilities for images (k, 48, 48) by a network trained on the examples.

    Kept in the cache, so that the trial can be stopped and goes on.
    """
    arrays = [array for array in astuple(examples) if array is not None]
    data_id = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
    kept = cache_dir() / "trials" / f"{config.name}.npz"

    def make() -> dict[str, np.ndarray]:
        checkpoint = kept.with_name(f"{config.name}-checkpoint.npz")
        made = train(config, examples, checkpoint=checkpoint, made_from=data_id)
        checkpoint.unlink(missing_ok=True)
        model = build(config)
        model.set_weights(made.best)
        inputs = normalise(asked, True).reshape(-1, SIZE, 2, SIZE, 2, 1).mean(axis=(2, 4))
        return {"answers": softmax(predictor(at_size(model, SIZE))(inputs), axis=1)}

    return cached(kept, f"{config} {data_id} {len(asked)}", make)["answers"]


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    dataset = load("fer2013")
    images, labels, fold = dataset.images, dataset.labels, folds(dataset)
    fit, validation = validation_split(dataset)
    judges = validation[duplicate_free_validation(dataset)]

    def examples(rows: np.ndarray, soft: np.ndarray | None = None) -> Examples:
        return Examples(images[rows], labels[rows], images[judges], labels[judges], soft)

    def teacher(without: int | None) -> np.ndarray:
        """(n, 7) of a teacher, trained without a fold, the mean over image and mirror image."""
        rows = fit[fold[fit] != without]
        steps = round(TEACHER_EPOCHS * len(rows) / 128)
        config = short(member("member1"), f"teacher-without-{without}", steps, seed=31)
        both = np.concatenate([images, images[:, :, ::-1]])
        return np.mean(np.split(probabilities(config, examples(rows), both), 2), axis=0)

    def student_of(kind: str, seed: int) -> np.ndarray:
        """(k, 7) of a student of these labels, for the validation images."""
        like = replace(student("student-tiny"), teachers=(kind,))
        config = short(like, f"student-{kind}-{seed}", STUDENT_EPOCHS * STEPS_PER_EPOCH, seed)
        return probabilities(config, examples(fit, soft[kind][fit]), images[judges])

    def share_right(given: np.ndarray, rows: np.ndarray) -> float:
        return round(float((given.argmax(-1) == labels[rows]).mean()), 4)

    teachers = np.stack([teacher(without) for without in (*range(FOLDS), None)])
    every = np.arange(len(images))
    soft = {
        "unseen": teachers[fold, every],
        "seen": teachers[(fold + 1) % FOLDS, every],
        "all": teachers[-1],
    }
    students = {kind: np.stack([student_of(kind, seed) for seed in SEEDS]) for kind in soft}
    right = {kind: given.argmax(-1) == labels[judges] for kind, given in students.items()}
    tests = {
        f"unseen minus {other}": {"effect": contrast([right["unseen"], right[other]], (1, -1))}
        for other in ("seen", "all")
    }
    table = judged(pd.DataFrame.from_dict(tests, "index"), interval="effect")
    found = {
        "images": len(judges),
        "trained_on": len(fit),
        "folds": FOLDS,
        "seeds": SEEDS,
        "teachers": [share_right(each, judges) for each in teachers[:, judges]],
        "labels": {kind: share_right(each[fit], fit) for kind, each in soft.items()},
        "students": {
            kind: [share_right(each, judges) for each in several]
            for kind, several in students.items()
        },
        "differences": {
            name: {
                "effect": f"{row['effect']:+.3f}",
                "p (Holm)": round(row["p"], 3),
                "verdict": row["verdict"].value,
            }
            for name, row in table.iterrows()
        },
    }
    write_json(RESULT, found)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
