"""Keys of results: other code, data or arguments give another key, other words do not."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from fer_utils import provenance

RESULTS = provenance.RESULTS


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
        place = package / module.replace(".", "/")
        path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
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
        ("data/transforms.py", "normalise", {0, 1, 2, 3, 4, 6}),
        ("training/loop.py", "train", {3}),
        ("statistics/intervals.py", "proportion", set()),
        ("data/formats/recognise.py", "at", {8}),
    ],
)
def test_what_becomes_stale_when_a_function_changes(package, module, name, stale):
    before = keys()
    changed(package / "fer_utils" / module, name, with_statement)
    after = keys()
    assert {n for n in range(len(RESULTS)) if before[n] != after[n]} == stale


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("data.duplicates:near_duplicates", 0, "data.duplicates:_whitened"),
        ("training.loop", 0, "training.train_run:train_and_write"),
        ("statistics.intervals:proportion", 0, "no saved result depends on it"),
        ("nothing", 1, ""),
    ],
)
def test_the_command_says_what_depends_on_what(capsys, asked, status, said):
    assert provenance.main([asked]) == status
    shown = capsys.readouterr()
    assert said in shown.out
    assert bool(shown.err) == bool(status)


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
