"""The judgements of chapter 6, on a network whose evidence is known and on a random one."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fer_utils.backend import keras
from fer_utils.data.dataset import DataError
from fer_utils.fer2013 import CLASSES, SIZE
from fer_utils.homework import ZONES as CLAIMED
from fer_utils.interpret import faithfulness, saliency
from fer_utils.questions import face_zones
from fer_utils.questions.saliency_maps import checks, claims, measured_maps
from fer_utils.questions.saliency_maps.shown import densities
from fer_utils.statistics.verdicts import Outcome, Support, Verdict

LAYERS = keras.layers
N = 40
ALL_ZONES = face_zones.ZONES


def watcher(seed=0):
    """Seven logits; a convolution, and sums over what it makes of the image."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            LAYERS.Conv2D(3, 3, padding="same", activation="relu", name="conv1"),
            LAYERS.Flatten(),
            LAYERS.Dense(7, name="logits"),
        ]
    )


@pytest.fixture(scope="module")
def trained():
    """Logit 1 is the brightness of the mouth zone."""
    model = watcher()
    kernel = np.zeros((3, 3, 1, 3), np.float32)
    kernel[1, 1, 0, 0] = 1
    readout = np.zeros((SIZE, SIZE, 3, 7), np.float32)
    readout[ALL_ZONES["mouth"], 0, 1] = 0.05
    model.set_weights([kernel, np.zeros(3), readout.reshape(-1, 7), np.array([3.0, 0] + [0] * 5)])
    return model


@pytest.fixture(scope="module")
def images():
    """Noise, bright in the mouth zone."""
    images = np.random.default_rng(0).normal(size=(N, SIZE, SIZE, 1)).astype(np.float32)
    images[:, ALL_ZONES["mouth"]] += 1
    return images


def judged(model, images, of_model):
    """Verdicts over `model` of the gradient maps of `of_model`, by measure."""
    targets = np.ones(N, int)
    maps = {"gradient": saliency.explain("gradient", of_model, images, targets)}
    maps |= faithfulness.network_free_maps(images)
    found = {
        mode: measured_maps._areas(model, images, targets, maps, mode, 5)
        for mode in ("deletion", "insertion")
    }
    evidence = np.broadcast_to(ALL_ZONES["mouth"], (N, SIZE, SIZE))
    found |= measured_maps._beside_evidence(maps, evidence) | {"names": np.array(list(maps))}
    return {m: checks.judge(m, checks.values(found, m)) for m in checks.measures(found)}


def test_true_maps_beat_the_baselines_and_those_of_a_random_network_do_not(trained, images):
    true, random = judged(trained, images, trained), judged(trained, images, watcher(1))
    assert list(true) == ["deletion", "insertion", "pointing", "evidence"]
    assert {table.loc["gradient", "verdict"] for table in true.values()} == {Verdict.HIGHER}
    assert Verdict.HIGHER not in {table.loc["gradient", "verdict"] for table in random.values()}


def test_areas_are_those_of_the_whole_curves(trained, images):
    maps = faithfulness.network_free_maps(images)
    found = measured_maps._areas(trained, images, np.ones(N, int), maps, "insertion", 4)
    fractions = np.linspace(0, 1, 4)
    curves = faithfulness.perturbation_curves(
        trained, images, np.ones(N, int), maps["contrast"], mode="insertion", fractions=fractions
    )
    np.testing.assert_allclose(found[2], faithfulness.area(curves, fractions), rtol=1e-5)


def test_the_strongest_baseline_is_the_one_to_beat():
    columns = {"gradient": [0.2, 0.31], "random order": [0.5, 0.5], "contrast": [0.3, 0.4]}
    values = pd.DataFrame(columns)
    table = checks.judge("deletion", values).loc["gradient"]
    assert table["baseline"] == "contrast"
    assert table["advantage"].estimate == pytest.approx(0.095)
    assert checks.judge("insertion", values).loc["gradient", "baseline"] == "random order"
    assert checks.judge("insertion", values).loc["gradient", "advantage"].estimate < 0


def test_randomisation_verdicts_tell_image_from_network():
    kept = {"gradient": 0.1, "smoothgrad": 0.5, "integrated_gradients": 0.9}
    steps = np.array([[[1.0] * 6, [value] * 6] for value in kept.values()])
    steps[:, 1] += [-0.02, 0.02, 0, 0, 0.01, -0.01]
    measured = {"names": [*kept, "contrast"], "spearman": steps, "draw": np.arange(6) % 3}
    table = checks.judge_randomisation(measured)
    assert table["verdict"].tolist() == [Verdict.LOWER, Verdict.NOT_SIGNIFICANT, Verdict.HIGHER]
    assert table.loc["gradient", "value"].estimate == pytest.approx(0.1)


