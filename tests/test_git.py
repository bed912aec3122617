"""Git in a scratch checkout: outputs stay out of commits, and git works without an environment."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

from fer_utils.files import ROOT

NAME = "notebooks/01_data_exploration.ipynb"
HINT = "taken with its outputs, for want of an environment; see `make lint`"


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A repository with one notebook, after `make filter`; `env` is a link to this environment."""
    folder = tmp_path / "it's a checkout"
    for name in (NAME, "Makefile", ".gitattributes", ".gitignore", "fer_utils/build.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@example.org")
    run("git", "init", "-q", cwd=folder)
    (folder / ".git" / "info" / "exclude").write_text("env\n")
    (folder / "env").symlink_to(sys.prefix)
    run("make", "filter", "VENV=env", cwd=folder)
    run("git", "add", "-A", cwd=folder)
    run("git", "commit", "-qm", "as it is", cwd=folder)
    return folder


def test_notebook_run_in_place_is_committed_without_outputs(project):
    path = project / NAME
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = notebook.cells[:2]
    notebook.cells[1].source = "print('from a cell that was run')"
    nbformat.write(notebook, path)
    run(sys.executable, "-m", "jupyter", "execute", "--inplace", NAME, cwd=project)
    assert path.read_text().count("from a cell that was run") == 2
    run("git", "commit", "-qam", "run", cwd=project)
    committed = nbformat.reads(run("git", "show", f"HEAD:{NAME}", cwd=project).stdout, as_version=4)
    assert committed.cells[1].source == "print('from a cell that was run')"
    assert (committed.cells[1].outputs, committed.cells[1].execution_count) == ([], None)


def changed(path: Path) -> bytes:
    """Change a notebook's first cell, and give another one an output."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"][0]["source"] += "\nA sentence more."
    code = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    code["outputs"] = [{"name": "stdout", "output_type": "stream", "text": ["an output\n"]}]
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False), encoding="utf-8")
    return path.read_bytes()


@pytest.mark.parametrize("tree", ["checkout", "worktree"])
@pytest.mark.parametrize("environment", [True, False])
def test_git_works_with_and_without_an_environment(project, tmp_path, tree, environment):
    where = project
    if not environment:
        (project / "env").unlink()
    if tree == "worktree":
        where = tmp_path / "a worktree"
        run("git", "worktree", "add", "-q", "--detach", str(where), cwd=project)
    assert run("git", "status", "--porcelain", cwd=where).stdout == ""
    written = changed(where / NAME)
    assert run("git", "status", "--porcelain", cwd=where).stdout == f" M {NAME}\n"
    run("git", "stash", cwd=where)
    run("git", "checkout", "-qb", "another", cwd=where)
    run("git", "stash", "pop", cwd=where)
    if environment:
        assert "an output" not in (where / NAME).read_text(), "the stash has none"
        written = changed(where / NAME)
    added = run("git", "add", NAME, cwd=where)
    staged = run("git", "show", f":{NAME}", cwd=where).stdout
    if environment:
        assert added.stderr == ""
        assert "A sentence more." in staged
        assert "an output" not in staged
    else:
        assert added.stderr == f"{NAME}: {HINT}\n"
        assert staged.encode() == written
    run("git", "commit", "-qm", "changed", cwd=where)
    run("git", "checkout", "-q", "HEAD~1", cwd=where)
    assert run("git", "status", "--porcelain", cwd=where).stdout == ""


def test_a_notebook_in_the_middle_of_a_merge_is_no_obstacle(project):
    """It is no JSON: nbstripout fails, and git takes the file as it is."""
    (project / NAME).write_text("<<<<<<< ours\n{}\n")
    run("git", "add", NAME, cwd=project)
    assert run("git", "show", f":{NAME}", cwd=project).stdout == "<<<<<<< ours\n{}\n"


def test_lint_finds_outputs(project):
    changed(project / NAME)
    command = ["make", "lint", "VENV=env"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode != 0
    assert NAME in done.stdout + done.stderr


def test_the_hooks_of_pre_commit_pass_on_what_is_committed():
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    (local,) = yaml.safe_load(text)["repos"]
    for hook in local["hooks"]:
        python, *arguments = hook["entry"].split()
        assert python == ".venv/bin/python"
        run(sys.executable, *arguments, NAME, cwd=ROOT)


def test_notebooks_of_the_appendix_are_filtered_too():
    name = "notebooks/appendix/A1_x.ipynb"
    said = run("git", "check-attr", "filter", name, cwd=ROOT).stdout
    assert said == f"{name}: filter: nbstripout\n"
