"""`make report` as a whole, as on a new clone with the drawn faces: killed, then run to the end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from fer_utils.data.dataset import load
from fer_utils.report.parameters import record_of
from fer_utils.training import experiments, loop, train_run
from fer_utils.training.network import build as build_network

ROOT = Path(__file__).parents[1]
NAMES = [path.stem for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))]


class Build:
    """`make report` with folders of its own, and the finished runs that are committed."""

    def __init__(self, folder: Path):
        self.folder = folder / "it's built"
        self.environment = os.environ | {
            "FER_BUILD": str(self.folder),
            "FER_DATA": "",
            "FER_CACHE": str(folder / "é 臉"),
        }
        self.log = folder / "log.txt"

    def start(self, *arguments: str) -> subprocess.Popen:
        command = ["make", "report", "DATASET=drawn", *arguments]
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> str:
        status = self.start(*arguments).wait()
        assert status == 0, self.log.read_text()[-3000:]
        return self.log.read_text()

    def executed(self, name: str) -> Path:
        return self.folder / "notebooks" / f"{name}.ipynb"


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """A build that was killed in its first notebooks, and then ran through."""
    made = Build(tmp_path_factory.mktemp("make"))
    process = made.start()
    while " cell 3/" not in made.log.read_text():
        assert process.poll() is None, made.log.read_text()[-3000:]
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    made.after_kill = {path.suffix for path in made.folder.rglob("*")}
    made.run()
    return made


pytestmark = pytest.mark.timeout(1200)


def test_killed_build_leaves_nothing_that_looks_finished(build):
    assert build.after_kill.isdisjoint({".ipynb", ".html", ".pdf"})


@pytest.mark.parametrize("given", ["VENV=", "VENV=.venv", "PROFILE="])
def test_empty_is_the_default(given):
    done = subprocess.run(["make", "-n", "lint", given], cwd=ROOT, capture_output=True, text=True)
    assert '".venv/bin/python" -m ruff check .' in done.stdout, done.stderr


def test_unknown_parameter_is_one_line():
    command = ["make", "-n", "report", "PROFIL=tiny"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode
    assert done.stdout == ""
    assert " PROFIL: no such parameter; there are DATASET PROFILE SEED " in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("OS=Windows_NT", "Windows: work in WSL2"),
        ("UNAME=MINGW64_NT-10.0 x86_64", "Windows: work in WSL2"),
        ("UNAME=Darwin x86_64", "macOS on Intel: there is no TensorFlow 2.21 for it"),
        ("UNAME=Darwin arm64", ""),
        ("UNAME=Linux x86_64", ""),
    ],
)
def test_machines_without_tensorflow_are_told_at_once(given, message):
    done = subprocess.run(["make", "help", given], cwd=ROOT, capture_output=True, text=True)
    assert bool(done.returncode) == bool(message)
    assert message in done.stderr
    assert done.stderr.count("\n") == bool(message)


@pytest.mark.parametrize(("given", "extra"), [("GPU=1", True), ("GPU=", False), ("GPU=0", False)])
def test_cuda_is_installed_where_it_is_wanted(given, extra, tmp_path):
    command = ["make", "-n", "lint", given, "-W", "uv.lock"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ("sync --frozen --compile-bytecode --extra all --extra gpu" in done.stdout) == extra, (
        done.stderr
    )


@pytest.mark.parametrize("given", [("FROM=my photos", "TO=my faces"), ("FROM=it's $here",)])
def test_photographs_become_training_data_whatever_their_folder_is_called(given, tmp_path):
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nshift; printf '%s\\n' \"$@\"\n")
    python.chmod(0o755)
    command = ["make", "-s", "data", f"VENV={tmp_path}", *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "fer_utils.predict.training_data",
        *(each.partition("=")[2] for each in given),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_notebook_runs_to_its_end_and_records_how_it_was_made(build, name):
    notebook = nbformat.read(build.executed(name), as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    meta = record_of(notebook)["meta"]
    assert (meta["dataset"], meta["profile"], meta["seed"]) == ("drawn", "reference", 0)
    assert meta["fallbacks"] == [], "the committed runs are enough"
    text = "".join(
        "".join(output.get("data", {}).get("text/markdown", ""))
        for cell in code
        for output in cell.outputs
    )
    assert "nan" not in text.lower().replace("finance", ""), "a fact is missing from the prose"


def test_one_html_and_one_pdf_with_every_notebook(build):
    html = (build.folder / "index.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in html for name in NAMES)
    assert (build.folder / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_nothing_is_done_again_without_a_change(build):
    before = {path: path.stat().st_mtime_ns for path in build.folder.rglob("*")}
    (said,) = build.run().splitlines()
    assert said.startswith(f"report: {build.folder}/index.html, {build.folder}/report.pdf")
    assert "fer_utils" not in build.run("-n")
    assert {path: path.stat().st_mtime_ns for path in build.folder.rglob("*")} == before


def test_another_seed_or_a_missing_html_is_a_reason_to_build(build):
    assert f"fer_utils.report.execute notebooks/{NAMES[0]}" in build.run("SEED=1", "-n")
    assert "it's $HOME: no such file" in build.run("-n", "DATASET=it's $HOME")
    hidden = (build.folder / "index.html").rename(build.folder / "hidden")
    assert "fer_utils.report.document" in build.run("-n")
    hidden.rename(build.folder / "index.html")


@pytest.mark.parametrize("name", NAMES[:5])
def test_competition_files_without_test_labels_are_enough(name, competition):
    command = [sys.executable, "-m", "fer_utils.report.execute", f"notebooks/{name}.ipynb"]
    extra = ["-p", "LIVE_STEPS", "12"] if name.startswith("03") else []
    done = subprocess.run(
        [*command, "-p", "PROFILE", "tiny", *extra],
        cwd=ROOT,
        env=os.environ | competition,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    executed = Path(competition["FER_BUILD"]) / "notebooks" / f"{name}.ipynb"
    text = executed.read_text(encoding="utf-8")
    assert "PUBLIC accuracy" not in text
    assert "nan%" not in text, "a share of no images stands in the prose"


def untrained(config: experiments.Config, examples: loop.Examples, **_) -> loop.Trained:
    """In place of `loop.train`: weights as they are at the start, in no time."""
    columns = ("loss", "accuracy", "held_out_loss", "held_out_accuracy", "learning_rate")
    history, step = [], 0
    for number, phase in enumerate(config.phases, 1):
        for _ in range(0, phase.steps, config.evaluate_every):
            step += config.evaluate_every
            row = {"step": step, "phase": number, "optimizer": phase.optimizer}
            history.append(row | dict.fromkeys(columns, 0.5))
    weights = build_network(config).get_weights()
    return loop.Trained(weights, weights, history, step, seconds=1.0, waited=0.0, arithmetic={})


@pytest.fixture(scope="module")
def competition(tmp_path_factory) -> dict[str, str]:
    """An environment whose data are train.csv (labelled) and test.csv (not)."""
    folder = tmp_path_factory.mktemp("competition")
    random = np.random.default_rng(0)
    pixels = [" ".join(map(str, row)) for row in random.integers(0, 256, (600, 48 * 48))]
    labels = np.arange(500) % 7
    pd.DataFrame({"emotion": labels, "pixels": pixels[:500]}).to_csv(
        folder / "train.csv", index=False
    )
    pd.DataFrame({"pixels": pixels[500:]}).to_csv(folder / "test.csv", index=False)
    names = ("build", "runs", "cache")
    environment = {f"FER_{name.upper()}": str(folder / name) for name in names}
    small = [cell for cell in experiments.FACTORIAL_DESIGN.values() if cell["transforms"] == "x1"]
    small += [experiments.FACTORIAL_DESIGN[True, True, True]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "train", untrained)
        for name, value in environment.items():
            patch.setenv(name, value)
        dataset = load(str(folder))
        given = {"profile": "tiny", "dataset": dataset.name, "seed": 0}
        configs = [experiments.ablation(**cell, **given) for cell in small]
        configs += [experiments.model(role, **given) for role in ("model0", "model2")]
        for config in configs:  # those of notebook 02; model1 is trained in notebook 03
            assert train_run.get(config, dataset), "what took the place of training is a full run"
    return environment | {"FER_DATA": str(folder)}
