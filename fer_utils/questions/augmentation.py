"""Tables and verdicts of notebook 02: normalisation, augmentation, and their interaction."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import astuple

import numpy as np
import pandas as pd

from fer_utils.data.dataset import Dataset, hold_out
from fer_utils.fer2013 import PARTS
from fer_utils.statistics import comparisons
from fer_utils.statistics.intervals import Interval, verdict
from fer_utils.training.predictions import part_rows, tested
from fer_utils.training.runs import Run

FACTORS = ("data normalisation", "batch normalisation", "augmentation")


def boards(parts: Container[str]) -> dict[str, str]:
    """Part -> board name: the test splits that have labels, or the held-out images if none has."""
    names = dict.fromkeys(parts)
    return {part: PARTS[part].board for part in tested(names)}


def correct(runs: Sequence[Run], dataset: Dataset) -> dict[str, np.ndarray]:
    """(seeds, n) bool per part: which images each run classifies correctly."""
    return {
        part: np.array([run.logits[part].argmax(axis=1) == dataset.labels[rows] for run in runs])
        for part, rows in part_rows(dataset).items()
    }


def accuracy(hits: np.ndarray) -> Interval:
    """Mean accuracy of (seeds, n) bool over seeds, uncertain over seeds and images."""
    return comparisons.contrast([hits], (1,))[0]


def budget(rows: Mapping[str, Sequence[Run]], dataset: Dataset) -> dict:
    """What the networks of an experiment have in common: steps, batch size, passes, seeds."""
    config = next(iter(rows.values()))[0].config
    seeds = [len(runs) for runs in rows.values()]
    return {
        "steps": config.steps,
        "batch_size": config.batch_size,
        "passes": config.steps * config.batch_size / len(hold_out(dataset)[0]),
        "fewest_seeds": min(seeds),
        "most_seeds": max(seeds),
    }


def beside_homework(
    hits: Mapping[str, Mapping[str, np.ndarray]], homework: Mapping[str, tuple[float, float]]
) -> pd.DataFrame:
    """One row per name: the homework's accuracy, ours with its interval, and the difference.

    `hits`: name -> part -> (seeds, n) bool; `homework`: name -> (PUBLIC, PRIVATE).
    """
    table = {}
    for name, parts in hits.items():
        row = table.setdefault(name, {})
        for part, board in boards(parts).items():
            theirs = _of_board(homework.get(name, (np.nan, np.nan)), part)
            ours = accuracy(parts[part])
            row[board, "homework"] = theirs
            row[board, "ours"] = ours
            row[board, "ours − homework"] = Interval(*(value - theirs for value in astuple(ours)))
    return pd.DataFrame(table).T


def effects_beside_homework(
    effects: Mapping[str, tuple[str, str]],
    hits: Mapping[str, Mapping[str, np.ndarray]],
    homework: Mapping[str, tuple[float, float]],
) -> pd.DataFrame:
    """One row per effect, name -> (row with, row without): the homework's difference and ours."""
    table = {}
    for name, (with_it, without) in effects.items():
        row = table.setdefault(name, {})
        for part, board in boards(hits[with_it]).items():
            theirs = np.subtract(homework[with_it], homework[without])
            groups = [hits[with_it][part], hits[without][part]]
            effect, p = comparisons.contrast(groups, (1, -1))
            row[board, "homework"] = _of_board(theirs, part)
            row[board, "ours"] = effect
            row[board, "verdict"] = verdict(
                effect, p, ("raises accuracy", "lowers accuracy", "no effect shown")
            )
    return pd.DataFrame(table).T


def _of_board(figures: Sequence[float], part: str) -> float:
    """The homework's figure to stand beside ours on a part: PRIVATE's, else PUBLIC's."""
    return float(figures[1 if part == "private" else 0])


def facts(table: pd.DataFrame) -> dict:
    """What the prose says of a table with (board, figure) columns: row -> figure on its first."""
    return table[table.columns[0][0]].to_dict("index")


def factorial(cells: Mapping[tuple[bool, ...], Sequence[Run]], dataset: Dataset) -> pd.DataFrame:
    """Main effects and interactions on the first board, see `comparisons.factorial_effects`.

    With all eight cells three factors, otherwise the two normalisations without augmentation.
    """
    part = next(iter(boards(part_rows(dataset))))
    hits = {levels: correct(runs, dataset)[part] for levels, runs in cells.items()}
    if len(hits) == 8:
        return comparisons.factorial_effects(hits, FACTORS)
    plain = {levels[:2]: group for levels, group in hits.items() if not levels[2]}
    return comparisons.factorial_effects(plain, FACTORS[:2])


def explanation(effects: pd.DataFrame) -> str:
    """Whether normalisation matters little because of batch normalisation: holds, or not.

    It holds if normalisation helps less with batch normalisation than without: a negative
    interaction of the two.
    """
    row = effects.loc[f"{FACTORS[0]} × {FACTORS[1]}"]
    return verdict(
        row["effect"], row["p_holm"], ("is contradicted", "is confirmed", "is not shown")
    )


def comparability(dataset: Dataset) -> str:
    """What a difference to the homework's figures can mean on this data set."""
    if boards(part_rows(dataset)) == {"held_out": "HELD-OUT"}:
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
    return (
        "The homework's figures come from a Kaggle board on FER2013; that its PUBLIC and PRIVATE "
        "images are PublicTest and PrivateTest, which we score, is not known."
    )
