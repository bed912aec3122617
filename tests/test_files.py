"""Folders that the environment names, fingerprints of files and folders, locks."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fer_utils import files
from fer_utils.files import ROOT, FolderError, state

FOLDERS = {
    "FER_BUILD": (files.build_dir, "report/build"),
    "FER_CACHE": (files.cache_dir, ".cache"),
    "FER_RUNS": (files.runs_dir, "runs"),
}


@pytest.mark.parametrize("variable", FOLDERS)
def test_unset_or_empty_is_the_default(variable, monkeypatch):
    folder, default = FOLDERS[variable]
    monkeypatch.delenv(variable, raising=False)
    assert folder() == ROOT / default
    monkeypatch.setenv(variable, "")
    assert folder() == ROOT / default


@pytest.mark.parametrize("variable", FOLDERS)
@pytest.mark.parametrize(
    "given", ["/", "..", ".", "notebooks", "notebooks/below", "report", "fer_utils", "data", "new"]
)
def test_folder_with_sources_in_it_is_refused(variable, given, monkeypatch):
    folder, default = FOLDERS[variable]
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv(variable, given)
    with pytest.raises(FolderError, match=f"^{variable}={given}: ") as caught:
        folder()
    assert "\n" not in str(caught.value)
    monkeypatch.setenv(variable, f"{default}/below")
    assert folder() == ROOT / default / "below"


def test_link_to_sources_is_refused(tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(ROOT / "notebooks")
    monkeypatch.setenv("FER_BUILD", str(tmp_path / "link"))
    with pytest.raises(FolderError):
        files.build_dir()


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


def touched(path: Path, nanoseconds: int) -> None:
    os.utime(path, ns=(nanoseconds, nanoseconds))


def test_state_notices_every_change(tmp_path):
    """Same size within a nanosecond of time, at depth, appearing, vanishing, renamed."""
    folder = tmp_path / "data"
    (folder / "train" / "sad").mkdir(parents=True)
    picture, csv = folder / "train" / "sad" / "1.png", folder / "fer2013.csv"
    picture.write_bytes(b"1")
    csv.write_bytes(b"1")
    touched(csv, 10**18)
    seen = [state(folder)]

    def changed() -> bool:
        seen.append(state(folder))
        return len(set(seen)) == len(seen)

    assert state(folder) == seen[0]
    touched(csv, 10**18 + 1)
    assert changed()
    (folder / "train" / "sad" / "2.png").write_bytes(b"2")
    assert changed()
    picture.rename(picture.with_name("a name\nwith a line end, \udcff.png"))
    assert changed()
    (folder / "train" / "happy").mkdir()
    assert changed()
    csv.unlink()
    assert changed()
    assert state(folder / "none") != state(folder)


def test_state_ends_with_links_that_loop(tmp_path):
    (tmp_path / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "broken").symlink_to("nowhere")
    before = state(tmp_path)
    (tmp_path / "up" / "new").touch()
    assert state(tmp_path) != before


def test_state_of_a_data_folder_is_found_in_a_moment(tmp_path):
    """35,887 files take less than 0.3 s; here a tenth of them, with room for a busy machine."""
    for number in range(3589):
        (tmp_path / f"{number}.png").touch()
    started = time.process_time()
    state(tmp_path)
    assert time.process_time() - started < 0.1


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


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    target = folder_with(tmp_path / "run", "old")
    with files.replacing(target) as temporary:
        folder_with(temporary, "new")
        assert (target / "text").read_text() == "old"
    assert (target / "text").read_text() == "new"
    assert os.listdir(tmp_path) == ["run"]


def test_a_reader_never_meets_half_a_folder(tmp_path, monkeypatch):
    """At every system call in between: the old one, none, or the new one."""
    target, seen = folder_with(tmp_path / "run", "old"), []

    def looking(call):
        def watched(*arguments, **options):
            call(*arguments, **options)
            seen.append((target / "text").read_text() if target.exists() else None)

        return watched

    for module, name in ((os, "replace"), (os, "unlink"), (os, "rmdir")):
        monkeypatch.setattr(module, name, looking(getattr(module, name)))
    with files.replacing(target) as temporary:
        folder_with(temporary, "new")
    assert seen[:2] == [None, "new"]
    assert set(seen[2:]) == {"new"}


def test_a_folder_that_cannot_be_replaced_stays(tmp_path):
    target = folder_with(tmp_path / "run", "old")
    with pytest.raises(OSError, match="No such file"), files.replacing(target):
        pass  # nothing has been made
    assert (target / "text").read_text() == "old"
    assert os.listdir(tmp_path) == ["run"]


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


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path, monkeypatch):
    subprocess.run([sys.executable, "-c", KILLED, tmp_path / "run"], check=False)
    (left,) = os.listdir(tmp_path)
    assert files.TEMPORARY.fullmatch(left)
    mine, notes = tmp_path / files._temporary_name(), tmp_path / ".notes.tmp"
    for path in (mine, notes):
        path.write_text("in use")
    with monkeypatch.context() as patch:
        patch.setattr(files, "_machine", lambda: "0123abcd")
        theirs, theirs_old = (tmp_path / files._temporary_name() for _ in range(2))
        theirs.write_text("another machine's")
        theirs_old.write_text("another machine's, and two days old")
        os.utime(theirs_old, (time.time() - 2 * files.DAY,) * 2)
        files.write_json(tmp_path / "a.json", {})
        assert (tmp_path / left).exists(), "there, the number may be a living process's"
    files.write_json(tmp_path / "a.json", {})
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {"a.json", mine.name, notes.name, theirs.name}


def test_processes_and_threads_have_names_of_their_own():
    names = {files._temporary_name() for _ in range(100)}
    assert len(names) == 100
    assert all(files.TEMPORARY.fullmatch(name) for name in names)


@pytest.fixture
def full_disk(tmp_path, monkeypatch):
    """A folder on whose disk no byte can be written."""
    folder, name = tmp_path / "full", files._temporary_name
    folder.mkdir()

    def without_room() -> str:
        (folder / (given := name())).symlink_to("/dev/full")
        return given

    monkeypatch.setattr(files, "_temporary_name", without_room)
    return folder


def test_a_full_disk_is_one_line_and_leaves_nothing(full_disk):
    with pytest.raises(files.StorageError) as caught:
        files.write_json(full_disk / "a.json", {"a": "b"})
    assert str(caught.value) == f"{full_disk}: the disk is full after 0.0 MB"
    assert not os.listdir(full_disk)


def test_missing_space_is_told_beforehand(tmp_path):
    files.require_space(tmp_path / "new", 1)
    with pytest.raises(
        files.StorageError, match=r"new: the disk is full, [\d,.]+ MB more are need"
    ):
        files.require_space(tmp_path / "new", 10**18)
    (tmp_path / "file").touch()
    with pytest.raises(files.StorageError, match=r"file: can't be written \(File exists\)"):
        files.require_space(tmp_path / "file", 1)


def arrays() -> dict:
    return {"a": np.arange(5), "b": np.ones((2, 2))}


def test_cached_arrays_are_made_once_per_key(tmp_path, monkeypatch):
    path, made = tmp_path / "a.npz", []

    def make():
        made.append(1)
        return arrays()

    for key in ("1", "1", "2", "2"):
        found = files.cached(path, key, make)
        assert {name: value.tolist() for name, value in found.items()} == {
            name: value.tolist() for name, value in arrays().items()
        }
    assert len(made) == 2


@pytest.mark.parametrize("keep", [0, 10, 200, -1])
def test_a_damaged_cache_is_made_anew(tmp_path, keep):
    path = tmp_path / "a.npz"
    files.cached(path, "1", arrays)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(files.DamagedFile, match=f"^{path}: .+"):
        files.read_arrays(path)
    assert set(files.cached(path, "1", arrays)) == {"a", "b"}
    assert set(files.read_arrays(path)) == {"a", "b", "key"}


def test_a_cache_that_cannot_be_written_costs_time_only(full_disk, tmp_path, capsys):
    assert set(files.cached(full_disk / "a.npz", "1", arrays)) == {"a", "b"}
    assert f"not kept, and so computed again next time: {full_disk}" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert set(files.cached(tmp_path / "file" / "a.npz", "1", arrays)) == {"a", "b"}
    assert "can't be written" in capsys.readouterr().err
