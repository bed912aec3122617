"""FER2013's classes, splits and image size, and the parts on which networks are judged."""

from typing import NamedTuple

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
CHINESE = ("生氣", "厭惡", "恐懼", "高興", "難過", "驚訝", "中立")
SPLITS = ("Training", "PublicTest", "PrivateTest")
TRAINING, PUBLIC, PRIVATE = range(3)

#: Images of each class in each split.
COUNTS = (
    (3995, 436, 4097, 7215, 4830, 3171, 4965),
    (467, 56, 496, 895, 653, 415, 607),
    (491, 55, 528, 879, 594, 416, 626),
)

SIZE = 48  # an image is SIZE x SIZE grey pixels


class Part(NamedTuple):
    """Images on which networks are judged: the `board` that names their score, and which they are.

    The homework's figures come from the two halves of a Kaggle board, PUBLIC and PRIVATE.
    """

    board: str
    images: str


PARTS = {
    "held_out": Part("HELD-OUT", "held-out Training"),
    "public": Part("PUBLIC", "PublicTest"),
    "private": Part("PRIVATE", "PrivateTest"),
    "test": Part("BOTH", "PublicTest and PrivateTest"),
}
