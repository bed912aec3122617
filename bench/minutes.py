"""Accuracy against minutes of training, every finished run on FER2013: `python bench/minutes.py`.

The runs were made on machines of different speed, beside other work. So the minutes are those that
their steps would take on this machine alone: a few steps of each kind are timed, on noise. A
student's minutes are without its teachers'. With `--torch PYTHON`, an interpreter that has torch, a
peer's recipe (bench/peer.py, bench/peer.json) is timed as well, on FER_DATA. Writes
bench/minutes.json and bench/minutes.svg, which `--draw` draws again from the former.
"""

import argparse
import json
import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from fer_utils.files import ROOT, replacing, runs_dir, write_json
from fer_utils.plots import style
from fer_utils.training import experiments
from fer_utils.training.config import Config, Phase
from load import cpu_model
from training import BATCH, Clock, noise

RESULT, PICTURE = (Path(__file__).with_suffix(suffix) for suffix in (".json", ".svg"))
PEER = Path(__file__).with_name("peer.json")
STEPS = 23
SMALL = ("norm-", "raw-")
#: Names that are not written to the upper right of their point: the offset, and where they end.
ASIDE = {
    "model0": (-6, -1, "right"),
    "model1": (-6, 4, "right"),
    "model2": (6, -4, "left"),
    "model2-distilled": (6, 3, "left"),
    experiments.ANOTHER_SEED: (6, 2, "left"),
    "member5": (6, -7, "left"),
    "model0-raw": (-6, -9, "right"),
    "model0-raw-nobn": (-6, -3, "right"),
    "student-compact": (-6, -5, "right"),
    "student-tiny": (6, -7, "left"),
}


def seconds_a_step(config: Config, phase: Phase) -> float:
    """Of a phase, augmentation included, evaluation left out."""
    from fer_utils.training.examples import Examples
    from fer_utils.training.loop import train

    short = replace(
        config,
        phases=(replace(phase, steps=STEPS),),
        evaluate_every=STEPS,
        teachers=(),
        averaged=0.0,
    )
    images, labels = noise()
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        train(
            short,
            Examples(images, labels, images[:64], labels[:64]),
            checkpoint=Path(folder) / "c.npz",
            made_from="noise",
            after_step=clock,
        )
    return BATCH / clock.images_per_second


def kind(config: Config, phase: Phase) -> Config:
    """What decides how long a step takes: configs and phases that share it are timed once."""
    alike = replace(phase, learning_rate=0.1, steps=1, patience=0, final_rate=0.0)
    return replace(
        config,
        name="timed",
        seed=0,
        phases=(alike,),
        teachers=(),
        label_smoothing=0.0,
        keep_weights=True,
    )


def of_peer(python: str) -> dict[str, float]:
    """The peer's minutes on this machine, and its accuracy on all test images."""
    peer = json.loads(PEER.read_text(encoding="utf-8"))
    done = subprocess.run(
        [python, PEER.with_suffix(".py"), "--time"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds = float(done.stdout.split()[-1])
    return {
        "minutes": round(peer["steps"] * seconds / 60, 1),
        "accuracy": round((peer["public"] + peer["private"]) / 2, 4),  # splits of equal size
    }


def measure(torch: str | None) -> dict:
    speeds, found = {}, {"peer": of_peer(torch)} if torch else {}
    for config in experiments.all_experiments("reference"):
        path = runs_dir() / config.name / "metrics.json"
        if not path.exists():
            continue
        ends = pd.read_csv(path.with_name("history.csv")).groupby("phase")["step"].max()
        seconds = 0.0
        for phase, steps in zip(config.phases, np.diff([0, *ends]), strict=True):
            key = kind(config, phase)
            if key not in speeds:
                speeds[key] = seconds_a_step(config, phase)
            seconds += steps * speeds[key]
        metrics = json.loads(path.read_text(encoding="utf-8"))
        splits = [metrics[part] for part in ("public", "private")]
        right = sum(split["accuracy"] * split["n"] for split in splits)
        found[config.name] = {
            "minutes": round(seconds / 60, 1),
            "accuracy": round(right / sum(split["n"] for split in splits), 4),
        }
    return {"cpu": cpu_model(), "runs": found}


def draw(found: dict[str, dict[str, float]]) -> plt.Figure:
    """A point per run, with a name for the models and the students."""
    compact = {n for n in experiments.MEMBERS if experiments.member(n).network == "compact"}
    models = {*experiments.MODELS, experiments.ANOTHER_SEED, *experiments.WITHOUT}
    models |= experiments.MEMBERS.keys() - compact
    named = {*models, *experiments.STUDENTS}
    groups = {
        "the homework's convolutions": [n for n in found if n in models],
        "compact networks, member1 to member4": [n for n in found if n in compact],
        "students, after their teachers": [n for n in found if n in experiments.STUDENTS],
        "small networks (notebook 02)": [n for n in found if n.startswith(SMALL)],
        "without convolutions": ["dense"] if "dense" in found else [],
        "a peer's VGG19, ten crops": ["peer"] if "peer" in found else [],
    }
    figure, ax = plt.subplots(figsize=(style.WIDTH, 3.6))
    for (label, names), color, marker in zip(
        groups.items(), style.SERIES, style.MARKERS, strict=False
    ):
        points = [(found[name]["minutes"], found[name]["accuracy"]) for name in names]
        if points:
            ax.scatter(*zip(*points, strict=True), color=color, marker=marker, s=28, label=label)
        for name, point in zip(names, points, strict=True):
            if name in named:
                *offset, side = ASIDE.get(name, (4, 4, "left"))
                ax.annotate(name, point, offset, textcoords="offset points", ha=side, fontsize=8)
    ax.set(xlabel="minutes of two cores, alone", ylabel="accuracy, both test splits, all images")
    ax.set_xlim(right=85)
    ax.set_ylim(top=0.72)
    ax.legend(loc="center right")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draw", action="store_true", help="only the picture")
    parser.add_argument("--torch", metavar="PYTHON", help="an interpreter that has torch")
    given = parser.parse_args()
    if not given.draw:
        write_json(RESULT, measure(given.torch))
    found = json.loads(RESULT.read_text(encoding="utf-8"))
    same = {"svg.hashsalt": "minutes"}  # the same bytes each time
    with style.context(), plt.rc_context(same), replacing(PICTURE) as temporary:
        draw(found["runs"]).savefig(temporary, format="svg", metadata={"Date": None})
    for name, run in sorted(found["runs"].items(), key=lambda pair: pair[1]["minutes"]):
        print(f"{name:24} {run['minutes']:6.1f} min  {run['accuracy']:.3f}")


if __name__ == "__main__":
    main()
