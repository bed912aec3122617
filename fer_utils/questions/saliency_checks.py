"""Notebook 06's table: saliency method x measure, each judged against maps that ignore the model.

A measure is a data frame with a row per image and a column per method or control. The numbers
below are what a notebook can afford, not what the methods' authors advise.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from fer_utils.fer2013 import CLASSES
from fer_utils.interpret.faithfulness import (
    area,
    cascading_randomisation,
    perturbation_curves,
    pointing_game,
    relevance_mass,
)
from fer_utils.interpret.maps import mean_map
from fer_utils.interpret.saliency import METHODS, explain
from fer_utils.statistics.intervals import Interval, holm, mean_interval, verdict

IMAGES = 70  # for deletion and insertion
FEW = 5  # images for the randomisation, which explains every image again after each layer
OPTIONS = {
    "smoothgrad": {"samples": 5},
    "integrated_gradients": {"steps": 5},
    "occlusion": {"patch": 12, "stride": 12},
}
INSIDE = (0.1, 0.4)  # shares of the pixels changed, besides none and all
STAGES = 6  # steps of the randomisation after which maps are compared
LOWER_IS_BETTER = ("deletion",)
WORDS = ("beats every control", "worse than a control", "not shown to beat the controls")


def explain_all(
    model, images: np.ndarray, targets: np.ndarray, options: Mapping[str, Mapping] = OPTIONS
) -> dict[str, np.ndarray]:
    """Maps `(n, h, w)` of every method for normalised images `(n, h, w, 1)`.

    `options` {} leaves each method its defaults, which suit a few images.
    """
    return {
        method: explain(method, model, images, targets, **options.get(method, {}))
        for method in METHODS
    }


def class_averages(maps: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray | None]:
    """`mean_map` of each class by its name and number of images, None where it has none."""
    averages = {}
    for number, name in enumerate(CLASSES):
        chosen = maps[labels == number]
        averages[f"{name} ({len(chosen)})"] = mean_map(chosen) if len(chosen) else None
    return averages


def perturbation(
    model, images: np.ndarray, targets: np.ndarray, maps: Mapping[str, np.ndarray], mode: str
) -> pd.DataFrame:
    """Area under the "deletion" or "insertion" curve per image (rows) and map (columns)."""
    shares = (0, *INSIDE, 1)
    some_map = next(iter(maps.values()))
    ends = perturbation_curves(model, images, targets, some_map, mode=mode, fractions=(0, 1))
    areas = {}
    for name, values in maps.items():
        inside = perturbation_curves(model, images, targets, values, mode=mode, fractions=INSIDE)
        areas[name] = area(np.hstack([ends[:, :1], inside, ends[:, 1:]]), shares)
    return pd.DataFrame(areas)


def on_evidence(maps: Mapping[str, np.ndarray], evidence: np.ndarray) -> dict[str, pd.DataFrame]:
    """ "pointing" hits (0 or 1) and "evidence" shares per image and map, and of a uniform map.

    evidence `(n, h, w)` bool; images without any are left out.
    """
    pointing, inside = {}, {}
    for name, values in maps.items():
        pointing[name], chance = pointing_game(values, evidence)
        inside[name], area_share = relevance_mass(values, evidence)
    pointing["uniform"], inside["uniform"] = chance, area_share
    return {"pointing": pd.DataFrame(pointing).dropna(), "evidence": pd.DataFrame(inside).dropna()}


def randomisation(model, images: np.ndarray, targets: np.ndarray) -> pd.DataFrame:
    """`faithfulness.cascading_randomisation` of every method, at STAGES steps."""
    methods = {method: OPTIONS.get(method, {}) for method in METHODS}
    return cascading_randomisation(methods, model, images, targets, stages=STAGES)


def randomisation_curves(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean over the images by method, layer and measure, with `low` and `high`; top layer first."""
    long = frame.melt(["method", "layer", "depth", "image"], ["spearman", "ssim"], "measure")
    rows = [
        (*keys, *_three(mean_interval(group["value"])))
        for keys, group in long.groupby(["method", "measure", "depth", "layer"], sort=False)
    ]
    names = ["method", "measure", "depth", "layer", "estimate", "low", "high"]
    return pd.DataFrame(rows, columns=names)