def test_who_may_speak():
    """One good measure is enough, one bad one too much, and the weights must matter."""
    beats, worse, unclear = Verdict
    names = ["good", "half", "mixed", "none", "image"]
    deletion = pd.DataFrame({"verdict": [beats, beats, beats, unclear, beats]}, names)
    insertion = pd.DataFrame({"verdict": [beats, unclear, worse, unclear, beats]}, names)
    random = pd.DataFrame({"verdict": [Verdict.LOWER] * 4 + [Verdict.HIGHER]}, names)
    judgements = {"deletion": deletion, "insertion": insertion}
    assert checks.passing_sanity_checks(judgements, random) == ["good", "half"]
    pointing = pd.DataFrame({"verdict": [unclear, worse, beats, beats, beats]}, names)
    assert checks.passing_sanity_checks(judgements | {"pointing": pointing}, random) == ["good"]
    judgements |= {"pointing": pointing}
    assert checks.passing_sanity_checks(judgements, random, allow_worse=True) == [
        "good",
        "half",
        "mixed",
    ]


def test_halves_that_agree_and_that_do_not():
    labels = np.repeat([0, 1], 10)
    gain = np.tile([1.0, -1.0], 10) + np.linspace(0, 0.1, 20)
    measured = {
        "label": labels,
        "names": ["gradient", "occlusion", "random"],
        "insertion": np.stack([gain, 1 + 0.1 * gain, np.zeros(20)]),
    }
    stable = checks.same_in_both_halves(measured, "insertion")
    assert stable == {"gradient": False, "occlusion": True}
    one_of_each = measured | {"label": np.arange(len(measured["label"]))}
    assert checks.same_in_both_halves(one_of_each, "insertion") == {}


def test_a_method_is_not_used_in_a_class_in_which_it_is_worse_than_a_baseline():
    labels = np.array([0] * 10 + [1] * 10 + [3])
    gain = np.concatenate([np.linspace(0.9, 1, 10), np.linspace(-1, -0.9, 10), [0]])
    values = pd.DataFrame({"gradient": gain, "occlusion": 1 + gain, "random order": np.zeros(21)})
    within = checks.judge_within_classes({"insertion": values}, labels)
    usable = checks.usable_within_classes(within, ["gradient", "occlusion"])
    assert list(usable.index) == list(CLASSES)
    assert usable.loc["angry"].all()
    assert usable.loc["disgust"].tolist() == [False, True]
    assert not usable.loc["happy"].any(), "one image says nothing"


def test_outcomes_of_the_checks():
    judgements = {"deletion": pd.DataFrame({"verdict": list(Verdict)}, ["a", "b", "c"])}
    random = pd.DataFrame({"verdict": list(Verdict)}, ["a", "b", "c"])
    table = checks.outcomes(judgements, random)
    assert table["deletion"].tolist() == [Outcome.PASSED, Outcome.FAILED, Outcome.UNDECIDED]
    assert table["random_weights"].tolist() == [Outcome.FAILED, Outcome.PASSED, Outcome.UNDECIDED]


def masses(bright, *, seed=0):
    """Zone masses of 20 happy and 20 sad images, brighter in a zone by class."""
    rng = np.random.default_rng(seed)
    maps = 0.3 + 0.1 * rng.random((N, SIZE, SIZE))
    for rows, zone in zip((slice(20), slice(20, None)), bright, strict=True):
        maps[rows, ALL_ZONES[zone]] += rng.uniform(0.8, 1.2, (20, 1))
    return face_zones.zone_mass(maps)


HAPPY_AND_SAD = np.repeat([CLASSES.index("happy"), CLASSES.index("sad")], 20)
FLAT = face_zones.zone_mass(np.random.default_rng(9).random((N, SIZE, SIZE)))


def compared(methods):
    """The table of `claims.compare_zones` for methods by name; the baselines prefer no zone."""
    mass = {name: masses(bright, seed=i) for i, (name, bright) in enumerate(methods.items())}
    return claims.compare_zones(mass, dict.fromkeys(mass, FLAT), FLAT, HAPPY_AND_SAD)


def zones_measured(methods):
    """The same as arrays of `measured_maps.measure_saliency`."""
    mass = [masses(bright, seed=i) for i, bright in enumerate(methods.values())]
    return {
        "label": HAPPY_AND_SAD,
        "names": np.array([*methods, "contrast"]),
        "zones": np.stack([*mass, FLAT]),
        "untrained": np.stack([FLAT] * len(mass)),
    }


