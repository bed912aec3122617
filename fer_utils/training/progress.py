"""How long work takes: a bar where somebody watches, lines of text where output is stored.

And an estimate before it begins.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

import numpy as np
from tqdm.auto import tqdm

from fer_utils.training.config import Config, Phase


def watched() -> bool:
    """Whether a bar can be drawn: a terminal, or JupyterLab, but not a notebook being executed."""
    if os.environ.get("FER_HEADLESS") == "1":
        return False
    return "ipykernel" in sys.modules or sys.stderr.isatty()


_is_silent = ContextVar("is_silent", default=False)


@contextmanager
def silent() -> Iterator[None]:
    """Let no `Progress` that is made in the block show anything."""
    token = _is_silent.set(True)
    try:
        yield
    finally:
        _is_silent.reset(token)


class Progress:
    """Shows how far `total` steps have come, images/s and the time left.

    `update` moves the bar; `note` gives the latest figures, which are a line of their own where no
    bar can be drawn.

    Parameters
    ----------
    name
        Of the run.
    total, done
        Steps in all, and those of an earlier process.
    images_per_step
        The size of a batch.
    """

    def __init__(self, name: str, *, total: int, done: int, images_per_step: int):
        self.name, self.total, self.done = name, total, done
        self.images_per_step = images_per_step
        self._first, self._since = done, time.monotonic()
        self._is_silent = _is_silent.get()
        self._bar = (
            tqdm(total=total, initial=done, desc=name, unit="step", leave=False)
            if watched() and not self._is_silent
            else None
        )

    @property
    def images_per_second(self) -> float:
        """Images trained on per second since this object was made."""
        seconds = max(time.monotonic() - self._since, 1e-9)
        return (self.done - self._first) * self.images_per_step / seconds

    def update(self) -> None:
        """One more step is done."""
        self.done += 1
        if self._bar is not None:
            self._bar.update()

    def note(self, text: str) -> None:
        """Show the latest figures."""
        if self._is_silent:
            return
        speed = f"{self.images_per_second:,.0f} images/s"
        if self._bar is not None:
            self._bar.set_postfix_str(f"{text}, {speed}")
            return
        per_step = self.images_per_step / max(self.images_per_second, 1e-9)
        minutes, seconds = divmod(round((self.total - self.done) * per_step), 60)
        left = f"at most {minutes}:{seconds:02d} left"
        print(f"{self.name}  step {self.done}/{self.total}  {text}, {speed}, {left}", flush=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


def hours(config: Config) -> float:
    """How long training takes at most on this machine, if nothing else runs on it."""
    full_size_steps = sum(phase.steps * (phase.size / 48) ** 2 for phase in config.phases)
    per_image = _seconds_per_image(config.network, config.widths, config.dense)
    return per_image * full_size_steps * config.batch_size / 3600


@lru_cache
def _seconds_per_image(network: str, widths: tuple[int, ...], dense: tuple[int, ...]) -> float:
    """A forward pass is timed, the fastest of three; the backward pass costs twice as much."""
    from fer_utils.inference import predictor
    from fer_utils.training.network import build

    config = Config(
        name="speed",
        dataset="",
        phases=(Phase("sgd", 1.0, 1),),
        widths=widths,
        dense=dense,
        evaluate_every=1,
        network=network,
    )
    images = np.zeros((16, 48, 48, 1), np.float32)
    predict = predictor(build(config), batch_size=len(images))
    predict(images)
    times = []
    for _ in range(3):
        started = time.perf_counter()
        predict(images)
        times.append(time.perf_counter() - started)
    return 3 * min(times) / len(images)
