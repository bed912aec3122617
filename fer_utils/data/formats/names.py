"""Which class or split a folder, file or column value names, in the spellings that people use."""

import re
from collections.abc import Iterable
from functools import cache

import numpy as np

from fer_utils.data.formats import DataError, shown
from fer_utils.fer2013 import CHINESE, CLASSES, PRIVATE, PUBLIC, SPLITS, TRAINING

TEST = 3  # a test image; which of the two test splits it belongs to is decided by `decided`

CLASS_WORDS = (
    ("angry", "anger", "ang", "an"),
    ("disgust", "disgusted", "disgusting", "dis", "di"),
    ("fear", "fearful", "afraid", "scared", "fea", "fe"),
    ("happy", "happiness", "joy", "joyful", "hap", "ha"),
    ("sad", "sadness", "unhappy", "sa"),
    ("surprise", "surprised", "surprising", "sur", "su"),
    ("neutral", "neutrality", "neu", "ne"),
)
SPLIT_WORDS = {
    TRAINING: ("training", "train", "trn"),
    PUBLIC: (
        *("publictest", "testpublic", "public"),
        *("validation", "valid", "validate", "val", "development", "devel", "dev"),
    ),
    PRIVATE: ("privatetest", "testprivate", "private"),
    TEST: ("test", "testing", "tst"),
}
#: Orders in which other data sets number the classes, from the first number on.
OTHER_ORDERS = {
    (1, 7): "RAF-DB's: 1 surprise, 2 fear, 3 disgust, 4 happy, 5 sad, 6 angry, 7 neutral",
    (0, 7): "AffectNet's: 0 neutral, 1 happy, 2 sad, 3 surprise, 4 fear, 5 disgust, 6 angry, "
    "7 contempt",
}

_CLASS_OF = {word: index for index, words in enumerate(CLASS_WORDS) for word in words}
_CLASS_OF |= {word: index for index, word in enumerate(CHINESE)}
_SPLIT_OF = {word: split for split, words in SPLIT_WORDS.items() for word in words}
_AFFIXES = re.compile(r"^(fer)?(.*?)(data|sets?|images?|imgs?|faces?|folder|split|expressions?)*$")


@cache
def class_of(name: str) -> int | None:
    """Index into CLASSES of a word such as "Anger", "0_angry" or "happy faces"; else None."""
    return _CLASS_OF.get(_word(name))


def label_of(text: str) -> int | None:
    """The class that a label names: "3", "3.0", "happy"; None if it names none."""
    number = text.removesuffix(".0")
    if len(number) == 1 and number in "0123456":
        return int(number)
    return class_of(text) if text[:1].isalpha() else None


@cache
def split_of(name: str) -> int | None:
    """TRAINING, PUBLIC, PRIVATE or TEST of a word such as "Training_set" or "val"; else None."""
    return _SPLIT_OF.get(_word(name))


def _word(name: str) -> str:
    letters = "".join(c for c in name.lower() if c.isalpha())
    found = _AFFIXES.match(letters)
    return found[2] if found and letters not in _CLASS_OF else letters


def check_numbers(where: str, numbers: set[int]) -> None:
    """Raise DataError unless classes that are only `numbers` can be FER2013's, 0..6."""
    if not numbers or (0 in numbers and max(numbers) < len(CLASSES)):
        return
    other = OTHER_ORDERS.get((min(numbers), max(numbers)), "another data set's")
    found = ", ".join(map(str, sorted(numbers)))
    ours = ", ".join(f"{index} {name}" for index, name in enumerate(CLASSES))
    raise DataError(
        f"{where}: classes are numbered {found}, which is not FER2013's order ({ours}) "
        f"but perhaps {other}; name them by words"
    )


def split_notes(words: Iterable[str]) -> tuple[str, ...]:
    """Which words for splits are not FER2013's own, such as "val counts as PublicTest"."""
    notes = []
    for word in sorted(set(words)):
        split = split_of(word)
        if split in (PUBLIC, PRIVATE) and word.lower() != SPLITS[split].lower():
            notes.append(f"{shown(word)} counts as {SPLITS[split]}")
    return tuple(notes)


def decided(split: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Make TEST one of SPLITS: PrivateTest if there is a validation split, else PublicTest.

    `split` is (n,) int8; returns it so decided, and what has to be said about it.
    """
    if TEST not in split:
        return split, ()
    chosen = PRIVATE if PUBLIC in split and PRIVATE not in split else PUBLIC
    split = np.where(split == TEST, np.int8(chosen), split)
    return split, (f"test counts as {SPLITS[chosen]}",)
