"""What identifiers and verdicts are called for readers, in English and Chinese: here alone."""

from enum import Enum
from typing import NamedTuple

from fer_utils.fer2013 import CHINESE, CLASSES
from fer_utils.statistics.verdicts import Support, Verdict


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
    # chapter 7
    "trained": Label("trained", "訓練後"),
    "untrained": Label("untrained", "未訓練"),
    "kernels": Label("kernels", "kernel 數"),
    "edge": Label("edge", "邊緣"),
    "line_or_spot": Label("line or spot", "線或點"),
    "filter": Label("filter", "filter"),
    "filters": Label("filters", "filter 數"),
    "border_share": Label("share along the border", "畫在邊框上的比例"),
    "zero_padded_shifts": Label("zero-padded shifts", "補零平移"),
    "reflected_shifts": Label("reflected shifts", "鏡射填補平移"),
    "no_shifts": Label("no shifts", "無平移"),
    "image_border": Label("image border", "影像邊框"),
    "padding_edge": Label("padding edge", "補零邊緣"),
    "shifts_teach_borders": Label("zero-padded shifts teach borders", "補零平移使第一層偵測邊框"),
    "above_untrained": Label("above all untrained ones", "超過所有未訓練的 filter"),
    "several_zones": Label("above them in several zones", "在多個區域超過"),
    "along_gradient": Label("along the gradient", "沿梯度方向"),
    "random_signs": Label("at random", "隨機方向"),
    "early_more_alike": Label("early pictures are more alike", "前面幾層的圖較相似"),
    "late_finer": Label("late pictures are finer", "後面幾層的圖較細"),
    "white_noise": Label("white noise", "白雜訊"),
    "high_frequency_energy": Label("high-frequency energy", "高頻能量"),
    "intended": Label("predicted as intended", "預測與設定相符"),
    "changed_by_two": Label("changed by two grey levels", "改變兩個灰階後預測改變"),
    "above_chance": Label("above chance", "高於隨機猜測"),
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
