"""The finished networks at a glance: `runs/summary.json`, and the tables that are made of it.

    FER_DATA=path/to/fer2013.csv python -m fer_utils.overview     evaluate them, write the tables
    python -m fer_utils.overview --tables                         only write the tables

The tables stand in MODEL_CARD.md and docs/results.md, each between two comments such as
`<!-- results -->` and `<!-- end of results -->`. Sentences there and in README.md are written by
hand; tests/test_readme.py compares their numbers with the summary.
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fer_utils.data import ferplus
from fer_utils.data.dataset import DataError, Dataset, load
from fer_utils.data.duplicates import duplicate_free_validation
from fer_utils.fer2013 import CLASSES
from fer_utils.files import ROOT, replacing, runs_dir, write_json
from fer_utils.homework import AUGMENTATION, MODELS, NORMALISATION
from fer_utils.questions.contamination import training_duplicates
from fer_utils.questions.label_noise import CLEAR
from fer_utils.statistics.calibration import confidence_threshold
from fer_utils.statistics.classification import confusion
from fer_utils.statistics.intervals import proportion
from fer_utils.training import experiments, runs
from fer_utils.training.measurements import Arrays, load_measured
from fer_utils.training.predictions import Predictions, average, tested, together

LEVEL = 2  # grey levels of 255: the largest change of the small ones in notebook 07
#: Ensemble -> its members; it is evaluated when all of them are finished.
ENSEMBLES = {
    "model1 + model2": ("model1", "model2"),
    "ensemble of seven": experiments.ENSEMBLE_OF_SEVEN,
}
FACTORIAL = ("norm-", "raw-")  # the small networks, which have a table in notebook 02

# The tables ----------------------------------------------------------------------

#: The homework's accuracy, by our network: the mean of both leaderboard splits.
HOMEWORK = {
    name: sum(splits) / 2
    for name, splits in {
        "model0": AUGMENTATION["without_augmentation"],
        "model0-raw": NORMALISATION["without_data_normalisation"],
        "model0-raw-nobn": NORMALISATION["without_batch_normalisation"],
        "model1": MODELS["model1"],
        "model2": MODELS["model2"],
        "model1 + model2": MODELS["ensemble"],
    }.items()
}

Summary = dict[str, dict[str, Any]]


class Table(NamedTuple):
    """A table of Markdown: its rows, and by head of a column where the values are found.

    A place is a path of keys in the summary or in "homework"; {row} is the row's name.
    """

    rows: Sequence[str]
    columns: Mapping[str, str]
    digits: int = 1  # of percent


#: (File, block) -> what is written there.
TABLES = {
    ("docs/results.md", "results"): Table(
        (
            *("model0", "model0-raw", "model0-raw-nobn", "model1", "model2"),
            *(experiments.ANOTHER_SEED, *ENSEMBLES, *experiments.STUDENTS, "dense"),
        ),
        {
            "duplicate-free": "{row}/test/duplicate_free",
            "all": "{row}/test/all",
            "PUBLIC, all": "{row}/public/all",
            "PRIVATE, all": "{row}/private/all",
            "homework, all": "homework/{row}",
        },
    ),
    ("MODEL_CARD.md", "accuracy"): Table(
        ("model2", experiments.ANOTHER_SEED, *experiments.STUDENTS),
        {
            "label, duplicate-free": "{row}/test/duplicate_free",
            "label, all": "{row}/test/all",
            "FER+ majority": "{row}/annotators/majority",
            "8 of 10 agree, duplicate-free": "{row}/annotators/clear_duplicate_free",
            "mean confidence": "{row}/confidence",
        },
    ),
    ("MODEL_CARD.md", "classes"): Table(
        CLASSES,
        {
            name: f"{name}/classes/{{row}}/duplicate_free"
            for name in ("model2", "model2-distilled", "student-compact")
        },
        digits=0,
    ),
}


def read_summary() -> Summary:
    """What `summarise` returned when it was last written, see there; {} before that."""
    path = runs_dir() / "summary.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def markdown(table: Table, networks: Summary) -> str:
    """A table as text, without the rows of which nothing is known."""
    known = {**networks, "homework": HOMEWORK}
    lines = [["", *table.columns], ["---"] * (1 + len(table.columns))]
    for row in table.rows:
        places = (place.format(row=row) for place in table.columns.values())
        cells = [_cell(known, place, table.digits) for place in places]
        if any(cells):
            lines.append([row, *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(found: Any, place: str, digits: int) -> str:
    """Percent of what is found at a place; [correct, images] also have a 95 % interval."""
    for key in place.split("/"):
        found = found.get(key, {})
    if isinstance(found, list):
        share = proportion(*found)
        values = (100 * x for x in (share.estimate, share.low, share.high))
        return "{:.{d}f} ({:.{d}f} to {:.{d}f})".format(*values, d=digits)
    return f"{100 * found:.{digits}f}" if isinstance(found, float) else ""


def with_tables(name: str, text: str) -> str:
    """The text of a file with its tables renewed. Raises ValueError where one has no place."""
    networks = read_summary()
    for (file, block), table in TABLES.items():
        if file == name:
            place = f"(?<=<!-- {block} -->\n).*?(?=<!-- end of {block} -->)"
            text, found = re.subn(place, markdown(table, networks), text, flags=re.S)
            if not found:
                raise ValueError(f"{name} has no place for the table: <!-- {block} -->")
    return text


def write_tables() -> None:
    """Write the tables of all files again."""
    for name in {file for file, _ in TABLES}:
        path = ROOT / name
        text = with_tables(name, path.read_text(encoding="utf-8"))
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


# What is evaluated ---------------------------------------------------------------


def summarise(dataset: Dataset) -> Summary:
    """Evaluate every finished network and ensemble; return by name what `_evaluated` counts.

    A network also has its number of "parameters", the version of its "code" and, if they were
    measured, "attribution" (`attributed_zones`) and "filters" (`filter_counts`); an ensemble has
    its "members".
    """
    from fer_utils.questions import adversarial
    from fer_utils.questions.saliency_maps import measured_maps

    finished = {
        config.name: run
        for config in experiments.all_experiments("reference")
        if not config.name.startswith(FACTORIAL) and (run := runs.find(config, dataset))
    }
    annotations = _annotations(dataset)
    marks = {
        "duplicate": training_duplicates(dataset),
        "duplicate_free_validation": duplicate_free_validation(dataset),
    }
    table = {}
    for name, run in finished.items():
        facts = {"parameters": run.metadata["parameters"], "code": run.metadata["code"]}
        table[name] = facts | _evaluated(run.predictions(dataset), marks, annotations)
        if saliency := load_measured(run, measured_maps.MEASUREMENT):
            table[name]["attribution"] = attributed_zones(saliency)
        if measured := load_measured(run, adversarial.MEASUREMENT):
            table[name]["filters"] = filter_counts(measured)
    for name, members in ENSEMBLES.items():
        if all(member in finished for member in members):
            each = [finished[member].predictions(dataset) for member in members]
            mean = {part: average([one[part] for one in each]) for part in each[0]}
            table[name] = {"members": list(members)} | _evaluated(mean, marks, annotations)
    return table


def attributed_zones(measured: Arrays) -> dict:
    """Return what notebook 06 finds: the methods that pass the sanity checks, and by class zones.

    Those are the zones of the face that all of these methods attribute above all baselines, but
    for methods that are worse than a baseline within the class ("judged_by" has the others).
    """
    from fer_utils.questions.saliency_maps import checks, claims

    found = {name: checks.values(measured, name) for name in checks.measures(measured)}
    judgements = {name: checks.judge(name, values) for name, values in found.items()}
    randomised = checks.judge_randomisation(measured)
    passing = checks.passing_sanity_checks(judgements, randomised)
    within = checks.judge_within_classes(found, measured["label"])
    usable = checks.usable_within_classes(within, passing)
    common = claims.zones_in_common(claims.zones_in_halves(measured), usable)
    return {
        "images": len(measured["label"]),
        "methods": passing,
        "judged_by": {name: _listed(row["methods"]) for name, row in common.iterrows()},
        "zones": {name: _listed(row["zones"]) for name, row in common.iterrows()},
    }


def _listed(names: str) -> list[str]:
    return names.split(", ") if names else []


def filter_counts(measured: Arrays) -> dict:
    """Return what notebook 07 finds of a network's filters and of small changes of images.

    Filters of the 7th convolution by the zone that they prefer more than any of untrained networks,
    and [changed predictions, images] for changes of at most LEVEL grey levels.
    """
    from fer_utils.questions import filters

    density, of_untrained = (measured[name].astype(float) for name in ("density", "controls"))
    preferred = filters.above_untrained(density, of_untrained).sum()
    changed = measured["epsilons"] * 255 <= LEVEL
    return {
        "seventh": {"filters": len(density), "zones": preferred[preferred > 0].to_dict()},
        "level": LEVEL,
        "changed": dict(zip(("gradient", "random"), map(_count, changed), strict=True)),
    }


def _annotations(dataset: Dataset) -> ferplus.Annotations | None:
    path = ferplus.find()
    return ferplus.load(path, dataset.labels, dataset.split) if path else None


def _evaluated(
    parts: Mapping[str, Predictions],
    marks: Mapping[str, np.ndarray],
    annotations: ferplus.Annotations | None,
) -> dict[str, Any]:
    """Count [correct, images] of the predictions of a network or an ensemble.

    "held_out" (the validation set), "public", "private" and "test" (both): "all" images and
    "duplicate_free" ones. A duplicate of a test image lies in Training, one of a validation image
    in the part trained on.
    "classes": the same for the test images of each class.
    "annotators": agreement with the "majority" of ten FER+ annotators on the test images, and where
    at least CLEAR of them agree, on all ("clear") and "clear_duplicate_free".
    "confusion": counts of the duplicate-free test images; a row for each true class.
    "confidence": mean of the largest probability on the test images.
    "confidence_threshold": see there, of the duplicate-free validation images.
    """
    test = together(tested(parts))
    found: dict[str, Any] = {
        part: _both(given.correct, ~marks["duplicate"][given.rows])
        for part, given in {**parts, "test": test}.items()
        if part != "held_out"
    }
    validation = parts["held_out"]
    found["held_out"] = _both(validation.correct, marks["duplicate_free_validation"])
    chosen = validation[marks["duplicate_free_validation"]]
    threshold = confidence_threshold(chosen.probabilities.max(axis=1), chosen.correct)
    found["confidence_threshold"] = round(threshold, 4)
    duplicate_free = ~marks["duplicate"][test.rows]
    found["classes"] = {
        name: _both(test.correct[chosen], duplicate_free[chosen])
        for name, chosen in ((name, test.labels == k) for k, name in enumerate(CLASSES))
    }
    counts = confusion(test.labels[duplicate_free], test.classes[duplicate_free], CLASSES)
    found["confusion"] = counts.to_numpy().tolist()
    found["confidence"] = round(float(test.probabilities.max(axis=1).mean()), 4)
    if annotations is not None:
        given = annotations[test.rows]
        named = (given.majority >= 0) & (given.majority < len(CLASSES))
        right = test.classes == given.majority
        clear = named & (given.agreement >= CLEAR)
        found["annotators"] = {
            "majority": _count(right[named]),
            "clear": _count(right[clear]),
            "clear_duplicate_free": _count(right[clear & duplicate_free]),
        }
    return found


def _both(correct: np.ndarray, duplicate_free: np.ndarray) -> dict[str, list[int]]:
    return {"all": _count(correct), "duplicate_free": _count(correct[duplicate_free])}


def _count(correct: np.ndarray) -> list[int]:
    return [int(correct.sum()), len(correct)]


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m fer_utils.overview")
    parser.add_argument("--tables", action="store_true", help="keep runs/summary.json as it is")
    try:
        if not parser.parse_args(arguments).tables:
            write_json(runs_dir() / "summary.json", summarise(load("fer2013")))
        write_tables()
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
