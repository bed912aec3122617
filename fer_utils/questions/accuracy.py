"""How accurate the finished networks are, beside the homework's and beside one another.

A test image is duplicate-free if Training has no exact or near duplicate of it. The homework's test
images had such duplicates too, so the comparison with it takes all images; everything else leads
with the duplicate-free ones. `predictions` maps names of networks to their predictions by part
(`Run.predictions`); `duplicate` (n,) bool marks the rows of the data set that have a duplicate.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from fer_utils.data.dataset import Dataset, validation_split
from fer_utils.statistics.comparisons import paired_difference
from fer_utils.statistics.corrections import judged_with_detectable
from fer_utils.statistics.intervals import Interval, independent_interval, proportion
from fer_utils.training.config import Config
from fer_utils.training.experiments import two_phases
from fer_utils.training.predictions import Predictions, tested, together

Parts = Mapping[str, Predictions]

#: As `Phase.optimizer` has them -> as they are written.
OPTIMISERS = {"adadelta": "Adadelta", "sgd": "SGD"}


def accuracy(given: Predictions) -> Interval:
    """The proportion of correct predictions, with Wilson's interval over the images."""
    return proportion(int(given.correct.sum()), len(given.correct))


def on_splits(parts: Parts) -> list[Predictions]:
    """The predictions on each test split that has labels; of two splits also on both together."""
    splits = list(tested(parts).values())
    return splits if len(splits) == 1 else [*splits, together(tested(parts))]


def beside_homework(
    predictions: Mapping[str, Parts],
    homework: Mapping[str, tuple[float, float]],
    duplicate: np.ndarray,
) -> pd.DataFrame:
    """A row per network and test split, and for both: accuracies, and ours minus the homework's.

    `homework` maps names to (PUBLIC, PRIVATE). The difference is on all images. The homework's
    figure has a sampling error of its own; it is taken to be that of as many other
    images as ours (Newcombe's interval; Fisher's exact test). The test of a network takes all of
    its test images, so that of two splits the row of both is judged; Holm's correction is over the
    networks.

    Returns
    -------
    pandas.DataFrame
        By (network, split): `duplicate_free` and `all` (Intervals), and where the homework has the
        network `homework` (float), `difference` (Comparison), `verdict`, `p`, `detectable`.
    """
    rows = {}
    for name, parts in predictions.items():
        splits = on_splits(parts)
        for given in splits:
            row: dict[str, Any] = {
                "duplicate_free": accuracy(given[~duplicate[given.rows]]),
                "all": accuracy(given),
            }
            if name in homework:
                theirs, n = of_split(homework[name], given, splits), len(given.correct)
                counts = int(given.correct.sum()), round(theirs * n)
                p = stats.fisher_exact([[right, n - right] for right in counts]).pvalue
                difference = independent_interval(counts[0], n, counts[1], n).tested(p, n)
                row |= {"homework": theirs, "difference": difference}
            rows[name, given.part.split] = row
    index = pd.MultiIndex.from_tuples(list(rows), names=["network", "split"])
    table = pd.DataFrame(list(rows.values()), index)
    if "difference" not in table:
        return table
    last = ~table.index.get_level_values("network").duplicated(keep="last")
    compared = table[last & table["difference"].notna()]
    tests = judged_with_detectable(compared, interval="difference")
    table.loc[tests.index, "difference"] = tests["difference"]
    return table.join(tests[["verdict", "p", "detectable"]])


def of_split(
    figures: tuple[float, float], given: Predictions, splits: Sequence[Predictions]
) -> float:
    """Return the homework's figure to stand beside ours.

    PRIVATE's, on both test splits the mean over their images, else PUBLIC's.
    """
    if given.part.split == "both":
        return float(np.average(figures, weights=[len(split.labels) for split in splits[:2]]))
    return float(figures[1 if given.part.split == "PRIVATE" else 0])


def accuracies(
    predictions: Mapping[str, Parts],
    duplicate: np.ndarray,
    duplicate_free: np.ndarray | None = None,
) -> pd.DataFrame:
    """Accuracy of each network on the test images, as Intervals.

    A row per network; the columns `duplicate_free` and `all` are on both test splits together,
    `PUBLIC_all` and so on on one of them. With `duplicate_free`, (n,) bool as
    `duplicates.duplicate_free_validation` gives it, `validation` is on these validation images.
    """
    rows: dict[str, dict[str, Any]] = {}
    for name, parts in predictions.items():
        row = rows.setdefault(name, {})
        if duplicate_free is not None:
            row["validation"] = accuracy(parts["held_out"][duplicate_free])
        both = together(tested(parts))
        row["duplicate_free"] = accuracy(both[~duplicate[both.rows]])
        row["all"] = accuracy(both)
        for given in tested(parts).values():
            split = given.part.split
            row[f"{split}_duplicate_free"] = accuracy(given[~duplicate[given.rows]])
            row[f"{split}_all"] = accuracy(given)
    return pd.DataFrame.from_dict(rows, "index").rename_axis("network")