@pytest.mark.parametrize(
    ("happy", "sad", "expected", "against"),
    [
        ("mouth corners", "forehead", Support.SUPPORTED, None),
        ("mouth corners", "mouth corners", Support.INCONCLUSIVE, "other_classes"),
        ("forehead", "mouth corners", Support.CONTRADICTED, "other_classes"),
        ("forehead", "forehead", Support.CONTRADICTED, None),
    ],
)
def test_a_claim_follows_the_maps(happy, sad, expected, against):
    found = claims.judge_claims(compared({"gradient": (happy, sad)}).assign(halves=2))
    assert list(found.index) == [("happy", "mouth corners", "gradient")], "no disgust: no row"
    assert found["verdict"].tolist() == [expected]
    assert against in (None, found["weakest_against"].item())
    assert found["images"].tolist() == [20]
    assert found["detectable"].notna().tolist() == [expected is Support.INCONCLUSIVE]


def test_a_claim_that_one_half_of_the_images_bears_out_is_inconclusive():
    table = compared({"gradient": ("mouth corners", "forehead")}).assign(halves=1)
    assert claims.judge_claims(table)["verdict"].tolist() == [Support.INCONCLUSIVE]


def test_methods_that_disagree_on_a_claim_are_reported_so():
    methods = {"gradient": ("mouth corners", "nose"), "occlusion": ("nose", "mouth corners")}
    table = compared(methods)
    usable = pd.DataFrame(True, CLASSES, list(methods))
    found = claims.claims_by_method(claims.judge_claims(table.assign(halves=2)), usable)
    assert found.loc[("happy", "mouth corners")].tolist() == [
        Support.SUPPORTED,
        Support.CONTRADICTED,
        Support.MIXED,
    ]


def test_a_method_that_fails_in_a_class_judges_no_claim_on_it():
    table = compared({"gradient": ("mouth corners", "nose"), "occlusion": ("nose", "nose")})
    usable = pd.DataFrame({"gradient": False, "occlusion": True}, CLASSES)
    found = claims.claims_by_method(claims.judge_claims(table.assign(halves=2)), usable)
    verdicts = found.loc[("happy", "mouth corners")]
    assert verdicts["gradient"] is None
    assert verdicts["occlusion"] is verdicts["result"]


def test_zones_are_named_by_all_usable_methods_in_both_halves():
    measured = zones_measured({"gradient": ("nose", "nose"), "occlusion": ("nose", "mouth")})
    table = claims.zones_in_halves(measured)
    usable = pd.DataFrame(True, CLASSES, ["gradient", "occlusion"])
    usable.loc["sad", "gradient"] = False
    common = claims.zones_in_common(table, usable)
    assert common["zones"].to_dict() == {"happy": "nose", "sad": "mouth"}
    assert common["methods"].to_dict() == {"happy": "gradient, occlusion", "sad": "occlusion"}
    highest = claims.highest_zones(table, usable)
    assert list(highest.index) == [
        ("gradient", "happy"),
        ("occlusion", "happy"),
        ("occlusion", "sad"),
    ]
    assert (highest.loc[("occlusion", "sad")] == "mouth").all()
    usable.loc["sad"] = False
    assert claims.zones_in_common(table, usable).loc["sad"].tolist() == ["", ""]


def test_a_zone_that_one_half_shows_is_not_named():
    measured = zones_measured({"gradient": ("nose", "nose")})
    second = checks.halves(measured["label"]) == 1
    measured["zones"][0, second] = FLAT[second]
    table = claims.zones_in_halves(measured).loc[("gradient", "happy", "nose")]
    assert table["attributed"] is Verdict.HIGHER
    assert table["halves"] == 1
    assert not table["named"]


def test_what_the_architecture_prefers_by_itself_is_not_attributed():
    mass = {"gradient": masses(("nose", "nose"))}
    flat = np.tile(face_zones.AREAS, (N, 1)) + np.random.default_rng(0).normal(0, 1e-4, (N, 8))
    labels = np.repeat([3, 4], 20)
    table = claims.compare_zones(mass, {"gradient": masses(("nose", "nose"), seed=5)}, flat, labels)
    nose = table[table["zone"] == "nose"]
    assert set(nose["attributed"]) == {Verdict.NOT_SIGNIFICANT}
    assert set(nose["baseline"]) == {"untrained"}


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([Support.SUPPORTED, Support.SUPPORTED], Support.SUPPORTED),
        ([Support.SUPPORTED, Support.INCONCLUSIVE], Support.PARTLY_SUPPORTED),
        ([Support.SUPPORTED, Support.CONTRADICTED, Support.INCONCLUSIVE], Support.MIXED),
        ([Support.CONTRADICTED, Support.CONTRADICTED], Support.CONTRADICTED),
        ([Support.CONTRADICTED, Support.INCONCLUSIVE], Support.INCONCLUSIVE),
        ([], Support.INCONCLUSIVE),
    ],
)
def test_claims_in_common(verdicts, expected):
    assert claims.in_common(verdicts) is expected


