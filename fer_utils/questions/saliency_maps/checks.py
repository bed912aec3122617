"""Notebook 06's sanity checks of saliency methods: each is judged against network-free baselines.

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
from fer_utils.statistics import wording
from fer_utils.statistics.corrections import judged_with_detectable
from fer_utils.statistics.intervals import Interval, mean_interval
from fer_utils.statistics.verdicts import Verdict

BASELINE_NAMES = (*(NAMES[name] for name in NETWORK_FREE), "uniform")
LOWER_IS_BETTER = ("deletion",)
LINE = 0.5  # of the rank correlation with the trained model's maps when all weights are random


def values(measured: Mapping[str, np.ndarray], measure: str) -> pd.DataFrame:
    """The values of one of `measures`: columns are readers' names of the maps."""
    names = [NAMES[name] for name in measured["names"]]
    names += ["uniform"] * (len(measured[measure]) - len(names))
    return pd.DataFrame(measured[measure].T.astype(float), columns=names).dropna()


def measures(measured: Mapping[str, np.ndarray]) -> list[str]:
    """Those that methods are judged by; "pointing" and "evidence" need the drawn faces' truth."""
    return [m for m in ("deletion", "insertion", "pointing", "evidence") if m in measured]


def judge(measure: str, values: pd.DataFrame) -> pd.DataFrame:
    """Each method against the strongest baseline on the same images, paired, Holm-corrected.

    Returns, by method: `value` (Interval), `baseline` (its name), `advantage` (Comparison, positive
    is in the method's favour), `verdict` (HIGHER: beats every baseline), `p (Holm)`, `minimum
    detectable`.
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


def worse_within_classes(
    found: Mapping[str, pd.DataFrame], labels: np.ndarray, methods: Sequence[str]
) -> list[str]:
    """Where one of the `methods` is worse than a baseline on the images of a class alone, in words.

    `found` has by measure the `values` of the images, whose `labels` are (n,) int.
    """
    worse = []
    for label in np.unique(labels):
        for measure, values in found.items():
            if np.sum(labels == label) > 1:
                verdicts = judge(measure, values[labels == label])["verdict"]
                failing = [name for name in methods if verdicts[name] is Verdict.LOWER]
                if failing:
                    worse.append(
                        f"{CLASSES[label]} ({measure}): {', '.join(failing)} worse than a baseline"
                    )
    return worse


def remaining(measured: Mapping[str, np.ndarray], measure: str) -> dict[str, list[Interval]]:
    """By method, how alike its maps are ("spearman", "ssim") with ever more layers random.

    One Interval per step of the cascade, over the draws of random weights.
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
    """The rank correlation that a map keeps when all weights are random, and what it means.

    `value` (Interval) and `verdict` by method: LOWER than LINE depends on the weights, HIGHER shows
    the image rather than the model. The test shows what a map cannot explain, and ranks no methods.
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
    """Methods that pass the sanity checks, by the tables of `judge` and `judge_randomisation`.

    They beat every baseline in deletion or insertion, are worse than one in no measure (unless they
    `allow_worse`), and their maps depend on the weights.
    """
    found = pd.DataFrame({name: table["verdict"] for name, table in judgements.items()})
    passing = (found[["deletion", "insertion"]] == Verdict.HIGHER).any(axis=1)
    if not allow_worse:
        passing &= ~(found == Verdict.LOWER).any(axis=1)
    return list(found.index[passing & (randomised["verdict"].loc[found.index] == Verdict.LOWER)])


def same_in_both_halves(measured: Mapping[str, np.ndarray], measure: str) -> dict[str, bool]:
    """By method: whether two halves of the images, of equal classes, give the same verdict.

    Empty if no class has two images.
    """
    labels = pd.Series(measured["label"])
    half = labels.groupby(labels).cumcount().to_numpy() % 2
    if not half.any():
        return {}
    found = values(measured, measure)
    first, second = (judge(measure, found[half[found.index] == h])["verdict"] for h in (0, 1))
    return (first == second).to_dict()


def verdicts(judgements: Mapping[str, pd.DataFrame], randomised: pd.DataFrame) -> pd.DataFrame:
    """Method x measure in words, with the weights made random as the last measure."""
    columns = {name: table["verdict"].map(wording.BASELINES) for name, table in judgements.items()}
    columns["random weights"] = randomised["verdict"].map(wording.RANDOMISATION)
    return pd.DataFrame(columns, randomised.index)


def means(values: pd.DataFrame) -> dict[str, Interval]:
    """The mean over the images of each column."""
    return {name: mean_interval(column) for name, column in values.items()}
