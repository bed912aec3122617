"""FER2013's classes, splits and image size, and the parts on which networks are evaluated."""

from typing import NamedTuple

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
CHINESE = ("生氣", "厭惡", "恐懼", "高興", "難過", "驚訝", "中立")
SPLITS = ("Training", "PublicTest", "PrivateTest")
TRAINING, PUBLIC, PRIVATE = range(3)
SIZES = (28709, 3589, 3589)  # images of each split

SIZE = 48  # an image is SIZE x SIZE grey pixels


class Part(NamedTuple):
    """Images on which networks are evaluated: the name of the `split`, and which `images` it has.

    The homework's figures come from the two halves of a Kaggle leaderboard, PUBLIC and PRIVATE.
    """

    split: str
    images: str


PARTS = {
    "held_out": Part("validation", "validation set"),
    "public": Part("PUBLIC", "PublicTest"),
    "private": Part("PRIVATE", "PrivateTest"),
    "test": Part("both", "PublicTest and PrivateTest"),
}
