"""`make report` on small notebooks: what it notices, refuses, heals, and leaves alone."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from fer_utils import build, files
from fer_utils.report import document, execute
from fer_utils.report import folder as build_folder

PARAMETERS = new_code_cell(
    'DATASET = "auto"\nPROFILE = "auto"\nSEED = 0', metadata={"tags": ["parameters"]}
)
# What the report needs of a notebook: notebook.Session displays it.
RECORD = (
    "from IPython.display import display\n"
    "meta = dict.fromkeys(('dataset', 'source', 'machine', 'commit', 'date'), 'none')\n"
    "meta |= {'profile': PROFILE, 'seed': SEED, 'seconds': 1, 'fallbacks': [], 'versions': {}}\n"
    "told = {'meta': meta, 'tables': {'Table NUMBER.1': 'x\\n'}}\n"
    "display({'application/vnd.fer-utils+json': told, 'text/plain': ''}, raw=True)"
)
NAMES = ("01_first", "02_second", "A1_third")
CORE = ["index.html", "report.pdf", "tables/table-1.1.csv", "tables/table-2.1.csv"]
APPENDIX = ["appendix.html", "appendix.pdf", "tables/table-a1.1.csv"]
REPORT = [*CORE, *APPENDIX]
MADE = sorted([*REPORT, "fer-build.json", *(f"notebooks/{name}.ipynb" for name in NAMES)])


def write_notebooks(folder: Path) -> None:
    """Three notebooks that a report can be made of, and that take no time."""
    (folder / "appendix").mkdir(parents=True)
    for name in NAMES:
        record = RECORD.replace("NUMBER", name.partition("_")[0].lstrip("0"))
        cells = [new_markdown_cell(f"# {name}"), PARAMETERS, new_code_cell(record)]
        place = folder / "appendix" if name.startswith("A") else folder
        nbformat.write(new_notebook(cells=cells), place / f"{name}.ipynb")


class Project:
    """Three notebooks, a run and a data set in a folder of their own."""

    def __init__(self, root: Path):
        self.root, self.built, self.data = root, root / "my built", root / "data é"
        write_notebooks(root / "notebooks")
        run = root / "the runs" / "model1"
        run.mkdir(parents=True)
        (run / "weights.npz").write_bytes(b"1234")
        self.data.mkdir()
        random = np.random.default_rng(0)
        pixels = [" ".join(map(str, row)) for row in random.integers(0, 256, (140, 48 * 48))]
        frame = pd.DataFrame({"emotion": np.arange(140) % 7, "pixels": pixels})
        frame.to_csv(self.data / "train.csv", index=False)
        (self.data / "fer2013new.csv").write_text("votes")

    def run(self, *arguments: str) -> int:
        return build.main(list(arguments))

    def stale(self, capsys) -> str:
        """What `--dry-run` says."""
        capsys.readouterr()
        assert self.run("--dry-run") == 0
        return capsys.readouterr().out

    def files(self) -> list[str]:
        """All files in the build folder but the lock."""
        paths = (path for path in self.built.rglob("*") if path.is_file() and path.name != ".lock")
        return sorted(str(path.relative_to(self.built)) for path in paths)

    def states(self) -> dict[str, str]:
        """By name the state of each file in the build folder."""
        return {name: files.state(self.built / name) for name in self.files()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A project that has been built."""
    project = Project(tmp_path_factory.mktemp("it's a project"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "NOTEBOOKS", project.root / "notebooks")
        for name in build.PARAMETERS:
            patch.delenv(name, raising=False)
        patch.setenv("FER_BUILD", str(project.built))
        patch.setenv("FER_RUNS", str(project.root / "the runs"))
        patch.setenv("FER_CACHE", str(project.root / "cache"))
        patch.setenv("FER_DATA", str(project.data))
        assert project.run() == 0
        yield project


@pytest.fixture
def project(built, capsys):
    """The built project; what a test has changed is brought up to date before the next."""
    assert built.stale(capsys) == "", "the test before has left something stale"
    return built


def test_everything_is_made_and_nothing_twice(project, capsys):
    assert project.files() == MADE
    before = project.states()
    assert project.run() == 0
    assert project.states() == before
    assert capsys.readouterr().out.startswith("report: ")
    entries = json.loads((project.built / "fer-build.json").read_text(encoding="utf-8"))
    assert set(entries) == set(MADE) - {"fer-build.json"}


def rewrite(path: Path) -> None:
    """Other content of the same size, a nanosecond later."""
    status = path.stat()
    path.write_bytes(bytes(reversed(path.read_bytes())))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def truncate(path: Path) -> None:
    os.truncate(path, 10)


def create(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("emotion,pixels,Usage\n")


COPY = "my built/notebooks/01_first.ipynb"
EXECUTE = "python -m fer_utils.report.execute notebooks/01_first.ipynb  # "
EXECUTE_A1 = "python -m fer_utils.report.execute notebooks/appendix/A1_third.ipynb  # "
RENDER = "python -m fer_utils.report.document  # "
UNKNOWN = "not as the last build left it"
#: What changes under a finished report, how, and the first line that make then says.
STALE: list[tuple[str, Callable[[Path], None], str]] = [
    ("the runs/model1/weights.npz", rewrite, f"{EXECUTE}runs/model1/weights.npz has changed"),
    ("the runs/model1/weights.npz", Path.unlink, f"{EXECUTE}runs/model1/weights.npz is gone"),
    ("the runs/model2/config.json", create, f"{EXECUTE}runs/model2/config.json is new"),
    ("data é/train.csv", rewrite, f"{EXECUTE}the data set has changed"),
    ("data é/fer2013.csv", create, f"{EXECUTE}the data set has changed"),
    ("data é/fer2013new.csv", Path.unlink, f"{EXECUTE}the file of votes has changed"),
    ("notebooks/01_first.ipynb", rewrite, f"{EXECUTE}notebooks/01_first.ipynb has changed"),
    (
        "notebooks/appendix/A1_third.ipynb",
        rewrite,
        f"{EXECUTE_A1}notebooks/appendix/A1_third.ipynb has changed",
    ),
    (COPY, truncate, EXECUTE + UNKNOWN),
    (COPY, rewrite, EXECUTE + UNKNOWN),
    (COPY, Path.unlink, f"{EXECUTE}not there"),
    ("my built/fer-build.json", truncate, EXECUTE + UNKNOWN),
    *((f"my built/{name}", Path.unlink, f"{RENDER}index.html: not there") for name in CORE),
    *((f"my built/{name}", truncate, f"{RENDER}appendix.html: {UNKNOWN}") for name in APPENDIX),
]


@contextmanager
def restored(path: Path) -> Iterator[Path]:
    """The file, or none, is afterwards as it was."""
    content, status = (path.read_bytes(), path.stat()) if path.exists() else (None, None)
    try:
        yield path
    finally:
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(("name", "change", "said"), STALE)
def test_change_is_noticed(project, capsys, name, change, said):
    with restored(project.root / name) as path:
        change(path)
        assert project.stale(capsys).splitlines()[0] == said


def test_picture_added_and_taken_away(built, tmp_path, monkeypatch):
    """The folder form of the data."""
    sad = tmp_path / "train" / "sad"
    sad.mkdir(parents=True)
    monkeypatch.setenv("FER_DATA", str(tmp_path))
    seen = set()
    for change, name in ((Path.touch, 1), (Path.touch, 2), (Path.unlink, 1), (rewrite, 2)):
        change(sad / f"{name}.png")
        seen.add(build.Build({}).inputs["the data set"])
    assert len(seen) == 4


def test_template_is_a_reason_to_render(project, capsys, monkeypatch):
    other = {"report/style.css": "other"}
    monkeypatch.setattr(build.inputs, "of_document", lambda executed, others: other)
    assert all(said.startswith(RENDER) for said in project.stale(capsys).splitlines())


def test_an_appendix_notebook_makes_the_appendix_alone_stale(project, capsys):
    """A table that it no longer has goes; the core stays as it is."""
    before = project.states()
    with restored(project.root / "notebooks" / "appendix" / "A1_third.ipynb") as path:
        path.write_text(path.read_text().replace("Table A1.1", "Table A1.2"))
        assert project.run() == 0
        made = {name for name, state in project.states().items() if before.get(name) != state}
        renewed = {"appendix.html", "appendix.pdf", "tables/table-a1.2.csv"}
        assert made == {"fer-build.json", "notebooks/A1_third.ipynb", *renewed}
        assert "tables/table-a1.1.csv" not in project.files()
    assert project.run() == 0
    assert project.files() == MADE


def test_without_appendix_notebooks_there_is_no_appendix(project):
    appendix = project.root / "notebooks" / "appendix"
    away = appendix.rename(project.root / "away")
    assert project.run() == 0
    assert project.files() == sorted({*MADE} - {*APPENDIX, "notebooks/A1_third.ipynb"})
    away.rename(appendix)
    assert project.run() == 0
    assert project.files() == MADE


@pytest.mark.parametrize(
    "changed", [{"SEED": "1"}, {"PROFILE": "quick"}, {"DATASET": "drawn"}, {"FER_DATA": ""}]
)
def test_another_parameter_is_a_reason(project, capsys, monkeypatch, changed):
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    said = project.stale(capsys)
    assert all(f"{name}.ipynb  # " in said for name in NAMES)


def test_path_given_as_dataset(project, tmp_path):
    csv = tmp_path / "it's mine.csv"
    shutil.copy(project.data / "train.csv", csv)
    before = build.Build({"DATASET": str(csv)}).inputs
    rewrite(csv)
    assert build.Build({"DATASET": str(csv)}).inputs != before


def test_run_trained_by_the_build_is_no_change(project, capsys):
    local = project.root / "the runs" / "local" / "quick-model1"
    local.mkdir(parents=True)
    (local / "weights.npz").write_bytes(b"1")
    assert project.stale(capsys) == ""
    shutil.rmtree(local.parent)


#: Parameters and folders that can't be meant, and what the one line says of them.
WRONG = [
    ({"PROFILE": "tny"}, "PROFILE = 'tny': expected auto, tiny, quick, reference, paper"),
    ({"SEED": "-1"}, "SEED = -1: expected 0 or more"),
    ({"SEED": "one"}, "SEED must be int, not 'one'"),
    ({"SEED": "1.5"}, "SEED must be int, not '1.5'"),
    ({"DATASET": "no/such.csv"}, "no/such.csv"),
    ({"DATASET": "an apostrophe's"}, "an apostrophe's"),
    ({"FER_DATA": "no/such\nfolder"}, "folder"),
    ({"FER_BUILD": "."}, "FER_BUILD="),
    ({"FER_BUILD": "~nobody_of_that_name"}, "FER_BUILD=~nobody_of_that_name"),
    ({"FER_RUNS": "fer_utils"}, "FER_RUNS="),
    ({"FER_CACHE": "notebooks"}, "FER_CACHE="),
    ({"FER_BUILD": "/proc/none"}, "/proc/none"),
    ({"FER_BUILD": "/dev/null/below"}, "/dev/null"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG, ids=lambda value: str(value)[:30])
def test_wrong_parameter_is_one_line_and_costs_nothing(
    project, capsys, monkeypatch, wrong, message
):
    monkeypatch.chdir(files.ROOT)
    before = project.states()
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    capsys.readouterr()
    assert project.run() == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1 + message.count("\n")
    assert project.states() == before


def test_full_disk_is_named_before_anything_is_removed(project, capsys, monkeypatch):
    before = project.states()
    monkeypatch.setenv("SEED", "1")
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: SimpleNamespace(free=20_000_000))
    assert project.run() == 1
    said = capsys.readouterr().err
    assert said == f"{project.built}: the disk is full, 40.0 MB more are needed\n"
    assert project.states() == before


def test_failure_stops_the_build_and_is_mended_by_the_next(project, capsys, monkeypatch):
    """The last good report stays; two notebooks of different seeds do not stay side by side."""
    before = project.states()
    monkeypatch.setenv("SEED", "1")
    with restored(project.root / "notebooks" / "02_second.ipynb") as second:
        second.write_text(second.read_text().replace("from IPython", "1 / 0; from IPython"))
        assert project.run() == 1
    assert capsys.readouterr().err.endswith("02_second failed, see above\n")
    after = project.states()
    changed = {name for name in before if after.get(name) != before[name]}
    executed = {f"notebooks/{name}.ipynb" for name in ("01_first", "A1_third")}
    assert changed <= {"fer-build.json", *executed}
    monkeypatch.delenv("SEED")
    assert project.run() == 0
    assert ": SEED is gone\n" in capsys.readouterr().out  # of those that ran beside the failed one
    assert project.files() == MADE


def test_notebook_that_does_not_finish_is_named_each_time(project, capsys):
    """Not "run `make report` again", which would not help; here, too, the last report stays."""
    before = project.states()
    with restored(project.root / "notebooks" / "02_second.ipynb") as second:
        second.write_text(second.read_text().replace("display({", "dict({"))
        for _ in range(2):
            assert project.run() == 1
            said = capsys.readouterr()
            assert said.err == "02_second: the last cell must be `nb.finish()`\n"
            assert "01_first: " not in said.out, "the other is not executed again"
        assert [name for name in REPORT if project.states()[name] != before[name]] == []
    assert project.run() == 0


def test_copy_left_by_another_execution_is_executed_again(project, capsys):
    """Such as one of another seed, by hand: seeds differ, so there would be no report."""
    command = [sys.executable, "-m", "fer_utils.report.execute"]
    notebook = project.root / "notebooks" / "01_first.ipynb"
    with restored(project.root / COPY):
        subprocess.run([*command, notebook, "-p", "SEED", "7"], check=True, capture_output=True)
        assert project.stale(capsys).startswith(EXECUTE + UNKNOWN)


def test_second_build_waits_for_the_first(project):
    with build_folder.BuildFolder().alone():
        helped = [sys.executable, "-m", "fer_utils.build", "--help"]
        subprocess.run(helped, check=True, capture_output=True)
        command = "import fer_utils.report.folder as f\nwith f.BuildFolder().alone(): print('in')"
        waiting = subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE)
        assert waiting.stdout.readline().startswith(b"another build is at work in ")
    assert waiting.communicate()[0] == b"in\n"


COMMANDS = {
    "build": build.main,
    "execute": lambda _: execute.main(["01_first.ipynb"]),
    "document": lambda _: document.main(),
    "clean": lambda _: build_folder.main(),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["index.html", "build.json"])
def test_folder_of_somebody_else_is_refused(built, capsys, monkeypatch, tmp_path, command, name):
    """`build.json` is the name of other programs' files too."""
    (tmp_path / name).write_text("mine")
    monkeypatch.setenv("FER_BUILD", str(tmp_path))
    monkeypatch.chdir(built.root / "notebooks")
    monkeypatch.setattr(execute, "prepare_environment", lambda _: None)
    assert COMMANDS[command]([]) == 1
    assert "not empty, and not of a build" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


#: What a damaged record, or one that something else wrote, may name.
FOREIGN = {
    **{"../mine.txt": {"file": "0", "made_of": {}}, "name": "a project"},
    **{"mine.txt": [1, 2], "index.html": {"file": "0"}},
}


@pytest.mark.parametrize("record", [json.dumps(FOREIGN), "[1]", "{"])
def test_a_record_names_nothing_that_no_build_has_made(
    built, tmp_path, monkeypatch, capsys, record
):
    folder = tmp_path / "built"
    folder.mkdir()
    (folder / build_folder.RECORD).write_text(record)
    mine = [tmp_path / "mine.txt", folder / "mine.txt"]
    for path in mine:
        path.write_text("mine")
    monkeypatch.setenv("FER_BUILD", str(folder))
    monkeypatch.setattr(build_folder, "ROOT", tmp_path)
    assert "01_first" in built.stale(capsys)
    assert build_folder.main() == 0
    assert [path.read_text() for path in mine] == ["mine", "mine"]


def test_clean_removes_what_builds_made_and_says_so(built, capsys, monkeypatch, tmp_path):
    """Of another checkout's cache it touches nothing; nor of what is not of a build."""
    monkeypatch.setattr(build_folder, "ROOT", tmp_path)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "runs" / "local").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".cache").symlink_to(tmp_path / "elsewhere")
    copy = tmp_path / "a copy"
    shutil.copytree(built.built, copy)
    for name in ("notes.txt", ".notes.tmp"):
        (copy / name).touch()
    with suppress(KeyboardInterrupt), files.replacing(copy / "notebooks" / "02_x.ipynb"):
        (copy / "notebooks" / ".fer-killed.tmp").mkdir()  # as a killed build leaves it
        raise KeyboardInterrupt
    monkeypatch.setenv("FER_BUILD", str(copy))
    assert build_folder.main() == 0
    said = capsys.readouterr().out
    assert {path.name for path in copy.iterdir()} == {"notes.txt", ".notes.tmp"}
    assert all(name in said for name in MADE if name != "fer-build.json")
    assert f"left in {copy}, not made by a build: .notes.tmp, notes.txt\n" in said
    assert f"left {tmp_path / '.cache'}: it lies elsewhere, behind a link\n" in said
    assert (tmp_path / "elsewhere").is_dir()
    assert not (tmp_path / "runs" / "local").exists()


def test_clean_leaves_what_lies_behind_a_link(capsys, monkeypatch, tmp_path):
    """Such as another checkout's runs, however far up the link is."""
    monkeypatch.setattr(build_folder, "ROOT", tmp_path / "checkout")
    monkeypatch.setenv("FER_BUILD", str(tmp_path / "none"))
    (tmp_path / "other" / "local").mkdir(parents=True)
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "runs").symlink_to(tmp_path / "other")
    assert build_folder.main() == 0
    assert "behind a link" in capsys.readouterr().out
    assert (tmp_path / "other" / "local").is_dir()


def test_clean_says_names_that_the_terminal_cannot_show(tmp_path):
    folder = tmp_path / "臉"
    folder.mkdir()
    (folder / build_folder.RECORD).write_text("{}")
    (folder / "notes.txt").touch()
    code = "import fer_utils.report.folder as f\nfrom pathlib import Path\nimport sys\n"
    code += "f.ROOT = Path(sys.argv[1])\nsys.exit(f.main())"
    environment = {"FER_BUILD": str(folder), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], env=os.environ | environment, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert b"\\u81c9, not made by a build: notes.txt\n" in done.stdout
