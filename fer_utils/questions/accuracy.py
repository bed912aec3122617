"""How accurate the finished networks are: beside the homework, beside one another, twins apart.

A test image has a twin if a duplicate of it, exact or near, lies in Training. The homework's board
had these too, so the comparison with it takes all images; everything else leads with the images
without a twin. `predictions` maps names of networks to their answers by part (`Run.predictions`).
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
    """The proportion of correct answers, with Wilson's interval over the images."""
    return proportion(int(given.correct.sum()), len(given.correct))


def held_out_in_words(parts: Parts, unseen: np.ndarray) -> str:
    """The held-out accuracy of the weights kept, on all held-out images and on the `unseen` ones.

    `unseen` as `duplicates.unseen`: without a twin in the part trained on.
    """
    given = parts["held_out"]
    if unseen.all():
        return f"held-out accuracy of the weights kept {accuracy(given):.3f}"
    return (
        f"held-out accuracy of the weights kept {accuracy(given):.3f}, and "
        f"{accuracy(given[unseen]):.3f} on the {unseen.sum():,} held-out images without a twin in "
        "the part trained on"
    )


def on_boards(parts: Parts) -> list[Predictions]:
    """The answers on each part that judges networks; of two parts those on both together, too."""
    boards = list(tested(parts).values())
    return boards if len(boards) == 1 else [*boards, together(tested(parts))]


def beside_homework(
    predictions: Mapping[str, Parts],
    homework: Mapping[str, tuple[float, float]],
    twin: np.ndarray,
) -> pd.DataFrame:
    """A row per network and board, and on both: accuracies, ours minus the homework's on all.

    `homework` maps names to (PUBLIC, PRIVATE); `twin` is (n,) bool over the data set. The
    homework's figure has a sampling error of its own; it is taken to be that of as many other
    images as ours (Newcombe's interval; Fisher's exact test). Judged as `judged_on_all` says.
    """
    rows = {}
    for name, parts in predictions.items():
        boards = on_boards(parts)
        for given in boards:
            row: dict[str, Any] = {
                "without twins": accuracy(given[~twin[given.rows]]),
                "all": accuracy(given),
            }
            if name in homework:
                theirs, n = of_board(homework[name], given, boards), len(given.correct)
                counts = int(given.correct.sum()), round(theirs * n)
                p = stats.fisher_exact([[right, n - right] for right in counts]).pvalue
                difference = independent_interval(counts[0], n, counts[1], n).tested(p, n)
                row |= {"homework": theirs, "all − homework": difference}
            rows[name, given.part.board] = row
    table = pd.DataFrame.from_dict(rows, "index").rename_axis(["network", "board"])
    return judged_on_all(table) if "homework" in table else table


def of_board(
    figures: tuple[float, float], given: Predictions, boards: Sequence[Predictions]
) -> float:
    """Return the homework's figure to stand beside ours.

    PRIVATE's, on both boards the mean over their images, else PUBLIC's.
    """
    if given.part.board == "BOTH":
        return float(np.average(figures, weights=[len(board.labels) for board in boards[:2]]))
    return float(figures[1 if given.part.board == "PRIVATE" else 0])


def judged_on_all(table: pd.DataFrame) -> pd.DataFrame:
    """A table by network and board with a verdict for each network.

    The test of a network takes all of its test images, so that of two boards the row of both is
    judged, by the Comparison "all − homework"; Holm's correction is over the networks. Adds
    "verdict" (in words), "p (Holm)" and "would show" (`judged_with_detectable`); NaN elsewhere.
    """
    last = ~table.index.get_level_values(0).duplicated(keep="last")
    compared = table[last & table["all − homework"].notna()]
    tests = judged_with_detectable(compared, interval="all − homework")
    tests = wording.with_phrases(tests, wording.HOMEWORK)
    return table.join(tests[["verdict", "p (Holm)", "would show"]])


