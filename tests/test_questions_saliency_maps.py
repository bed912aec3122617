"""The judgements of notebook 06, on a network whose evidence is known and on a random one."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fer_utils.backend import keras
from fer_utils.fer2013 import CLASSES, SIZE
from fer_utils.homework import ZONES as CLAIMED
from fer_utils.interpret import faithfulness, saliency
from fer_utils.questions import face_zones
from fer_utils.questions.saliency_maps import checks, claims, measured_maps
from fer_utils.statistics.intervals import Interval
from fer_utils.statistics.verdicts import Support, Verdict

LAYERS = keras.layers
N = 40
ALL_ZONES = face_zones.ZONES
MORE, LESS, NEITHER = Interval(2, 1, 3), Interval(-2, -3, -1), Interval(0, -1, 1)


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


def masses(bright, *, seed=0):
    """Zone masses of 20 happy and 20 sad images, brighter in a zone by class."""
    rng = np.random.default_rng(seed)
    maps = 0.3 + 0.1 * rng.random((N, SIZE, SIZE))
    for rows, zone in zip((slice(20), slice(20, None)), bright, strict=True):
        maps[rows, ALL_ZONES[zone]] += rng.uniform(0.8, 1.2, (20, 1))
    return face_zones.zone_mass(maps)


def compared(methods):
    """The table of `claims.compare_zones` for methods by name; the baselines prefer no zone."""
    flat = face_zones.zone_mass(np.random.default_rng(9).random((N, SIZE, SIZE)))
    labels = np.repeat([CLASSES.index("happy"), CLASSES.index("sad")], 20)
    mass = {name: masses(bright, seed=i) for i, (name, bright) in enumerate(methods.items())}
    return claims.compare_zones(mass, dict.fromkeys(mass, flat), flat, labels)


@pytest.mark.parametrize(
    ("happy", "sad", "expected"),
    [
        ("mouth corners", "forehead", "supported"),
        ("mouth corners", "mouth corners", "inconclusive"),
        ("forehead", "mouth corners", "below the other classes"),
        ("forehead", "forehead", "below a baseline"),
    ],
)
def test_a_claim_follows_the_maps(happy, sad, expected):
    found = claims.judge_claims(compared({"gradient": (happy, sad)}))
    assert found["verdict"].tolist() == [expected], "disgust has no image: no row"
    assert found["zone"].tolist() == ["mouth corners"]
    assert found["images"].tolist() == [20]
    assert found["detectable"].notna().tolist() == [expected == "inconclusive"]


def test_methods_that_disagree_on_a_claim_are_reported_so():
    methods = {"gradient": ("mouth corners", "nose"), "occlusion": ("nose", "mouth corners")}
    table = compared(methods)
    found = claims.judge_claims(table)
    assert found["verdict"].tolist() == ["supported", "below the other classes"]
    assert claims.claim_in_common(found["margin"]) is Support.MIXED
    agreed = claims.agreement(table, list(methods))
    assert agreed.loc["happy", "mouth corners"] is Support.MIXED
    assert claims.zones_above(agreed) == ([], {"happy": [], "sad": []})


def test_what_methods_agree_on_in_every_class_comes_first():
    table = compared({"gradient": ("nose", "nose"), "occlusion": ("nose", "nose")})
    agreed = claims.agreement(table, ["gradient", "occlusion"])
    assert claims.zones_above(agreed) == (["nose"], {"happy": [], "sad": []})
    assert (agreed["outside"] == Verdict.LOWER).all()


def test_what_the_architecture_prefers_by_itself_is_not_attributed():
    mass = {"gradient": masses(("nose", "nose"))}
    flat = np.tile(face_zones.AREAS, (N, 1)) + np.random.default_rng(0).normal(0, 1e-4, (N, 8))
    labels = np.repeat([3, 4], 20)
    table = claims.compare_zones(mass, {"gradient": masses(("nose", "nose"), seed=5)}, flat, labels)
    nose = table[table["zone"] == "nose"]
    assert set(nose["attributed"]) == {Verdict.NOT_SIGNIFICANT}
    assert set(nose["baseline"]) == {"the untrained network"}


@pytest.mark.parametrize(
    ("excesses", "expected"),
    [
        ([MORE, MORE], Support.SUPPORTED),
        ([MORE, NEITHER], Support.PARTLY_SUPPORTED),
        ([MORE, LESS, NEITHER], Support.MIXED),
        ([LESS, LESS], Support.CONTRADICTED),
        ([LESS, NEITHER], Support.INCONCLUSIVE),
    ],
)
def test_claims_in_common(excesses, expected):
    assert claims.claim_in_common(excesses) is expected


def test_zones_are_a_partition_and_have_all_that_the_homework_names():
    assert (np.sum(list(ALL_ZONES.values()), axis=0) == 1).all()
    assert {zone for _, zone in CLAIMED} <= set(ALL_ZONES) == set(face_zones.CHINESE)
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
    assert measured_maps.SaliencyBudget(**json.loads(str(found["budget"]))) == budget
    assert all(array.dtype.kind in "iufU" for array in found.values()), "numbers and names"
