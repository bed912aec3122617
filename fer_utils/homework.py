"""What the homework reports: accuracy on both leaderboard splits, confusions, zones, filters."""

#: Row -> (PUBLIC, PRIVATE), as printed in the report.
MODELS = {
    "model1": (0.68180, 0.67149),
    "model2": (0.68124, 0.67511),
    "ensemble": (0.70632, 0.70047),
}
NORMALISATION = {
    "with data normalisation": (0.64781, 0.64196),
    "without data normalisation": (0.64530, 0.63666),
    "without batch normalisation": (0.56338, 0.55920),
}
AUGMENTATION = {
    "with augmentation (x20)": (0.68124, 0.67511),
    "without augmentation": (0.64781, 0.64196),
}
ABLATIONS = NORMALISATION | AUGMENTATION

#: What the homework's tables compare: effect -> (row with it, row without it).
EFFECTS = {
    "data normalisation": ("with data normalisation", "without data normalisation"),
    "batch normalisation": ("without data normalisation", "without batch normalisation"),
    "augmentation": ("with augmentation (x20)", "without augmentation"),
}

#: Which zones of the face the homework reads from its saliency maps, by class.
ZONES = (("happy", "mouth corners"), ("disgust", "cheeks"), ("disgust", "eyes and brows"))

CONFIDENT = 0.9  # the least probability of the images whose saliency maps it shows

#: Its statements on confusions: (None, the weakest classes), or (a class, what it is predicted as).
CONFUSIONS = {
    "weakest_classes": (None, ("fear", "sad")),
    "fear_predicted_as": ("fear", ("disgust", "sad", "surprise")),
    "sad_predicted_as": ("sad", ("fear", "neutral")),
}

#: What it conjectures of the augmentation's shifts, whose gaps are zeros.
BORDERS = "zero-padded shifts teach the first layer to detect borders"

#: Where in its grid of the 7th convolution it finds what, as (row, column).
FOUND = {(0, 0): "hair", (3, 3): "a horizontal bar for mouth, eyes and brows", (3, 0): "skin"}

#: Its statements on what gradient ascent draws for an early, a middle and a late layer: what is
#: measured of the pictures, and the layer whose pictures have more of it than the other's.
LAYERS = ("early", "middle", "late")
FILTERS = {
    "early pictures are more alike": ("dissimilarity", "middle", "early"),
    "late pictures are finer": ("high-frequency energy", "late", "middle"),
}
