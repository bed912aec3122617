"""The test images that chapters 6 and 7 examine: duplicate-free ones, by confidence."""

import numpy as np
import pandas as pd

from fer_utils.data.dataset import Dataset
from fer_utils.fer2013 import CLASSES
from fer_utils.homework import CONFIDENT
from fer_utils.questions import contamination
from fer_utils.training.predictions import tested, together
from fer_utils.training.runs import Run


def candidates(run: Run, dataset: Dataset) -> pd.DataFrame:
    """List the labelled duplicate-free test images, a row each.

    If no test image has a label, the validation images that Training does not contain twice take
    their place. Columns: `row` (in the data), `label`, `probability` (of the label), `correct`;
    `attrs["part"]` names the images.
    """
    found = together(tested(run.predictions(dataset)))
    found = found[~contamination.training_duplicates(dataset)[found.rows]]
    own = found.probabilities[np.arange(len(found.rows)), found.labels]
    columns = {"row": found.rows, "label": found.labels, "probability": own}
    table = pd.DataFrame(columns | {"correct": found.correct})
    table.attrs["part"] = found.part.images
    return table


def most_confident(table: pd.DataFrame, count: int) -> pd.DataFrame:
    """Take of each class the `count` correct images of the largest probability, largest first."""
    correct = table[table["correct"]]
    by_confidence = correct.sort_values("probability", ascending=False, kind="stable")
    chosen = by_confidence.groupby("label").head(count)
    return chosen.sort_values(["label", "probability"], ascending=[True, False], ignore_index=True)


def one_of_each(table: pd.DataFrame) -> pd.DataFrame:
    """Take one image of each class that occurs, by class name: the most confident correct one.

    Of a class without a correct image the one with the highest probability of its class: `note` is
    then "misclassified", else "correct".
    """
    best = table.sort_values(["correct", "probability"], kind="stable").groupby("label").tail(1)
    best = best.sort_values("label")
    best["note"] = np.where(best["correct"], "correct", "misclassified")
    return best.set_axis([CLASSES[label] for label in best["label"]])


def overview(table: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    """Count by class the images of the `table`, the correct and the `chosen` ones.

    Columns: `images`, `correct`, `explained`; of the chosen ones the `least_probability`, and how
    many reach the homework's (`confident`).
    """
    by_class, of_chosen = table.groupby("label"), chosen.groupby("label")["probability"]
    counts = pd.DataFrame(
        {
            "images": by_class.size(),
            "correct": by_class["correct"].sum(),
            "explained": of_chosen.size(),
            "least_probability": of_chosen.min(),
            "confident": of_chosen.agg(lambda p: int((p >= CONFIDENT).sum())),
        }
    )
    return counts.set_axis([CLASSES[label] for label in counts.index])
