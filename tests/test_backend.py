"""TensorFlow, imported in one place: what is said of GPUs (none is needed), and what is not."""

import logging
import os

import pytest

from fer_utils import backend
from fer_utils.notebook import session
from fer_utils.report import document


@pytest.fixture
def card(monkeypatch):
    """A machine with NVIDIA's driver, on which TensorFlow finds no GPU."""
    monkeypatch.setattr(backend, "GPUS", [])
    monkeypatch.setattr(backend.Path, "exists", lambda _: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_a_card_that_cannot_be_used_is_one_line(card):
    assert "make report GPU=1" in backend.unusable_gpu()
    assert "\n" not in backend.unusable_gpu()


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_a_card_that_is_hidden_on_purpose_is_no_fault(card, hidden, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert backend.unusable_gpu() == ""


def test_a_machine_without_a_card_says_nothing(card, monkeypatch):
    monkeypatch.setattr(backend.Path, "exists", lambda _: False)
    assert backend.unusable_gpu() == ""


def test_devices_are_named(monkeypatch):
    monkeypatch.setattr(backend, "GPUS", [])
    assert backend.devices() == "no GPU"
    assert session.machine().endswith(" cores, no GPU")
    monkeypatch.setattr(backend, "GPUS", ["one", "two"])
    names = {"one": {"device_name": "NVIDIA A100"}, "two": {}}
    monkeypatch.setattr(backend.tf.config.experimental, "get_device_details", names.get)
    assert backend.devices() == "NVIDIA A100, GPU"
    assert session.machine().endswith(" cores, NVIDIA A100, GPU")


@pytest.mark.parametrize("given", [None, "/my/lib"])
def test_homebrew_is_looked_into_last(given, monkeypatch):
    monkeypatch.setenv("DYLD_FALLBACK_LIBRARY_PATH", given or "")
    document.look_into_homebrew()
    first, *_, last = os.environ["DYLD_FALLBACK_LIBRARY_PATH"].split(":")
    assert first == (given or str(document.Path.home() / "lib"))
    assert last == "/opt/homebrew/lib"


#: TensorFlow gives its advice twice for each function: each level has a function of its own.
TRACED = {"ERROR": lambda x: x + 1, "WARNING": lambda x: x + 2}


@pytest.mark.parametrize("level", TRACED)
def test_advice_against_retracing_stays_out_of_the_report(caplog, level):
    """Each run has a network of its own, traced by itself; TensorFlow's own level gives some."""
    logger, function = backend.tf.get_logger(), backend.tf.function(TRACED[level])
    before = logger.level
    assert before == logging.ERROR
    logger.addHandler(caplog.handler)
    try:
        logger.setLevel(level)
        for number in range(7):
            function(number)
    finally:
        logger.removeHandler(caplog.handler)
        logger.setLevel(before)
    assert ("retracing" in caplog.text) == (level == "WARNING")
