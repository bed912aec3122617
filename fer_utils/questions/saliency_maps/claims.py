"""Which zones of the face maps attribute above the baselines, and the homework's claims on them.

`measured` are the arrays of `measured_maps.measure_saliency`; methods have the names of
`maps.NAMES`.
"""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from fer_utils import homework
from fer_utils.fer2013 import CLASSES
from fer_utils.questions.face_zones import AREAS, ZONES
from fer_utils.questions.saliency_maps import checks
from fer_utils.statistics.corrections import judged, judged_with_detectable
from fer_utils.statistics.intervals import ALPHA, Comparison, Interval
from fer_utils.statistics.verdicts import Support, Verdict

FEWEST = 10  # images of a class that is judged
OTHERS = "other_classes"
HALVES = ("first_half", "second_half")


def compare_zones(
    mass: Mapping[str, np.ndarray],
    untrained: Mapping[str, np.ndarray],
    contrast: np.ndarray,
    labels: np.ndarray,
) -> pd.DataFrame:
    """Compare what part of the maps lies in each zone with three baselines and the other classes.

    Parameters
    ----------
    mass
        By method, `face_zones.zone_mass` `(n, zones)` of its maps.
    untrained
        The same of the network before training: what the architecture alone prefers.
    contrast
        The same of the images' contrast (`faithfulness.network_free_maps`).
    labels
        `(n,)` int, class index of each image.

    Returns
    -------
    pd.DataFrame
        A row per method, class and zone. `images`; `density`: the part in the zone divided by the
        zone's area, 1 for a uniform map; `baseline`: the one that is hardest to exceed, a "uniform"
        map, the "contrast" of the same images, or their maps from the "untrained" network; `margin`
        over it (Comparison, paired); `attributed`: its Verdict, corrected by Holm over the table;
        `margin_over_classes`: the margin over the other classes' maps (Comparison, Welch's).
        Classes with under FEWEST images are left out; if all have fewer, all but the largest.
    """
    counts = np.bincount(labels)
    tested = np.flatnonzero(counts >= min(FEWEST, counts.max()))
    uniform = np.broadcast_to(AREAS.to_numpy(), contrast.shape)
    blocks = []
    for method, label in product(mass, tested):
        baselines = {"uniform": uniform, "contrast": contrast, "untrained": untrained[method]}
        block = _of_class(mass[method], baselines, labels == label)
        blocks.append(block.assign(**{"method": method, "class": CLASSES[label]}))
    table = pd.concat(blocks, ignore_index=True)
    return table.assign(attributed=judged(table[["margin"]], interval="margin")["verdict"])


def zones_of(measured: Mapping[str, np.ndarray], chosen: np.ndarray | None = None) -> pd.DataFrame:
    """Do `compare_zones` with what was measured, of all images or of those `chosen` (n,) bool."""
    labels = measured["label"]
    chosen = np.ones(len(labels), bool) if chosen is None else chosen
    zones, untrained = (
        {name: each[chosen].astype(float) for name, each in checks.by_name(measured, array).items()}
        for array in ("zones", "untrained")
    )
    mass = {name: zones[name] for name in untrained}
    return compare_zones(mass, untrained, zones["contrast"], labels[chosen])


