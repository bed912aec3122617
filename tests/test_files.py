"""Folders that the environment names, digests of files and folders, locks, atomic writing."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fer_utils import files
from fer_utils.files import ROOT, FolderError, replacing, state

FOLDERS = {
    "FER_BUILD": (files.build_dir, "report/build"),
    "FER_CACHE": (files.cache_dir, ".cache"),
    "FER_RUNS": (files.runs_dir, "runs"),
}
OTHERS = ("/", "..", ".", "notebooks", "notebooks/below", "report", "fer_utils", "data", "new")


@pytest.mark.parametrize("variable", FOLDERS)
def test_unset_or_empty_is_the_default(variable, monkeypatch):
    folder, default = FOLDERS[variable]
    monkeypatch.delenv(variable, raising=False)
    assert folder() == ROOT / default
    monkeypatch.setenv(variable, "")
    assert folder() == ROOT / default


@pytest.mark.parametrize("variable", FOLDERS)
def test_folder_with_sources_in_it_is_refused(variable, monkeypatch, tmp_path):
    folder, default = FOLDERS[variable]
    monkeypatch.chdir(ROOT)
    link = tmp_path / "link"
    link.symlink_to(ROOT / "notebooks")
    for given in (*OTHERS, str(link)):
        monkeypatch.setenv(variable, given)
        with pytest.raises(FolderError, match=f"^{variable}={given}: ") as caught:
            folder()
        assert "\n" not in str(caught.value)
    monkeypatch.setenv(variable, f"{default}/below")
    assert folder() == ROOT / default / "below"


def test_home_is_expanded_and_paths_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home 1"))
    monkeypatch.setenv("FER_CACHE", "~/cache")
    assert files.cache_dir() == tmp_path / "home 1" / "cache"
    monkeypatch.setenv("FER_DATA", "some where/d'été.csv")
    monkeypatch.setenv("FER_RUNS", "")
    files.absolute_paths()
    assert os.environ["FER_DATA"] == str(tmp_path / "some where" / "d'été.csv")
    assert os.environ["FER_CACHE"] == str(tmp_path / "home 1" / "cache")
    assert os.environ["FER_RUNS"] == ""
    monkeypatch.setenv("FER_CACHE", "~nobody_of_this_name/cache")
    with pytest.raises(FolderError, match="FER_CACHE=~nobody_of_this_name/cache: "):
        files.cache_dir()


def test_state_notices_every_change(tmp_path):
    """Same size within a nanosecond of time, at depth, appearing, vanishing, renamed."""
    folder = tmp_path / "data"
    (folder / "train" / "sad").mkdir(parents=True)
    picture, csv = folder / "train" / "sad" / "1.png", folder / "fer2013.csv"
    renamed = picture.with_name("a name\nwith a line end, \udcff.png")
    picture.write_bytes(b"1")
    csv.write_bytes(b"1")
    os.utime(csv, ns=(10**18, 10**18))
    seen = [state(folder)]
    assert state(folder) == seen[0]
    for change in (
        lambda: os.utime(csv, ns=(10**18, 10**18 + 1)),
        lambda: (folder / "train" / "sad" / "2.png").write_bytes(b"2"),
        lambda: picture.rename(renamed),
        lambda: (folder / "train" / "happy").mkdir(),
        lambda: csv.unlink(),
    ):
        change()
        seen.append(state(folder))
    assert len(set(seen)) == 6
    assert state(folder / "none") != state(folder)


def test_state_ends_with_links_that_loop(tmp_path):
    (tmp_path / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "broken").symlink_to("nowhere")
    before = state(tmp_path)
    (tmp_path / "up" / "new").touch()
    assert state(tmp_path) != before


def test_state_reads_no_file(tmp_path):
    """A terabyte, none of it on disk, would take more than the test's time."""
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(10**12)
    before = state(tmp_path)
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(10**12 + 1)
    assert state(tmp_path) != before


def test_second_process_waits_for_a_lock(tmp_path):
    lock = tmp_path / "new folder" / ".lock"
    code = (
        "import sys; from pathlib import Path; from fer_utils.files import locked\n"
        "with locked(Path(sys.argv[1]), 'waiting'): print('in')"
    )
    with files.locked(lock, "nobody has it"):
        second = subprocess.Popen(
            [sys.executable, "-c", code, lock], stdout=subprocess.PIPE, text=True
        )
        assert second.stdout.readline() == "waiting\n"
        assert second.poll() is None
    assert second.communicate(timeout=20)[0] == "in\n"


def folder_with(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "text").write_text(text)
    return path


