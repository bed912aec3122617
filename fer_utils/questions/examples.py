"""The test images that notebooks 06 and 07 look into: without a twin in Training, by certainty."""

import numpy as np
import pandas as pd

from fer_utils.data.dataset import Dataset
from fer_utils.fer2013 import CHINESE, CLASSES
from fer_utils.homework import SURE
from fer_utils.questions import leakage
from fer_utils.training.predictions import tested, together
from fer_utils.training.runs import Run


def candidates(run: Run, dataset: Dataset) -> pd.DataFrame:
    """A row per labelled test image without an exact or near duplicate in Training.

    Of held-out Training images, likewise, if no test image has a label. Columns: `row` (in the
    data), `label`, `probability` (of the label), `correct`; `attrs["part"]` says in words which
    images they are.
    """
    found = together(tested(run.predictions(dataset)))
    found = found[~leakage.twins(dataset)[found.rows]]
    own = found.probabilities[np.arange(len(found.rows)), found.labels]
    columns = {"row": found.rows, "label": found.labels, "probability": own}
    table = pd.DataFrame(columns | {"correct": found.correct})
    table.attrs["part"] = found.part.images
    return table


def surest(table: pd.DataFrame, count: int) -> pd.DataFrame:
    """Of each class the `count` correct images with the largest probability, the surest first."""
    correct = table[table["correct"]]
    by_certainty = correct.sort_values("probability", ascending=False, kind="stable")
    chosen = by_certainty.groupby("label").head(count)
    return chosen.sort_values(["label", "probability"], ascending=[True, False], ignore_index=True)


def one_of_each(table: pd.DataFrame) -> pd.DataFrame:
    """One image of each class that occurs, by class name: the surest of the correct ones.

    Of a class without a correct image the one with the highest probability of its class: `note` is
    then "not recognised", else "correct".
    """
    best = table.sort_values(["correct", "probability"], kind="stable").groupby("label").tail(1)
    best = best.sort_values("label")
    best["note"] = np.where(best["correct"], "correct", "not recognised")
    return best.set_axis([CLASSES[label] for label in best["label"]])


def overview(table: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    """By class: images of the `table`, the correct ones, those `chosen`, and how sure these are."""
    by_class, of_chosen = table.groupby("label"), chosen.groupby("label")["probability"]
    counts = pd.DataFrame(
        {
            "images": by_class.size(),
            "correct": by_class["correct"].sum(),
            "explained": of_chosen.size(),
            "least probability": of_chosen.min(),
            f"at least {SURE:.0%} sure": of_chosen.agg(lambda p: int((p >= SURE).sum())),
        }
    )
    return counts.set_axis([f"{CLASSES[label]} {CHINESE[label]}" for label in counts.index])
