"""What normalisation and augmentation do to accuracy: the effects, and their interactions.

A group is what networks of one recipe predict, one training run per seed: a list of predictions by
part (`Run.predictions`). `duplicate` (n,) bool marks the rows of the data set that have a duplicate
in Training. Intervals are over seeds and test images, see `comparisons.contrast`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fer_utils import homework
from fer_utils.statistics.comparisons import contrast, factorial_effects
from fer_utils.statistics.corrections import judged_with_detectable
from fer_utils.training.predictions import Predictions, tested, together

Group = Sequence[Mapping[str, Predictions]]
Levels = tuple[bool, bool, bool]  # per-image normalisation, batch normalisation, augmentation

FACTORS = ("data_normalisation", "batch_normalisation", "augmentation")
#: The homework's rows, as cells of the factorial design. That its last row of the first table goes
#: without data normalisation too is how we read it.
ROWS = {
    "with_data_normalisation": (True, True, False),
    "without_data_normalisation": (False, True, False),
    "without_batch_normalisation": (False, False, False),
    "with_augmentation": (True, True, True),
    "without_augmentation": (True, True, False),
}
#: The same rows at full width: row -> role of `experiments.model`.
MODELS = {
    "with_data_normalisation": "model0",
    "without_data_normalisation": "model0-raw",
    "without_batch_normalisation": "model0-raw-nobn",
    "with_augmentation": "model2",
    "without_augmentation": "model0",
}


def accuracies(cells: Mapping[Levels, Group], duplicate: np.ndarray) -> pd.DataFrame:
    """Estimate the accuracies of a factorial design's cells on both test splits together.

    The index says whether a cell has a factor ("yes" or "no"). The columns are `training_runs` (one
    per seed), and the accuracies (Intervals) `duplicate_free` and `all`.
    """
    rows = []
    for levels, group in sorted(cells.items(), key=lambda cell: (cell[0][2], not cell[0][0])):
        given = [together(tested(parts)) for parts in group]
        correct, free = np.stack([one.correct for one in given]), ~duplicate[given[0].rows]
        rows.append(
            {factor: "yes" if has else "no" for factor, has in zip(FACTORS, levels, strict=True)}
            | {
                "training_runs": len(group),
                "duplicate_free": contrast([correct[:, free]], (1,)).interval,
                "all": contrast([correct], (1,)).interval,
            }
        )
    return pd.DataFrame(rows).set_index([FACTORS[2], *FACTORS[:2]])


def effects(
    groups: Mapping[str, Group],
    duplicate: np.ndarray,
    figures: Mapping[str, tuple[float, float]],
) -> pd.DataFrame:
    """Estimate the effects of the homework's three factors on both test splits together.

    Parameters
    ----------
    groups
        By row of the homework's tables, a key of ROWS. A factor whose two rows are not both there
        is left out.
    duplicate
        (n,) bool, which images have a duplicate in Training.
    figures
        The homework's accuracies (PUBLIC, PRIVATE) by row; none where it had other data.

    Returns
    -------
    pandas.DataFrame
        By (factor, images), where images are `duplicate_free`, `with_duplicate` and `all`: `effect`
        (Comparison), `verdict`, `p` and `detectable` as `judged_with_detectable` gives them, over
        the factors on one kind of images. With `figures` there are also, for all images, `homework`
        (its effect, float), `minus_homework` (Comparison, corrected over the factors), its verdict
        `beside_homework` and `homework_detectable`. The difference carries the sampling errors of
        both. The homework's is taken as that of two networks scored on different images, because
        how its predictions correlate is not known.
    """
    rows, beside = {}, {}
    for factor, (with_it, without) in homework.EFFECTS.items():
        if not {with_it, without} <= groups.keys():
            continue
        pair = [[together(tested(parts)) for parts in groups[row]] for row in (with_it, without)]
        has_duplicate = duplicate[pair[0][0].rows]
        kinds = {
            "duplicate_free": ~has_duplicate,
            "with_duplicate": has_duplicate,
            "all": np.ones_like(has_duplicate),
        }
        stacks = [np.stack([given.correct for given in seeds]) for seeds in pair]
        for kind, chosen in kinds.items():
            if chosen.any():
                found = contrast([stack[:, chosen] for stack in stacks], (1, -1))
                rows[factor, kind] = {"effect": found}
        if figures:
            theirs = [float(np.mean(figures[row])) for row in (with_it, without)]
            error = sum(_sampling(figure, len(has_duplicate)) for figure in theirs)
            effect = theirs[0] - theirs[1]
            against = contrast(stacks, (1, -1), (effect, error))
            beside[factor, "all"] = {"homework": effect, "minus_homework": against}
    names = ["factor", "images"]
    table = pd.DataFrame.from_dict(rows, "index").rename_axis(names)
    families = [
        judged_with_detectable(family, interval="effect") for _, family in table.groupby("images")
    ]
    table = pd.concat(families).loc[table.index]
    if not beside:
        return table
    compared = pd.DataFrame.from_dict(beside, "index").rename_axis(names)
    compared = judged_with_detectable(compared, interval="minus_homework").drop(columns="p")
    new_names = {"verdict": "beside_homework", "detectable": "homework_detectable"}
    return table.join(compared.rename(columns=new_names))


def interactions(cells: Mapping[Levels, Group], duplicate: np.ndarray) -> pd.DataFrame:
    """Estimate main effects and interactions on the duplicate-free images of both test splits.

    With all eight cells these are of three factors, otherwise of the two normalisations without
    augmentation. An interaction is half the difference of two effects (Yates). Returns what
    `factorial_effects` does.
    """
    correct: dict[tuple[bool, ...], np.ndarray] = {}
    for levels, group in cells.items():
        given = [together(tested(parts)) for parts in group]
        free = ~duplicate[given[0].rows]
        correct[levels] = np.stack([one.correct[free] for one in given])
    if len(correct) == 8:
        return factorial_effects(correct, FACTORS)
    of_two = {levels[:2]: stack for levels, stack in correct.items() if not levels[2]}
    return factorial_effects(of_two, FACTORS[:2])


def _sampling(figure: float, images: int) -> float:
    """Return the variance of an accuracy that is measured on so many images."""
    return figure * (1 - figure) / images
