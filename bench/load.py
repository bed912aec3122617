"""How long FER2013 takes to load and how much memory: the usual way, the first and a later load.

`python bench/load.py [PATH]` takes a CSV file, plain or compressed (default: FER_DATA). Every way
runs three times in a process of its own; the pixels must come out the same. Prints a table and
writes bench/load.json. Peak memory is that of the whole process.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fer_utils.data.dataset import load
from fer_utils.files import write_json

RESULT = Path(__file__).with_suffix(".json")
ROUNDS = 3  # the one with the least CPU time counts: other work on the machine slows down
WAYS = {
    "usual": "pandas.read_csv, then np.array(s.split(), dtype=np.uint8) per row",
    "first": "fer_utils, first load (parses, checks, writes the cache)",
    "later": "fer_utils, later load (reads and verifies the cache)",
}


def usual(path: str) -> np.ndarray:
    import pandas as pd

    rows = pd.read_csv(path)["pixels"]
    return np.stack([np.array(s.split(), dtype=np.uint8) for s in rows]).reshape(-1, 48, 48)


def measure(way: str, path: str) -> dict[str, float | str]:
    """Load once in this process: wall and CPU seconds, peak MB, fingerprint of the pixels."""
    import hashlib

    start, cpu = time.perf_counter(), time.process_time()
    images = usual(path) if way == "usual" else load(path).images
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6),
        "sha256": hashlib.sha256(images.tobytes()).hexdigest(),
    }


def cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def measured_apart(way: str, path: str) -> dict[str, float | str]:
    """`measure` in a process of its own, with an empty cache except for the later load."""
    with tempfile.TemporaryDirectory() as cache:
        for step in ("first", "later") if way == "later" else (way,):
            child = subprocess.run(
                [sys.executable, __file__, "--measure", step, path],
                env=os.environ | {"FER_CACHE": cache},
                stdout=subprocess.PIPE,
                check=True,
            )
    return json.loads(child.stdout)


def main(path: str) -> None:
    results = {}
    for way in list(WAYS) * ROUNDS:
        result = measured_apart(way, path)
        results[way] = min(results.get(way, result), result, key=lambda r: r["cpu_seconds"])
    if len({result.pop("sha256") for result in results.values()}) != 1:
        sys.exit("error: the ways do not give the same pixels")
    speedup = results["usual"]["cpu_seconds"] / results["first"]["cpu_seconds"]
    for way, text in WAYS.items():
        result = "{seconds:7.2f} s {cpu_seconds:7.2f} s CPU {peak_mb:5} MB".format(**results[way])
        print(result, text)
    print(f"the first load takes {speedup:.1f} times less CPU time than the usual way")
    versions = {"python": platform.python_version(), "numpy": np.__version__}
    machine = {"cpu": cpu_model(), "cpus": os.cpu_count(), **versions}
    write_json(
        RESULT,
        {"file": Path(path).name, **machine, "speedup": round(speedup, 1), "ways": results},
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(*sys.argv[2:])))
    else:
        main(sys.argv[1] if len(sys.argv) > 1 else os.environ["FER_DATA"])
