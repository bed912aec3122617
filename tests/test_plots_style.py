"""What figures share: error bars along either axis, and images with only some pixels kept."""

import numpy as np
import pytest

from fer_utils.plots import style
from fer_utils.statistics.intervals import Interval


@pytest.mark.parametrize("upright", [False, True])
def test_dots_stand_at_their_estimates_with_bars_to_both_ends(upright):
    _, ax = style.subplots()
    style.interval_dots(ax, [Interval(0.5, 0.25, 1.0)], [3], upright=upright)
    (dots, _, (bars,)) = ax.containers[0]
    along, across = (1, 0) if upright else (0, 1)
    assert dots.get_xydata()[0][[along, across]].tolist() == [0.5, 3]
    (bar,) = bars.get_segments()
    assert bar[:, along].tolist() == [0.25, 1.0]
    assert bar[:, across].tolist() == [3, 3]


def test_pixels_that_are_not_kept_are_grey():
    image, mask = np.array([[0, 255], [10, 20]], np.uint8), np.array([[True, True], [False, True]])
    _, ax = style.subplots()
    style.kept_pixels(ax, image, mask)
    np.testing.assert_array_equal(ax.images[0].get_array(), [[0, 255], [style.REMOVED, 20]])