def zones_in_halves(measured: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Do `zones_of` on all images and on two halves of them (`checks.halves`).

    Returns
    -------
    pd.DataFrame
        By (method, class, zone) the columns of `compare_zones` on all images; of each of HALVES the
        density and margin, such as `density_first_half`, NaN where a class has too few images;
        `halves` (int), in how many of them the interval of the margin lies above 0; and `named`
        (bool): attributed on all images, and so in both halves.
    """
    key = ["method", "class", "zone"]
    half = checks.halves(measured["label"])
    table = zones_of(measured).set_index(key).assign(halves=0)
    for number, name in enumerate(HALVES):
        part = zones_of(measured, half == number).set_index(key).reindex(table.index)
        table[f"density_{name}"] = part["density"]
        table[f"margin_{name}"] = part["margin"]
        table["halves"] += [isinstance(x, Comparison) and x.low > 0 for x in part["margin"]]
    return table.assign(
        named=(table["attributed"] == Verdict.HIGHER) & (table["halves"] == len(HALVES))
    )


def by_method(table: pd.DataFrame, usable: pd.DataFrame, column: str) -> dict[str, pd.DataFrame]:
    """Take a column of `zones_in_halves` as a table (classes, zones) for each method.

    `usable` (classes, methods) bool is that of `checks.usable_within_classes`; the tables have the
    classes for which their method may be used. A method without such a class has no table.
    """
    tables = {}
    for method in usable:
        cells = table[column].xs(method, level="method").unstack("zone")[list(ZONES)]
        classes = [name for name in usable.index[usable[method]] if name in cells.index]
        if classes:
            tables[method] = cells.loc[classes]
    return tables


def highest_zones(table: pd.DataFrame, usable: pd.DataFrame) -> pd.DataFrame:
    """Find the zone of highest density, by (method, class) where the method may be used.

    Columns: `all` images, and each of HALVES; "" where a half has too few images.
    """
    columns = {"all": "density"} | {name: f"density_{name}" for name in HALVES}
    return pd.DataFrame(
        {
            name: pd.concat(by_method(table, usable, column), names=["method"]).apply(
                _highest, axis=1
            )
            for name, column in columns.items()
        }
    )


def _highest(densities: pd.Series) -> str:
    return str(densities.idxmax()) if densities.notna().any() else ""


def zones_in_common(table: pd.DataFrame, usable: pd.DataFrame) -> pd.DataFrame:
    """List by class the zones that are `named` under every method that is usable for it.

    `table` is that of `zones_in_halves`, `usable` (classes, methods) bool that of
    `checks.usable_within_classes`. Columns: `methods` and `zones`, each a list in one string.
    """
    named = table["named"].unstack("zone")[list(ZONES)]
    rows = {}
    for name in table.index.unique("class"):
        methods = list(usable.columns[usable.loc[name]])
        common = named.loc[[(method, name) for method in methods]].all() & bool(methods)
        rows[name] = {"methods": ", ".join(methods), "zones": ", ".join(common.index[common])}
    return pd.DataFrame.from_dict(rows, "index").rename_axis("class")


def _of_class(
    mass: np.ndarray, baselines: Mapping[str, np.ndarray], chosen: np.ndarray
) -> pd.DataFrame:
    """Make the rows of one method and class; `chosen` `(n,)` bool are its images."""
    margin = np.stack([mass - baseline for baseline in baselines.values()])
    given = np.isfinite(margin).all(axis=(0, 2))  # a zero map lies nowhere
    inside, others = mass[chosen & given], mass[~chosen & given]
    with warnings.catch_warnings():  # a zone that no map touches has no spread
        warnings.simplefilter("ignore", RuntimeWarning)
        tests = stats.ttest_1samp(margin[:, chosen & given], 0, axis=1)
        beside = stats.ttest_ind(inside, others, equal_var=False)
    hardest = tests.statistic.argmin(axis=0)
    at = hardest, np.arange(len(ZONES))
    low, high = (ends[at] for ends in tests.confidence_interval(1 - ALPHA))
    differences = inside.mean(axis=0) - others.mean(axis=0)
    p = _of_the_least(tests.pvalue[at], tests.statistic[at], len(baselines))
    ends_beside = beside.confidence_interval(1 - ALPHA)
    n = len(inside)
    return pd.DataFrame(
        {
            "zone": list(ZONES),
            "images": len(inside),
            "density": inside.mean(axis=0) / AREAS.to_numpy(),
            "baseline": np.array(list(baselines))[hardest],
            "margin": _tested((low + high) / 2, low, high, p, n=n),
            "margin_over_classes": _tested(differences, *ends_beside, beside.pvalue, n=n),
        }
    )


def _of_the_least(p: np.ndarray, statistic: np.ndarray, tests: int) -> np.ndarray:
    """Return the p-values of the least of some `tests`.

    To exceed all is to exceed the hardest of them, but to fall below one of them has so many
    chances (Bonferroni).
    """
    return np.where(statistic > 0, p, np.minimum(tests * p, 1))


def _tested(*columns: np.ndarray, n: int) -> list[Comparison]:
    """Make Comparisons of estimates, ends and p-values."""
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [Interval(*ends).tested(p, n, n - 1) for *ends, p in rows]


def judge_claims(table: pd.DataFrame) -> pd.DataFrame:
    """Judge the homework's claims that a zone decides for a class.

    A claim is supported by a method if the zone exceeds every baseline, also in each half of the
    images, and has more than in the other classes. `table` is that of `zones_in_halves`, without
    an index.

    Returns
    -------
    pd.DataFrame
        By (class, zone, method): `images` of the class; `weakest_against`, what the zone exceeds
        least, a baseline or OTHERS; `margin`, by how much (Comparison, corrected by Holm over the
        table); `verdict` (Support); `p`; `detectable` (`judged_with_detectable`). No rows for
        classes that `compare_zones` left out.
    """
    rows = pd.DataFrame(homework.ZONES, columns=["class", "zone"]).merge(table)
    beside_baselines, beside_others = (
        _deviates(rows["margin"]),
        _deviates(rows["margin_over_classes"]),
    )
    least = beside_others < beside_baselines
    margin = rows["margin_over_classes"].where(least, rows["margin"])
    p = _of_the_least(_p(margin), np.minimum(beside_others, beside_baselines), 2)
    claims = rows[["class", "zone", "method", "images"]].assign(
        weakest_against=np.where(least, OTHERS, rows["baseline"]),
        margin=[replace(each, p=float(value)) for each, value in zip(margin, p, strict=True)],
    )
    claims = judged_with_detectable(claims, interval="margin")
    claims["verdict"] = claims["verdict"].map(Support.of)
    claims.loc[rows["halves"] < len(HALVES), "verdict"] = claims["verdict"].replace(
        Support.SUPPORTED, Support.INCONCLUSIVE
    )
    return claims.set_index(["class", "zone", "method"])


def claims_by_method(judged_claims: pd.DataFrame, usable: pd.DataFrame) -> pd.DataFrame:
    """Put the verdicts of `judge_claims` side by side, and say what they come to.

    By (class, zone): a column per method of `usable` (classes, methods) with its Support, None
    where it may not be used for the class; `result`: what the others come to (`in_common`).
    """
    rows = {}
    for claim, of_claim in judged_claims.groupby(level=["class", "zone"], sort=False):
        verdicts = of_claim["verdict"].droplevel(["class", "zone"])
        methods = usable.columns[usable.loc[claim[0]]]
        rows[claim] = {name: verdicts[name] if name in methods else None for name in usable}
        rows[claim]["result"] = in_common(verdicts[methods])
    index = pd.MultiIndex.from_tuples(rows, names=["class", "zone"]) if rows else None
    return pd.DataFrame(list(rows.values()), index, [*usable.columns, "result"])


def _p(margin: pd.Series) -> np.ndarray:
    return np.array([each.p for each in margin])


def _deviates(margin: pd.Series) -> np.ndarray:
    """Return normal deviates with the sign of the margin, which compares tests of two kinds."""
    return stats.norm.isf(_p(margin) / 2) * np.sign([each.estimate for each in margin])


def in_common(verdicts: Iterable[Support]) -> Support:
    """Say what the verdicts of several methods make of one claim; without any, INCONCLUSIVE."""
    found = set(verdicts)
    if len(found) == 1:
        return found.pop()
    if Support.SUPPORTED in found:
        return Support.MIXED if Support.CONTRADICTED in found else Support.PARTLY_SUPPORTED
    return Support.INCONCLUSIVE
