"""Ensembles: what their members' average gives, how much they differ; test-time augmentation."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from fer_utils.data.dataset import Dataset
from fer_utils.data.transforms import Transform, augment, normalise
from fer_utils.statistics.intervals import mean_interval, proportion
from fer_utils.training.measurements import Measurement, load_measured, measure_and_save
from fer_utils.training.predictions import (
    Predictions,
    average,
    of_logits,
    part_rows,
    tested,
    together,
)
from fer_utils.training.runs import Run


def equal(members: Sequence[Mapping[str, Predictions]]) -> dict[str, Predictions]:
    """By part the average of the members' probabilities, with equal weights."""
    return {part: average([member[part] for member in members]) for part in members[0]}


def by_size(
    members: Sequence[Mapping[str, Predictions]],
    duplicate: np.ndarray,
    beside: Sequence[Mapping[str, Predictions]] = (),
) -> pd.DataFrame:
    """Accuracy of ensembles of 1, 2, ... members with equal weights, the mean over all subsets.

    Up to about 8 members (255 subsets); those in `beside` are in every ensemble. On duplicate-free
    and on all test images; the intervals are over the images, for these members.
    """
    added, always = ([together(tested(each)) for each in group] for group in (members, beside))
    free = ~duplicate[added[0].rows]
    rows = {}
    for number in range(0 if always else 1, len(added) + 1):
        correct, size = _subsets_correct(added, number, always), number + len(always)
        rows[size] = {
            "duplicate_free": mean_interval(correct[free]),
            "all": mean_interval(correct),
        }
    return pd.DataFrame.from_dict(rows, "index").rename_axis("members")


def _subsets_correct(
    members: Sequence[Predictions], number: int, always: Sequence[Predictions]
) -> np.ndarray:
    """Return (n,) float, the share of choices of members that predict an image's label.

    A choice is `number` of them beside those always there.
    """
    probabilities = [given.probabilities for given in members]
    common = [given.probabilities for given in always]
    hits = [
        np.mean([*common, *some], axis=0).argmax(axis=1) == members[0].labels
        for some in combinations(probabilities, number)
    ]
    return np.mean(hits, axis=0)


def diversity(first: Predictions, second: Predictions) -> dict:
    """How two members differ on the same images, as proportions (Intervals).

    `same_class`: both predict it; `one_correct`: exactly one of the two is correct; `both_wrong`
    (double fault; Kuncheva and Whitaker 2003).
    """
    n = len(first.labels)
    measures = {
        "same_class": first.classes == second.classes,
        "one_correct": first.correct != second.correct,
        "both_wrong": ~first.correct & ~second.correct,
    }
    return {name: proportion(int(values.sum()), n) for name, values in measures.items()}


#: Test-time augmentation: the image, its mirror image, and the image moved by two pixels each way.
TEST_TIME = (
    Transform(),
    Transform(mirror=True),
    Transform(right=-2),
    Transform(right=2),
    Transform(down=-2),
    Transform(down=2),
)
#: Name -> which of TEST_TIME are averaged.
TEST_TIME_AVERAGES = {
    "image": (0,),
    "mirror": (0, 1),
    "mirror_shifts": tuple(range(len(TEST_TIME))),
}


def transformed(run: Run, dataset: Dataset) -> dict[str, np.ndarray]:
    """By part the logits (transforms, n, 7) float16 of a run, one for each of TEST_TIME."""
    from fer_utils.inference import predictor

    predict = predictor(run.model())
    others = range(1, len(TEST_TIME))
    logits = {part: [given] for part, given in run.logits.items()}
    for part, rows in part_rows(dataset).items():
        for transform in others:
            which = np.full(len(rows), transform)
            moved = augment(dataset.images[rows], which, TEST_TIME)
            logits[part].append(predict(normalise(moved, run.config.per_image_norm)))
    return {part: np.array(given, np.float16) for part, given in logits.items()}


MEASUREMENT = Measurement("test_time", transformed)


def transformed_logits(run: Run, dataset: Dataset) -> dict[str, np.ndarray]:
    """Logits (transforms, n, 7) float32 per part, one for each of TEST_TIME.

    They are computed once and kept with the run. Raises DamagedRun.
    """
    found = load_measured(run, MEASUREMENT) or measure_and_save(run, dataset, MEASUREMENT)
    return {part: logits.astype(np.float32) for part, logits in found.items()}


def can_be_evaluated(run: Run) -> bool:
    """Whether `transformed_logits` can return a run's: they or its weights are saved."""
    return run.config.keep_weights or load_measured(run, MEASUREMENT) is not None


def transform_averages(run: Run, dataset: Dataset) -> dict[str, dict[str, Predictions]]:
    """Predictions by name of TEST_TIME_AVERAGES and part: mean probabilities."""
    found = transformed_logits(run, dataset)
    by_transform = [
        of_logits({part: logits[transform] for part, logits in found.items()}, dataset)
        for transform in range(len(TEST_TIME))
    ]
    return {
        name: {part: average([by_transform[k][part] for k in chosen]) for part in found}
        for name, chosen in TEST_TIME_AVERAGES.items()
    }