def judge(measure: str, values: pd.DataFrame) -> pd.DataFrame:
    """Each method against the strongest control of the same images, paired, Holm-corrected.

    Returns, by method: `value` (Interval), `control` (its name), `advantage` (Interval, positive
    is in the method's favour), `p_holm`, `verdict`.
    """
    sign = -1 if measure in LOWER_IS_BETTER else 1
    methods = [name for name in values if name in METHODS]
    controls = values.drop(columns=methods)
    strongest = (sign * controls.mean()).idxmax()
    gains = {name: sign * (values[name] - controls[strongest]) for name in methods}
    p_values = [stats.ttest_1samp(gain, 0).pvalue for gain in gains.values()]
    adjusted = holm(np.nan_to_num(p_values, nan=1))
    advantages = [mean_interval(gain) for gain in gains.values()]
    return pd.DataFrame(
        {
            "value": [mean_interval(values[name]) for name in methods],
            "control": strongest,
            "advantage": advantages,
            "p_holm": adjusted,
            "verdict": [verdict(a, p, WORDS) for a, p in zip(advantages, adjusted, strict=True)],
        },
        index=methods,
    )


def judge_randomisation(frame: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation that a map keeps when all layers are random, and what it means, by method.

    The line is drawn at one half; the test says what a map cannot show, and ranks no methods.
    """
    last = frame[frame["depth"] == frame["depth"].max()]
    words = ("shows the image more than the model", "depends on the weights", "undecided")
    rows = {}
    for method in METHODS:
        kept = mean_interval(last.loc[last["method"] == method, "spearman"])
        rows[method] = kept, verdict(Interval(*(x - 0.5 for x in _three(kept))), words=words)
    return pd.DataFrame.from_dict(rows, "index", columns=["value", "verdict"])


def summary(
    judged: Mapping[str, pd.DataFrame], kept: pd.DataFrame, measures: Mapping[str, pd.DataFrame]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Values (with a row for the strongest control) and verdicts: method x measure."""
    values, verdicts = pd.DataFrame(index=list(METHODS)), pd.DataFrame(index=list(METHODS))
    controls = {}
    for name, table in judged.items():
        values[name], verdicts[name] = table["value"], table["verdict"]
        control = table["control"].iloc[0]
        controls[name] = f"{mean_interval(measures[name][control]):.3f} ({control})"
    values["random weights"], verdicts["random weights"] = kept["value"], kept["verdict"]
    return pd.concat([values, pd.DataFrame(controls, ["strongest control"])]), verdicts


def wins(judged: Mapping[str, pd.DataFrame]) -> dict:
    """How many `measures`; the `most` in which a method beats every control; the `methods`."""
    won = sum((table["verdict"] == WORDS[0]).astype(int) for table in judged.values())
    methods = ", ".join(name.replace("_", " ") for name in won.index[won == won.max()])
    return {"measures": len(judged), "most": int(won.max()), "methods": methods}


def means(values: pd.DataFrame) -> pd.DataFrame:
    """Mean of each column with its interval: columns estimate, low, high."""
    rows = {name: _three(mean_interval(column)) for name, column in values.items()}
    return pd.DataFrame.from_dict(rows, "index", columns=["estimate", "low", "high"])


def concentration(maps: np.ndarray) -> np.ndarray:
    """Cumulative share `(n,)` of the summed |maps| `(n, h, w)`, the image with the most first."""
    totals = np.sort(np.abs(maps).sum(axis=(1, 2)).astype(float))[::-1]
    return np.cumsum(totals) / totals.sum()


def _three(interval: Interval) -> tuple[float, float, float]:
    return interval.estimate, interval.low, interval.high
