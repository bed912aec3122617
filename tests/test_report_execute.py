"""`python -m fer_utils.report.execute`: one notebook, executed to the end or left as it was."""

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


def command(path: Path) -> list[str]:
    return [sys.executable, "-m", "fer_utils.report.execute", str(path)]


@pytest.fixture(autouse=True)
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


def test_success(tmp_path, environment, capfd):
    """Parameters, working directory, kernel and package of this checkout, settings, echo.

    Another kernel is registered, and another package comes first, as in an environment that is
    linked to another checkout.
    """
    foreign = tmp_path / "other" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    spec = {"argv": ["/bin/false"], "display_name": "other", "language": "python"}
    (foreign / "kernel.json").write_text(json.dumps(spec))
    (tmp_path / "other" / "fer_utils").mkdir()
    (tmp_path / "other" / "fer_utils" / "__init__.py").touch()
    probe = (
        "import os, sys\n"
        "from pathlib import Path\n"
        'print("cwd", Path.cwd().name, "prefix", sys.prefix)\n'
        'print(DATASET, PROFILE, SEED + 1, os.environ["FER_HEADLESS"], os.environ["FER_BUILD"])\n'
        "import fer_utils\n"
        "print(fer_utils.__file__)"
    )
    path = write_notebook(tmp_path / "notebooks", probe)
    for name in ("JUPYTER_PATH", "PYTHONPATH"):
        environment.setenv(name, str(tmp_path / "other"))
    arguments = ["-p", "SEED", "7", "-p", "DATASET", "notebooks/01_probe.ipynb"]
    assert execute.main([str(path), *arguments]) == 0
    said = capfd.readouterr().out
    assert "[01_probe cell 2/2] import os, sys\n" in said
    assert f"[01_probe]     cwd notebooks prefix {sys.prefix}\n" in said
    assert f"[01_probe]     {path} quick 8 1 {tmp_path / 'built'}\n" in said
    assert f"[01_probe]     {ROOT / 'fer_utils' / '__init__.py'}\n" in said
    assert leftovers(tmp_path / "built") == ["fer-build.json", "notebooks/01_probe.ipynb"]
    executed = nbformat.read(tmp_path / "built/notebooks/01_probe.ipynb", as_version=4)
    nbformat.validate(executed)
    assert "quick 8 1" in executed.cells[-1].outputs[0].text
    assert str(path) not in str(executed.metadata)


#: What a cell does, and what is said at the end.
FAILING = {
    "\nx = 1 / 0  # here": (
        "01_probe cell 2/3 failed, at `x = 1 / 0  # here`\nZeroDivisionError: division by zero\n"
    ),
    "class DataError(Exception): pass\nraise DataError('faces.csv, row 3: 2303 pixels')": (
        "01_probe cell 2/3 failed, at `class DataError(Exception): pass`\n"
        "DataError: faces.csv, row 3: 2303 pixels\n"
    ),
    # papermill itself would write a notebook that says `completed`
    "import os\nos.kill(os.getpid(), 9)": (
        "01_probe cell 2/3 failed, at `import os`\nthe kernel died (out of memory, or killed)\n"
    ),
}


@pytest.mark.parametrize("source", FAILING)
def test_failing_cell(tmp_path, capsys, source):
    """One message, without a traceback for the user's errors; what was there is as it was."""
    path = write_notebook(tmp_path / "notebooks", source, "x")
    older = ["fer-build.json", "index.html", "notebooks/01_probe.ipynb", "report.pdf"]
    for name in older:
        (tmp_path / "built" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "built" / name).write_text("older")
    assert execute.main([str(path)]) == 1
    message = capsys.readouterr().err
    assert message.endswith(f"{path}: {FAILING[source]}")
    assert (message.count("\n") == 2) == ("ZeroDivisionError" not in message)
    assert leftovers(tmp_path / "built") == older
    assert all((tmp_path / "built" / name).read_text() == "older" for name in older)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_build(tmp_path, number):
    """The build itself is killed half-way: nothing is left, and its kernel ends too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run with `&`
    path = write_notebook(
        tmp_path / "notebooks",
        "import os, time\nprint('kernel', os.getpid())\ntime.sleep(999)",
    )
    with subprocess.Popen(command(path), text=True, stdout=-1, stderr=-1) as process:
        kernel = next(int(line.split()[2]) for line in process.stdout if "    kernel" in line)
        process.send_signal(number)
        process.communicate(timeout=20)
    assert process.returncode != 0
    assert leftovers(tmp_path / "built") == ["fer-build.json"]
    while Path(f"/proc/{kernel}").exists():  # until the test's time is over
        time.sleep(0.1)


#: What is given, and the one line that is said before anything runs.
WRONG = {
    "unknown parameter": (["01_probe.ipynb", "-p", "SEDE", "1"], "unknown parameter SEDE; it has "),
    "another type": (["01_probe.ipynb", "-p", "SEED", "one"], "SEED must be int, not 'one'"),
    "no notebook of that name": (["08_none.ipynb"], "No such file"),
    "damaged notebook": (["02_damaged.ipynb"], "02_damaged.ipynb is not a notebook ("),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_damaged_notebook_is_named(tmp_path, capsys, wrong):
    """As is a missing one, and what is no parameter of it."""
    (name, *arguments), message = WRONG[wrong]
    write_notebook(tmp_path, "print(1)")
    (tmp_path / "02_damaged.ipynb").write_text('{"cells": [')
    assert execute.main([str(tmp_path / name), *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"{tmp_path / name}: ")
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "built").exists()


def test_works_without_a_network(tmp_path):
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


def test_ends_with_its_parent(tmp_path):
    """A build that is killed leaves no process that writes into its folder later."""
    path = write_notebook(tmp_path / "notebooks", "import time\nprint('here')\ntime.sleep(999)")
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
        parent.stdout.read()  # until the last process that holds it has ended


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
