"""What README.md, MODEL_CARD.md and bench/recipes.md say of runs.

From `runs/summary.json`, and of a peer's recipe from `bench/minutes.json`:

    python -m fer_utils.readme

The summary itself needs FER2013: `python -m fer_utils.overview`.
"""

import json
import re
from collections import Counter
from pathlib import Path

import pandas as pd

from fer_utils.fer2013 import CLASSES, PARTS
from fer_utils.files import ROOT, replacing, runs_dir
from fer_utils.homework import ABLATIONS, MODELS
from fer_utils.questions import augmentation
from fer_utils.statistics.classification import confused_pairs
from fer_utils.statistics.intervals import independent_interval, proportion
from fer_utils.statistics.wording import PEER
from fer_utils.training import experiments

BLOCK = r"(<!-- {name} -->\n).*?(<!-- end of {name} -->)"
#: The homework's figures on both boards, by name of ours.
HOMEWORKS = {
    **{role: ABLATIONS[row] for row, role in augmentation.MODELS.items()},
    **{name: MODELS[name] for name in ("model1", "model2")},
    "model1 + model2": MODELS["ensemble"],
}
#: Rows of README's table, as far as they are finished.
ROWS = (
    *("model0", "model0-raw", "model0-raw-nobn", "model1", "model2", experiments.ANOTHER_SEED),
    *("model1 + model2", "committee", *experiments.STUDENTS, "dense"),
)
#: What was hoped for on (PUBLIC, PRIVATE), see bench/recipes.md; None: nothing.
HOPES = {
    "model1": (0.69, 0.69),
    "model2": (0.69, 0.69),
    "model1 + model2": (0.71, 0.715),
    f"model1 + {experiments.ANOTHER_SEED}": (0.71, 0.715),
    f"model1 + model2 + {experiments.ANOTHER_SEED}": (0.71, 0.715),
    "committee": (0.735, 0.735),
    "student-compact": (None, 0.72),
    "student-tiny": (None, 0.68),
}
#: Networks in the model card, and those of them in its table of classes.
IN_CARD = ("model0", "model1", "model2", experiments.ANOTHER_SEED, *experiments.STUDENTS)
BY_CLASS = ("model2", "model2-distilled", "student-compact")


def summary() -> dict[str, dict]:
    """What `overview` measured, by name of network."""
    path = runs_dir() / "summary.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def results_table() -> str:
    """A row per network of ROWS: accuracy on each board, without twins, all, the homework's."""
    rows = [
        "| | " + " | ".join(f"{PARTS[p].board}{kind}" for p in _BOARDS for kind in _KINDS) + " |"
    ]
    rows.append("|---" * 7 + "|")
    measured = summary()
    for name in filter(measured.__contains__, ROWS):
        counts, cells = measured[name], [name]
        for number, part in enumerate(_BOARDS):
            theirs = HOMEWORKS.get(name)
            cells += [
                f"{proportion(*counts[part]['twin_free']):.3f}",
                f"{proportion(*counts[part]['all']):.3f}",
                f"{theirs[number]:.3f}" if theirs else "",
            ]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


_BOARDS = ("public", "private")
_KINDS = (", without twins", ", all", ", homework")


def hopes_table() -> str:
    """What was hoped for and what is reached, on all images of each board."""
    heads = [
        f"{PARTS[part].board}, {what}" for part in _BOARDS for what in ("hoped for", "reached")
    ]
    rows = ["| | " + " | ".join(heads) + " |", "|---" * 5 + "|"]
    measured = summary()
    for name in filter(measured.__contains__, HOPES):
        cells = [name]
        for part, hope in zip(_BOARDS, HOPES[name], strict=True):
            reached = f"{proportion(*measured[name][part]['all']):.3f}"
            cells += [f"{hope:g}" if hope else "", reached]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def beside_peer() -> str:
    """What bench/minutes.json says of a peer's recipe and of ours."""
    found = json.loads((ROOT / "bench/minutes.json").read_text(encoding="utf-8"))["runs"]
    return _beside_peer(found, summary()["model1"]["test"]["all"][1]) if "peer" in found else ""


