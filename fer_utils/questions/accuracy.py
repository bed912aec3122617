"""How accurate the finished networks are: beside the homework, beside one another, twins apart.

A test image has a twin if a duplicate of it, exact or near, lies in Training. The homework's board
had these too, so the comparison with it takes all images; everything else leads with the images
without a twin. `predictions` maps names of networks to their answers by part (`Run.predictions`).
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from fer_utils.data.dataset import Dataset, hold_out
from fer_utils.statistics.comparisons import compare
from fer_utils.statistics.intervals import (
    Interval,
    independent_interval,
    judged,
    proportion,
    verdict,
    with_detectable,
)
from fer_utils.training.experiments import Config, two_phases
from fer_utils.training.predictions import Predictions, tested, together

Parts = Mapping[str, Predictions]


def accuracy(given: Predictions) -> Interval:
    """The proportion of correct answers, with Wilson's interval over the images."""
    return proportion(int(given.correct.sum()), len(given.correct))


def on_test_images(
    parts: Parts, twin: np.ndarray
) -> Iterator[tuple[str, Predictions, Predictions]]:
    """The answers on each part that judges networks: its board, without twins, and all."""
    for given in tested(parts).values():
        yield given.part.board, given[~twin[given.rows]], given


def beside_homework(
    predictions: Mapping[str, Parts],
    homework: Mapping[str, tuple[float, float]],
    twin: np.ndarray,
) -> pd.DataFrame:
    """A row per network and board: accuracies, and ours minus the homework's on all images.

    `homework` maps names to (PUBLIC, PRIVATE); `twin` is (n,) bool over the data set. The
    homework's figure has a sampling error of its own; it is taken to be that of as many other
    images as ours (Newcombe's interval).
    """
    rows = {}
    for name, parts in predictions.items():
        for board, without, given in on_test_images(parts, twin):
            theirs = _of_board(homework.get(name), board)
            right, n = int(given.correct.sum()), len(given.correct)
            row = {"without twins": accuracy(without), "all": accuracy(given)}
            if theirs is not None:
                difference = independent_interval(right, n, round(theirs * n), n)
                words = ("above", "below", "not shown to differ")
                row |= {
                    "homework": theirs,
                    "all − homework": difference,
                    "verdict": verdict(difference, words=words),
                }
            rows[name, board] = row
    return pd.DataFrame.from_dict(rows, "index").rename_axis(["network", "board"])


def _of_board(figures: Sequence[float] | None, board: str) -> float | None:
    """The homework's figure to stand beside ours: PRIVATE's, else PUBLIC's."""
    return None if figures is None else float(figures[1 if board == "PRIVATE" else 0])


def accuracies(predictions: Mapping[str, Parts], twin: np.ndarray) -> pd.DataFrame:
    """Accuracy of each network (rows) on each board, without twins and on all images."""
    rows = {}
    for name, parts in predictions.items():
        row = rows.setdefault(name, {})
        for board, without, given in on_test_images(parts, twin):
            row[f"{board}, without twins"] = accuracy(without)
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
                difference, p = compare(one.correct[chosen], other.correct[chosen])
                row = {"n": int(chosen.sum()), "difference": difference, "p": p}
                rows[f"{first} − {second}", kind] = row
    table = pd.DataFrame.from_dict(rows, "index").rename_axis(["networks", "images"])
    words = ("higher", "lower", "no difference shown")
    table = judged(table, interval="difference", words=words)
    return with_detectable(table, "difference", words[2])


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
            "orientation; the difference of two data sets says nothing about the networks."
        )
    if not dataset.original:
        return (
            f"**These are images in {dataset.title}.** The homework's figures stand beside ours "
            "for orientation; the difference of two data sets says nothing about the networks."
        )
    return (
        "The homework's figures come from a Kaggle board on FER2013; that its PUBLIC and PRIVATE "
        "images are PublicTest and PrivateTest, which we score, is not known."
    )


def phases(config: Config) -> pd.DataFrame:
    """One row per phase of a config's training."""
    names = {"adadelta": "Adadelta", "sgd": "SGD"}
    rows = [
        {
            "optimiser": names[phase.optimizer],
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
        How many of the Training images; a fifth of them is held out.
    steps
        Of the optimiser, on batches.
    seed
        Of the choice of images, the weights and the batches.

    Returns
    -------
    pandas.DataFrame
        The history, as `Run.history`.
    """
    from fer_utils.training.loop import Examples, train

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
    rows = np.random.default_rng(seed).permutation(hold_out(dataset)[0])[:images]
    fit, held_out = rows[images // 5 :], rows[: images // 5]
    examples = Examples(
        dataset.images[fit], dataset.labels[fit], dataset.images[held_out], dataset.labels[held_out]
    )
    with tempfile.TemporaryDirectory() as folder:
        made = train(config, examples, checkpoint=Path(folder) / "c.npz", data_id="live")
    return pd.DataFrame(made.history).set_index("step")
