"""How numbers are written: shares in percent, differences in points with a sign."""

from enum import Enum
from html import escape
from numbers import Integral, Real

import numpy as np
import pandas as pd

from fer_utils.notebook import labels
from fer_utils.statistics.intervals import Comparison, Interval
from fer_utils.statistics.results import Result


def number(value: float, *, percent: bool, digits: int = 1, signed: bool = False) -> str:
    """Write a number; a share in percent, without the sign "%". A dash stands for NaN."""
    if np.isnan(value):
        return "–"
    text = f"{value * (100 if percent else 1):{'+' if signed else ''},.{digits}f}"
    text = text if any(c in "123456789" for c in text) else text.lstrip("+-")
    return text.replace("-", "−")


def p_value(p: float) -> str:
    """Write a p-value: below 0.001 as such, else with two digits."""
    if np.isnan(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def _estimate_and_ends(value: Interval, *, percent: bool, digits: int = 1) -> list[str]:
    """Write an estimate and the ends of its interval; those of a difference with their signs."""
    signed = isinstance(value, Comparison)
    return [
        number(x, percent=percent, digits=digits, signed=signed)
        for x in (value.estimate, value.low, value.high)
    ]


def cell(value: object, *, percent: bool = True, digits: int = 1, is_p: bool = False) -> str:
    """Write a table's cell as HTML, an interval with its ends in grey."""
    if isinstance(value, Interval):
        if np.isnan(value.estimate):
            return "–"
        estimate, low, high = _estimate_and_ends(value, percent=percent, digits=digits)
        return f'{estimate} <span class="ci">{low} to {high}</span>'
    if isinstance(value, Enum | str):
        return labels.english(value)
    if value is None or pd.isna(value):
        return "–"
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        return str(value)
    if isinstance(value, Integral):
        return f"{value:,}"
    return (
        escape(p_value(float(value)))
        if is_p
        else number(float(value), percent=percent, digits=digits)
    )


def plain_line(result: Result) -> tuple[str, str]:
    """Say a result in English and in Chinese: its name, its value, where a difference lies.

    This is the one place where results become words without a person.
    """
    value = result.value
    english = ", ".join(map(labels.english, result.key))
    chinese = "，".join(map(labels.chinese, result.key))
    if isinstance(value, Enum | str):
        return f"{english}: {labels.english(value)}", f"{chinese}：{labels.chinese(value)}"
    if isinstance(value, Interval):
        shown, low, high = _estimate_and_ends(value, percent=result.percent)
        verdict = value.verdict if isinstance(value, Comparison) else None
        unit, unit_zh = ("", "")
        if result.percent:
            unit, unit_zh = (" points", " 個百分點") if verdict else (" %", "%")
        found = f", {labels.english(verdict)}" if verdict else ""
        found_zh = f"，{labels.chinese(verdict)}" if verdict else ""
        return (
            f"{english}: {shown}{unit} (95 % CI {low} to {high}){found}",
            f"{chinese}：{shown}{unit_zh}（95% 信賴區間 {low} 至 {high}）{found_zh}",
        )
    if isinstance(value, int):
        return f"{english}: {value:,}", f"{chinese}：{value:,}"
    if value is None:
        raise ValueError(f"{english}: not measured")
    shown = number(float(value), percent=result.percent, digits=1 if result.percent else 3)
    unit, unit_zh = (" %", "%") if result.percent else ("", "")
    return f"{english}: {shown}{unit}", f"{chinese}：{shown}{unit_zh}"
