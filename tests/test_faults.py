"""What may go wrong, what is promised then, and the test that injects it.

The table is checked: every test that it names exists. Injections that take minutes are marked
`long` and run by `make faults`; the others by `make test`.
"""

import ast
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from test_build import MADE, NAMES, write_notebooks

from fer_utils.files import ROOT

#: Fault -> (what is promised, module and test).
FAULTS = {
    # builds
    "empty FER_BUILD, FER_CACHE, FER_RUNS": (
        "is the default",
        "test_files::test_unset_or_empty_is_the_default",
    ),
    "a build, cache or runs folder that holds sources, or lies among them": (
        "is refused in one line",
        "test_files::test_folder_with_sources_in_it_is_refused",
    ),
    "a build folder with somebody's files in it": (
        "is refused; nothing in it is touched",
        "test_build::test_folder_of_somebody_else_is_refused",
    ),
    "make clean where other files lie, or the cache is another checkout's": (
        "removes only what builds made, and says what it removes and leaves",
        "test_build::test_clean_removes_what_builds_made_and_says_so",
    ),
    "spaces, quotes, dollars, non-ASCII in paths and parameters": (
        "work everywhere",
        "test_make::test_another_seed_or_a_missing_html_is_a_reason_to_build",
    ),
    "the same in the path of the checkout": (
        "work too",
        "test_faults::test_build_killed_at_any_moment",
    ),
    "a wrong parameter, no data, an unwritable folder": (
        "one line, before anything is removed",
        "test_build::test_wrong_parameter_is_one_line_and_costs_nothing",
    ),
    "a full disk": (
        "one line with what is missing, before anything is removed",
        "test_build::test_full_disk_is_named_before_anything_is_removed",
    ),
    "a disk that takes no more, in the middle of a build": (
        "one line with the folder; nothing half-written",
        "test_report_execute::test_disk_that_takes_no_more",
    ),
    "data, votes, runs, notebooks or executed copies changed in any way": (
        "what they were made into is made again, and make says why",
        "test_build::test_change_is_noticed",
    ),
    "a picture added, taken away or changed in a data folder": (
        "the notebooks are executed again",
        "test_build::test_picture_added_and_taken_away",
    ),
    "a page truncated or deleted": (
        "is rendered again, without executing anything",
        "test_build::test_missing_or_truncated_page_is_only_rendered_again",
    ),
    "an executed copy of another seed side by side with the others": (
        "is executed again",
        "test_build::test_copy_left_by_another_execution_is_executed_again",
    ),
    "a cell that fails": (
        "one message; nothing looks finished; the next build goes on from there",
        "test_build::test_failure_stops_the_build_and_is_mended_by_the_next",
    ),
    "a notebook that does not say how it was made": (
        "is named, with the cure, each time",
        "test_build::test_notebook_that_does_not_finish_is_named_each_time",
    ),
    "two builds of one folder": (
        "the second waits, in one line",
        "test_build::test_second_build_waits_for_the_first",
    ),
    "two processes that train the same run": (
        "the second waits, and loads it",
        "test_training_runs::test_second_process_waits_and_loads",
    ),
    "make report killed": (
        "nothing looks finished that is not; the next build ends with the whole report",
        "test_make::test_killed_build_leaves_nothing_that_looks_finished",
    ),
    "any process of a build killed at any moment": (
        "the same",
        "test_faults::test_build_killed_at_any_moment",
    ),
    "the process above killed": (
        "the notebook's process ends, its kernel too",
        "test_report_execute::test_ends_with_its_parent",
    ),
    "a kernel killed": ("is named", "test_report_execute::test_killed_kernel"),
    "no network, not even loopback": (
        "notebooks are executed all the same",
        "test_report_execute::test_works_without_a_network",
    ),
    "a name that the terminal cannot show": (
        "is printed escaped",
        "test_report_execute::test_name_that_the_terminal_cannot_show",
    ),
    "a link that loops, a folder that cannot be read, a line end in a file name": (
        "count as they are",
        "test_files::test_state_ends_with_links_that_loop",
    ),
    "a notebook that was run in place is committed": (
        "git add takes the outputs out",
        "test_lab::test_notebook_run_in_place_is_committed_without_outputs",
    ),
    "a working copy edited, or not, when the notebook changes": (
        "kept; renewed",
        "test_lab::test_copies_are_kept_if_edited_and_renewed_if_not",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_is_injected(fault):
    module, _, name = FAULTS[fault][1].partition("::")
    tree = ast.parse((ROOT / "tests" / f"{module}.py").read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


class Checkout:
    """The project with two small notebooks, in a folder of its own; `make` runs there."""

    def __init__(self, folder: Path, cache: Path):
        self.folder = folder
        self.build = folder / "report" / "build"
        (folder / "report").mkdir(parents=True)
        for name in ("fer_utils", "report/template", "report/fonts"):
            shutil.copytree(
                ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        for name in ("Makefile", "uv.lock", *(f"report/{p.name}" for p in css())):
            shutil.copy(ROOT / name, folder / name)
        write_notebooks(folder / "notebooks")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FER_")}
        self.environment = kept | {"FER_CACHE": str(cache)}

    def start(self) -> subprocess.Popen:
        return subprocess.Popen(
            ["make", "report", f"VENV={sys.prefix}", "DATASET=drawn"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )

    def made(self) -> list[str]:
        """What can be seen in the build folder."""
        paths = (path for path in self.build.rglob("*") if path.is_file())
        return sorted(str(p.relative_to(self.build)) for p in paths if not p.name.startswith("."))


def css() -> list[Path]:
    return list((ROOT / "report").glob("*.css"))


def descendants(pid: int) -> list[int]:
    """The process and all below it, by /proc."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """A cache of the drawn faces, so that not every build draws them."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("seed", range(24))
def test_build_killed_at_any_moment(tmp_path, cache, seed):
    """One of its processes, or all, at a random moment; then what is there is whole, and a second
    build ends with all of it."""
    chance = random.Random(seed)
    checkout = Checkout(tmp_path / "it's é $HOME", cache)
    process = checkout.start()
    time.sleep(chance.uniform(0.1, 7))
    family = descendants(process.pid)
    for pid in family if chance.random() < 0.5 else [chance.choice(family)]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.communicate(timeout=200)
    for path in checkout.build.glob("notebooks/[0-9]*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        assert all(c.execution_count for c in cells if c.cell_type == "code")
    if "report.pdf" in checkout.made():
        assert {"index.html", *(f"{name}.html" for name in NAMES)} <= set(checkout.made())
    again = checkout.start()
    assert again.wait(200) == 0, again.stdout.read()
    assert checkout.made() == MADE


@pytest.mark.long
@pytest.mark.timeout(600)
def test_two_builds_at_once(tmp_path, cache):
    """One of them makes everything, the other waits and finds nothing to do."""
    checkout = Checkout(tmp_path / "checkout", cache)
    said = [process.communicate(timeout=300)[0] for process in (checkout.start(), checkout.start())]
    assert sum("another build is at work in" in text for text in said) == 1
    assert sum("done in" in text for text in said) == 1
    assert all(text.splitlines()[-1].startswith("report: ") for text in said)
    assert checkout.made() == MADE
