"""What normalisation and augmentation do to accuracy: the homework's tables, and the interaction.

A group is what networks of one recipe predict, one seed each: a list of predictions by part
(`Run.predictions`). `duplicate` (n,) bool marks the rows of the data set that have a duplicate in
Training. Accuracies are taken over seeds and test images, see `comparisons.contrast`.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from fer_utils import homework
from fer_utils.data.dataset import Dataset, validation_split
from fer_utils.questions.accuracy import OPTIMISERS, judged_on_all, of_split, on_splits
from fer_utils.statistics import wording
from fer_utils.statistics.comparisons import contrast, factorial_effects
from fer_utils.statistics.corrections import judged_with_detectable
from fer_utils.training.predictions import Predictions, tested, together
from fer_utils.training.runs import Run

Group = Sequence[Mapping[str, Predictions]]
Levels = tuple[bool, bool, bool]  # per-image normalisation, batch normalisation, augmentation

FACTORS = ("data normalisation", "batch normalisation", "augmentation")
#: The homework's rows, as cells of the factorial. That its last row of the first table goes without
#: data normalisation too is how we read it.
ROWS = {
    "with data normalisation": (True, True, False),
    "without data normalisation": (False, True, False),
    "without batch normalisation": (False, False, False),
    "with augmentation (x20)": (True, True, True),
    "without augmentation": (True, True, False),
}
#: The same rows at the models' scale: row -> role of `experiments.model`.
MODELS = {
    "with data normalisation": "model0",
    "without data normalisation": "model0-raw",
    "without batch normalisation": "model0-raw-nobn",
    "with augmentation (x20)": "model2",
    "without augmentation": "model0",
}


def in_words(run: Run, groups: Mapping[str, Group], dataset: Dataset) -> str:
    """What networks of one recipe have in common, and how many seeds each of their rows has.

    `run` is one of them.
    """
    config = run.config
    optimisers = " then ".join(OPTIMISERS[phase.optimizer] for phase in config.phases)
    epochs = config.steps * config.batch_size / len(validation_split(dataset)[0])
    most = "at most " if any(phase.patience for phase in config.phases) else ""
    seeds = {name: len(group) for name, group in groups.items()}
    counts = ", ".join(f"{name} {count}" for name, count in seeds.items())
    if len(set(seeds.values())) == 1:
        counts = f"{next(iter(seeds.values()))} for each row of the homework's tables"
    return (
        f"Twelve convolutions of {' / '.join(map(str, config.widths))} channels, "
        f"{run.metadata['parameters']:,} parameters "
        f"(a little fewer without batch normalisation); {optimisers}, {most}{config.steps:,} "
        f"steps on batches of {config.batch_size}: {most}{epochs:.1f} epochs over the originals, "
        f"or {epochs / 20:.1f} over the ×20 set. Seeds: {counts}."
    )


def two_recipes(runs: Mapping[str, Run]) -> dict[str, str]:
    """Effects whose two networks were trained by different phases, and which, in words.

    `runs` has a network by row.
    """
    found = {}
    for name, pair in homework.EFFECTS.items():
        if set(pair) <= runs.keys():
            with_it, without = (_phases(runs[row]) for row in pair)
            if with_it != without:
                found[name] = f"trained by {with_it} with it and by {without} without it"
    return found


def _phases(run: Run) -> str:
    return " then ".join(
        f"{OPTIMISERS[phase.optimizer]} at {phase.learning_rate:g}" for phase in run.config.phases
    )


def ended_early(runs: Iterable[Run]) -> str:
    """Which of the runs took fewer steps than they could, in words; "" if none did."""
    taken = {run.config.name: (run.history["step"].max(), run.config.steps) for run in runs}
    early = [f"{name} took {steps:,}" for name, (steps, most) in taken.items() if steps < most]
    if not early:
        return ""
    return f" A phase ends where the validation accuracy no longer rises: {', '.join(early)} steps."


def beside_homework(
    groups: Mapping[str, Group], theirs: Mapping[str, tuple[float, float]], duplicate: np.ndarray
) -> pd.DataFrame:
    """A row per group and test split, and for both: accuracies, and ours minus the homework's.

    `theirs` maps names to (PUBLIC, PRIVATE). The difference is on all images. It carries the
    sampling error of both, the homework's as that of as many other images. Judged as
    `accuracy.judged_on_all` says.
    """
    rows = {}
    for name, group in groups.items():
        seeds = [on_splits(parts) for parts in group]
        for given in zip(*seeds, strict=True):
            figure, free = of_split(theirs[name], given[0], seeds[0]), ~duplicate[given[0].rows]
            correct = np.stack([one.correct for one in given])
            against = contrast([correct], (1,), (figure, _sampling(figure, correct.shape[1])))
            rows[name, given[0].part.split] = {
                "duplicate_free": contrast([correct[:, free]], (1,)).interval,
                "all": contrast([correct], (1,)).interval,
                "homework": figure,
                "all − homework": against,
            }
    table = pd.DataFrame.from_dict(rows, "index").rename_axis(["networks", "split"])
    return judged_on_all(table)


def _sampling(figure: float, images: int) -> float:
    """The variance of an accuracy over so many images."""
    return figure * (1 - figure) / images


def accuracies(cells: Mapping[Levels, Group], duplicate: np.ndarray) -> pd.DataFrame:
    """Return the accuracies of a factorial's cells on both test splits together.

    With and without each factor, how many networks (one seed each), and their accuracy on
    duplicate-free and on all images.
    """
    rows = []
    for levels, group in sorted(cells.items(), key=lambda cell: (cell[0][2], not cell[0][0])):
        given = [together(tested(parts)) for parts in group]
        correct, free = np.stack([one.correct for one in given]), ~duplicate[given[0].rows]
        rows.append(
            {factor: "yes" if has else "no" for factor, has in zip(FACTORS, levels, strict=True)}
            | {
                "networks": len(group),
                "duplicate_free": contrast([correct[:, free]], (1,)).interval,
                "all": contrast([correct], (1,)).interval,
            }
        )
    return pd.DataFrame(rows).set_index([FACTORS[2], *FACTORS[:2]])


def effects(groups: Mapping[str, Group], duplicate: np.ndarray) -> pd.DataFrame:
    """The effects of the homework's three factors, on both test splits together.

    Those of the three whose rows are among the groups. By (effect, images): "effect" (Interval),
    "verdict", "p" over the effects on one kind of images, "detectable" (see
    `judged_with_detectable`); and on all images "homework" (the mean of its splits), "vs homework"
    (whether ours differs from it, by Holm over the effects) and "detectable_vs_homework".
    The homework's effect has the sampling error of two networks scored on different images, which
    is more than the same images give: how these predictions correlate is not known.
    """
    rows, beside = {}, {}
    for name, (with_it, without) in homework.EFFECTS.items():
        if not {with_it, without} <= groups.keys():
            continue
        pair = [[together(tested(parts)) for parts in groups[row]] for row in (with_it, without)]
        has_duplicate = duplicate[pair[0][0].rows]
        kinds = {
            "duplicate_free": ~has_duplicate,
            "with_duplicate": has_duplicate,
            "all": has_duplicate | ~has_duplicate,
        }
        stacks = [np.stack([given.correct for given in seeds]) for seeds in pair]
        for kind, chosen in kinds.items():
            if chosen.any():
                found = contrast([stack[:, chosen] for stack in stacks], (1, -1))
                rows[name, kind] = {"effect": found}
        figures = [float(np.mean(homework.ABLATIONS[row])) for row in (with_it, without)]
        theirs, error = (
            figures[0] - figures[1],
            sum(_sampling(f, len(has_duplicate)) for f in figures),
        )
        against = contrast(stacks, (1, -1), (theirs, error))
        beside[name, "all"] = {"homework": theirs, "effect": against}
    names = ["with − without", "images"]
    table = pd.DataFrame.from_dict(rows, "index").rename_axis(names)
    families = [_judged(rows, wording.ACCURACY) for _, rows in table.groupby("images")]
    figures = pd.DataFrame.from_dict(beside, "index").rename_axis(names)
    figures = _judged(figures, wording.HOMEWORK_EFFECT)
    figures = figures.rename(
        columns={"verdict": "vs homework", "detectable": "detectable_vs_homework"}
    )
    columns = ["homework", "vs homework", "detectable_vs_homework"]
    return pd.concat(families).loc[table.index].join(figures[columns])


def _judged(table: pd.DataFrame, words: wording.Words) -> pd.DataFrame:
    """One family of contrasts, with verdicts in `words` and minimum detectable effects."""
    return wording.with_phrases(judged_with_detectable(table, interval="effect"), words)


#: Kind of images in `effects` -> its words.
_IMAGES = {
    "duplicate_free": "duplicate-free test images",
    "with_duplicate": "test images with a duplicate",
    "all": "all test images",
}


def reading(effects: pd.DataFrame) -> str:
    """The effect of augmentation in words, and whether the duplicates change it."""
    kinds = effects.xs("augmentation", level="with − without")
    text = "; ".join(
        f"on {_IMAGES[kind]} {row['effect']:+.3f} (**{row['verdict']}**)"
        for kind, row in kinds.iterrows()
    )
    text = f"Effect of augmentation (×20): {text}."
    if "with_duplicate" not in kinds.index:
        return text
    free, contaminated = (
        kinds.loc[kind, "effect"] for kind in ("duplicate_free", "with_duplicate")
    )
    if contaminated.high < 0 < free.low or free.high < 0 < contaminated.low:
        text += " These two intervals lie on either side of 0: the figure on all images mixes them."
    of_free, of_all = (kinds.loc[kind, "verdict"] for kind in ("duplicate_free", "all"))
    if of_free != of_all:
        text += (
            f" **The duplicates change the reading:** on all test images it would be “{of_all}”, "
            f"on duplicate-free ones it is “{of_free}”."
        )
    return text


def interactions(cells: Mapping[Levels, Group], duplicate: np.ndarray) -> pd.DataFrame:
    """Main effects and interactions on both test splits together, on duplicate-free images.

    With all eight cells three factors, otherwise the two normalisations without augmentation. An
    interaction is half the difference of two effects (Yates).
    """
    correct: dict[tuple[bool, ...], np.ndarray] = {}
    for levels, group in cells.items():
        given = [together(tested(parts)) for parts in group]
        free = ~duplicate[given[0].rows]
        correct[levels] = np.stack([one.correct[free] for one in given])
    factors = FACTORS
    if len(correct) < 8:
        correct = {levels[:2]: stack for levels, stack in correct.items() if not levels[2]}
        factors = FACTORS[:2]
    return wording.with_phrases(factorial_effects(correct, factors), wording.EFFECT)


def explanation(table: pd.DataFrame) -> str:
    """Whether normalisation matters little because of batch normalisation.

    Supported if normalisation helps less with batch normalisation than without: a negative
    interaction of the two.
    """
    return wording.EXPLANATION[table.loc[f"{FACTORS[0]} × {FACTORS[1]}", "effect"].verdict]


def fit_gap(history: pd.DataFrame) -> tuple[float, float]:
    """Accuracy on the last training batches, and on the validation set at the end."""
    last = history.iloc[-1]
    return float(last["accuracy"]), float(last["held_out_accuracy"])