def test_zones_are_a_partition_and_have_all_that_the_homework_names():
    assert (np.sum(list(ALL_ZONES.values()), axis=0) == 1).all()
    assert {zone for _, zone in CLAIMED} <= set(ALL_ZONES)
    maps = np.stack([np.ones((SIZE, SIZE)), ALL_ZONES["nose"].astype(float)])
    mass = face_zones.zone_mass(maps)
    np.testing.assert_allclose(mass[0], face_zones.AREAS)
    assert mass[1].tolist() == [float(name == "nose") for name in ALL_ZONES]


def test_what_is_measured(trained, images, monkeypatch):
    chosen = pd.DataFrame({"row": range(8), "label": [1] * 5 + [3] * 3, "probability": 0.9})
    monkeypatch.setattr(measured_maps.examples, "candidates", lambda run, dataset: None)
    monkeypatch.setattr(measured_maps.examples, "most_confident", lambda table, count: chosen)
    monkeypatch.setattr(measured_maps, "build", lambda config: watcher(2))
    run = SimpleNamespace(model=lambda: trained, config=SimpleNamespace(per_image_norm=True))
    dataset = SimpleNamespace(name="fer2013", images=images[..., 0] * 50 + 100)
    budget = measured_maps.SaliencyBudget(5, 2, 2, 16, 3, randomised=2, draws=2, stages=2)
    found = measured_maps.measure_saliency(run, dataset, budget)
    shapes = {name: array.shape for name, array in found.items()}
    methods, maps = len(saliency.METHODS), len(saliency.METHODS) + len(faithfulness.NETWORK_FREE)
    assert shapes["zones"] == (maps, 8, 8)
    assert shapes["untrained"] == (methods, 8, 8)
    assert shapes["deletion"] == shapes["insertion"] == (maps, 8)
    assert shapes["spearman"] == shapes["ssim"] == (methods, 2, 4)
    assert found["layers"].tolist() == ["logits", "conv1"]
    assert np.isnan(found["averages"]).all(axis=(0, 2, 3)).tolist() == [
        name not in ("disgust", "happy") for name in CLASSES
    ]
    np.testing.assert_allclose(np.nanmean(found["averages"][:5, 1], axis=(1, 2)), 1, rtol=1e-3)
    assert all(array.dtype.kind in "iufU" for array in found.values()), "numbers and names"
    assert measured_maps.budget_of(found) == budget


@pytest.mark.parametrize(("images", "computed"), [(0, False), (3, True)])
def test_what_is_saved_is_loaded_unless_images_are_asked_for(images, computed, monkeypatch):
    table = pd.DataFrame({"label": [1, 1, 3], "correct": [True, True, False]})
    monkeypatch.setattr(measured_maps.examples, "candidates", lambda run, dataset: table)
    monkeypatch.setattr(measured_maps, "load_measured", lambda run, measurement: "saved")
    monkeypatch.setattr(measured_maps, "measure_saliency", lambda run, dataset, budget: budget)
    found = measured_maps.saved_or_quick(SimpleNamespace(), None, images)
    assert (found != "saved") == computed
    if computed:
        assert (found.images, found.draws) == (3, 2)


def test_a_network_without_two_correct_images_of_a_class_is_refused(monkeypatch):
    table = pd.DataFrame({"label": [1, 1, 3], "correct": [True, False, True]})
    monkeypatch.setattr(measured_maps.examples, "candidates", lambda run, dataset: table)
    monkeypatch.setattr(measured_maps, "load_measured", lambda run, measurement: None)
    run = SimpleNamespace(config=SimpleNamespace(name="tiny"))
    with pytest.raises(DataError, match="tiny predicts at most one"):
        measured_maps.saved_or_quick(run, None)


def test_densities_average_to_one(trained, images):
    found = densities(trained, images[:2], [1, 1], ["gradient", "occlusion"])
    for maps in found.values():
        np.testing.assert_allclose(maps.mean(axis=(1, 2)), 1, rtol=1e-5)
        assert maps.min() >= 0
    untouched = densities(trained, images[:1], [0], ["gradient"])["gradient"]
    assert not untouched.any(), "logit 0 depends on no pixel"
