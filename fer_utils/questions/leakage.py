"""The leak: test images that show the same picture as a Training image, and what they do.

A twin is an exact or near duplicate. `pairs` is the table of `duplicates.find`, a row per pair.
"""

from collections.abc import Mapping
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
from scipy import stats

from fer_utils.data import duplicates
from fer_utils.data.dataset import Dataset, validation_split
from fer_utils.fer2013 import CLASSES, SPLITS, TRAINING
from fer_utils.statistics import wording
from fer_utils.statistics.corrections import judged_with_detectable
from fer_utils.statistics.intervals import (
    ALPHA,
    Interval,
    difference_of_means,
    independent_interval,
    paired_interval,
    proportion,
)
from fer_utils.training.predictions import Predictions


def twins(dataset: Dataset) -> np.ndarray:
    """(n,) bool: whether an image has an exact or near duplicate in Training.

    Of a Training image: another one than itself.
    """
    return paired_with(duplicates.find(dataset), dataset.split == TRAINING)


def paired_with(pairs: pd.DataFrame, others: np.ndarray) -> np.ndarray:
    """(n,) bool: whether an image is paired with one of `others`, (n,) bool."""
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    found = np.zeros(len(others), bool)
    found[first[others[second]]] = True
    found[second[others[first]]] = True
    return found


def trained_on(dataset: Dataset) -> np.ndarray:
    """(n,) bool: the images that networks are trained on, Training without the held-out tenth."""
    chosen = np.zeros(len(dataset.labels), bool)
    chosen[validation_split(dataset)[0]] = True
    return chosen


def twins_not_trained_on(dataset: Dataset) -> str:
    """In words: of the test images with a twin in Training, for how many it was not trained on."""
    pairs, test = duplicates.find(dataset), dataset.split != TRAINING
    twin = test & paired_with(pairs, dataset.split == TRAINING)
    if not twin.any():
        return "No test image has a twin in Training."
    held_out = twin & ~paired_with(pairs, trained_on(dataset))
    return (
        f"Of {twin.sum():,} test images with a twin in Training {held_out.sum():,} have none in "
        "the part trained on: their copies are among the held-out images, where they may have had "
        "a say in which weights were kept."
    )


def pair_counts(pairs: pd.DataFrame, labels: np.ndarray, split: np.ndarray) -> pd.DataFrame:
    """Count `pairs` within and between the splits that there are: one row per two splits.

    Columns: `exact`, and `of these contradicting`, two labels for the same bytes; `near` without
    the exact ones; `of these by chance`, an estimate of how many show different pictures. That is
    twice the mirrored ones: look-alikes by chance are about as often mirrored as not, copies
    seldom.
    """
    where = np.sort(split[pairs[["first", "second"]].to_numpy()], axis=1)
    contradicts, exact = contradicting(pairs, labels), pairs["exact"].to_numpy()
    mirrored = pairs["mirrored"].to_numpy() & ~exact
    table = {}
    for one, other in combinations_with_replacement(np.unique(split), 2):
        here = (where == (one, other)).all(axis=1)
        near = int(np.sum(here & ~exact))
        table[f"{SPLITS[one]} – {SPLITS[other]}"] = {
            "exact": int(np.sum(here & exact)),
            "of these contradicting": int(np.sum(here & exact & contradicts)),
            "near": near,
            "of these by chance": min(2 * int(np.sum(here & mirrored)), near),
        }
    return pd.DataFrame.from_dict(table, "index").rename_axis("splits")


def leaked(pairs: pd.DataFrame, labels: np.ndarray, split: np.ndarray) -> pd.DataFrame:
    """Test images that have a twin in Training: a row per class, and "all" (labelled or not).

    Columns: `with a twin`, their share (Interval); counts of `images`, of `exact` copies, and of
    those with a twin of either kind (`exact or near`).
    """
    training = split == TRAINING
    twin, exact = paired_with(pairs, training), paired_with(pairs[pairs["exact"]], training)
    rows = {name: ~training & (labels == k) for k, name in enumerate(CLASSES)} | {"all": ~training}
    table = {
        name: {
            "with a twin": proportion(int(twin[part].sum()), int(part.sum())),
            "images": int(part.sum()),
            "exact": int(exact[part].sum()),
            "exact or near": int(twin[part].sum()),
        }
        for name, part in rows.items()
    }
    return pd.DataFrame.from_dict(table, "index").rename_axis("class")


