"""The test images that notebooks 06 and 07 look into, chosen as the homework does."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fer_utils.data.dataset import Dataset
from fer_utils.fer2013 import CHINESE, CLASSES
from fer_utils.statistics.calibration import softmax
from fer_utils.statistics.intervals import Interval, proportion
from fer_utils.training.predictions import part_rows
from fer_utils.training.runs import Run

SURE = 0.9  # the homework's least probability; other images "show little"
FEWEST = 20  # images of a class's average


def part_of(run: Run) -> str:
    """The part of the data that images are chosen from, as runs name it."""
    return "public" if "public" in run.logits else "held_out"


def candidates(run: Run, dataset: Dataset) -> pd.DataFrame:
    """A row per labelled PublicTest image; of held-out Training images if PublicTest has none.

    Columns: `row` (in the data), `label`, `probability` (of the label), `correct`, `sure`
    (correct with at least SURE); `attrs["part"]` says which images they are.
    """
    part = part_of(run)
    rows = part_rows(dataset)[part]
    labels = dataset.labels[rows].astype(int)
    probabilities = softmax(run.logits[part])
    own = probabilities[np.arange(len(rows)), labels]
    correct = probabilities.argmax(axis=1) == labels
    table = pd.DataFrame({"row": rows, "label": labels, "probability": own, "correct": correct})
    table["sure"] = correct & (own >= SURE)
    table.attrs["part"] = {"public": "PublicTest", "held_out": "held-out Training"}[part]
    return table


def accuracies(runs: Mapping[str, Run], dataset: Dataset) -> dict[str, Interval]:
    """Accuracy of each run on the images that `candidates` lists."""
    hits = {name: candidates(run, dataset)["correct"] for name, run in runs.items()}
    return {name: proportion(int(correct.sum()), len(correct)) for name, correct in hits.items()}


def examples(table: pd.DataFrame) -> pd.DataFrame:
    """One image per class that occurs, indexed by class name: the surest of the correct ones.

    Adds `note`: "sure", "correct, less sure" (the nearest below SURE), or "not recognised" (the
    class has no correct image: the one with the highest probability of its class).
    """
    best = table.sort_values(["correct", "probability"]).groupby("label").tail(1)
    best = best.sort_values("label")
    notes = np.where(best["correct"], "correct, less sure", "not recognised")
    best["note"] = np.where(best["sure"], "sure", notes)
    return best.set_axis([CLASSES[label] for label in best["label"]])


def overview(table: pd.DataFrame) -> pd.DataFrame:
    """Per class: how many images, correct, sure; probability and note of the one in `examples`."""
    counts = table.groupby("label")[["correct", "sure"]].sum()
    counts.insert(0, "images", table.groupby("label").size())
    shown = examples(table)
    counts.index = [f"{CLASSES[label]} {CHINESE[label]}" for label in counts.index]
    return counts.assign(
        **{"shown with probability": shown["probability"].values, "shown": shown["note"].values}
    )


def sure(table: pd.DataFrame) -> pd.DataFrame:
    """All sure images first; then, of classes with under FEWEST of them, the correct next below."""
    classes = table.groupby("label")
    chosen = [surest(group, max(FEWEST, int(group["sure"].sum()))) for _, group in classes]
    return pd.concat(chosen).sort_values(["sure", "row"], ascending=[False, True])


def surest(table: pd.DataFrame, n: int) -> pd.DataFrame:
    """At most `n` correct images: the sure ones in the order of the data, then the next below."""
    correct = table[table["correct"]]
    rest = correct[~correct["sure"]].sort_values("probability", ascending=False)
    return pd.concat([correct[correct["sure"]], rest]).head(n)
