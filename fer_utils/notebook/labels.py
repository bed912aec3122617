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

#: How a finding and the homework's agree, in a word, for the table of page one.
AGREES: dict[object, str] = {
    Verdict.HIGHER: "higher",
    Verdict.LOWER: "lower",
    Verdict.NOT_SIGNIFICANT: "yes",
    Support.SUPPORTED: "yes",
    Support.CONTRADICTED: "no",
    Support.INCONCLUSIVE: "open",
    Support.PARTLY_SUPPORTED: "partly",
    Support.MIXED: "methods differ",
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
    # chapter 6
    "zones": Label("zones", "部位"),
    "methods": Label("methods", "方法"),
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
    "confident": Label("at least 90 % confident", "信心至少 90%"),
    "least_probability": Label("least confidence", "最低信心"),
    "result": Label("result", "結論"),
    "halves": Label("halves above the baselines", "高於各基準的半組數"),
    "disagree": Label("halves disagree", "兩半結論不同"),
    "added": Label("passing without the added condition", "不計後加條件時另外通過的方法"),
    "zero_maps": Label("maps that are zero everywhere", "全為零的圖"),
    "explained": Label("explained", "所分析的圖片數"),
    "none": Label("none", "無"),
    "baseline_value": Label("its value", "其數值"),
    "ceiling": Label("confidence at which label smoothing aims", "標籤平滑所對應的信心"),
    # chapter 3
    "validation_accuracy": Label("validation accuracy", "驗證準確率"),
    "training_accuracy": Label("training accuracy", "訓練準確率"),
    "change": Label("change", "更動"),
    "epochs": Label("epochs", "訓練週期"),
    "seconds": Label("seconds", "秒"),
    "unit_4": Label("unit 4", "第四單元"),
    "convolutions": Label("convolutions", "卷積層數"),
    "dense_layers": Label("dense layers", "全連接層數"),
    "dense_part": Label("dense part", "全連接部分"),
    "output": Label("output", "輸出"),
    "parameters": Label("parameters", "參數量"),
    "share": Label("share", "占比"),
    "total": Label("total", "總計"),
    "adadelta": Label("Adadelta", "Adadelta"),
    "sgd": Label("SGD", "SGD"),
    "optimizer": Label("optimiser", "優化器"),
    "optimiser": Label("optimiser", "優化器"),
    "held_out_loss": Label("validation loss", "驗證損失"),
    "validation": Label("validation set", "驗證集"),
    "PUBLIC_all": Label("PUBLIC, all images", "PUBLIC，全部圖片"),
    "PUBLIC_duplicate_free": Label("PUBLIC, duplicate-free", "PUBLIC，無重複圖片"),
    "PRIVATE_all": Label("PRIVATE, all images", "PRIVATE，全部圖片"),
    "PRIVATE_duplicate_free": Label("PRIVATE, duplicate-free", "PRIVATE，無重複圖片"),
    # chapter 1
    "exact": Label("exact copy", "完全相同"),
    "near": Label("near duplicate", "近似"),
    "exact_or_near": Label("exact or near duplicate", "完全相同或近似"),
    "contradicting": Label("contradicting", "標籤互相矛盾"),
    "split": Label("split", "資料切分"),
    "other_split": Label("other split", "另一切分"),
    "brightness": Label("brightness", "亮度"),
    "contrast": Label("contrast", "對比"),
    "contradicted_labels": Label("labels contradicted by the majority", "與多數意見不符的標籤"),
    "confirmed": Label("confirmed", "標籤獲確認"),
    "commonest_class": Label("commonest class in Training", "訓練集中最多的類別"),
    "rarest_class": Label("rarest class in Training", "訓練集中最少的類別"),
    "p_same_mix": Label("equal class shares in all splits, p", "各切分類別比例相同的 p 值"),
    "most_different": Label(
        "class whose mean face differs most from the mean of all", "平均臉與整體平均差異最大的類別"
    ),
    "distance": Label("difference from the mean face, grey levels", "與平均臉的差異（灰階）"),
    "most_contradicted": Label("label contradicted most often", "最常與多數意見不符的標籤"),
    "darkest_class": Label("darkest class", "最暗的類別"),
    "brightest_class": Label("brightest class", "最亮的類別"),
    "range_of_means": Label("largest difference of class means", "類別平均的最大差異"),
    "scatter": Label("standard deviation within a class", "類別內的標準差"),
    "constant": Label("constant images", "單色圖片"),
    "p_same_share": Label("equally many duplicates in all classes, p", "各類別重複比例相同的 p 值"),
    "contradicting_copies": Label(
        "images with an exact copy of another label", "完全相同但標籤不同的圖片"
    ),
    "out_of_reach": Label("copies that no network can get right", "任何模型都無法答對的副本"),
    # chapter 5
    "weakest_classes": Label("fear and sad are the weakest", "恐懼與難過最弱"),
    "fear_predicted_as": Label(
        "fear is predicted as disgust, sad or surprise", "恐懼被預測為厭惡、難過或驚訝"
    ),
    "sad_predicted_as": Label("sad is predicted as fear or neutral", "難過被預測為恐懼或中立"),
    "whole": Label("as a whole", "整體"),
    "named_by_homework": Label("classes it names", "作業所指的類別"),
    "nearest_other": Label("nearest other class", "最接近的其他類別"),
    "mistakes": Label("mistakes", "預測錯誤"),
    "majority": Label("majority", "多數意見"),
    "below": Label("recall below", "召回率低於"),
    "five_others": Label("the five others", "其餘五類"),
    "lowest_recall": Label("lowest recall", "召回率最低的類別"),
    "highest_recall": Label("highest recall", "召回率最高的類別"),
    "most_predicted": Label("most often predicted as", "最常被預測為"),
    "f1": Label("F1", "F1"),
    "macro_f1": Label("mean F1 of the classes", "各類別 F1 的平均"),
    "there": Label("first predicted as second", "前者被預測為後者"),
    "back": Label("the reverse", "反向"),
    "best_rank": Label("best rank", "最前名次"),
    "worst_rank": Label("worst rank", "最後名次"),
    "trained_on": Label("duplicate trained on", "重複圖片用於訓練"),
    "elsewhere": Label("duplicates only elsewhere", "重複圖片只在他處"),
    "no_duplicate": Label("no duplicate", "無重複圖片"),
    "duplicate_label": Label("label of the duplicate", "重複圖片的標籤"),
    "own_label": Label("its own label", "自己的標籤"),
    "third_label": Label("a third label", "第三種標籤"),
    "agrees_with": Label("agrees with", "與何者一致"),
    "label_with_majority": Label("label, where there is a majority", "標籤（有多數意見者）"),
    "clear_majority": Label("majority of 8 or more", "八人以上的多數意見"),
    "one_annotator": Label("one annotator", "單一標註者"),
    "no_majority": Label("no majority", "無多數意見"),
    "network_alone": Label("network alone", "僅模型一致"),
    "gain": Label("gain where confirmed", "標籤獲確認後的增幅"),
    "gap": Label("gap", "差距"),
    "without_disgust": Label("without disgust", "不計厭惡"),
    "confirmed_images": Label("confirmed images", "標籤獲確認的圖片數"),
    "confirmed_recall": Label("recall where confirmed", "標籤獲確認者的召回率"),
    "as_trained": Label("as trained", "未校準"),
    "isotonic": Label("isotonic regression", "保序迴歸"),
    "over_confident": Label("over-confident groups", "過度自信的組數"),
    "under_confident": Label("under-confident groups", "信心不足的組數"),
    "calibration_error": Label("calibration error", "校準誤差"),
    "confidence_gap": Label("confidence minus accuracy", "信心減準確率"),
    "most_confident_tenth": Label("most confident tenth", "最有信心的十分之一"),
    # chapter 7
    "trained": Label("trained", "訓練後"),
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
