"""`make lab`: working copies, the start page, the data, and JupyterLab itself."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.request import Request, urlopen

import nbformat
import pytest
from jupyter_client.kernelspec import get_kernel_spec
from jupyterlab.labapp import LabApp

from fer_utils import build
from fer_utils.files import ROOT, write_json
from fer_utils.notebook import lab

NOTEBOOKS = lab.names_in(ROOT / "notebooks")


def edit(path: Path, source: str, cell: int = 1) -> None:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[cell].source = source
    nbformat.write(notebook, path)


@pytest.fixture
def originals(tmp_path) -> Path:
    """A folder with one notebook, and one more in `appendix`."""
    folder = tmp_path / "notebooks"
    (folder / "appendix").mkdir(parents=True)
    for name, source in (("01_x.ipynb", NOTEBOOKS[0]), ("appendix/A1_y.ipynb", NOTEBOOKS[1])):
        shutil.copy(ROOT / "notebooks" / source, folder / name)
    return folder


def test_copies_are_kept_if_edited_and_renewed_if_not(originals, tmp_path):
    """Running a copy is no edit; where the notebook does not change, neither does the copy."""
    folder = tmp_path / "lab"
    assert list(lab.working_copies(originals, folder)) == []
    names = lab.names_in(originals)
    copies = [folder / name for name in names]
    edit(copies[0], "SEED = 7")
    notebook = nbformat.read(copies[1], as_version=4)
    code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    code.outputs = [nbformat.v4.new_output("stream", text="run")]
    nbformat.write(notebook, copies[1])
    assert list(lab.working_copies(originals, folder)) == []
    assert "run" in copies[1].read_text()

    for name in names:
        edit(originals / name, "# a newer notebook", cell=0)
    name = names[0]
    said = list(lab.working_copies(originals, folder))
    assert said == [f"lab/{name} is kept, with your changes; notebooks/{name} is newer"]
    assert "SEED = 7" in copies[0].read_text()
    assert "a newer notebook" in copies[1].read_text()
    copies[0].write_text("{")
    assert list(lab.working_copies(originals, folder)) == [
        f"lab/{name} can't be read: delete it to get a new copy"
    ]


def test_start_page_leads_to_every_notebook():
    page = lab.start_page(ROOT / "notebooks", "the drawn faces")
    nbformat.validate(page)
    rows = page.cells[0].source.splitlines()[-len(NOTEBOOKS) :]
    for name, row in zip(NOTEBOOKS, rows, strict=True):
        assert f"]({name}) | " in row
        assert len(row) > len(name) + 40, "with title and question"
    assert "Where in the image does the network look" in rows[5]
    assert page.metadata.kernelspec.name == "python3"


@pytest.fixture
def server(tmp_path):
    """`make lab` in a checkout of its own, with a user's config; its URL and token."""
    folder = tmp_path / "it's a checkout"
    for name in ("fer_utils", "notebooks"):
        ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    of_the_user = {"ServerApp": {"allow_root": True, "root_dir": "/"}}
    write_json(tmp_path / "user" / "jupyter_server_config.json", of_the_user)
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(tmp_path / "user"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        **dict.fromkeys(("FER_DATA", "FER_BUILD", "JUPYTER_CONFIG_PATH", "PYTHONPATH"), ""),
    }
    options = "LAB=--no-browser --IdentityProvider.token=secret"
    with subprocess.Popen(
        ["make", "lab", f"VENV={sys.prefix}", options],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            yield answering(process, tmp_path / "runtime")
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def answering(process: subprocess.Popen, runtime: Path) -> dict:
    """What JupyterLab writes of itself into its runtime folder, once it takes connections."""
    while process.poll() is None:
        time.sleep(0.1)
        for path in runtime.glob("jpserver-*.json"):
            with suppress(OSError, ValueError):  # half of a file, no connection yet
                about = json.loads(path.read_text(encoding="utf-8"))
                urlopen(about["url"] + "api", timeout=60).close()
                return about
    pytest.fail("JupyterLab ends at once")


def test_jupyterlab_opens_the_start_page_among_the_copies(server):
    """The options reach it, and what the user's own config says holds besides."""

    def get(path: str):
        request = Request(server["url"] + path, headers={"Authorization": "token secret"})
        return urlopen(request, timeout=60)

    assert server["token"] == "secret"
    listed = {entry["name"] for entry in json.load(get("api/contents"))["content"]}
    assert listed == {lab.START, *(Path(name).parts[0] for name in NOTEBOOKS)}
    assert get("").url == f"{server['url']}lab/tree/{lab.START}"
    assert json.load(get("api/kernelspecs"))["default"] == "python3"


@pytest.fixture
def started(tmp_path, monkeypatch):
    """`start(*options)` runs `main` up to the point where JupyterLab starts; its status."""
    monkeypatch.setattr(lab, "WORKING", tmp_path / "lab")
    monkeypatch.setenv("FER_BUILD", str(tmp_path / "build"))
    for name in ("FER_DATA", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH", "PYTHONPATH"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(LabApp, "launch_instance", lambda options: None)
    monkeypatch.setattr(sys, "argv", ["lab"])
    return lab.main


def test_kernels_are_this_environments_and_import_this_package(started, tmp_path, monkeypatch):
    """Also where another environment's kernel comes first in the search path."""
    other = tmp_path / "other" / "kernels" / "python3"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text('{"argv": [], "display_name": "", "language": ""}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "other"))
    assert get_kernel_spec("python3").resource_dir == str(other)
    assert started() == 0
    assert Path(get_kernel_spec("python3").resource_dir).is_relative_to(sys.prefix)
    assert os.environ["PYTHONPATH"] == str(ROOT)


@pytest.mark.parametrize("named", ["FER_DATA", "DATASET"])
def test_data_are_those_of_the_last_report(started, tmp_path, monkeypatch, named):
    csv = tmp_path / "it's mine.csv"
    csv.write_text("emotion,pixels,Usage\n")
    monkeypatch.setenv("FER_DATA", str(csv) if named == "FER_DATA" else "")
    parameters = {"DATASET": str(csv) if named == "DATASET" else "FER2013"}
    made_of = build.inputs.of_notebooks(parameters, [csv], [])
    entry = {"made_of": made_of, "file": [0, 0], "seconds": 1}
    write_json(tmp_path / "build" / "fer-build.json", {f"notebooks/{NOTEBOOKS[0]}": entry})
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
    assert started() == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_what_only_a_report_takes_is_refused(started, monkeypatch, capsys):
    monkeypatch.setenv("DATASET", "drawn")
    assert started() == 1
    assert capsys.readouterr().err.startswith("make lab takes no DATASET: set it in a notebook's")