def test_a_reader_never_sees_half_a_folder(tmp_path, monkeypatch):
    """At every system call in between: the old one, none, or the new one."""
    target, seen = folder_with(tmp_path / "run", "old"), []

    def looking(call):
        def watched(*arguments, **options):
            call(*arguments, **options)
            seen.append((target / "text").read_text() if target.exists() else None)

        return watched

    for module, name in ((os, "replace"), (os, "unlink"), (os, "rmdir")):
        monkeypatch.setattr(module, name, looking(getattr(module, name)))
    with replacing(target) as temporary:
        folder_with(temporary, "new")
        assert (target / "text").read_text() == "old"
    assert seen[:2] == [None, "new"]
    assert set(seen[2:]) == {"new"}
    assert os.listdir(tmp_path) == ["run"]


def test_a_folder_that_cannot_be_replaced_stays(tmp_path):
    target = folder_with(tmp_path / "run", "old")
    with pytest.raises(OSError, match="No such file"), replacing(target):
        pass  # nothing has been made
    assert (target / "text").read_text() == "old"
    assert os.listdir(tmp_path) == ["run"]


@pytest.mark.parametrize(("last_move", "text"), [(1, "old"), (2, "new")])
def test_ctrl_c_leaves_the_old_folder_or_the_new_one(tmp_path, monkeypatch, last_move, text):
    target, moves, replace = folder_with(tmp_path / "run", "old"), [], os.replace

    def interrupted(*paths):
        replace(*paths)
        moves.append(paths)
        if len(moves) == last_move:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), replacing(target) as temporary:
        folder_with(temporary, "new")
    assert (target / "text").read_text() == text
    assert os.listdir(tmp_path) == ["run"]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    with replacing(tmp_path / "a") as first:
        first.write_text("first")
        with replacing(tmp_path / "a") as second:
            second.write_text("second")
        assert (tmp_path / "a").read_text() == "second"
    assert (tmp_path / "a").read_text() == "first"


#: Killed while it replaces a file, it leaves a temporary one.
KILLED = """
import os, signal, sys
from pathlib import Path
from fer_utils.files import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.mkdir()
    (temporary / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_removed_when_it_is_a_day_old(tmp_path):
    for _ in range(2):
        subprocess.run([sys.executable, "-c", KILLED, tmp_path / "run"], check=False)
    old, recent = tmp_path.glob(files.TEMPORARY)
    notes = tmp_path / ".notes.tmp"
    notes.write_text("somebody's")
    for path in (old, notes):
        os.utime(path, (time.time() - 2 * files.DAY,) * 2)
    files.write_json(tmp_path / "a.json", {})
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", notes.name, recent.name}


def test_a_full_disk_is_one_line_and_leaves_nothing(full_disk, tmp_path):
    with pytest.raises(files.StorageError) as caught, full_disk():
        files.write_json(tmp_path / "a.json", {"a": "b"})
    assert str(caught.value) == f"{tmp_path}: the disk is full after 0.0 MB"
    assert not os.listdir(tmp_path)


def test_missing_space_is_told_beforehand(tmp_path):
    files.require_space(tmp_path / "new", 1)
    assert not os.listdir(tmp_path / "new")
    with pytest.raises(
        files.StorageError, match=r"new: the disk is full, [\d,.]+ MB more are need"
    ):
        files.require_space(tmp_path / "new", 10**18)
    (tmp_path / "file").touch()
    with pytest.raises(files.StorageError, match=r"file: can't be written \(File exists\)"):
        files.require_space(tmp_path / "file", 1)


def arrays() -> dict:
    return {"a": np.arange(5), "b": np.ones((2, 2))}


def test_cached_arrays_are_computed_once_per_key(tmp_path):
    calls = []
    for key in ("1", "1", "2", "2"):
        found = files.cached(tmp_path / "a.npz", key, lambda: calls.append(1) or arrays())
        np.testing.assert_equal(found, arrays())
    assert len(calls) == 2


@pytest.mark.parametrize("length", [0, 10, 200, -1])
def test_a_damaged_cache_is_computed_again(tmp_path, length):
    path = tmp_path / "a.npz"
    files.cached(path, "1", arrays)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(files.DamagedFile, match=f"^{path}: .+"):
        files.read_arrays(path)
    assert set(files.cached(path, "1", arrays)) == {"a", "b"}
    assert set(files.read_arrays(path)) == {"a", "b", "key"}


def test_a_cache_that_cannot_be_written_costs_time_only(full_disk, tmp_path, capsys):
    with full_disk():
        assert set(files.cached(tmp_path / "a.npz", "1", arrays)) == {"a", "b"}
    assert f"not kept, and so computed again next time: {tmp_path}" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert set(files.cached(tmp_path / "file" / "a.npz", "1", arrays)) == {"a", "b"}
    assert "can't be written" in capsys.readouterr().err
