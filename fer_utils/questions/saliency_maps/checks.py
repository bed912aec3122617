"""The sanity checks of saliency methods: each method is judged against network-free baselines.

`measured` are the arrays of `measured_maps.measure_saliency`. The values of a measure are a data
frame with a row per image and a column per method and baseline, under the names of `maps.NAMES`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from fer_utils.fer2013 import CLASSES
from fer_utils.interpret.faithfulness import NETWORK_FREE
from fer_utils.interpret.maps import NAMES
from fer_utils.statistics.corrections import judged_with_detectable
from fer_utils.statistics.intervals import Interval, mean_interval
from fer_utils.statistics.verdicts import Outcome, Verdict

BASELINE_NAMES = (*(NAMES[name] for name in NETWORK_FREE), "uniform")
LOWER_IS_BETTER = ("deletion",)
LINE = 0.5  # of the rank correlation with the trained model's maps when all weights are random


def by_name(measured: Mapping[str, np.ndarray], array: str) -> dict[str, np.ndarray]:
    """Return the parts of an array that has one per map, or per method, by the map's name."""
    return dict(zip([NAMES[name] for name in measured["names"]], measured[array], strict=False))


def values(measured: Mapping[str, np.ndarray], measure: str) -> pd.DataFrame:
    """Return the values of one of `measures`; columns are the names of the maps."""
    names = [NAMES[name] for name in measured["names"]]
    names += ["uniform"] * (len(measured[measure]) - len(names))
    return pd.DataFrame(measured[measure].T.astype(float), columns=names).dropna()


def measures(measured: Mapping[str, np.ndarray]) -> list[str]:
    """List what methods are judged by; "pointing" and "evidence" need the drawn faces' truth."""
    return [m for m in ("deletion", "insertion", "pointing", "evidence") if m in measured]


def judge(measure: str, values: pd.DataFrame) -> pd.DataFrame:
    """Compare each method with the strongest baseline on the same images (paired t test).

    Holm's correction is over the methods.

    Parameters
    ----------
    measure
        One of `measures`.
    values
        Its `values`, (n, maps).

    Returns
    -------
    pd.DataFrame
        By method: `value` (Interval), `baseline` (its name), `advantage` (Comparison, positive is
        in the method's favour), `verdict` (HIGHER: beats every baseline), `p`, `detectable`.
    """
    sign = -1 if measure in LOWER_IS_BETTER else 1
    baselines = values[[name for name in values if name in BASELINE_NAMES]]
    strongest = (sign * baselines.mean()).idxmax()
    gains = (values.drop(columns=baselines.columns)).sub(baselines[strongest], axis=0) * sign
    n = len(values)
    advantages = {
        name: mean_interval(gain).tested(stats.ttest_1samp(gain, 0).pvalue, n, n - 1)
        for name, gain in gains.items()
    }
    table = pd.DataFrame(
        {
            "value": {name: mean_interval(values[name]) for name in gains},
            "baseline": strongest,
            "advantage": advantages,
        }
    )
    return judged_with_detectable(table, interval="advantage")


def judge_within_classes(found: Mapping[str, pd.DataFrame], labels: np.ndarray) -> pd.DataFrame:
    """Judge the methods on the images of each class alone.

    Parameters
    ----------
    found
        By measure, the `values` of the images.
    labels
        (n,) int, class index of each image.

    Returns
    -------
    pd.DataFrame
        By (class, measure, method) the columns of `judge`; classes with two images or more.
    """
    counts = np.bincount(labels)
    tables = {
        (CLASSES[label], measure): judge(measure, values[labels[values.index] == label])
        for label in np.flatnonzero(counts > 1)
        for measure, values in found.items()
    }
    return pd.concat(tables, names=["class", "measure", "method"])


def usable_within_classes(within: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Say of each class (rows) which of the `methods` (columns) may be used for it.

    Those may be that are worse than a baseline in no measure of `judge_within_classes`; (classes,
    methods) bool.
    """
    verdicts = within["verdict"].unstack("method")[list(methods)]
    usable = (verdicts != Verdict.LOWER).groupby("class").all()
    return usable.reindex(CLASSES, fill_value=False)


def remaining(measured: Mapping[str, np.ndarray], measure: str) -> dict[str, list[Interval]]:
    """Measure how alike a method's maps stay with ever more layers random.

    `measure` is "spearman" or "ssim". Returns by method one Interval per step of the cascade, over
    the draws of random weights.
    """
    draws = np.unique(measured["draw"])
    by_draw = [measured[measure][..., measured["draw"] == draw].mean(axis=-1) for draw in draws]
    means = np.stack(by_draw, axis=-1)
    names = (name for name in measured["names"] if name not in NETWORK_FREE)
    return {
        NAMES[name]: [mean_interval(step) for step in steps]
        for name, steps in zip(names, means, strict=True)
    }


def judge_randomisation(measured: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Judge the rank correlation that maps keep when all weights are random.

    Returns `value` (Interval) and `verdict` by method: a method LOWER than LINE depends on the
    weights, one that is HIGHER shows the image rather than the network. The test does not rank
    methods (Adebayo et al. 2018; Binder et al. 2023).
    """
    remains = {name: steps[-1] for name, steps in remaining(measured, "spearman").items()}
    above = {
        n: Interval(x.estimate - LINE, x.low - LINE, x.high - LINE) for n, x in remains.items()
    }
    verdicts = {name: x.verdict for name, x in above.items()}
    return pd.DataFrame({"value": remains, "verdict": verdicts})


def passing_sanity_checks(
    judgements: Mapping[str, pd.DataFrame], randomised: pd.DataFrame, *, allow_worse: bool = False
) -> list[str]:
    """List the methods that pass, by the tables of `judge` and `judge_randomisation`.

    They beat every baseline in deletion or insertion, are worse than one in no measure (unless they
    `allow_worse`), and their maps depend on the weights.
    """
    found = pd.DataFrame({name: table["verdict"] for name, table in judgements.items()})
    passing = (found[["deletion", "insertion"]] == Verdict.HIGHER).any(axis=1)
    if not allow_worse:
        passing &= ~(found == Verdict.LOWER).any(axis=1)
    return list(found.index[passing & (randomised["verdict"].loc[found.index] == Verdict.LOWER)])


def outcomes(judgements: Mapping[str, pd.DataFrame], randomised: pd.DataFrame) -> pd.DataFrame:
    """Say how each method (rows) fares in each check (columns), as an Outcome.

    The columns are the measures and `random_weights`.
    """
    columns = {
        measure: [Outcome.of(verdict, Verdict.HIGHER) for verdict in table["verdict"]]
        for measure, table in judgements.items()
    }
    columns["random_weights"] = [Outcome.of(v, Verdict.LOWER) for v in randomised["verdict"]]
    return pd.DataFrame(columns, randomised.index)


def halves(labels: np.ndarray) -> np.ndarray:
    """Deal the images out into halves 0 and 1, each with half of every class: (n,) int."""
    series = pd.Series(labels)
    return series.groupby(series).cumcount().to_numpy() % 2


def same_in_both_halves(measured: Mapping[str, np.ndarray], measure: str) -> dict[str, bool]:
    """Say of each method whether two halves of the images give the same verdict.

    Empty if no class has two images.
    """
    half = halves(measured["label"])
    if not half.any():
        return {}
    found = values(measured, measure)
    first, second = (judge(measure, found[half[found.index] == h])["verdict"] for h in (0, 1))
    return (first == second).to_dict()


def means(values: pd.DataFrame) -> dict[str, Interval]:
    """Average each column over the images."""
    return {name: mean_interval(column) for name, column in values.items()}
