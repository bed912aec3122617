"""Cut the two embedded fonts out of a static Noto Sans TC.

    python report/fonts/subset.py NotoSansTC_400Regular.ttf NotoSansTC_700Bold.ttf

The two files are in the npm package `@expo-google-fonts/noto-sans-tc` (here: version 0.4.3).
Variable fonts do not work. Run it when `tests/test_report.py` says that a character is missing.
"""

import argparse
import re
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

BEARING = 60  # blank left and right of a sign, in thousandths of the font size

CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")

LATIN = "".join(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x100)])) + (
    "–—‘’“”•…‰′″−≈≠≤≥←↑→↓↔√∞∑∏∂∇∈²³⁻¹₀₁₂αβγδεθλμπρστφχωΔΣΩ"
)

# The homework's five questions and the words of the field: prose can change without a new subset.
VOCABULARY = """
請說明你實作的模型，其架構、訓練過程和準確率為何？承上題，資料正規化與資料擴增的方法，並且說明實行前後對準確率有什麼樣的影響。
觀察答錯的圖片中，哪些類別彼此間容易用混？並說明你觀察到了什麼。從混淆矩陣分析可以發現，使用的確有些好處，試繪出顯著圖，
觀察在做分類時，是聚焦於圖片的哪些部份？利用上課所提到的梯度上升法，觀察特定層的濾波器最容易被哪種圖片激活與輸出。
人臉表情辨識機器學習作業報告筆記本系列：「數據集」『探索』；標籤、重複、矛盾、平均臉、灰階、像素、直方圖、強度、標準差、隨機種子！
生氣厭惡恐懼高興難過驚訝中立卷積神經網路深度全連接池化批次丟棄損失函數優化器學習曲線驗證測試公開私有集成投票多數一致比較
眼睛眉毛鼻子嘴巴嘴角額頭臉頰皮膚紋理頭髮邊界邊框平移旋轉翻轉鏡像補零大小寬高誤差信賴區間顯著性統計結論方法結果問題回答
第一二三四五六七八九十百千個張次種類組層步輪率值表圖章節頁目錄附錄參考文獻資料來源日期版本機器時間總計設定環境
什麼為何這那我們他它您此其與或且若可否是非有無從到在對把被讓使用用於關於根據由於雖然然而例如包括其中之間而言即便
特徵區域位置方向角度亮度暗影光線對比模糊雜訊遮擋眼鏡鬍子身份姿態動作單元肌肉嘴唇牙齒眼皮瞳孔下巴耳頸膚色表現情緒人類
初始化參數計算訓練批量迭代收斂過擬合泛化預測機率信心樣本圖像影像清洗檢查統一簡單複雜加入去除保留移動縮放裁切合併
不同相同正確錯誤高低多少新舊好壞快慢長短左右上下內外先後大於小於等於約超過以及或但因此所以如果則只也都還已經將會能需要應該
""".strip()


def characters() -> set[str]:
    """The characters that the fonts must have: Latin, and all Chinese in the project's texts."""
    sources = [
        *ROOT.glob("notebooks/*.ipynb"),
        *ROOT.glob("notebooks/appendix/*.ipynb"),
        *ROOT.glob("fer_utils/**/*.py"),
        *HERE.parent.glob("template/*"),
    ]
    texts = [path.read_text(encoding="utf-8") for path in sources]
    return set(LATIN) | set(CJK.findall("".join(texts)))


def trim(font: TTFont) -> None:
    """Give the signs of LATIN that a Chinese font sets full-width the width of their ink.

    The ellipsis, which Taiwan sets at mid-height, goes down to the baseline.
    """
    glyphs, widths, names = font["glyf"], font["hmtx"], font.getBestCmap()
    for character in LATIN:
        name = names.get(ord(character))
        if name and widths[name][0] == font["head"].unitsPerEm:
            glyph = glyphs[name]
            down = glyph.yMin if character == "…" else 0
            glyph.coordinates.translate((BEARING - glyph.xMin, -down))
            glyph.recalcBounds(glyphs)
            widths[name] = (glyph.xMax + BEARING, BEARING)


def cut(source: Path, target: Path) -> None:
    """Write the glyphs of `characters()` and `VOCABULARY` in `source` to `target` as woff2."""
    options = subset.Options(flavor="woff2", hinting=False, layout_features=["kern", "mark"])
    font = subset.load_font(source, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(sorted(characters() | set(VOCABULARY) - {"\n"})))
    subsetter.subset(font)
    trim(font)
    subset.save_font(font, target, options)
    size = target.stat().st_size / 1024
    print(f"{target.name}: {size:.0f} kB, {len(font.getBestCmap())} characters")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("regular", type=Path)
    parser.add_argument("bold", type=Path)
    arguments = parser.parse_args()
    cut(arguments.regular, HERE / "NotoSansTC-Regular.woff2")
    cut(arguments.bold, HERE / "NotoSansTC-Bold.woff2")
