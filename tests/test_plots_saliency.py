"""Figures of chapter 6: what they show, and that nothing is drawn where nothing may be said."""

import numpy as np
import pandas as pd

from fer_utils.plots import saliency as plots

RNG = np.random.default_rng(0)
FACES = RNG.integers(0, 256, (2, 48, 48)).astype(np.uint8)
MAPS = RNG.random((2, 48, 48))


def test_a_map_that_is_not_used_leaves_its_place_empty():
    used = pd.DataFrame({"gradient": [True, False]}, ["happy", "disgust"])
    figure = plots.explained(
        dict(zip(used.index, FACES, strict=True)),
        {"gradient": MAPS},
        {"gradient": MAPS > 0.9},
        used,
    )
    shown = [len(ax.images) for ax in figure.axes[:6]]
    assert shown == [1, 1, 1, 1, 0, 0]
    assert [text.get_text() for text in figure.axes[4].texts] == ["not used"]


def test_marks_stand_beside_the_densities_that_have_one():
    density = pd.DataFrame({"nose": [2.0, 0.5], "mouth": [1.0, 1.5]}, ["happy", "sad"])
    marked = density > 1.2
    zones = {"nose": MAPS[0] > 0.5, "mouth": MAPS[1] > 0.5}
    figure = plots.zone_densities({"gradient": density}, {"gradient": marked}, MAPS[0], zones)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["2.0 ▲", "1.0", "0.5", "1.5 ▲"]
    assert figure.axes[0].get_title() == "gradient"


def test_columns_are_images_and_rows_are_maps():
    figure = plots.panels({"face": FACES, "gradient": MAPS}, ["1 happy", "2 sad"])
    images = [ax.images[0].get_array() for ax in figure.axes[:4]]
    np.testing.assert_array_equal(images[1], FACES[1])
    np.testing.assert_array_equal(images[2], MAPS[0])
    assert [ax.get_title() for ax in figure.axes[:2]] == ["1 happy", "2 sad"]
