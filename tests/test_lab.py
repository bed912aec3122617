"""`make lab`: working copies, the start page, the data, and a notebook that was run in place."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from fer_utils import build, lab
from fer_utils.files import ROOT, write_json

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def edit(path: Path, source: str, cell: int = 1) -> None:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[cell].source = source
    nbformat.write(notebook, path)


@pytest.fixture
def originals(tmp_path) -> list[Path]:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    return [Path(shutil.copy(path, folder)) for path in NOTEBOOKS[:2]]


def test_copies_are_kept_if_edited_and_renewed_if_not(originals, tmp_path):
    """Running a copy is no edit; where the notebook does not change, neither does the copy."""
    folder = tmp_path / "lab"
    assert list(lab.working_copies(originals, folder)) == []
    copies = [folder / path.name for path in originals]
    edit(copies[0], "SEED = 7")
    notebook = nbformat.read(copies[1], as_version=4)
    code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    code.outputs = [nbformat.v4.new_output("stream", text="run")]
    nbformat.write(notebook, copies[1])
    assert list(lab.working_copies(originals, folder)) == []
    assert "run" in copies[1].read_text()

    for path in originals:
        edit(path, "# a newer notebook", cell=0)
    name = originals[0].name
    said = list(lab.working_copies(originals, folder))
    assert said == [f"lab/{name} is kept, with your changes; notebooks/{name} is newer"]
    assert "SEED = 7" in copies[0].read_text()
    assert "a newer notebook" in copies[1].read_text()
    copies[0].write_text("{")
    assert list(lab.working_copies(originals, folder)) == [
        f"lab/{name} can't be read: delete it to get a new copy"
    ]


def test_start_page_leads_to_every_notebook():
    page = lab.start_page(NOTEBOOKS, "the drawn faces")
    nbformat.validate(page)
    rows = page.cells[0].source.splitlines()[-len(NOTEBOOKS) :]
    for path, row in zip(NOTEBOOKS, rows, strict=True):
        assert f"]({path.name}) | " in row
        assert len(row) > len(path.name) + 40, "with title and question"
    assert "Where in the image does the network look" in rows[5]
    assert page.metadata.kernelspec.name == "python3"


@pytest.fixture
def started(tmp_path, monkeypatch):
    """`start(*options)` runs `main` up to the point where it becomes JupyterLab; its command."""
    monkeypatch.setattr(lab, "WORKING", tmp_path / "lab")
    monkeypatch.setenv("FER_BUILD", str(tmp_path / "build"))
    monkeypatch.setenv("FER_DATA", "")
    monkeypatch.setenv("JUPYTER_PATH", "")
    monkeypatch.setenv("PYTHONPATH", "")
    commands = []
    monkeypatch.setattr(os, "execv", lambda program, command: commands.append(command))

    def start(*options: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["lab", *options])
        lab.main()
        return commands[-1]

    return start


def test_options_and_start_page_reach_jupyterlab(started, tmp_path):
    command = started("--allow-root", "--no-browser")
    assert command[1:] == [
        *("-m", "jupyter", "lab", str(tmp_path / "lab" / "00_start.ipynb")),
        *("--allow-root", "--no-browser"),
    ]
    assert os.environ["PYTHONPATH"] == str(lab.ROOT), "kernels import this checkout's package"
    assert {path.name for path in (tmp_path / "lab").iterdir()} == {
        "00_start.ipynb",
        *(path.name for path in NOTEBOOKS),
    }


@pytest.mark.parametrize("named", ["FER_DATA", "DATASET"])
def test_data_are_those_of_the_last_report(started, tmp_path, monkeypatch, named):
    csv = tmp_path / "it's mine.csv"
    csv.write_text("emotion,pixels,Usage\n")
    monkeypatch.setenv("FER_DATA", str(csv) if named == "FER_DATA" else "")
    parameters = {"DATASET": str(csv) if named == "DATASET" else "FER2013"}
    made_of = build.inputs.of_notebooks(parameters, [csv], [])
    entry = {"made_of": made_of, "file": [0, 0], "seconds": 1}
    write_json(tmp_path / "build" / "fer-build.json", {f"notebooks/{NOTEBOOKS[0].name}": entry})
    monkeypatch.setenv("FER_DATA", "")
    started()
    assert os.environ["FER_DATA"] == str(csv)
    assert csv.name in (tmp_path / "lab" / "00_start.ipynb").read_text(encoding="utf-8")
    monkeypatch.setenv("FER_DATA", str(tmp_path))
    csv.rename(tmp_path / "fer2013.csv")
    started()
    assert os.environ["FER_DATA"] == str(tmp_path), "what the environment names comes first"


def test_missing_data_are_one_line(started, monkeypatch, capsys):
    monkeypatch.setenv("FER_DATA", "no/such.csv")
    monkeypatch.setattr(sys, "argv", ["lab"])
    assert lab.main() == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_what_only_a_report_takes_is_refused(started, monkeypatch, capsys):
    monkeypatch.setenv("DATASET", "drawn")
    monkeypatch.setattr(sys, "argv", ["lab"])
    assert lab.main() == 1
    assert capsys.readouterr().err.startswith("make lab takes no DATASET: set it in a notebook's")


def test_notebook_run_in_place_is_committed_without_outputs(tmp_path):
    """In a scratch repository with this checkout's files, after `make lab`."""

    def run(*command: str) -> str:
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True, env=environment
        ).stdout

    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    names = [*listed.stdout.splitlines(), ".gitattributes"]
    wanted = [n for n in names if n.startswith(("notebooks/", "fer_utils/", "Makefile", ".git"))]
    for name in wanted:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    author = {"NAME": "A", "EMAIL": "a@example.org"}
    environment = os.environ | {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in author.items()
    }
    environment |= {
        "FER_DATA": "",
        "FER_CACHE": str(tmp_path.parent / "cache"),
        "FER_HEADLESS": "1",
    }
    run("git", "init", "-q")
    run("make", "lab", f"VENV={sys.prefix}", "LAB=--version")
    run("git", "add", "-A")
    run("git", "commit", "-qm", "as it is")
    assert "lab/" not in run("git", "ls-files"), "working copies are ignored"

    name = f"notebooks/{NOTEBOOKS[0].name}"
    edit(tmp_path / name, "print('from a cell that was run')", cell=1)
    notebook = nbformat.read(tmp_path / name, as_version=4)
    notebook.cells = notebook.cells[:2]
    nbformat.write(notebook, tmp_path / name)
    run(sys.executable, "-m", "jupyter", "execute", "--inplace", name)
    assert (tmp_path / name).read_text().count("from a cell that was run") == 2
    run("git", "add", "-A")
    run("git", "commit", "-qm", "run")
    committed = nbformat.reads(run("git", "show", f"HEAD:{name}"), as_version=4)
    assert committed.cells[1].source == "print('from a cell that was run')"
    assert (committed.cells[1].outputs, committed.cells[1].execution_count) == ([], None)
