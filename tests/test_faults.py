"""What may go wrong, what is promised then, and the test that injects it.

The table is checked: every test that it names exists. Injections that take minutes are marked
`long` and run by `make faults`; the others by `make test`.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from test_build import MADE, write_notebooks

from fer_utils.files import ROOT

#: Fault -> (what is promised, module and test).
FAULTS = {
    # folders, and what is removed
    "an empty FER_BUILD, FER_CACHE or FER_RUNS": (
        "is the default",
        "test_files::test_unset_or_empty_is_the_default",
    ),
    "an empty parameter or VENV of make": (
        "is the default",
        "test_make::test_empty_is_the_default",
    ),
    "a build, cache or runs folder that holds sources, or lies among them": (
        "is refused in one line",
        "test_files::test_folder_with_sources_in_it_is_refused",
    ),
    "a link to such a folder": (
        "is refused",
        "test_files::test_folder_with_sources_in_it_is_refused",
    ),
    "a build folder with somebody's files in it": (
        "is refused; nothing in it is touched",
        "test_build::test_folder_of_somebody_else_is_refused",
    ),
    "pages of somebody else where a page is to be written": (
        "are not written over",
        "test_build::test_folder_of_somebody_else_is_refused",
    ),
    "another program's build.json in the build folder": (
        "does not mark it as a build's",
        "test_build::test_folder_of_somebody_else_is_refused",
    ),
    "a record that names files which no build made, or outside the folder": (
        "they are left alone",
        "test_build::test_a_record_names_nothing_that_no_build_has_made",
    ),
    "make clean where other files lie, or the cache is another checkout's": (
        "removes only what builds made, and says what it removes and leaves",
        "test_build::test_clean_removes_what_builds_made_and_says_so",
    ),
    "make clean where a folder above is a link to another checkout": (
        "leaves what is behind the link",
        "test_build::test_clean_leaves_what_lies_behind_a_link",
    ),
    "spaces, quotes, dollars, non-ASCII in paths and parameters": (
        "work everywhere",
        "test_make::test_another_seed_or_a_missing_html_is_a_reason_to_build",
    ),
    "the same in the path of the checkout": (
        "work too",
        "test_faults::test_build_killed_at_any_moment",
    ),
    # what a notebook's output may do
    "markup, comments or addresses that load or run something": (
        "are dropped",
        "test_report_sanitise::test_nothing_that_runs_or_loads_is_left",
    ),
    "the same in a browser, wherever text gets into a page": (
        "no request, no script",
        "test_report_sanitise::test_a_browser_asks_for_nothing",
    ),
    "a picture from elsewhere": ("stops the report, in one line", "test_report::test_errors"),
    # stale, or not fitting together
    "data, votes, runs, notebooks or executed copies changed in any way": (
        "what they were made into is made again, and make says why",
        "test_build::test_change_is_noticed",
    ),
    "the same size within a nanosecond; anything at any depth": (
        "is noticed",
        "test_files::test_state_notices_every_change",
    ),
    "a picture added, taken away or changed in a data folder": (
        "the notebooks are executed again",
        "test_build::test_picture_added_and_taken_away",
    ),
    "the file changed that DATASET names": (
        "the notebooks are executed again",
        "test_build::test_path_given_as_dataset",
    ),
    "another parameter": (
        "the notebooks are executed again",
        "test_build::test_another_parameter_is_a_reason",
    ),
    "data that are large": (
        "are not read to see whether they have changed",
        "test_files::test_state_reads_no_file",
    ),
    "nothing changed": (
        "no file is written, and make -n lists nothing",
        "test_make::test_nothing_is_done_again_without_a_change",
    ),
    "a page truncated or deleted": (
        "is rendered again, without executing anything",
        "test_build::test_change_is_noticed",
    ),
    "an executed copy of another seed side by side with the others": (
        "is executed again",
        "test_build::test_copy_left_by_another_execution_is_executed_again",
    ),
    "an executed copy cut off, or not executed to its end": (
        "is named; make executes it again",
        "test_report::test_errors",
    ),
    "a notebook that does not say how it was made": (
        "is named, with the cure, each time",
        "test_build::test_notebook_that_does_not_finish_is_named_each_time",
    ),
    "a notebook whose file is damaged": (
        "is named",
        "test_report_execute::test_damaged_notebook_is_named",
    ),
    "a cell that fails": (
        "one message; the last report stays; the next build goes on from there",
        "test_build::test_failure_stops_the_build_and_is_mended_by_the_next",
    ),
    # wrong parameters, no disk, no right to write
    "a wrong parameter, no data, an unwritable folder": (
        "one line, before anything is removed",
        "test_build::test_wrong_parameter_is_one_line_and_costs_nothing",
    ),
    "a wrong parameter in JupyterLab": (
        "one line",
        "test_notebook::test_a_wrong_parameter_is_one_line",
    ),
    "an apostrophe in DATASET": (
        "works, or is one line",
        "test_make::test_another_seed_or_a_missing_html_is_a_reason_to_build",
    ),
    "a parameter of make that there is not": (
        "one line",
        "test_make::test_unknown_parameter_is_one_line",
    ),
    "a wrong folder for the report or the edition": (
        "one line",
        "test_report::test_wrong_folder_is_one_line",
    ),
    "a full disk": (
        "one line with what is missing, before anything is removed",
        "test_build::test_full_disk_is_named_before_anything_is_removed",
    ),
    "a disk that takes no more, in the middle of a build": (
        "one line with the folder; nothing half-written",
        "test_report_execute::test_disk_that_takes_no_more",
    ),
    "a full disk under any file": (
        "one line with the folder; nothing half-written",
        "test_files::test_a_full_disk_is_one_line_and_leaves_nothing",
    ),
    "a cache that is full or can't be written": (
        "costs time only",
        "test_files::test_a_cache_that_cannot_be_written_costs_time_only",
    ),
    "the same, while a run is trained": (
        "costs no run",
        "test_training_runs::test_cache_that_cannot_be_written_costs_no_run",
    ),
    "a checkpoint that can't be written": (
        "costs no run",
        "test_training_loop::test_a_checkpoint_that_cannot_be_written_costs_no_run",
    ),
    "runs that can't be written": (
        "one line, before training",
        "test_training_runs::test_runs_that_cannot_be_written_are_not_trained",
    ),
    "too little space for a run": (
        "one line with what is missing, before training",
        "test_training_runs::test_missing_space_is_told_before_training",
    ),
    # damage of runs, checkpoints, caches
    "any file of a run deleted, cut off, changed in a bit, or well-formed and wrong": (
        "is named with the remedy; a run of this machine is trained again",
        "test_training_runs::test_damage_is_named_and_a_run_of_this_machine_counts_as_absent",
    ),
    "a history cut in half": (
        "the run is trained again",
        "test_training_runs::test_run_whose_history_is_cut_in_half_is_trained_again_to_the_same_metrics",
    ),
    "damage of a committed run": (
        "the message says how git restores it",
        "test_training_runs::test_damage_of_a_committed_run_names_the_cure",
    ),
    "weights of another network": (
        "are not loaded",
        "test_training_runs::test_damage_is_named_and_a_run_of_this_machine_counts_as_absent",
    ),
    "a file in place of a run's folder": (
        "gives way to the run",
        "test_training_runs::test_a_file_in_place_of_a_run_gives_way_to_it",
    ),
    "a measurement that was kept with a run, damaged": (
        "is named with the remedy",
        "test_training_measurements::test_a_damaged_file_is_named_with_the_cure",
    ),
    "a checkpoint of other training code": (
        "is not continued, which is said",
        "test_training_loop::test_a_checkpoint_of_another_config_data_or_code_is_not_continued",
    ),
    "a checkpoint of another config or other data": (
        "is not continued",
        "test_training_loop::test_a_checkpoint_of_another_config_data_or_code_is_not_continued",
    ),
    "a checkpoint damaged, cut off or foreign": (
        "training starts over, which is said",
        "test_training_loop::test_with_a_damaged_checkpoint_training_starts_over",
    ),
    "a damaged file in the cache": (
        "is made again",
        "test_files::test_a_damaged_cache_is_computed_again",
    ),
    # data
    "a cached parse that is damaged": (
        "is parsed again",
        "test_data_dataset::test_damaged_cache_is_made_again",
    ),
    "an archive of zeros, a line or a header of 100 MB": (
        "one line; memory stays bounded",
        "test_data_forms::test_a_bomb_or_an_endless_line_is_refused_in_bounded_memory",
    ),
    "data that are none, or half of them": (
        "one line with file, row and what is expected",
        "test_data_forms::test_what_is_not_understood_is_refused_in_one_line",
    ),
    "a folder of the data that cannot be read": (
        "is named",
        "test_data_forms::test_an_unreadable_folder_or_file",
    ),
    "a line end or an escape in a file name": (
        "is printed escaped",
        "test_data_forms::test_names_that_a_terminal_cannot_show",
    ),
    "apostrophes and quotes in the path of the data": (
        "work",
        "test_data_forms::test_a_path_with_an_apostrophe_and_a_tilde",
    ),
    # fer-predict
    "a picture that can't be read, among others": (
        "has its row with the reason; the others are judged",
        "test_predict::test_every_input_has_its_row",
    ),
    "a file name of 240 characters": (
        "what is saved has a shorter one",
        "test_predict::test_long_names_are_cut_and_stay_apart",
    ),
    "an unwritable folder to save to": (
        "costs no row of the table",
        "test_predict::test_an_unwritable_folder_costs_no_row",
    ),
    "pictures saved among those that are read": (
        "never replace them, nor are they read again",
        "test_predict::test_saved_pictures_keep_folders_and_suffixes_and_are_never_inputs",
    ),
    "a file of the user's with the name of one to save": (
        "is never replaced",
        "test_predict::test_what_fer_predict_did_not_write_is_never_replaced",
    ),
    # kills, and two at once
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
    "a kernel killed": ("is named", "test_report_execute::test_failing_cell"),
    "a training killed twice": (
        "ends with the same bits",
        "test_training_loop::test_killed_run_ends_with_the_same_bits",
    ),
    "a training interrupted in any phase": (
        "ends with the same bits",
        "test_training_loop::test_interrupted_in_any_phase_it_ends_with_the_same_bits",
    ),
    "two builds of one folder": (
        "the second waits, in one line",
        "test_build::test_second_build_waits_for_the_first",
    ),
    "the same with make": (
        "one makes everything, the other finds nothing to do",
        "test_faults::test_two_builds_at_once",
    ),
    "two processes that train the same run": (
        "the second waits, and loads it",
        "test_training_runs::test_second_process_waits_and_loads",
    ),
    "a reader while a folder is replaced": (
        "sees the old one, none, or the new one",
        "test_files::test_a_reader_never_sees_half_a_folder",
    ),
    "a run replaced while it is read": (
        "is read again",
        "test_training_runs::test_run_that_is_replaced_while_it_is_read_is_read_again",
    ),
    "a folder that can't be replaced": (
        "stays as it was",
        "test_files::test_a_folder_that_cannot_be_replaced_stays",
    ),
    "Ctrl-C while a folder is replaced": (
        "leaves the old one or the new one",
        "test_files::test_ctrl_c_leaves_the_old_folder_or_the_new_one",
    ),
    "two processes that write the same file": (
        "have temporary files of their own; the last wins",
        "test_files::test_two_writers_of_one_file_do_not_meet",
    ),
    "temporary files that a killed process has left": (
        "are removed when they are a day old",
        "test_files::test_what_a_killed_process_left_is_removed_when_it_is_a_day_old",
    ),
    # surroundings
    "no network, not even loopback": (
        "notebooks are executed all the same",
        "test_report_execute::test_works_without_a_network",
    ),
    "a name that the terminal cannot show": (
        "is printed escaped",
        "test_report_execute::test_name_that_the_terminal_cannot_show",
    ),
    "the same in what make clean says": (
        "is printed escaped",
        "test_build::test_clean_says_names_that_the_terminal_cannot_show",
    ),
    "a link that loops, a folder that cannot be read, a line end in a file name": (
        "count as they are",
        "test_files::test_state_ends_with_links_that_loop",
    ),
    "advice of TensorFlow against tracing anew": (
        "stays out of the report",
        "test_backend::test_advice_against_retracing_stays_out_of_the_report",
    ),
    "a notebook that was run in place is committed": (
        "git add takes the outputs out",
        "test_git::test_notebook_run_in_place_is_committed_without_outputs",
    ),
    "no environment: it was deleted, or the worktree is new": (
        "git works; outputs are taken with a hint, and found by make lint",
        "test_git::test_git_works_with_and_without_an_environment",
    ),
    "a notebook with the marks of a merge": (
        "git takes it as it is",
        "test_git::test_a_notebook_in_the_middle_of_a_merge_is_no_obstacle",
    ),
    "a working copy edited, or not, when the notebook changes": (
        "kept; renewed",
        "test_notebook_lab::test_copies_are_kept_if_edited_and_renewed_if_not",
    ),
}


def test_every_test_that_the_table_names_exists():
    missing = []
    for _, test in FAULTS.values():
        module, _, name = test.partition("::")
        text = (ROOT / "tests" / f"{module}.py").read_text(encoding="utf-8")
        if not re.search(rf"^def {name}\(", text, re.M):
            missing.append(test)
    assert missing == []


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
@pytest.mark.parametrize("seed", range(30))
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
    for path in checkout.build.glob("notebooks/*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        assert all(c.execution_count for c in cells if c.cell_type == "code")
    if "report.pdf" in checkout.made():
        assert "index.html" in checkout.made()
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
