"""The seven classes and three splits of FER2013, in the order of its CSV file."""

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
CHINESE = ("生氣", "厭惡", "恐懼", "高興", "難過", "驚訝", "中立")
SPLITS = ("Training", "PublicTest", "PrivateTest")
TRAINING, PUBLIC, PRIVATE = range(3)

SIZE = 48  # an image is SIZE x SIZE grey pixels
