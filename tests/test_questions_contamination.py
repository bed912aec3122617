"""Duplicates of test images in Training: found, counted, and shown to be what makes images easy."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fer_utils.data import duplicates
from fer_utils.data.dataset import Dataset
from fer_utils.fer2013 import PARTS, PRIVATE, PUBLIC, TRAINING
from fer_utils.questions import contamination
from fer_utils.statistics.intervals import proportion
from fer_utils.statistics.verdicts import Verdict
from fer_utils.training.predictions import Predictions

COLUMNS = ["first", "second", "correlation", "mirrored", "exact"]
SPLIT = np.array([TRAINING, TRAINING, PUBLIC, PRIVATE, TRAINING, PUBLIC], np.int8)


def predicted(
    labels: np.ndarray, classes: np.ndarray, rows: np.ndarray | None = None
) -> Predictions:
    rows = np.arange(len(labels)) if rows is None else rows
    return Predictions(PARTS["test"], rows, np.asarray(labels), np.eye(7)[classes])


@pytest.fixture
def pairs() -> pd.DataFrame:
    return pd.DataFrame(
        [
            (0, 1, 1.0, False, True),  # Training twice, labels 0 and 1
            (0, 2, 0.95, True, False),  # Training and PublicTest, both 0
            (2, 4, 0.95, False, False),  # PublicTest 0 and Training 1
            (3, 4, 1.0, False, True),  # PrivateTest 3 and Training 1
            (4, 5, 0.93, False, False),  # unlabelled
        ],
        columns=COLUMNS,
    )


LABELS = np.array([0, 1, 0, 3, 1, -1], np.int8)


def test_pairs_are_counted_by_split(pairs):
    table = contamination.pair_counts(pairs, LABELS, SPLIT)
    assert table.columns.tolist() == ["exact", "contradicting", "near"]
    assert table.loc["Training", "Training"].tolist() == [1, 1, 0]
    assert table.loc["Training", "PublicTest"].tolist() == [0, 0, 3]
    assert table.loc["Training", "PrivateTest"].tolist() == [1, 1, 0]
    assert table.loc["PublicTest", "PrivateTest"].tolist() == [0, 0, 0]
    assert contamination.contradicting(pairs, LABELS).tolist() == [True, False, True, True, False]
    two_splits = contamination.pair_counts(pairs.iloc[:1], LABELS[:3], SPLIT[:3])
    assert two_splits.index.tolist() == [
        ("Training", "Training"),
        ("Training", "PublicTest"),
        ("PublicTest", "PublicTest"),
    ]


def test_duplicates_are_paired_with_another_image_of_training(pairs, monkeypatch):
    monkeypatch.setattr(duplicates, "find", lambda _: pairs)
    dataset = Dataset("fer2013", "", np.zeros((6, 48, 48), np.uint8), LABELS, SPLIT)
    assert contamination.training_duplicates(dataset).tolist() == [True] * 4 + [False, True]
    assert contamination.paired_with(pairs, SPLIT == PUBLIC).tolist() == [
        *(True, False, False, False, True, False)
    ]


def test_contaminated_test_images_are_counted_by_kind(pairs):
    kinds = {"angry": LABELS == 0, "happy": LABELS == 3, "sad": LABELS == 4, "all": SPLIT >= 0}
    table = contamination.contaminated(pairs, SPLIT, kinds)
    assert table["images"].tolist() == [1, 1, 0, 3]  # one of all has no label
    assert table["exact"].tolist()[:2] == [proportion(0, 1), proportion(1, 1)]
    assert table.loc["all"].tolist() == [3, proportion(1, 3), proportion(3, 3)]
    assert np.isnan(table.loc["sad", "exact_or_near"].estimate)


def test_effects_of_duplicates_on_accuracy():
    labels = np.zeros(100, int)
    given = predicted(labels, np.where(np.arange(100) < 60, 0, 1))
    table = contamination.effects({"contaminated": given}, np.arange(100) < 20)
    row = table.loc["contaminated"]
    assert row["all"] == proportion(60, 100)
    assert row["with_duplicate"] == proportion(20, 20)
    assert row["duplicate_free"] == proportion(40, 80)
    assert row["difference"].estimate == 0.5
    assert row["p"] == pytest.approx(stats.fisher_exact([[20, 0], [40, 40]]).pvalue)
    assert row["verdict"] is Verdict.HIGHER
    clean = contamination.effects({"clean": given}, np.zeros(100, bool)).loc["clean"]
    assert clean["duplicate_free"] == proportion(60, 100)
    assert clean["verdict"] is Verdict.NOT_SIGNIFICANT


def test_a_difference_that_is_one_of_classes_goes_at_equal_classes():
    # class 0 is easy and has the duplicates, class 1 is hard: 90 % and 30 % right, duplicate or not
    labels = np.repeat([0, 0, 1, 1], [200, 100, 100, 200])
    duplicate = np.repeat([True, False, True, False], [200, 100, 100, 200])
    right = np.concatenate([np.arange(n) < share * n for n, share in ((200, 0.9), (100, 0.9))])
    right = np.concatenate([right, np.arange(100) < 30, np.arange(200) < 60])
    given = predicted(labels, np.where(right, labels, 2))
    assert contamination.effects({"": given}, duplicate).iloc[0]["difference"].low > 0
    equal = contamination.at_equal_classes(given, duplicate, ~duplicate)
    assert equal.estimate == pytest.approx(0)
    assert equal.low < 0 < equal.high
    assert (equal.p, equal.n) == (pytest.approx(1), 600)
    nobody = np.zeros(600, bool)
    assert np.isnan(contamination.at_equal_classes(given, nobody, ~nobody).estimate)


@pytest.fixture
def copied(monkeypatch) -> Dataset:
    """40 images trained on, 20 for validation, 100 tested: 40 with a duplicate among the first, 20
    with one among the validation images, 40 without. The first 20 duplicates have another label."""
    labels = np.zeros(160, np.int8)
    labels[:20] = 1
    split = np.repeat([TRAINING, PUBLIC], [60, 100]).astype(np.int8)
    pairs = pd.DataFrame({"first": np.arange(60), "second": np.arange(60, 120)})
    monkeypatch.setattr(duplicates, "find", lambda _: pairs)
    monkeypatch.setattr(
        contamination, "validation_split", lambda _: (np.arange(40), np.arange(40, 60))
    )
    return Dataset("fer2013", "", np.zeros((160, 48, 48), np.uint8), labels, split)


def test_only_a_duplicate_that_was_trained_on_makes_an_image_easy(copied):
    rows = np.arange(60, 160)
    right = np.concatenate([np.arange(40) < 36, np.arange(20) < 10, np.arange(40) < 20])
    memoriser = predicted(copied.labels[rows], np.where(right, 0, 2), rows)
    row = contamination.by_duplicate_location({"memoriser": memoriser}, copied).loc["memoriser"]
    assert row["trained_on"] == proportion(36, 40)
    assert row["elsewhere"] == proportion(10, 20)
    assert row["no_duplicate"] == proportion(20, 40)
    assert (row["difference"].estimate, row["verdict"]) == (0, Verdict.NOT_SIGNIFICANT)
    assert row["p"] == 1
    assert row["detectable"] > row["difference"].high


def test_the_p_value_at_equal_classes_is_that_of_its_normal_deviate(copied):
    rows = np.arange(60, 160)
    right = np.concatenate([np.arange(40) < 36, np.arange(20) < 16, np.arange(40) < 20])
    given = predicted(copied.labels[rows], np.where(right, 0, 2), rows)
    row = contamination.by_duplicate_location({"": given}, copied).iloc[0]
    shares = [(17 / 22, 22), (21 / 42, 42)]
    error = np.sqrt(sum(share * (1 - share) / total for share, total in shares))
    assert row["p"] == pytest.approx(2 * stats.norm.sf(0.3 / error))


def test_duplicates_whose_copy_is_a_validation_image_are_counted(copied):
    assert contamination.duplicates_not_trained_on(copied) == proportion(20, 60)
    alone = replace(copied, split=np.full_like(copied.split, TRAINING))
    assert np.isnan(contamination.duplicates_not_trained_on(alone).estimate)


def test_a_network_that_memorises_predicts_the_label_of_the_duplicate(copied):
    rows = np.arange(60, 160)
    memorised = np.where(rows < 77, 1, 0)  # 17 of the 20 images with a duplicate of label 1
    memoriser = predicted(copied.labels[rows], memorised, rows)
    nothing = predicted(copied.labels[140:], np.zeros(20, int), np.arange(140, 160))
    table = contamination.memorised_labels({"memoriser": memoriser, "none": nothing}, copied)
    assert table.columns.tolist() == ["images", "duplicate_label", "own_label", "third_label"]
    assert table.loc["memoriser"].tolist() == [20, 17, 3, 0]
    assert table.loc["none"].tolist() == [0, 0, 0, 0]


def test_one_network_can_gain_more_from_duplicates_than_another():
    labels, duplicate = np.zeros(400, int), np.arange(400) < 200
    memoriser = predicted(
        labels, np.where(np.arange(400) % 200 < np.where(duplicate, 180, 100), 0, 1)
    )
    reader = predicted(labels, np.where(np.arange(400) % 200 < np.where(duplicate, 130, 120), 0, 1))
    more = contamination.larger_duplicate_gain(memoriser, reader, duplicate)
    assert more.estimate == pytest.approx((180 - 100 - 130 + 120) / 200)
    assert more.low > 0
    assert contamination.larger_duplicate_gain(reader, reader, duplicate).estimate == 0
    assert np.isnan(
        contamination.larger_duplicate_gain(memoriser, reader, ~np.ones(400, bool)).estimate
    )


def test_spread():
    pairs = pd.DataFrame({"first": range(11), "correlation": np.linspace(1, 0.9, 11)})
    assert contamination.spread(pairs, 3)["first"].tolist() == [0, 5, 10]
    assert len(contamination.spread(pairs, 20)) == 11
    assert len(contamination.spread(pairs.iloc[:0], 3)) == 0