def unequal(leaked: pd.DataFrame) -> bool:
    """Whether `leaked` shows that twins hit some classes more than others (chi-squared test)."""
    classes = leaked.drop(index="all")
    classes = classes[classes["images"] > 0]
    twin = classes["exact or near"].to_numpy()
    cells = np.stack([twin, classes["images"] - twin])
    return bool((cells.sum(axis=1) > 0).all() and stats.chi2_contingency(cells).pvalue < ALPHA)


def effects(cases: Mapping[str, Predictions], twin: np.ndarray) -> pd.DataFrame:
    """What twins in Training (`twins`) do to test accuracies: a row per case.

    Columns: accuracy `twin-free`, `with a twin` and on `all` images, and the `difference` of the
    first two, as Intervals; its `verdict`, `p (Holm)` (Fisher's exact test) and `would show`.
    """
    table = {}
    for name, answers in cases.items():
        leak, free = (_right(answers[which]) for which in (twin[answers.rows], ~twin[answers.rows]))
        p = stats.fisher_exact([[right, total - right] for right, total in (leak, free)]).pvalue
        table[name] = {
            "twin-free": proportion(*free),
            "with a twin": proportion(*leak),
            "all": proportion(*_right(answers)),
            "difference": independent_interval(*leak, *free).tested(p, leak[1] + free[1]),
        }
    return _judged(table, wording.DUPLICATES)


def at_equal_classes(
    answers: Predictions, first: np.ndarray, second: np.ndarray
) -> tuple[Interval, float]:
    """Accuracy on the first minus that on the second kind of images, at the first's mix of classes.

    `first` and `second` are (all images,) bool. A weighted sum of the differences within each class
    (direct standardisation), with the normal interval of independent proportions, each counted with
    one image more of either kind (Agresti and Caffo 2000), and the p-value that it is 0. Classes
    that lack one of the two are left out; NaN if all do.
    """
    kinds, parts = (first[answers.rows], second[answers.rows]), []
    for label in np.unique(answers.labels):
        one, other = (_right(answers[(answers.labels == label) & kind]) for kind in kinds)
        if one[1] and other[1]:
            parts.append((one[1], one[0] / one[1] - other[0] / other[1], _variance(one, other)))
    if not parts:
        return Interval(np.nan, np.nan, np.nan), np.nan
    size, difference, variance = np.array(parts).T
    weights = size / size.sum()
    estimate = float(np.sum(weights * difference))
    error = float(np.sqrt(np.sum(weights**2 * variance)))
    half = stats.norm.ppf(1 - ALPHA / 2) * error
    p = 2 * stats.norm.sf(abs(estimate) / error)
    return Interval(estimate, float(estimate - half), float(estimate + half)), float(p)


def by_where_the_twin_is(cases: Mapping[str, Predictions], dataset: Dataset) -> pd.DataFrame:
    """Whether a twin makes an image easy because the network was trained on it.

    Columns: accuracy where a twin was `trained on`; where twins lie `only elsewhere`, in the
    held-out tenth of Training or a test split; and where there is `none`; the `difference` of the
    last two at equal classes (`at_equal_classes`), its `verdict`, `p (Holm)` (normal) and `would
    show` (`judged_with_detectable`).
    """
    pairs = duplicates.find(dataset)
    seen = paired_with(pairs, trained_on(dataset))
    elsewhere = paired_with(pairs, np.ones(len(dataset.labels), bool)) & ~seen
    table = {}
    for name, answers in cases.items():
        kinds = (seen, elsewhere, ~seen & ~elsewhere)
        in_fit, other, none = (_right(answers[kind[answers.rows]]) for kind in kinds)
        difference, p = at_equal_classes(answers, *kinds[1:])
        table[name] = {
            "trained on": proportion(*in_fit),
            "only elsewhere": proportion(*other),
            "none": proportion(*none),
            "difference": difference.tested(p, other[1] + none[1]),
        }
    return _judged(table, wording.DUPLICATES)