def accuracies(
    predictions: Mapping[str, Parts], twin: np.ndarray, unseen: np.ndarray | None = None
) -> pd.DataFrame:
    """Accuracy of each network (rows) on each board, without twins and on all images.

    With `unseen`, as `held_out_in_words`, on these held-out images as well.
    """
    rows: dict[str, dict[str, Any]] = {}
    for name, parts in predictions.items():
        row = rows.setdefault(name, {})
        if unseen is not None:
            row["held out, unseen"] = accuracy(parts["held_out"][unseen])
        for given in tested(parts).values():
            board = given.part.board
            row[f"{board}, without twins"] = accuracy(given[~twin[given.rows]])
            row[f"{board}, all"] = accuracy(given)
    return pd.DataFrame.from_dict(rows, "index").rename_axis("network")


def differences(
    predictions: Mapping[str, Parts],
    pairs: Sequence[tuple[str, str]],
    twin: np.ndarray,
    *,
    apart: bool = False,
) -> pd.DataFrame:
    """Accuracy of the first minus that of the second network, paired over the test images.

    All boards together. McNemar's exact test, corrected by Holm over the table.

    Parameters
    ----------
    predictions
        By name of the network its answers on the parts.
    pairs
        Names of the two networks of each row.
    twin
        (n,) bool, which test images have a twin in Training.
    apart
        Whether the images with a twin have a row of their own.

    Returns
    -------
    pandas.DataFrame
        A row per pair and kind of images (without a twin, all). "would show" is the difference that
        as many images would have shown four times in five, where none is shown.
    """
    rows = {}
    for first, second in pairs:
        one, other = (together(tested(predictions[name])) for name in (first, second))
        has_twin = twin[one.rows]
        kinds = {
            "without twins": ~has_twin,
            "with a twin": has_twin,
            "all": np.full_like(has_twin, 1),
        }
        for kind, chosen in kinds.items():
            if (apart or kind != "with a twin") and chosen.any():
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
            "**The test images have no labels here.** HELD-OUT stands for the held-out tenth of "
            "Training instead; it also decided which weights were kept, so its figures flatter. "
            "The homework's figures beside them are those on PUBLIC."
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
        "The homework's figures come from a Kaggle board on FER2013. We take its halves, PUBLIC "
        "and PRIVATE, to be PublicTest and PrivateTest, which is not known; if they are, they had "
        "the twins too, so the comparison with them takes all images."
    )


def revision(dataset: Dataset) -> str:
    """Which recipe was changed after test images had been scored, and what chose the change."""
    if dataset.name == "drawn":
        return (
            "The recipe of notebook 2's narrow networks was changed once, after networks of the "
            "first one had been scored: one of them had collapsed on held-out images, which chose "
            "the change. model0 and model1 were trained again, from seeds of their own, after they "
            "had been scored."
        )
    return (
        "Twenty-four networks were finished, scored on FER2013's test images and then replaced or "
        "not kept. The recipe of model0 to model2 was revised twice: after an earlier model1, "
        "model2 and dense network had been scored (published recipes and held-out accuracy chose "
        "the revision), and to twice the passes after everything had been scored (held-out images "
        "chose, by model2); then the compact members, the students and the other seed of model2 "
        "were trained anew as well, all but student-tiny for longer. That member1 gains on the "
        "test images by twice the passes was known when that was tried (bench/recipes.md). Four "
        "narrow networks were trained again with batch normalisation in their dense layers, since "
        "units of these were dead on held-out images. Another recipe was tried on model1, half as "
        "many passes again on student-compact and twice as many on member1; none was kept, for "
        "its held-out accuracy."
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
    """Train a narrow network for a few steps, to see the engine at work; nothing is kept.

    Parameters
    ----------
    dataset
        The data.
    images
        How many of the Training images, at most; a fifth of them is held out.
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
    fit, held_out = rows[len(rows) // 5 :], rows[: len(rows) // 5]
    examples = Examples(
        dataset.images[fit], dataset.labels[fit], dataset.images[held_out], dataset.labels[held_out]
    )
    with tempfile.TemporaryDirectory() as folder:
        made = train(config, examples, checkpoint=Path(folder) / "c.npz", made_from="live")
    return pd.DataFrame(made.history).set_index("step")
