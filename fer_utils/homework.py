"""What the homework reports: accuracy on both leaderboard splits, confusions, zones, filters."""

#: Row -> (PUBLIC, PRIVATE), as printed in the report.
MODELS = {
    "model1": (0.68180, 0.67149),
    "model2": (0.68124, 0.67511),
    "ensemble": (0.70632, 0.70047),
}
NORMALISATION = {
    "with_data_normalisation": (0.64781, 0.64196),
    "without_data_normalisation": (0.64530, 0.63666),
    "without_batch_normalisation": (0.56338, 0.55920),
}
AUGMENTATION = {
    "with_augmentation": (0.68124, 0.67511),
    "without_augmentation": (0.64781, 0.64196),
}
ABLATIONS = NORMALISATION | AUGMENTATION

#: What the homework's tables compare: effect -> (row with it, row without it).
EFFECTS = {
    "data_normalisation": ("with_data_normalisation", "without_data_normalisation"),
    "batch_normalisation": ("without_data_normalisation", "without_batch_normalisation"),
    "augmentation": ("with_augmentation", "without_augmentation"),
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

#: Its statements on what gradient ascent draws for an early, a middle and a late layer: what is
#: measured of the pictures, and the layer whose pictures have more of it than the other's.
LAYERS = ("early", "middle", "late")
FILTERS = {
    "early_more_alike": ("dissimilarity", "middle", "early"),
    "late_finer": ("high_frequency_energy", "late", "middle"),
}
