"""Keys of results: other code, data or arguments give another key, other words do not."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from fer_utils import provenance

#: What is measured, cached or trained, each under a key of its own.
RESULTS = (
    "questions.saliency_maps.measured_maps:measure_saliency",
    "questions.adversarial:measure_filters",
    "questions.ensemble:transformed",
    "training.train_run:train_and_write",
    "training.examples:teacher_probabilities",
    "data.duplicates:near_duplicates",
)


def changed(path: Path, name: str, change) -> None:
    """Change the definition of a name in a module."""
    before, definition, after = path.read_text().partition(f"def {name}(")
    assert definition, f"{path} defines no {name}"
    path.write_text(before + change(definition + after))


def with_statement(definition: str) -> str:
    """A function that does one thing more at its end (here: at the first return)."""
    return definition.replace("    return ", "    print()\n    return ", 1)


def keys() -> list[str]:
    return [provenance.key(result) for result in RESULTS]


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A copy of the package, whose keys are computed."""
    shutil.copytree(provenance.FOLDER, tmp_path / "fer_utils")
    monkeypatch.setattr(provenance, "FOLDER", tmp_path / "fer_utils")
    return tmp_path


@pytest.mark.parametrize("result", RESULTS)
def test_each_module_that_a_result_depends_on_changes_its_key(package, result):
    """One module after the other is changed where the result reaches it, and put back."""
    before = provenance.key(result)
    reached = {}
    for module, name in provenance.definitions(result):
        if name:
            reached.setdefault(module, name)
    assert len(reached) > 1
    for module, name in reached.items():
        path = package / f"{module.replace('.', '/')}.py"
        source = path.read_text()
        path.write_text(f"{source}\n{name} = None\n")
        assert provenance.key(result) != before, f"{module}:{name}"
        path.write_text(source)
    assert provenance.key(result) == before


@pytest.mark.parametrize(
    ("module", "name", "stale"),
    [
        ("questions/examples.py", "candidates", {0, 1}),
        ("interpret/saliency.py", "explain", {0}),
        ("data/duplicates.py", "duplicate_free_validation", {3}),
        ("data/duplicates.py", "near_duplicates", {0, 1, 3, 5}),
        ("data/transforms.py", "normalise", {0, 1, 2, 3, 4}),
        ("training/loop.py", "train", {3}),
        ("statistics/intervals.py", "proportion", set()),
        ("data/formats/recognise.py", "at", set()),
    ],
)
def test_what_becomes_stale_when_a_function_changes(package, module, name, stale):
    before = keys()
    changed(package / "fer_utils" / module, name, with_statement)
    after = keys()
    assert {n for n in range(len(RESULTS)) if before[n] != after[n]} == stale


def test_words_and_layout_change_no_key(package):
    before = keys()
    for path in (package / "fer_utils").rglob("*.py"):
        path.write_text(f"# a comment\n\n\n{path.read_text()}")
    duplicates = package / "fer_utils" / "data" / "duplicates.py"
    words = duplicates.read_text().replace('"""', '"""In other words: ')
    duplicates.write_text(words.replace('"""In other words: \n', '"""\n'))
    assert keys() == before


def by_hand(x):
    """In a notebook, say."""
    return x + 1


def test_ingredients_count():
    name = "data.duplicates:near_duplicates"
    ingredients = [
        (),
        (1,),
        (np.arange(3),),
        (np.arange(3.0),),
        (np.arange(3).reshape(3, 1),),
        ({"a": np.arange(3)},),
        ({"b": np.arange(3)},),
        (b"weights",),
    ]
    assert len({provenance.key(name, *each) for each in ingredients}) == len(ingredients)
    assert provenance.key(name, {"a": 1, "b": 2}) == provenance.key(name, {"b": 2, "a": 1})
    assert provenance.key(by_hand, 1) != provenance.key(by_hand, 2)


def test_a_name_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"data\.duplicates has no definition 'nothing'"):
        provenance.key("data.duplicates:nothing")
    with pytest.raises(ValueError, match=r"there is no module fer_utils\.nothing"):
        provenance.key("nothing:at_all")
