"""What holds for the project as a whole: import order, environments, notebooks, README."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import nbformat
import pytest

from fer_utils import homework
from fer_utils.notebook import labels
from fer_utils.report.parameters import defaults

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
NOTEBOOKS = CHAPTERS + sorted((ROOT / "notebooks" / "appendix").glob("*.ipynb"))
CONVENTIONS = {"95", "80", "5", "90"}  # percent of intervals, power, errors, the homework's choice
MODULES = sorted((ROOT / "fer_utils").rglob("*.py"))

WITHOUT_TENSORFLOW = [
    *("data.dataset", "statistics.classification", "plots.training", "notebook", "training.runs"),
    *("training.__main__", "questions.accuracy", "report.document", "report.execute", "overview"),
    "build",
]


def test_imports_go_one_way():
    """The contracts are in pyproject.toml, under [tool.importlinter]."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_no_folder_has_more_than_twelve_modules():
    folders = Counter(path.parent for path in MODULES if path.name != "__init__.py")
    assert {str(folder): count for folder, count in folders.items() if count > 12} == {}


def test_importing_does_not_load_tensorflow():
    names = ", ".join(f"fer_utils.{name}" for name in WITHOUT_TENSORFLOW)
    code = f"import sys, {names}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_both_environments_have_the_same_packages_and_versions():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = project["project"]
    extras = [
        name
        for extra in parts["optional-dependencies"].items()
        if extra[0] != "gpu"
        for name in extra[1]
    ]
    wanted = parts["dependencies"] + extras + project["dependency-groups"]["dev"]
    wanted = [name for name in wanted if not name.startswith("fer-utils")]
    locked: dict[str, set[str]] = {}
    for package in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]:
        locked.setdefault(package["name"], set()).add(package.get("version", ""))
    conda = dict(re.findall(r"- ([\w-]+)==([\w.]+)", (ROOT / "environment.yml").read_text()))
    assert set(conda) == {re.match(r"[\w-]+", requirement)[0] for requirement in wanted}
    assert {name for name, version in conda.items() if version not in locked[name]} == set()


def test_notebooks_are_numbered():
    numbers = [path.stem.partition("_")[0] for path in NOTEBOOKS]
    chapters = [f"0{number}" for number in range(1, len(CHAPTERS) + 1)]
    assert numbers == chapters + [f"A{n}" for n in range(1, len(NOTEBOOKS) - len(CHAPTERS) + 1)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_thin_stripped_and_has_one_parameters_cell(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    tagged = [cell for cell in code if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    names = re.findall(r"^(\w+) =", tagged[0].source, re.M)
    assert names[:3] == ["DATASET", "PROFILE", "SEED"]
    assert all(name.isupper() for name in names)
    assert all("#" in line for line in tagged[0].source.splitlines()), "each says what it is"
    trees = [ast.parse(cell.source) for cell in code]
    defined = (ast.FunctionDef, ast.ClassDef)
    assert not any(isinstance(node, defined) for tree in trees for node in ast.walk(tree))
    assert max(map(len, (line for cell in code for line in cell.source.splitlines()))) <= 100
    assert len(code) <= len(notebook.cells) / 2, "as much is told as is computed"
    assert not any("hide-input" in cell.metadata.get("tags", []) for cell in code)


def test_readme_lists_the_notebooks_and_commands_that_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"notebooks/(\d\d_\w+)\.ipynb", readme)) == {p.stem for p in CHAPTERS}
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert set(re.findall(r"`make ([a-z]+)", readme)) <= set(targets)
    assert re.findall(r"`(fer_utils/[\w/]+\.py)`", readme), "README maps the package"
    missing = [
        p
        for p in re.findall(r"`((?:fer_utils|runs|report|tests|bench)/[\w./]*)`", readme)
        if not (ROOT / p).exists() and "build" not in p and "local" not in p
    ]
    assert not missing


def test_no_path_or_host_of_a_machine_is_named():
    """Only `uv.lock` may name where packages come from."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in (".py", ".md", ".yml", ".toml", ".ipynb", "") and path.is_file():
            text = path.read_bytes().decode("utf-8", "ignore")
            assert not re.search(r"/(?:root|home|work)/\w", text), name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_figure_and_table_says_what_it_shows(path):
    """While exploring a caption may be left out; in the committed notebooks none is."""
    needed = {"show": {"photographs", "caption", "alt"}, "table": {"caption"}}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        for call in ast.walk(ast.parse(cell.source)):
            name = getattr(getattr(call, "func", None), "attr", None)
            if isinstance(call, ast.Call) and name in needed and call.func.value.id == "nb":
                given = {keyword.arg for keyword in call.keywords}
                assert needed[name] <= given, f"{path.name}: {cell.source[:80]}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_concluded_is_checked(path):
    """Each sentence and answer with a measured number has checks; a number in words may hide."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            told = set(re.findall(r"([\d.]+)(?: %|%| points)", cell.source)) - CONVENTIONS
            assert not told, f"{path.name}: no check of {told} in {cell.source}"
            continue
        for call in ast.walk(ast.parse(cell.source)):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "nb.conclude":
                assert len(call.args) > 1, f"{path.name}: no check of {cell.source}"
            if isinstance(call, ast.Call) and ast.unparse(call.func) in ("Told", "notebook.Told"):
                assert len(call.args) == 3, f"{path.name}: no check of {cell.source}"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_ends_with_something_to_try_and_its_answer(path):
    cells = nbformat.read(path, as_version=4).cells
    titles = [cell.source.splitlines()[0] for cell in cells if cell.cell_type == "markdown"]
    assert [title for title in titles if title.startswith("## ")][-2:] == ["## Try it", "## Answer"]
    assert cells[-1].source.endswith("nb.finish()")


def test_no_phrase_is_compared_or_used_as_a_key():
    """Verdicts are enums; `notebook.labels` alone says what readers call them."""
    phrases = {label.english for label in labels.VERDICTS.values()}
    sources = {path.name: path.read_text(encoding="utf-8") for path in MODULES}
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        sources[path.name] = "\n".join(c.source for c in cells if c.cell_type == "code")
    del sources["labels.py"]
    for name, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            parts = {
                ast.Compare: lambda node: [node.left, *node.comparators],
                ast.Dict: lambda node: node.keys,
                ast.Subscript: lambda node: [node.slice],
            }.get(type(node), lambda node: [])(node)
            texts = [part.value for part in parts if isinstance(part, ast.Constant)]
            texts = [text for text in texts if isinstance(text, str)]
            assert not phrases & set(texts), f"{name}: {texts}"
            assert not any("−" in text for text in texts), f"{name}: {texts}"


def test_parameters_that_repeat_the_homework_have_its_values():
    path = ROOT / "notebooks/appendix/A5_labels_and_calibration.ipynb"
    assert defaults(nbformat.read(path, as_version=4))["CONFIDENT"] == homework.CONFIDENT
