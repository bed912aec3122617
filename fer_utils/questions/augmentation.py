"""What normalisation and augmentation do to accuracy: the homework's tables, and the interaction.

A group is what networks of one recipe say, one seed each: a list of answers by part
(`Run.predictions`). Accuracies are taken over seeds and test images, see `comparisons.contrast`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fer_utils import homework
from fer_utils.data.dataset import Dataset, hold_out
from fer_utils.questions.accuracy import on_test_images
from fer_utils.statistics.comparisons import contrast, factorial_effects
from fer_utils.statistics.intervals import Interval, judged, verdict, with_detectable
from fer_utils.training.experiments import Config
from fer_utils.training.predictions import Predictions, tested, together

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
WORDS = ("higher", "lower", "no difference shown")


def describe(config: Config, dataset: Dataset) -> dict[str, float | int | str]:
    """What the networks of an experiment have in common: widths, steps, batch size, passes."""
    optimisers = {"adadelta": "Adadelta", "sgd": "SGD"}
    images = len(hold_out(dataset)[0])
    return {
        "widths": " / ".join(map(str, config.widths)),
        "optimisers": " then ".join(optimisers[phase.optimizer] for phase in config.phases),
        "steps": config.steps,
        "batch size": config.batch_size,
        "passes over the originals": config.steps * config.batch_size / images,
        "passes over the x20 set": config.steps * config.batch_size / images / 20,
    }


def beside_homework(
    groups: Mapping[str, Group], theirs: Mapping[str, tuple[float, float]], twin: np.ndarray
) -> pd.DataFrame:
    """A row per group and board: accuracies, and ours minus the homework's on all images.

    `theirs` maps names to (PUBLIC, PRIVATE). The difference carries the sampling error of both.
    """
    rows = {}
    for name, group in groups.items():
        boards = [list(on_test_images(parts, twin)) for parts in group]
        for seeds in zip(*boards, strict=True):
            board = seeds[0][0]
            figure = theirs[name][1 if board == "PRIVATE" else 0]
            ours = _accuracy([given for _, _, given in seeds])
            difference = _minus(ours, figure, len(seeds[0][2].labels))
            rows[name, board] = {
                "without twins": _accuracy([without for _, without, _ in seeds]),
                "all": ours,
                "homework": figure,
                "all − homework": difference,
                "verdict": verdict(difference, words=("above", "below", "not shown to differ")),
            }
    return pd.DataFrame.from_dict(rows, "index").rename_axis(["networks", "board"])


def _accuracy(seeds: Sequence[Predictions]) -> Interval:
    return contrast([np.stack([given.correct for given in seeds])], (1,))[0]


def _minus(ours: Interval, figure: float, images: int) -> Interval:
    """Our accuracy minus the homework's, whose sampling error is that of as many other images."""
    half = (ours.high - ours.low) / 2
    whole = np.hypot(half, 1.96 * np.sqrt(figure * (1 - figure) / images))
    difference = ours.estimate - figure
    return Interval(difference, float(difference - whole), float(difference + whole))


def effects(groups: Mapping[str, Group], twin: np.ndarray) -> pd.DataFrame:
    """With minus without each of the homework's three, on both boards together.

    By (effect, images): "effect" (Interval), "verdict", "p (Holm)" over the three effects on one
    kind of images, "would show" (the effect that the design would have shown four times in five,
    where it shows none), "homework" (the mean of its boards), "against it" (whether the interval
    leaves the homework's figure out).
    """
    rows = {}
    for name, (with_it, without) in homework.EFFECTS.items():
        pair = [[together(tested(parts)) for parts in groups[row]] for row in (with_it, without)]
        theirs = float(
            np.mean(np.subtract(*(homework.ABLATIONS[row] for row in (with_it, without))))
        )
        has_twin = twin[pair[0][0].rows]
        kinds = {"without twins": ~has_twin, "with a twin": has_twin, "all": has_twin | ~has_twin}
        for kind, chosen in kinds.items():
            if not chosen.any():
                continue
            stacks = [np.stack([given.correct[chosen] for given in seeds]) for seeds in pair]
            difference, p = contrast(stacks, (1, -1))
            outside = not difference.low <= theirs <= difference.high
            rows[name, kind] = {
                "effect": difference,
                "p": p,
                "homework": theirs if kind == "all" else None,
                "against it": ("not reproduced at this budget" if outside else "agrees")
                if kind == "all"
                else None,
            }
    table = pd.DataFrame.from_dict(rows, "index").rename_axis(["with − without", "images"])
    families = [
        with_detectable(judged(rows, interval="effect", words=WORDS), "effect", WORDS[2])
        for _, rows in table.groupby("images")
    ]
    return pd.concat(families).loc[table.index]


def interactions(cells: Mapping[Levels, Group], twin: np.ndarray) -> pd.DataFrame:
    """Main effects and interactions on both boards together, on images without a twin.

    With all eight cells three factors, otherwise the two normalisations without augmentation. An
    interaction is half the difference of two effects (Yates).
    """
    correct = {}
    for levels, group in cells.items():
        answers = [together(tested(parts)) for parts in group]
        free = ~twin[answers[0].rows]
        correct[levels] = np.stack([given.correct[free] for given in answers])
    if len(correct) == 8:
        return factorial_effects(correct, FACTORS)
    plain = {levels[:2]: stack for levels, stack in correct.items() if not levels[2]}
    return factorial_effects(plain, FACTORS[:2])


def explanation(table: pd.DataFrame) -> str:
    """Whether normalisation matters little because of batch normalisation.

    Confirmed if normalisation helps less with batch normalisation than without: a negative
    interaction of the two.
    """
    row = table.loc[f"{FACTORS[0]} × {FACTORS[1]}"]
    words = ("is contradicted", "is confirmed", "is not shown")
    return verdict(row["effect"], row["p (Holm)"], words)


def fit_gap(history: pd.DataFrame) -> tuple[float, float]:
    """Accuracy on the last training batches, and on held-out images at the end."""
    last = history.iloc[-1]
    return float(last["accuracy"]), float(last["held_out_accuracy"])
