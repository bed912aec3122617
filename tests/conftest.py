"""Which tests start first (with two workers, the longest must not be what the end waits for), and
the fixtures of a full disk and of figures."""

import os
import resource
from contextlib import contextmanager

import pytest

# `make` in a test is a make of its own, also when `make test` runs the tests
for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(name, None)

LONGEST_FIRST = (
    "test_make.py",
    "test_training_loop.py",
    "test_training_devices.py",
    "test_build.py",
)


def pytest_collection_modifyitems(items):
    """These modules, then the others; pytest-xdist keeps that with `--no-loadscope-reorder`."""
    rank = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.fixture
def full_disk():
    """`with full_disk():` is a block in which no file of this process can grow."""

    @contextmanager
    def block():
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return block


@pytest.fixture
def drawn_in_the_style_and_shown_once():
    """Figures of the test are in the project's style, and pyplot keeps none of them."""
    import matplotlib.pyplot as plt

    from fer_utils.plots import style

    with style.context():
        yield
    assert not plt.get_fignums(), "pyplot would show it again at the end of a cell"
