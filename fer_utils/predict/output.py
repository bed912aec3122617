"""The table of all faces, in the terminal or for a program."""

import pandas as pd

from fer_utils.fer2013 import CLASSES
from fer_utils.predict.expressions import BOX
from fer_utils.predict.networks import Network
from fer_utils.statistics.calibration import RIGHT

FORMATS = ("table", "csv", "json")
CAUTION = (
    "The accuracy is that on web photographs of 2013 (FER2013) and does not carry over to others: "
    "see MODEL_CARD.md."
)


def formatted(frame: pd.DataFrame, network: Network, form: str) -> str:
    """The data frame of `read_expressions` as text: "table", "csv" or "json" (a list of rows)."""
    if form == "csv":
        return frame.to_csv(index=False).rstrip("\n")
    if form == "json":
        return frame.to_json(orient="records", indent=1, force_ascii=False)
    return f"{heading(network)}\n{_for_people(frame)}"


def heading(network: Network) -> str:
    """Which network answers, how good it is, and when it is not believed."""
    trained_on = "" if network.config.dataset == "fer2013" else "\nTrained on drawn faces."
    return f"Network: {network}\n{_threshold(network)}\n{CAUTION}{trained_on}"


def _threshold(network: Network) -> str:
    least = network.sure_from
    if least is None:
        return "No threshold is kept with this network: no answer is called unsure."
    return (
        f"Below a probability of {least:.2f} the answer is unsure: above it {RIGHT:.0%} of the "
        "held-out images were right."
    )


def _for_people(frame: pd.DataFrame) -> str:
    """Few columns, rounded: the box as one, what is the same in all rows left out."""
    shown = frame.drop(columns=["likeliest", "run", "run_accuracy", *BOX, "turned"])
    boxes = frame[[*BOX, "turned"]].itertuples(index=False)
    shown["box"] = [_box(*values) for values in boxes]
    shown[list(CLASSES)] = shown[list(CLASSES)].map(lambda value: f"{value:.3f}")
    shown["score"] = shown["score"].map(lambda value: f"{value:.2f}")
    shown.loc[frame["score"].isna(), "score"] = ""
    shown.loc[frame["face"].isna(), [*CLASSES]] = ""
    return shown.fillna("").astype(str).replace("<NA>", "").to_string(index=False)


def _box(left: int, top: int, width: int, height: int, turned: int) -> str:
    if pd.isna(left):
        return ""
    angle = f" turned {turned}°" if abs(turned) >= 15 else ""
    return f"{left},{top} {width}x{height}{angle}"
