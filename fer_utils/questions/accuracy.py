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
from fer_utils.statistics import wording
from fer_utils.statistics.comparisons import paired_difference
from fer_utils.statistics.corrections import judged_with_detectable
from fer_utils.statistics.intervals import Interval, independent_interval, proportion
from fer_utils.training.config import Config
from fer_utils.training.experiments import two_phases
from fer_utils.training.predictions import Predictions, tested, together

Parts = Mapping[str, Predictions]

#: As `Phase.optimizer` has them -> as they are written.
OPTIMISERS = {"adadelta": "Adadelta", "sgd": "SGD"}
CHINESE = dict(zip(wording.ACCURACY.values(), ("較高", "較低", "未能證實有差異"), strict=True))


def accuracy(given: Predictions) -> Interval:
    """The proportion of correct predictions, with Wilson's interval over the images."""
    return proportion(int(given.correct.sum()), len(given.correct))


def validation_accuracy_in_words(parts: Parts, duplicate_free: np.ndarray) -> str:
    """The validation accuracy of the selected checkpoint, on all and on duplicate-free images.

    `duplicate_free` is as `duplicates.duplicate_free_validation` gives it.
    """
    given = parts["held_out"]
    if duplicate_free.all():
        return f"validation accuracy of the selected checkpoint {accuracy(given):.3f}"
    return (
        f"validation accuracy of the selected checkpoint {accuracy(given):.3f}, and "
        f"{accuracy(given[duplicate_free]):.3f} on the {duplicate_free.sum():,} duplicate-free "
        "validation images"
    )


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
    images as ours (Newcombe's interval; Fisher's exact test). Judged as `judged_on_all` says.
    """
    rows = {}
    for name, parts in predictions.items():
        splits = on_splits(parts)
        for given in splits:
            row: dict[str, Any] = {
                "duplicate-free": accuracy(given[~duplicate[given.rows]]),
                "all": accuracy(given),
            }
            if name in homework:
                theirs, n = of_split(homework[name], given, splits), len(given.correct)
                counts = int(given.correct.sum()), round(theirs * n)
                p = stats.fisher_exact([[right, n - right] for right in counts]).pvalue
                difference = independent_interval(counts[0], n, counts[1], n).tested(p, n)
                row |= {"homework": theirs, "all − homework": difference}
            rows[name, given.part.split] = row
    table = pd.DataFrame.from_dict(rows, "index").rename_axis(["network", "split"])
    return judged_on_all(table) if "homework" in table else table


def of_split(
    figures: tuple[float, float], given: Predictions, splits: Sequence[Predictions]
) -> float:
    """Return the homework's figure to stand beside ours.

    PRIVATE's, on both test splits the mean over their images, else PUBLIC's.
    """
    if given.part.split == "both":
        return float(np.average(figures, weights=[len(split.labels) for split in splits[:2]]))
    return float(figures[1 if given.part.split == "PRIVATE" else 0])


def judged_on_all(table: pd.DataFrame) -> pd.DataFrame:
    """A table by network and test split with a verdict for each network.

    The test of a network takes all of its test images, so that of two splits the row of both is
    judged, by the Comparison "all − homework"; Holm's correction is over the networks. Adds
    "verdict" (in words), "p (Holm)" and "minimum detectable" (`judged_with_detectable`), which are
    NaN elsewhere.
    """
    last = ~table.index.get_level_values(0).duplicated(keep="last")
    compared = table[last & table["all − homework"].notna()]
    tests = judged_with_detectable(compared, interval="all − homework")
    tests = wording.with_phrases(tests, wording.HOMEWORK)
    return table.join(tests[["verdict", "p (Holm)", "minimum detectable"]])


def accuracies(
    predictions: Mapping[str, Parts],
    duplicate: np.ndarray,
    duplicate_free: np.ndarray | None = None,
) -> pd.DataFrame:
    """Accuracy of each network (rows) on each test split, on duplicate-free and on all images.

    With `duplicate_free`, as in `validation_accuracy_in_words`, on these validation images as well.
    """
    rows: dict[str, dict[str, Any]] = {}
    for name, parts in predictions.items():
        row = rows.setdefault(name, {})
        if duplicate_free is not None:
            row["validation, duplicate-free"] = accuracy(parts["held_out"][duplicate_free])
        for given in tested(parts).values():
            split = given.part.split
            row[f"{split}, duplicate-free"] = accuracy(given[~duplicate[given.rows]])
            row[f"{split}, all"] = accuracy(given)
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
        A row per pair and kind of images ("duplicate-free", "all", with `apart` also "with a
        duplicate"). "minimum detectable" is as in `judged_with_detectable`.
    """
    rows = {}
    for first, second in pairs:
        one, other = (together(tested(predictions[name])) for name in (first, second))
        has_duplicate = duplicate[one.rows]
        kinds = {
            "duplicate-free": ~has_duplicate,
            "with a duplicate": has_duplicate,
            "all": np.full_like(has_duplicate, 1),
        }
        for kind, chosen in kinds.items():
            if (apart or kind != "with a duplicate") and chosen.any():
                difference = paired_difference(one.correct[chosen], other.correct[chosen])
                row = {"n": difference.n, "difference": difference}
                rows[f"{first} − {second}", kind] = row
    table = pd.DataFrame.from_dict(rows, "index").rename_axis(["networks", "images"])
    judged = judged_with_detectable(table, interval="difference")
    return wording.with_phrases(judged, wording.ACCURACY)


