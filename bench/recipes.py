"""Short trials that choose the recipe, on held-out images without a near duplicate in training.

    FER_DATA=... python bench/recipes.py NAME ...     run trials; without a name: list them
    python bench/recipes.py --table                   write the table of recipes.md anew

Narrow networks (12/24/48/96, dense 128/128), x20, one seed; cost is counted in passes of 48x48
images, of which one of 24x24 images is a quarter. No test image is looked at.
"""

import argparse
import json
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_utils.data.dataset import hold_out, load
from fer_utils.data.duplicates import unseen
from fer_utils.files import cache_dir, replacing, write_json
from fer_utils.training.experiments import PASS, Config, Phase

FOLDER = Path(__file__).resolve().parent
RESULTS, TEXT = FOLDER / "recipes.json", FOLDER / "recipes.md"

SMALL_THEN_LARGE = (
    Phase("adadelta", 1.0, 4 * PASS, size=24),
    Phase("sgd", 0.1, 16 * PASS, 0.9, weight_decay=0.005, final_rate=0.05, size=24),
    Phase("sgd", 0.05, 4 * PASS, 0.9, weight_decay=0.005),
)
BASE = Config(
    name="trial",
    dataset="fer2013",
    phases=SMALL_THEN_LARGE,
    widths=(12, 24, 48, 96),
    dense=(128, 128),
    evaluate_every=PASS,
    transforms="x20",
    label_smoothing=0.1,
    dropout=(0.1, 0.15, 0.2, 0.25, 0.4, 0.4),
    order="cycled",
    averaged=0.25,
    unseen_only=True,
)
TRIALS = {
    "small then large": BASE,
    "no Adadelta": replace(
        BASE,
        phases=(replace(SMALL_THEN_LARGE[1], steps=20 * PASS), SMALL_THEN_LARGE[2]),
    ),
    "Adadelta small, SGD large": replace(
        BASE,
        phases=(
            replace(SMALL_THEN_LARGE[0], steps=16 * PASS),
            replace(SMALL_THEN_LARGE[2], learning_rate=0.1, steps=5 * PASS),
        ),
    ),
    "constant size": replace(
        BASE,
        phases=(
            Phase("adadelta", 1.0, PASS),
            Phase("sgd", 0.1, 8 * PASS, 0.9, weight_decay=0.005),
        ),
    ),
    "dropout by the rule": replace(BASE, dropout=()),
    "random order": replace(BASE, order="shuffled"),
}


def cost(config: Config) -> float:
    """Passes over 48x48 images that cost as much arithmetic."""
    return sum(phase.steps / PASS * (phase.size / 48) ** 2 for phase in config.phases)


def run(name: str) -> dict:
    from fer_utils.data.transforms import normalise
    from fer_utils.interpret.inference import predictor
    from fer_utils.training.loop import Examples, train
    from fer_utils.training.network import build

    config, dataset = TRIALS[name], load("fer2013")
    fit, held_out = hold_out(dataset)
    chosen = unseen(dataset)
    images, labels = dataset.images, dataset.labels
    judged = held_out[chosen]
    examples = Examples(images[fit], labels[fit], images[judged], labels[judged])
    checkpoint = cache_dir() / "trials" / f"{name.replace(' ', '-')}.npz"
    started = time.process_time()
    made = train(config, examples, checkpoint=checkpoint, data_id="trial")
    seconds = time.process_time() - started
    checkpoint.unlink(missing_ok=True)
    model = build(config)
    model.set_weights(made.weights)
    predict = predictor(model)
    direct, mirrored = (
        predict(normalise(some, True)) for some in (images[held_out], images[held_out, :, ::-1])
    )
    correct = direct.argmax(axis=1) == labels[held_out]
    averaged = (_softmax(direct) + _softmax(mirrored)).argmax(axis=1) == labels[held_out]
    return {
        "trial": name,
        "seed": config.seed,
        "cost": round(cost(config), 1),
        "unseen": round(float(correct[chosen].mean()), 4),
        "unseen_mirror": round(float(averaged[chosen].mean()), 4),
        "all": round(float(correct.mean()), 4),
        "images": int(chosen.sum()),
        "cpu_minutes": round(seconds / 60, 1),
    }


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def table(results: list[dict]) -> str:
    """The results as a Markdown table, the best first."""
    rows = [
        "| trial | cost | held-out, unseen | + mirror image | held-out, all | seed | CPU min |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in sorted(results, key=lambda row: -row["unseen"]):
        cells = (row[key] for key in ("trial", "cost", "unseen", "unseen_mirror", "all", "seed"))
        rows.append("| " + " | ".join(map(str, (*cells, row["cpu_minutes"]))) + " |")
    return "\n".join(rows) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*TRIALS, []], metavar="NAME")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    for name in arguments.names:
        results = [row for row in results if row["trial"] != name] + [run(name)]
        write_json(RESULTS, results)
    if arguments.names or arguments.table:
        block = re.compile(r"(<!-- trials -->\n).*?(<!-- end of trials -->)", re.S)
        text = block.sub(lambda m: m[1] + table(results) + m[2], TEXT.read_text(encoding="utf-8"))
        with replacing(TEXT) as temporary:
            temporary.write_text(text, encoding="utf-8")
    else:
        print("\n".join(TRIALS))


if __name__ == "__main__":
    main()
