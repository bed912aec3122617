"""What identifiers and verdicts are called for readers, in English and Chinese: here alone."""

from enum import Enum
from typing import NamedTuple

from fer_utils.fer2013 import CHINESE, CLASSES
from fer_utils.statistics.verdicts import Outcome, Support, Verdict


class Label(NamedTuple):
    """A name in both languages."""

    english: str
    chinese: str


VERDICTS: dict[Enum, Label] = {
    Verdict.HIGHER: Label("higher", "顯著較高"),
    Verdict.LOWER: Label("lower", "顯著較低"),
    Verdict.NOT_SIGNIFICANT: Label("no significant difference", "差異未達統計顯著"),
    Support.SUPPORTED: Label("supported", "成立"),
    Support.CONTRADICTED: Label("contradicted", "不成立"),
    Support.INCONCLUSIVE: Label("inconclusive", "無法定論"),
    Support.PARTLY_SUPPORTED: Label("partly supported", "部分成立"),
    Support.MIXED: Label("methods disagree", "各方法結論不一"),
    Outcome.PASSED: Label("passed", "通過"),
    Outcome.FAILED: Label("failed", "未通過"),
    Outcome.UNDECIDED: Label("no significant difference", "差異未達統計顯著"),
}

#: Identifiers of quantities, images, networks and table columns.
LABELS: dict[str, Label] = {
    **{name: Label(name, chinese) for name, chinese in zip(CLASSES, CHINESE, strict=True)},
    "accuracy": Label("accuracy", "準確率"),
    "difference": Label("difference", "差異"),
    "effect": Label("effect", "效果"),
    "recall": Label("recall", "召回率"),
    "precision": Label("precision", "精確率"),
    "images": Label("images", "圖片數"),
    "n": Label("n", "n"),
    "p": Label("p", "p"),
    "verdict": Label("result", "結果"),
    "duplicate_free": Label("duplicate-free", "無重複圖片"),
    "with_duplicate": Label("with a training duplicate", "有重複圖片"),
    "all": Label("all images", "全部圖片"),
    "homework": Label("homework", "作業"),
    "network": Label("network", "模型"),
    "both": Label("both splits", "兩個測試集"),
    "ensemble": Label("ensemble", "集成"),
    "detectable": Label("minimum detectable", "最小可偵測差異"),
    # chapter 6
    "class": Label("class", "類別"),
    "zone": Label("zone", "部位"),
    "zones": Label("zones", "部位"),
    "method": Label("method", "方法"),
    "methods": Label("methods", "方法"),
    "passes": Label("passes", "是否通過"),
    "passing": Label("methods that pass", "通過檢驗的方法"),
    "not_usable": Label("classes it fails in", "未通過的類別"),
    "random_weights": Label("random weights", "隨機權重"),
    "baseline": Label("strongest baseline", "最強的基準"),
    "advantage": Label("advantage over it", "優於基準"),
    "mouth corners": Label("mouth corners", "嘴角"),
    "mouth": Label("mouth", "嘴"),
    "nose": Label("nose", "鼻子"),
    "eyes and brows": Label("eyes and brows", "眼睛與眉毛"),
    "cheeks": Label("cheeks", "臉頰"),
    "forehead": Label("forehead", "額頭"),
    "chin": Label("chin", "下巴"),
    "outside": Label("outside", "其餘部分"),
    "occlusion": Label("occlusion", "occlusion（遮擋法）"),
    "highest": Label("nose or mouth highest", "鼻子或嘴密度最高的類別"),
    "judged": Label("classes judged", "可判斷的類別"),
    "untrained": Label("untrained network", "訓練前的網路"),
    "other_classes": Label("other classes", "其他類別"),
    "margin": Label("margin", "差距"),
    "density": Label("density", "歸因密度"),
    "attributed": Label("beside all baselines", "與各基準相比"),
    "confident": Label("at least 90 % confident", "信心至少 90%"),
    "least_probability": Label("least confidence", "最低信心"),
    "result": Label("result", "結論"),
    "halves": Label("halves above the baselines", "高於各基準的半數樣本數"),
    "disagree": Label("halves disagree", "兩半結論不同"),
    "added": Label("passing without the added condition", "不計後加條件時另外通過的方法"),
    "zero_maps": Label("maps that are zero everywhere", "全為零的圖"),
    "explained": Label("explained", "所分析的圖片數"),
    "none": Label("none", "無"),
    "baseline_value": Label("its value", "其數值"),
    "ceiling": Label("confidence at which label smoothing aims", "標籤平滑所對應的信心"),
}


def english(identifier: object) -> str:
    """Return what readers call an identifier; one without a label stands as it is."""
    return _label(identifier).english


def chinese(identifier: object) -> str:
    """Return what Chinese readers call an identifier."""
    return _label(identifier).chinese


def _label(identifier: object) -> Label:
    if isinstance(identifier, Enum):
        return VERDICTS[identifier]
    text = str(identifier)
    return LABELS.get(text, Label(text.replace("_", " "), text.replace("_", " ")))
