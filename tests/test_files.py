"""Folders that the environment names, fingerprints of files and folders, locks."""

import os
import subprocess
import sys
import time
from pathlib import Path

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
