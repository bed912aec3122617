"""`python -m fer_utils.report.execute`: one notebook, executed to the end or not there at all."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from fer_utils.files import ROOT
from fer_utils.report import execute

PARAMETERS = new_code_cell(
    'DATASET = "auto"  # what to load\nPROFILE = "quick"\nSEED = 0',
    metadata={"tags": ["parameters"]},
)


def write_notebook(folder: Path, *sources: str) -> Path:
    """A notebook without kernelspec: prose, the parameters, then one code cell per source."""
    folder.mkdir(exist_ok=True)
    path = folder / "01_probe.ipynb"
    cells = [new_markdown_cell("# Probe"), PARAMETERS, *map(new_code_cell, sources)]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def command(path: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "fer_utils.report.execute", str(path), *arguments]


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """FER_BUILD is relative to the working directory; the caller's variables come back after."""
    for name in (
        *("JUPYTER_PATH", "JUPYTER_RUNTIME_DIR", "PYTHONPATH"),
        *("FER_HEADLESS", "TF_CPP_MIN_LOG_LEVEL"),
    ):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("FER_BUILD", "built")
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def leftovers(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_success(tmp_path, environment):
    """Parameters, working directory, this environment's kernel, headless settings, echo."""
    foreign = tmp_path / "other" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    spec = {"argv": ["/bin/false"], "display_name": "other", "language": "python"}
    (foreign / "kernel.json").write_text(json.dumps(spec))
    probe = (
        "import os, sys\n"
        "from pathlib import Path\n"
        'print("cwd", Path.cwd().name, "prefix", sys.prefix)\n'
        'print(DATASET, PROFILE, SEED + 1, os.environ["FER_HEADLESS"], os.environ["FER_BUILD"])'
    )
    path = write_notebook(tmp_path / "notebooks", probe)
    environment.setenv("JUPYTER_PATH", str(tmp_path / "other"))
    done = subprocess.run(
        command(path, "-p", "SEED", "7", "-p", "DATASET", "notebooks/01_probe.ipynb"),
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert "[01_probe cell 2/2] import os, sys\n" in done.stdout
    assert f"[01_probe]     cwd notebooks prefix {sys.prefix}\n" in done.stdout
    assert f"[01_probe]     {path} quick 8 1 {tmp_path / 'built'}\n" in done.stdout
    assert leftovers(tmp_path / "built") == ["fer-build.json", "notebooks/01_probe.ipynb"]
    executed = nbformat.read(tmp_path / "built/notebooks/01_probe.ipynb", as_version=4)
    nbformat.validate(executed)
    assert "quick 8 1" in executed.cells[-1].outputs[0].text
    assert str(path) not in str(executed.metadata)


def test_kernel_imports_the_package_of_this_checkout(tmp_path, environment, capfd):
    """Also where another one comes first, as in an environment linked to another checkout."""
    other = tmp_path / "other" / "fer_utils" / "__init__.py"
    other.parent.mkdir(parents=True)
    other.touch()
    environment.setenv("PYTHONPATH", str(tmp_path / "other"))
    path = write_notebook(tmp_path / "notebooks", "import fer_utils\nprint(fer_utils.__file__)")
    assert execute.main([str(path)]) == 0
    assert f"[01_probe]     {ROOT / 'fer_utils' / '__init__.py'}\n" in capfd.readouterr().out


@pytest.mark.usefixtures("environment")
def test_failing_cell(tmp_path, capsys):
    """One message; the older copy and the report that shows it are gone, all else is left."""
    path = write_notebook(tmp_path / "notebooks", "print('fine')", "\nx = 1 / 0  # here", "x")
    older = [
        "fer-build.json",
        "notebooks/01_probe.ipynb",
        "01_probe.html",
        "index.html",
        "report.pdf",
    ]
    for name in [*older, "notebooks/02_other.ipynb", "mine.html"]:
        (tmp_path / "built" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "built" / name).touch()
    assert execute.main([str(path)]) == 1
    message = capsys.readouterr().err
    assert message.endswith(
        f"{path}: 01_probe cell 3/4 failed, at `x = 1 / 0  # here`\n"
        "ZeroDivisionError: division by zero\n"
    )
    kept = ["fer-build.json", "mine.html", "notebooks/02_other.ipynb"]
    assert leftovers(tmp_path / "built") == kept


@pytest.mark.usefixtures("environment")
def test_user_error_has_no_traceback(tmp_path, capsys):
    raising = "class DataError(Exception): pass\nraise DataError('faces.csv, row 3: 2303 pixels')"
    path = write_notebook(tmp_path / "notebooks", raising)
    assert execute.main([str(path)]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 2
    assert message.endswith("DataError: faces.csv, row 3: 2303 pixels\n")


@pytest.mark.usefixtures("environment")
def test_killed_kernel(tmp_path, capsys):
    """papermill itself would write a notebook that says `completed`."""
    path = write_notebook(tmp_path / "notebooks", "import os\nos.kill(os.getpid(), 9)")
    assert execute.main([str(path)]) == 1
    message = capsys.readouterr().err
    assert "01_probe cell 2/2 failed, at `import os`\nthe kernel died" in message
    assert leftovers(tmp_path / "built") == ["fer-build.json"]


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_build(tmp_path, number):
    """The build itself is killed half-way: nothing is left, and its kernel ends too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run with `&`
    path = write_notebook(
        tmp_path / "notebooks",
        "import os, time\nprint('kernel', os.getpid())\ntime.sleep(60)",
    )
    with subprocess.Popen(command(path), text=True, stdout=-1, stderr=-1) as process:
        kernel = next(int(line.split()[2]) for line in process.stdout if "    kernel" in line)
        process.send_signal(number)
        process.communicate(timeout=20)
    assert process.returncode != 0
    assert leftovers(tmp_path / "built") == ["fer-build.json"]
    deadline = time.monotonic() + 10
    while Path(f"/proc/{kernel}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{kernel}").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "SEDE", "1"], "unknown parameter SEDE; it has DATASET, PROFILE, SEED"),
        (["-p", "SEED", "one"], "SEED must be int, not 'one'"),
    ],
)
@pytest.mark.usefixtures("environment")
def test_bad_parameters(tmp_path, capsys, arguments, message):
    """An error before anything runs or is removed."""
    path = write_notebook(tmp_path / "notebooks", "print(1)")
    older = tmp_path / "built" / "notebooks" / path.name
    older.parent.mkdir(parents=True)
    older.touch()
    (tmp_path / "built" / "fer-build.json").touch()
    assert execute.main([str(path), *arguments]) == 1
    assert capsys.readouterr().err == f"{path}: {message}\n"
    assert older.exists()


@pytest.mark.usefixtures("environment")
def test_missing_notebook(tmp_path, capsys):
    assert execute.main([str(tmp_path / "08_none.ipynb")]) == 1
    assert "No such file" in capsys.readouterr().err


@pytest.mark.usefixtures("environment")
def test_damaged_notebook_is_named(tmp_path, capsys):
    path = tmp_path / "01_probe.ipynb"
    path.write_text('{"cells": [')
    assert execute.main([str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"{path}: 01_probe.ipynb is not a notebook (")


@pytest.mark.usefixtures("environment")
def test_foreign_folder_is_refused(tmp_path, capsys):
    path = write_notebook(tmp_path / "notebooks", "print(1)")
    page = tmp_path / "built" / "index.html"
    page.parent.mkdir()
    page.write_text("mine")
    assert execute.main([str(path)]) == 1
    assert "not empty, and not of a build" in capsys.readouterr().err
    assert page.read_text() == "mine"


def test_works_without_a_network(tmp_path, environment):
    """Not even loopback: the kernel is spoken to through the file system."""
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, "-n", "true"], capture_output=True).returncode:
        pytest.skip("no right to take the network away")
    path = write_notebook(tmp_path / "notebooks", "print('fine')")
    done = subprocess.run([unshare, "-n", *command(path)], capture_output=True, text=True)
    assert "[01_probe]     fine\n" in done.stdout, done.stderr


def test_name_that_the_terminal_cannot_show(tmp_path, environment):
    environment.setenv("PYTHONIOENCODING", "latin-1")
    path = write_notebook(tmp_path / "notebooks", "print('臉')")
    done = subprocess.run(command(path), capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"[01_probe]     \\u81c9\n" in done.stdout


@pytest.mark.usefixtures("environment")
def test_ends_with_its_parent(tmp_path):
    """A build that is killed leaves no process that writes into its folder later."""
    path = write_notebook(tmp_path / "notebooks", "import time\nprint('here')\ntime.sleep(60)")
    code = (
        "import os, subprocess, sys, time\n"
        "subprocess.Popen([*sys.argv[1:], '--parent', str(os.getpid())])\n"
        "time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, *command(path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert any("here" in line for line in parent.stdout)
        parent.kill()
        started = time.monotonic()
        parent.stdout.read()  # until the last process that holds it has ended
    assert time.monotonic() - started < 20


@pytest.mark.usefixtures("environment")
def test_disk_that_takes_no_more(tmp_path):
    """One line with the folder, and nothing half-written; here a limit on the size of a file."""
    path = write_notebook(tmp_path / "notebooks", "print('a line\\n' * 5000)")
    limit = "import resource, os, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000,) * 2)"
    code = f"{limit}; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    done = subprocess.run(
        [sys.executable, "-c", code, *command(path)[1:]], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"{path}: {tmp_path / 'built' / 'notebooks'}: the disk is full")
    assert done.stderr.count("\n") == 1
    assert leftovers(tmp_path / "built") == ["fer-build.json"]