def _beside_peer(found: dict[str, dict[str, float]], images: int) -> str:
    """The peer and the longest training of ours that took no longer: not chosen by its accuracy.

    Students are left out: their minutes are without their teachers'.
    """
    peer, others = found["peer"], found.keys() - {"peer", *experiments.STUDENTS}
    no_longer = [name for name in others if found[name]["minutes"] <= peer["minutes"]]
    name = max(sorted(no_longer), key=lambda name: found[name]["minutes"])
    ours = found[name]
    right, theirs = (round(each["accuracy"] * images) for each in (ours, peer))
    gain = independent_interval(right, images, theirs, images)
    word = PEER[gain.verdict]
    return (
        f"After {peer['minutes']:.0f} minutes the peer's network has "
        f"{proportion(theirs, images):.3f} of all {images:,} test images right. The longest "
        f"training of ours that took no longer, {name} with {ours['minutes']:.0f} minutes, has "
        f"{proportion(right, images):.3f}: **{word}**, by {gain:+.3f} (one network each; the "
        "interval is that of two sets of images, so rather too wide).\n"
    )


def findings() -> str:
    """What the project finds on FER2013, in lines with numbers; words follow from them."""
    counts = summary()
    if not {"model0", "model2", "model1 + model2"} <= set(counts):
        return ""
    twin_free = {name: one["test"]["twin_free"] for name, one in counts.items()}
    everywhere = counts["model2"]["test"]["all"]
    leaked = everywhere[1] - twin_free["model2"][1]
    gain = independent_interval(*twin_free["model2"], *twin_free["model0"])
    ahead = "ahead" if gain.low > 0 else "not shown to be ahead"
    on_leaked = [
        f"{proportion(counts[name]['test']['all'][0] - twin_free[name][0], leaked):.3f}"
        for name in ("model0", "model2")
    ]
    classes = counts["model2"]["classes"]
    recall = {name: proportion(*pair["twin_free"]) for name, pair in classes.items()}
    weakest, second, *_, best = sorted(recall, key=recall.get)
    of_all = {name: f"{proportion(*pair):.3f}" for name, pair in twin_free.items()}
    model2, clear = counts["model2"], "clear_twin_free"
    right_too = agrees_too = ""
    if again := counts.get(experiments.ANOTHER_SEED):
        right_too = f" (from another seed {of_all[experiments.ANOTHER_SEED]})"
        agrees_too = f" (from another seed on {proportion(*again['crowd'][clear]):.3f})"
    lines = [
        f"**{proportion(leaked, everywhere[1]):.0%} of the test images have an exact or "
        f"near duplicate in Training.** Of the others model2 has {of_all['model2']} right, of all "
        f"{proportion(*everywhere):.3f}.",
        f"**Where nothing leaked, model2, trained with augmentation, is {ahead} of "
        f"model0,** trained without (one network each): {of_all['model2']}{right_too} "
        f"against {of_all['model0']}. On the leaked images: {on_leaked[1]} against {on_leaked[0]}.",
        _averaged(counts, of_all),
        f"**model2 finds {best} most often, {weakest} and {second} least:** {recall[best]:.2f}, "
        f"{recall[weakest]:.2f} and {recall[second]:.2f} of their images.",
        _confused(pd.DataFrame(model2["confusion"], CLASSES, CLASSES)),
        *([_looks_at(model2["looks_at"])] if "looks_at" in model2 else []),
        *([_filters(model2["filters"])] if "filters" in model2 else []),
        "**Labels are not the truth:** where eight of ten later voters agree, model2 agrees with "
        f"them on {proportion(*model2['crowd'][clear]):.3f} of the images{agrees_too}.",
    ]
    note = "(without the leaked images unless it says so; brackets are 95 % intervals over images)"
    return f"What it finds on FER2013 {note}:\n\n" + "".join(f"- {line}\n" for line in lines)


def _averaged(counts: dict[str, dict], of_all: dict[str, str]) -> str:
    """Ensembles, and what one network learns of them, as far as they are finished."""
    text = f"**Averaged, model1 and model2** have {of_all['model1 + model2']} right"
    if "committee" in counts:
        networks = len(counts["committee"]["members"])
        text += f", a committee of {networks} networks {of_all['committee']}"
    if "model2-distilled" in counts:
        teachers = len(experiments.TEACHERS)
        text += (
            f", and model2's network, taught by {teachers} of them, {of_all['model2-distilled']}"
        )
    return f"{text} (one network each; notebook 04 tests the differences)."


def _confused(counts: pd.DataFrame) -> str:
    """The two most confused pairs of classes of a confusion matrix."""
    pairs = confused_pairs(counts).head(2)
    told = [
        f"{pair.there:.2f} of {pair.first} are taken for {pair.second}, "
        f"{pair.back:.2f} the other way"
        for pair in pairs.itertuples()
    ]
    worst = pairs.iloc[0]
    rank = "" if worst["rank"].high < 2 else " (not shown to be ahead of every other pair)"
    return (
        f"**It confuses {worst['first']} and {worst['second']} most**{rank}: {told[0]}; "
        f"then {told[1]}."
    )


