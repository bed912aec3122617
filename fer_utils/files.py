"""Where things lie, and how a file is written so that a kill leaves no half of it."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def data_dir() -> Path:
    """The folder searched for FER2013: `data/`."""
    return ROOT / "data"


def runs_dir() -> Path:
    """Finished runs: `runs/`, or the environment's FER_RUNS."""
    return Path(os.environ.get("FER_RUNS", ROOT / "runs"))


def cache_dir() -> Path:
    """Parsed data and training checkpoints: `.cache/`, or the environment's FER_CACHE."""
    return Path(os.environ.get("FER_CACHE", ROOT / ".cache"))


def build_dir() -> Path:
    """Executed notebooks, facts, HTML and PDF: `report/build/`, or the environment's FER_BUILD."""
    return Path(os.environ.get("FER_BUILD", ROOT / "report" / "build"))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds.

    If the block raises, the temporary file or folder is removed and `path` is as it was.
    An existing folder is replaced as a whole.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        if path.is_dir():
            shutil.rmtree(path)
        os.replace(temporary, path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(
            json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
