import numpy as np
import pytest

from fer_utils.backend import keras
from fer_utils.interpret import faithfulness
from fer_utils.interpret.saliency import explain

SIZE = 12
LAYERS = keras.layers


def linear(weights):
    """Logits [0, sum(weights * image)] of images like `weights`."""
    model = keras.Sequential([keras.Input((*weights.shape, 1)), LAYERS.Flatten(), LAYERS.Dense(2)])
    kernel = np.stack([np.zeros(weights.size), weights.ravel()], axis=1)
    model.layers[-1].set_weights([kernel, np.zeros(2)])
    return model


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            LAYERS.Conv2D(4, 3, padding="same", use_bias=False, name="conv1"),
            LAYERS.BatchNormalization(name="bn1"),
            LAYERS.ReLU(),
            LAYERS.Flatten(),
            LAYERS.Dense(6, activation="relu", name="dense1"),
            LAYERS.Dense(3, name="logits"),
        ]
    )


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(6, SIZE, SIZE)).astype(np.float32)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_deletion_of_a_linear_model_by_hand():
    """Pixels 3, 1, -1, -3 (mean 0), weights 1: the largest are replaced by 0, one after another."""
    image = np.array([[[3.0, 1.0], [-1.0, -3.0]]])
    order = np.array([[[4.0, -3.0], [2.0, 1.0]]])
    quarters = np.linspace(0, 1, 5)
    total = linear(np.ones((2, 2)))
    curves = faithfulness.perturbation_curves(total, image, [1], order, fractions=quarters)
    np.testing.assert_allclose(curves, [sigmoid(np.array([0, -3, -4, -3, 0]))], rtol=1e-5)
    expected = np.mean(sigmoid(np.array([0, -3, -4, -3]))) + 0
    np.testing.assert_allclose(faithfulness.area(curves, quarters), [expected], rtol=1e-5)
    two = faithfulness.perturbation_curves(total, image, [1], order, fractions=(0, 0.5, 1))
    np.testing.assert_allclose(two, [sigmoid(np.array([0, -4, 0]))], rtol=1e-5)


def test_insertion_starts_from_the_blur_and_ends_at_the_image(images):
    weights = np.zeros((SIZE, SIZE))
    weights[5, 5] = 1
    order = np.zeros_like(images)
    order[:, 5, 5] = -1
    fractions = np.linspace(0, 1, SIZE * SIZE + 1)
    curves = faithfulness.perturbation_curves(
        linear(weights), images[..., None], [1] * 6, order, mode="insertion", fractions=fractions
    )
    restored = np.repeat(sigmoid(images[:, 5, 5])[:, None], SIZE * SIZE, axis=1)
    np.testing.assert_allclose(curves[:, 1:], restored, rtol=1e-5)
    blurred = faithfulness.gaussian_filter(images, (0, 5, 5))[:, 5, 5]
    np.testing.assert_allclose(curves[:, 0], sigmoid(blurred), rtol=1e-5)


def test_a_true_map_beats_the_baselines_in_deletion():
    rng = np.random.default_rng(3)
    weights = np.zeros((SIZE, SIZE))
    weights[3:6, 3:6] = 1
    images = rng.normal(size=(20, SIZE, SIZE)).astype(np.float32)
    images[:, 3:6, 3:6] = 1
    maps = {
        "true": np.broadcast_to(weights, images.shape),
        **faithfulness.network_free_maps(images[..., None], seed=1),
    }
    areas = {
        name: faithfulness.area(
            faithfulness.perturbation_curves(linear(weights), images, [1] * 20, order)
        ).mean()
        for name, order in maps.items()
    }
    assert min(areas, key=areas.get) == "true"


def test_baselines():
    images = np.array([[[1.0, 2.0], [3.0, 6.0]]])
    baselines = faithfulness.network_free_maps(images)
    np.testing.assert_allclose(baselines["brightness"], [[[0, 1], [2, 5]]])
    np.testing.assert_allclose(baselines["contrast"], [[[2, 1], [0, 3]]])
    assert baselines["random"].shape == (1, 2, 2)


def test_unknown_mode(images):
    with pytest.raises(ValueError, match="unknown mode"):
        faithfulness.perturbation_curves(None, images, [0] * 6, images, mode="erase")


def test_randomisation_cascades_from_the_top_and_leaves_the_model(model, images):
    before = model.get_weights()
    table = faithfulness.cascading_randomisation({"gradient": {}}, model, images, [0] * 6, seed=1)
    assert table["layer"].unique().tolist() == ["logits", "dense1", "conv1"]
    assert table["depth"].unique().tolist() == [1, 2, 3]
    assert table["image"].tolist() == [*range(6)] * 3
    assert table["spearman"].between(-1, 1).all()
    assert table.groupby("layer")["spearman"].mean()["conv1"] < 0.5
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    again = faithfulness.cascading_randomisation(
        {"gradient": {}}, model, images, [0] * 6, seed=1, stages=2
    )
    assert again["depth"].unique().tolist() == [1, 3], "the first step and the last"
    same = table[table["depth"] != 2]["spearman"]
    np.testing.assert_allclose(again["spearman"], same, atol=1e-3)