def differences(
    predictions: Mapping[str, Parts],
    pairs: Sequence[tuple[str, str]],
    duplicate: np.ndarray,
    *,
    apart: bool = False,
) -> pd.DataFrame:
    """Accuracy of the first minus that of the second network, paired over the test images.

    All test splits together. McNemar's exact test, corrected by Holm over the table.

    Parameters
    ----------
    predictions
        By name of the network its predictions on the parts.
    pairs
        Names of the two networks of each row.
    duplicate
        (n,) bool, which test images have a duplicate in Training.
    apart
        Whether the images with a duplicate have a row of their own.

    Returns
    -------
    pandas.DataFrame
        By (first, second, images), where images are `duplicate_free`, `all` and with `apart`
        `with_duplicate`: `difference` (Comparison), `verdict`, `p`, `detectable`, as
        `judged_with_detectable` gives them.
    """
    rows = {}
    for first, second in pairs:
        one, other = (together(tested(predictions[name])) for name in (first, second))
        has_duplicate = duplicate[one.rows]
        kinds = {
            "duplicate_free": ~has_duplicate,
            "with_duplicate": has_duplicate,
            "all": np.full_like(has_duplicate, 1),
        }
        for kind, chosen in kinds.items():
            if (apart or kind != "with_duplicate") and chosen.any():
                difference = paired_difference(one.correct[chosen], other.correct[chosen])
                rows[first, second, kind] = {"difference": difference}
    table = pd.DataFrame.from_dict(rows, "index").rename_axis(["first", "second", "images"])
    return judged_with_detectable(table, interval="difference")


def phases(config: Config, images: int) -> pd.DataFrame:
    """List the phases of a config's training.

    Parameters
    ----------
    config
        Of a run.
    images
        How many images are trained on; an epoch shows as many.

    Returns
    -------
    pandas.DataFrame
        By number of the phase, from 1: `optimiser`, `learning_rate` ("0.1 to 0" if it falls),
        `steps` at most, `epochs` in these steps, `momentum`, `weight_decay`, `patience`,
        `image_side` (pixels).
    """
    rows = [
        {
            "optimiser": OPTIMISERS[phase.optimizer],
            "learning_rate": f"{phase.learning_rate:g}"
            if phase.optimizer == "adadelta"
            else f"{phase.learning_rate:g} to {phase.final_rate:g}",
            "steps": phase.steps,
            "epochs": phase.steps * config.batch_size / images,
            "momentum": f"{phase.momentum:g}",
            "weight_decay": f"{phase.weight_decay:g}",
            "patience": phase.patience,
            "image_side": phase.size,
        }
        for phase in config.phases
    ]
    return pd.DataFrame(rows, pd.RangeIndex(1, len(rows) + 1, name="phase"))


def train_a_little(dataset: Dataset, *, images: int, steps: int, seed: int) -> pd.DataFrame:
    """Train a small network for a few steps, to see the engine at work; nothing is kept.

    Parameters
    ----------
    dataset
        The data.
    images
        How many of the Training images, at most; a fifth of them is the validation set.
    steps
        Of the optimiser, on batches.
    seed
        Of the choice of images, the weights and the batches.

    Returns
    -------
    pandas.DataFrame
        The history, as `Run.history`.
    """
    from fer_utils.training.examples import Examples
    from fer_utils.training.loop import train

    config = Config(
        name="live",
        dataset=dataset.name,
        phases=two_phases(3 * steps // 5, steps - 3 * steps // 5),
        widths=(8, 12, 16, 24),
        dense=(64, 64),
        evaluate_every=max(steps // 5, 1),
        transforms="x13",
        batch_size=32,
        seed=seed,
    )
    rows = np.random.default_rng(seed).permutation(validation_split(dataset)[0])[:images]
    fit, validation = rows[len(rows) // 5 :], rows[: len(rows) // 5]
    examples = Examples(
        dataset.images[fit],
        dataset.labels[fit],
        dataset.images[validation],
        dataset.labels[validation],
    )
    with tempfile.TemporaryDirectory() as folder:
        made = train(config, examples, checkpoint=Path(folder) / "c.npz", made_from="live")
    return pd.DataFrame(made.history).set_index("step")