def comparability(dataset: Dataset, predictions: Parts) -> str:
    """What a difference to the homework's figures can mean on this data set."""
    if "held_out" in tested(predictions):
        return (
            "**The test images have no labels here.** The validation set stands in for them; it "
            "also selected the checkpoints, so its figures are optimistic. The homework's figures "
            "beside them are those on PUBLIC."
        )
    if dataset.name == "drawn":
        return (
            "**These are drawn faces, not FER2013.** The homework's figures stand beside ours for "
            "orientation, and are not compared: the difference of two data sets says nothing about "
            "the networks."
        )
    if not dataset.original:
        return (
            f"**These are images in {dataset.title}.** The homework's figures stand beside ours "
            "for orientation, and are not compared: the difference of two data sets says nothing "
            "about the networks."
        )
    return (
        "The homework's figures come from a Kaggle leaderboard on FER2013. We take its halves, "
        "PUBLIC and PRIVATE, to be PublicTest and PrivateTest, which is not known; if they are, "
        "they had the duplicates too, so the comparison with them takes all images."
    )


def revision(dataset: Dataset) -> str:
    """Which recipe was changed after test images had been scored, and what chose the change."""
    if dataset.name == "drawn":
        return (
            "The recipe of notebook 2's small networks was changed once, after networks of the "
            "first one had been scored: one of them had collapsed on the validation set, which "
            "chose the change. model0 and model1 were trained again, from seeds of their own, "
            "after they had been scored."
        )
    return (
        "Twenty-four networks were finished, scored on FER2013's test images and then replaced or "
        "not kept. The recipe of model0 to model2 was revised twice: after an earlier model1, "
        "model2 and dense network had been scored (published recipes and validation accuracy chose "
        "the revision), and to twice the epochs after everything had been scored (the validation "
        "set chose, by model2); then the compact members, the students and the other seed of "
        "model2 were trained again as well, all but student-tiny for longer. That member1 gains "
        "on the test images by twice the epochs was known when that was tried (bench/recipes.md). "
        "Four small networks were trained again with batch normalisation in their dense layers, "
        "since units of these were dead on the validation set. Another recipe was tried on "
        "model1, half as many epochs again on student-compact and twice as many on member1; none "
        "was kept, for its validation accuracy."
    )


def phases(config: Config) -> pd.DataFrame:
    """One row per phase of a config's training."""
    rows = [
        {
            "optimiser": OPTIMISERS[phase.optimizer],
            "image size": f"{phase.size}×{phase.size}",
            "learning rate": f"{phase.learning_rate:g}"
            if phase.optimizer == "adadelta"
            else f"{phase.learning_rate:g} to {phase.final_rate:g}",
            "steps": phase.steps,
            "momentum": f"{phase.momentum:g}",
            "weight decay": f"{phase.weight_decay:g}",
            "patience": phase.patience,
        }
        for phase in config.phases
    ]
    index = [f"phase {number}" for number in range(1, len(rows) + 1)]
    return pd.DataFrame(rows, index)


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
        phases=two_phases(2 * steps // 3, steps - 2 * steps // 3),
        widths=(8, 12, 16, 24),
        dense=(64, 64),
        evaluate_every=max(steps // 6, 1),
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
