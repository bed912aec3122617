"""Several notebooks at a time, each executed by a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

AT_A_TIME = 2  # each takes a core and up to 2 GB of memory


def execute_all(
    notebooks: Sequence[Path],
    parameters: Mapping[str, str],
    done: Callable[[Path, float], None],
) -> list[Path]:
    """Execute notebooks in their order, AT_A_TIME at once; once one fails, no other is started.

    Calls `done` with path and seconds after each that succeeds. Returns those that failed.
    """
    running: list[subprocess.Popen] = []
    failed: list[Path] = []

    def one(path: Path) -> None:
        if failed:
            return
        started = time.monotonic()
        running.append(process := subprocess.Popen(_command(path, parameters), process_group=0))
        if process.wait():
            failed.append(path)
        else:
            done(path, time.monotonic() - started)

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        try:
            list(pool.map(one, notebooks))
        except BaseException:
            failed.extend(notebooks)
            for process in running:
                process.send_signal(signal.SIGINT)
            raise
    return failed


def _command(path: Path, parameters: Mapping[str, str]) -> list[str]:
    command = [sys.executable, "-m", "fer_utils.report.execute", str(path)]
    for name, value in parameters.items():
        command += ["-p", name, value]
    return [*command, "--parent", str(os.getpid())]
