import numpy as np

from fer_utils.interpret.maps import mean_map, most_influential, normalise_map, visible


def test_most_influential_takes_exactly_the_largest_magnitudes():
    one = np.array([[1.0, -5.0], [0.5, 3.0]])
    np.testing.assert_array_equal(most_influential(one, 0.5), [[False, True], [False, True]])
    flat = most_influential(np.zeros((2, 4, 5)), 0.25)
    assert flat.sum(axis=(1, 2)).tolist() == [5, 5]


def test_maps_are_normalised_before_the_mean():
    maps = np.array([[[1.0, -2.0]], [[100.0, 0.0]], [[0.0, 0.0]]])
    np.testing.assert_allclose(normalise_map(maps), [[[0.5, 1]], [[1, 0]], [[0, 0]]])
    np.testing.assert_allclose(mean_map(maps), [[2 / 3, 1 / 3]])


def test_of_a_map_that_is_shown_the_top_percent_is_white():
    ramp = -np.arange(101.0).reshape(1, 1, 101)
    np.testing.assert_allclose(visible(ramp)[0, 0], np.minimum(np.arange(101) / 99, 1))
    assert not visible(np.zeros((1, 2, 2))).any()
