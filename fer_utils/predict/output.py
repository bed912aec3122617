"""The table of all faces, in the terminal or for a program."""

import json

import pandas as pd

from fer_utils.fer2013 import CLASSES
from fer_utils.predict.expressions import BOX
from fer_utils.predict.networks import Network
from fer_utils.statistics.calibration import TARGET_ACCURACY

FORMATS = ("table", "csv", "json")
CAUTION = (
    "The accuracy is that on images like those of its training (FER2013's are web photographs of "
    "2013); it does not carry over to others: see MODEL_CARD.md."
)


def formatted(frame: pd.DataFrame, form: str) -> str:
    """The data frame of `read_expressions` as text: "table", "csv" or "json" (a list of rows)."""
    if form == "csv":
        return frame.to_csv(index=False).rstrip("\n")
    if form == "json":
        rows = json.loads(frame.to_json(orient="records"))
        return json.dumps(rows, indent=1, ensure_ascii=False)
    return _for_people(frame)


def heading(network: Network) -> str:
    """Which network predicts, its accuracy, and its confidence threshold."""
    return f"Network: {network}\n{_threshold(network)}\n{CAUTION}"


def _threshold(network: Network) -> str:
    least = network.confidence_threshold
    if least is None:
        return (
            "No threshold is saved with this network: no prediction is called unsure, unless "
            "FER_DATA names the data that it was trained on."
        )
    return (
        f"Below a probability of {least:.2f} the prediction is unsure: above it "
        f"{TARGET_ACCURACY:.0%} of those on the validation set were correct."
    )


def _for_people(frame: pd.DataFrame) -> str:
    """Few columns, rounded: the box as one, what is the same in all rows left out."""
    boxes = [_box(*values) for values in frame[[*BOX, "turned"]].itertuples(index=False)]
    columns = ["picture", *(["time"] if "time" in frame else []), "face", "found", "answer"]
    forms = dict.fromkeys(columns, "{}") | dict.fromkeys(CLASSES, "{:.3f}") | {"score": "{:.2f}"}
    shown = {
        name: ["" if pd.isna(value) else form.format(value) for value in frame[name]]
        for name, form in forms.items()
    }
    return pd.DataFrame(shown | {"box": boxes}).to_string(index=False)


def _box(left: int, top: int, width: int, height: int, turned: int) -> str:
    if pd.isna(left):
        return ""
    angle = f" turned {turned}°" if abs(turned) >= 15 else ""
    return f"{left},{top} {width}x{height}{angle}"
