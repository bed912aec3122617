"""The results table of README.md, written from the finished runs in `runs/`.

python -m fer_utils.readme
"""

import json
import re

import numpy as np

from fer_utils.fer2013 import PARTS
from fer_utils.files import ROOT, replacing, runs_dir
from fer_utils.homework import MODELS
from fer_utils.statistics.intervals import proportion

README = ROOT / "README.md"
BOARDS = ("public", "private")
BLOCK = re.compile(r"(<!-- results -->\n).*?(<!-- end of results -->)", re.S)
NONE = "No reference run is finished yet: the report trains quick stand-ins and says so.\n"


def results_table() -> str:
    """One Markdown row per finished reference run: accuracies with Wilson intervals.

    The homework's figures stand beside those of its models.
    """
    rows = []
    for path in sorted(runs_dir().glob("*/metrics.json")):
        metrics = json.loads(path.read_text(encoding="utf-8"))
        cells = [path.parent.name]
        for number, part in enumerate(BOARDS):
            counts = np.array(metrics[part]["confusion"])
            cells.append(str(proportion(int(np.trace(counts)), int(counts.sum()))))
            theirs = MODELS.get(path.parent.name)
            cells.append(f"{theirs[number]:.3f}" if theirs else "")
        rows.append("| " + " | ".join(cells) + " |\n")
    if not rows:
        return NONE
    header = (
        "| run | "
        + " | ".join(f"{b} | homework's" for b in (PARTS[part].board for part in BOARDS))
        + " |\n"
    )
    return header + "|---" * (1 + 2 * len(BOARDS)) + "|\n" + "".join(rows)


def with_table(text: str) -> str:
    """The README's text with its results block renewed. Raises ValueError if it has none."""
    if not BLOCK.search(text):
        raise ValueError("README.md has no block from <!-- results --> to <!-- end of results -->")
    return BLOCK.sub(lambda block: block[1] + results_table() + block[2], text)


if __name__ == "__main__":
    written = with_table(README.read_text(encoding="utf-8"))
    with replacing(README) as temporary:
        temporary.write_text(written, encoding="utf-8")