def _looks_at(found: dict) -> str:
    """The zones of the face that `overview.looks_at` names, those of most classes first."""
    classes = found["zones"]
    zones = Counter(zone for own in classes.values() for zone in own)
    where = [
        f"{zone} in {count} of {len(classes)} classes"
        if count > len(classes) / 2
        else f"{zone} in {', '.join(name for name, own in classes.items() if zone in own)}"
        for zone, count in zones.most_common()
    ]
    common = [zone for zone, count in zones.items() if count == len(classes)]
    lead = (
        f"In every class model2 looks at {' and '.join(common)}"
        if common
        else "No zone of the face is shown to be looked at by model2 in every class"
    )
    voice = " and ".join(found["methods"]) or "all methods"
    passed = "which pass" if found["methods"] else "none of which passes"
    return (
        f"**{lead}.** What the maps of {voice} agree on, {passed} notebook 06's tests against maps "
        f"that know nothing of the network ({found['images']} images): "
        f"{'; '.join(where) or 'nothing'}."
    )


def _filters(found: dict) -> str:
    """What `overview` counts of model2's filters."""
    first = found["first_layer"]
    kinds = ", ".join(f"{count} are mostly {pattern}" for pattern, count in first.items())
    zones = sorted(found["seventh"]["zones"].items(), key=lambda pair: -pair[1])
    preferred = (
        ", ".join(f"{count} prefer {zone}" for zone, count in zones) or "none prefers a zone"
    )
    gradient, random = (proportion(*found["flipped"][way]) for way in ("gradient", "random"))
    return (
        f"**model2's filters:** of {sum(first.values())} kernels of the first layer {kinds}, by "
        f"their energy; of {found['seventh']['filters']} of the 7th convolution, more strongly "
        f"than any of the untrained networks they are compared with, {preferred}. A change of at "
        f"most {found['level']} grey levels along the gradient alters {gradient:.2f} of the right "
        f"answers, at random {random:.2f} ({found['flipped']['random'][1]} images)."
    )


def class_table() -> str:
    """Recall of each class on the test images, with and without those that have a twin."""
    networks = {name: counts for name, counts in summary().items() if name in BY_CLASS}
    head = [f"{name}{kind}" for name in networks for kind in (", without twins", ", all")]
    rows = ["| class | " + " | ".join(head) + " |", "|---" * (1 + len(head)) + "|"]
    for cls in CLASSES:
        cells = [
            f"{proportion(*counts['classes'][cls][kind]):.2f}"
            for counts in networks.values()
            for kind in ("twin_free", "all")
        ]
        rows.append(f"| {cls} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def truth_table() -> str:
    """Accuracy against the labels and against a crowd's, and mean confidence."""
    rows = [
        "| network | label, without twins | label, all | crowd's majority | 8 of 10 agree "
        "| the same, without twins | mean confidence |",
        "|---" * 7 + "|",
    ]
    for name, counts in summary().items():
        if name in IN_CARD:
            given = (
                *(counts["test"][kind] for kind in ("twin_free", "all")),
                *(counts["crowd"][kind] for kind in ("majority", "clear", "clear_twin_free")),
            )
            cells = [f"{proportion(*pair):.3f}" for pair in given]
            rows.append(f"| {name} | " + " | ".join(cells) + f" | {counts['confidence']:.3f} |")
    return "\n".join(rows) + "\n"


#: File -> block -> what is written into it.
BLOCKS = {
    "README.md": {"findings": findings, "results": results_table},
    "MODEL_CARD.md": {"classes": class_table, "truths": truth_table},
    "bench/recipes.md": {"peer": beside_peer, "hopes": hopes_table},
}


def with_tables(name: str, text: str) -> str:
    """The text of a file of BLOCKS with its tables renewed. Raises ValueError without a block."""
    for block, made in BLOCKS[name].items():
        pattern = re.compile(BLOCK.format(name=block), re.S)
        if not pattern.search(text):
            raise ValueError(
                f"{name} has no block from <!-- {block} --> to <!-- end of {block} -->"
            )
        table = made()
        text = pattern.sub(lambda found, table=table: found[1] + table + found[2], text)
    return text


def main() -> None:
    """Write the tables of all files anew."""
    for name in BLOCKS:
        path: Path = ROOT / name
        written = with_tables(name, path.read_text(encoding="utf-8"))
        with replacing(path) as temporary:
            temporary.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