def recited(cases: Mapping[str, Predictions], dataset: Dataset) -> pd.DataFrame:
    """Which label a network gives a test image whose twin that was trained on has another label.

    Images whose twins have several labels are left out. Columns: `images`; the share that is given
    the twin's label (`the twin's`), its own, or another (Intervals); the `difference` of the first
    two, paired, its `verdict`, `p (Holm)` (the binomial test) and `would show`.
    """
    theirs = _label_of_twin(dataset)
    table = {}
    for name, answers in cases.items():
        other = theirs[answers.rows]
        disputed = answers[(other >= 0) & (other != answers.labels)]
        twin = int(np.sum(disputed.classes == theirs[disputed.rows]))
        own, total = _right(disputed)
        p = stats.binomtest(twin, twin + own).pvalue if twin + own else np.nan
        table[name] = {
            "images": total,
            "the twin's": proportion(twin, total),
            "its own": proportion(own, total),
            "another": proportion(total - twin - own, total),
            "difference": paired_interval(twin, own, total).tested(p, total),
        }
    return _judged(table, wording.LABEL)


def larger_leak(first: Predictions, second: Predictions, twin: np.ndarray) -> Interval:
    """By how much the first network gains more from twins than the second, on the same images.

    The gain is accuracy with a twin minus twin-free; images are paired, with Welch's interval. NaN
    unless there are two images of either kind.
    """
    ahead = first.correct.astype(float) - second.correct
    leak, free = (ahead[which] for which in (twin[first.rows], ~twin[first.rows]))
    if min(len(leak), len(free)) < 2:
        return Interval(np.nan, np.nan, np.nan)
    return difference_of_means(leak, free).interval


def spread(pairs: pd.DataFrame, count: int) -> pd.DataFrame:
    """At most `count` of the `pairs`, evenly from the most to the least alike."""
    pairs = pairs.sort_values("correlation", ascending=False, kind="stable")
    picked = np.linspace(0, len(pairs) - 1, min(count, len(pairs)))
    return pairs.iloc[picked.round().astype(int)]


def contradicting(pairs: pd.DataFrame, labels: np.ndarray) -> np.ndarray:
    """(pairs,) bool: whether the two images have different labels (-1 is none)."""
    first, second = labels[pairs["first"]], labels[pairs["second"]]
    return (first >= 0) & (second >= 0) & (first != second)


def _judged(rows: Mapping[str, dict], words: wording.Words) -> pd.DataFrame:
    """A row per network, its "difference" judged in `words`."""
    table = pd.DataFrame.from_dict(rows, "index").rename_axis("network")
    return wording.with_phrases(judged_with_detectable(table, interval="difference"), words)


def _label_of_twin(dataset: Dataset) -> np.ndarray:
    """(n,) int: the label that all twins of an image have that were trained on; else -1."""
    pairs, fit = duplicates.find(dataset), trained_on(dataset)
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    image, twin = np.concatenate([first, second]), np.concatenate([second, first])
    image, twin = image[fit[twin]], twin[fit[twin]]
    labels = pd.Series(dataset.labels[twin]).groupby(image).agg(["min", "max"])
    labels = labels[labels["min"] == labels["max"]]
    found = np.full(len(dataset.labels), -1)
    found[labels.index] = labels["min"]
    return found


def _right(answers: Predictions) -> tuple[int, int]:
    """How many answers are right, and how many there are."""
    return int(answers.correct.sum()), len(answers.labels)


def _variance(*counts: tuple[int, int]) -> float:
    """Of a difference of independent proportions."""
    shares = [((right + 1) / (total + 2), total + 2) for right, total in counts]
    return sum(share * (1 - share) / total for share, total in shares)
