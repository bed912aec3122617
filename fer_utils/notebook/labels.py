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
    # chapter 2
    "data_normalisation": Label("data normalisation", "資料正規化"),
    "batch_normalisation": Label("batch normalisation", "批次正規化"),
    "augmentation": Label("augmentation", "資料增強"),
    "data_normalisation_x_batch_normalisation": Label(
        "data × batch normalisation", "資料正規化 × 批次正規化"
    ),
    "data_normalisation_x_augmentation": Label(
        "data normalisation × augmentation", "資料正規化 × 資料增強"
    ),
    "batch_normalisation_x_augmentation": Label(
        "batch normalisation × augmentation", "批次正規化 × 資料增強"
    ),
    "data_normalisation_x_batch_normalisation_x_augmentation": Label("all three", "三者"),
    "with_data_normalisation": Label("with data normalisation", "有資料正規化"),
    "without_data_normalisation": Label("without data normalisation", "無資料正規化"),
    "without_batch_normalisation": Label("without batch normalisation", "無批次正規化"),
    "with_augmentation": Label("with augmentation (×20)", "有資料增強（×20）"),
    "without_augmentation": Label("without augmentation", "無資料增強"),
    "factor": Label("effect of", "因子"),
    "minus_homework": Label("effect minus the homework's", "效果與作業之差"),
    "beside_homework": Label("beside the homework", "與作業相比"),
    "homework_detectable": Label("minimum detectable from it", "與作業的最小可偵測差異"),
    "training_runs": Label("training runs", "訓練次數"),
    "training_minus_validation": Label(
        "accuracy on training batches minus validation set", "訓練批次與驗證集的準確率之差"
    ),
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