def test_randomisation_deals_the_images_out_among_the_draws(model, images):
    table = faithfulness.cascading_randomisation(
        {"gradient": {}}, model, images, [0] * 6, draws=2, stages=1
    )
    assert table["image"].tolist() == [0, 2, 4, 1, 3, 5]
    assert table["draw"].tolist() == [0, 0, 0, 1, 1, 1]


def test_randomisation_does_not_move_a_map_of_the_image_alone(model, images, monkeypatch):
    monkeypatch.setattr(faithfulness, "explain", lambda method, model, images, targets: images)
    table = faithfulness.cascading_randomisation({"edges": {}}, model, images, [0] * 6)
    np.testing.assert_allclose(table[["spearman", "ssim"]], 1, rtol=1e-6)


def test_a_normalisation_gets_new_weights_together_with_its_convolution(model, images, monkeypatch):
    trained = keras.models.clone_model(model)
    trained.set_weights([weight + 1 for weight in model.get_weights()])
    seen = []

    def record(method, copy, images, targets):
        layers = {name: copy.get_layer(name).get_weights()[0] for name in ("conv1", "bn1")}
        old = {name: trained.get_layer(name).get_weights()[0] for name in layers}
        seen.append([bool((layers[name] == old[name]).all()) for name in layers])
        return images

    monkeypatch.setattr(faithfulness, "explain", record)
    faithfulness.cascading_randomisation({"edges": {}}, trained, images, [0] * 6)
    assert seen == [[True, True]] * 3 + [[False, False]], "before, and after each of three steps"


def test_rank_correlation_by_hand():
    a = np.array([[[1.0, 2.0], [3.0, 4.0]]])
    b = np.array([[[1.0, -2.0], [4.0, 3.0]]])
    np.testing.assert_allclose(faithfulness.rank_correlation(a, b), [0.8])
    assert faithfulness.rank_correlation(a, np.ones_like(b)) == [0]


def test_pointing_game_by_hand():
    maps, regions = np.zeros((4, 6, 6)), np.zeros((4, 6, 6), bool)
    regions[:3, 1, 1] = True
    maps[0, 1, 1], maps[0, 5, 5] = -2, 1  # in the region
    maps[1, 2, 2] = 1  # one pixel off
    maps[3, 0, 0] = 1  # no region; map 2 is constant, as good as chance
    hits, chance = faithfulness.pointing_game(maps, regions)
    np.testing.assert_array_equal(hits, [1, 1, 9 / 36, np.nan])
    np.testing.assert_allclose(chance, [9 / 36] * 3 + [np.nan])
    hits, chance = faithfulness.pointing_game(maps, regions, tolerance=0)
    np.testing.assert_array_equal(hits, [1, 0, 1 / 36, np.nan])
    np.testing.assert_allclose(chance, [1 / 36] * 3 + [np.nan])


def test_pointing_game_averages_over_ties():
    """A map that is constant inside a square of 4 x 4, with the evidence in its other corner."""
    maps, regions = np.zeros((2, 8, 8)), np.zeros((2, 8, 8), bool)
    maps[:, 2:6, 2:6] = 0.1 + 0.2
    maps[1, 3, 3] = 0.3  # the same but for rounding
    regions[:, 5, 5] = True
    hits, _ = faithfulness.pointing_game(maps, regions)
    np.testing.assert_allclose(hits, 4 / 16)


def test_occlusion_of_one_square_is_a_tie(images):
    """Without overlap each square is one value: the hit is the part of it that shows evidence."""
    weights = np.zeros((SIZE, SIZE))
    weights[5, 5] = 1
    options = {"patch": 6, "stride": 6, "fill": 9}
    maps = explain("occlusion", linear(weights), images, [1] * 6, **options)
    hits, _ = faithfulness.pointing_game(maps, weights > 0, tolerance=0)
    np.testing.assert_allclose(hits, 1 / 36)


def test_relevance_mass_by_hand():
    maps = np.array([[[1.0, -3.0], [0.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]]])
    regions = np.array([[[True, True], [False, False]]] * 2 + [[[False] * 2] * 2])
    mass, uniform = faithfulness.relevance_mass(maps, regions)
    np.testing.assert_allclose(mass, [0.5, 0.5, np.nan])
    np.testing.assert_allclose(uniform, [0.5, 0.5, np.nan])
    one_region_for_all, _ = faithfulness.relevance_mass(maps, regions[0])
    np.testing.assert_allclose(one_region_for_all, [0.5, 0.5, 0.5])
