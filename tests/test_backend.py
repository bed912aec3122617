"""TensorFlow, imported in one place."""

import logging

import pytest

from fer_utils.backend import tf

#: TensorFlow gives its advice twice for each function: each level has a function of its own.
TRACED = {"ERROR": lambda x: x + 1, "WARNING": lambda x: x + 2}


@pytest.mark.parametrize("level", TRACED)
def test_advice_against_retracing_stays_out_of_the_report(caplog, level):
    """Each run has a network of its own, traced anew; with TensorFlow's own level there is some."""
    logger, function = tf.get_logger(), tf.function(TRACED[level])
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
