"""The wheel: installed anywhere, fer-predict predicts with the network that came with it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

ROOT = Path(__file__).parents[1]
MOST = 6 * 10**6  # bytes that a wheel may have


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder into which the wheel is installed, beside the environment's libraries."""
    wheels, installed = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = wheels.iterdir()
    assert wheel.stat().st_size < MOST
    zipfile.ZipFile(wheel).extractall(installed)  # of a package without compiled parts
    return installed


def run(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess:
    given = {"PYTHONPATH": str(site), "XDG_CACHE_HOME": str(folder / "cache")}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FER_")} | given
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_fer_predict_works_from_any_folder_and_writes_nothing_into_the_package(site, tmp_path):
    Image.fromarray(data.astronaut()).save(tmp_path / "photo.jpg")
    before = {path for path in site.rglob("*") if "__pycache__" not in path.parts}
    done = run(site, tmp_path, "fer_utils.predict", "photo.jpg")
    assert done.returncode == 0, done.stderr
    assert "Network: model2-distilled (accuracy 70.3%" in done.stdout
    assert "Below a probability of 0." in done.stdout
    assert "happy" in done.stdout
    assert {path for path in site.rglob("*") if "__pycache__" not in path.parts} == before


@pytest.mark.parametrize("module", ["build", "notebook.lab", "data.fetch"])
def test_what_needs_a_checkout_says_so_in_one_line(site, tmp_path, module):
    done = run(site, tmp_path, f"fer_utils.{module}")
    assert done.returncode == 1
    assert done.stderr.removeprefix("error: ").count("\n") == 1
    assert "needs a checkout of the project: git clone it" in done.stderr
