"""Which zones of the face maps attribute above the baselines, and the homework's claims on them."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from fer_utils import homework
from fer_utils.fer2013 import CLASSES
from fer_utils.questions.face_zones import AREAS, ZONES
from fer_utils.statistics import wording
from fer_utils.statistics.corrections import judged, judged_with_detectable
from fer_utils.statistics.intervals import ALPHA, Comparison, Interval
from fer_utils.statistics.verdicts import Support, Verdict

FEWEST = 10  # images of a class that is judged
OTHERS = "other classes"


def compare_zones(
    mass: Mapping[str, np.ndarray],
    untrained: Mapping[str, np.ndarray],
    contrast: np.ndarray,
    labels: np.ndarray,
) -> pd.DataFrame:
    """What part of the maps lies in each zone, beside three baselines and beside the other classes.

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
        zone's area, 1 for a uniform map; `baseline`: the one that is hardest to exceed, a uniform
        map, the contrast of the same images, or their maps from the untrained network; `margin`
        over it (Comparison, paired); `attributed`: its Verdict, corrected by Holm over the table;
        `margin over other classes`: the margin over the other classes' maps (Comparison, Welch's).
        Classes with under FEWEST images are left out; if all have fewer, all but the largest.
    """
    counts = np.bincount(labels)
    tested = np.flatnonzero(counts >= min(FEWEST, counts.max()))
    uniform = np.broadcast_to(AREAS.to_numpy(), contrast.shape)
    blocks = []
    for method, label in product(mass, tested):
        baselines = {
            "a uniform map": uniform,
            "contrast": contrast,
            "the untrained network": untrained[method],
        }
        block = _of_class(mass[method], baselines, labels == label)
        blocks.append(block.assign(**{"method": method, "class": CLASSES[label]}))
    table = pd.concat(blocks, ignore_index=True)
    return table.assign(attributed=judged(table[["margin"]], interval="margin")["verdict"])


def _of_class(
    mass: np.ndarray, baselines: Mapping[str, np.ndarray], chosen: np.ndarray
) -> pd.DataFrame:
    """The rows of one method and class; `chosen` `(n,)` bool are its images."""
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
            "margin over other classes": _tested(differences, *ends_beside, beside.pvalue, n=n),
        }
    )


def _of_the_least(p: np.ndarray, statistic: np.ndarray, tests: int) -> np.ndarray:
    """Return the p-values of the least of some `tests`.

    To exceed all is to exceed the hardest of them, but to fall below one of them has so many
    chances (Bonferroni).
    """
    return np.where(statistic > 0, p, np.minimum(tests * p, 1))


def _tested(*columns: np.ndarray, n: int) -> list[Comparison]:
    """Comparisons of estimates, ends and p-values."""
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [Interval(*ends).tested(p, n, n - 1) for *ends, p in rows]


def agreement(table: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Class x zone: the verdict that all of the `methods` have in `compare_zones`.

    `Support.MIXED` where it is HIGHER for some and LOWER for others, else NOT_SIGNIFICANT.
    """
    chosen = table[table["method"].isin(methods)]
    verdicts = chosen.groupby(["class", "zone"], sort=False)["attributed"].agg(_in_common)
    return verdicts.unstack().loc[chosen["class"].unique(), list(ZONES)]


def _in_common(verdicts: Iterable[Verdict]) -> Verdict | Support:
    found = set(verdicts)
    if len(found) == 1:
        return found.pop()
    return Support.MIXED if {Verdict.HIGHER, Verdict.LOWER} <= found else Verdict.NOT_SIGNIFICANT


def zones_above(agreed: pd.DataFrame) -> tuple[list[str], dict[str, list[str]]]:
    """The zones that are HIGHER in every class of `agreement`, and by class those beyond them."""
    more = agreed == Verdict.HIGHER
    common = list(agreed.columns[more.all()])
    own = {name: list(row.index[row & ~more.all()]) for name, row in more.iterrows()}
    return common, own


def judge_claims(table: pd.DataFrame) -> pd.DataFrame:
    """The homework's claims that a zone decides for a class, by the rows of `compare_zones` on it.

    A row per claim and method: it is supported if the zone exceeds every baseline, and has
    more than in the other classes. `weakest against` names what it exceeds least, `margin` by how
    much (Comparison), `verdict` in words follows from that, corrected by Holm over the table;
    `images` of the class; `minimum detectable` (`judged_with_detectable`). No rows for classes that
    `compare_zones` left out.
    """
    rows = pd.DataFrame(homework.ZONES, columns=["class", "zone"]).merge(table)
    beside_baselines, beside_others = (
        _deviates(rows["margin"]),
        _deviates(rows["margin over other classes"]),
    )
    least = beside_others < beside_baselines
    margin = rows["margin over other classes"].where(least, rows["margin"])
    p = _of_the_least(_p(margin), np.minimum(beside_others, beside_baselines), 2)
    claims = pd.DataFrame(
        {
            "class": rows["class"],
            "zone": rows["zone"],
            "method": rows["method"],
            "images": rows["images"],
            "weakest against": np.where(least, OTHERS, rows["baseline"]),
            "margin": [
                replace(each, p=float(value)) for each, value in zip(margin, p, strict=True)
            ],
        }
    )
    claims = judged_with_detectable(claims, interval="margin")
    denied = np.where(least, wording.BELOW_OTHERS, wording.BELOW_BASELINE)
    verdicts = [
        words if verdict is Verdict.LOWER else wording.CLAIM[Support.of(verdict)]
        for verdict, words in zip(claims["verdict"], denied, strict=True)
    ]
    return claims.assign(verdict=verdicts)


def _p(margin: pd.Series) -> np.ndarray:
    return np.array([each.p for each in margin])


def _deviates(margin: pd.Series) -> np.ndarray:
    """Normal deviates with the sign of the margin, so that tests of two kinds can be compared."""
    return stats.norm.isf(_p(margin) / 2) * np.sign([each.estimate for each in margin])


def claim_in_common(margins: Iterable[Interval]) -> Support:
    """What the margins under several methods, by their verdicts, make of one claim."""
    found = {margin.verdict for margin in margins}
    if len(found) == 1:
        return Support.of(found.pop())
    if Verdict.HIGHER in found:
        return Support.MIXED if Verdict.LOWER in found else Support.PARTLY_SUPPORTED
    return Support.INCONCLUSIVE
