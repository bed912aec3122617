"""A network as tables: its layers, and the stages of its diagram."""

import math
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from fer_utils.backend import keras

SHOWN = ("Conv2D", "BatchNorm", "MaxPooling2D", "Dropout", "Flatten", "Dense")


def layer_table(model: "keras.Model") -> pd.DataFrame:
    """One row per layer of a Keras model, rectifiers left out: kind, output size, parameters."""
    rows = {}
    for layer in model.layers:
        kind = type(layer).__name__
        if kind in SHOWN:
            rows[layer.name] = {
                "kind": f"Dropout {layer.rate:.2f}" if kind == "Dropout" else kind,
                "output": " × ".join(str(size) for size in layer.output.shape[1:]),
                "parameters": layer.count_params(),
            }
    return pd.DataFrame(rows).T.rename_axis("layer")


def stages(model: "keras.Model") -> pd.DataFrame:
    """The boxes of the diagram, from image to logits: label, height, channels."""
    shape = model.input.shape[1:]
    rows = [{"label": "image\n48×48", "height": shape[0], "channels": shape[-1]}]
    for layer in model.layers:
        size = layer.output.shape[1:]
        if layer.name.startswith("pool"):
            rows.append(
                {
                    "label": f"3 × conv\n{size[-1]} channels\n{size[0]}×{size[1]}",
                    "height": size[0],
                    "channels": size[-1],
                }
            )
        elif layer.name.startswith("dense") or layer.name == "logits":
            kind = "logits" if layer.name == "logits" else "dense"
            rows.append({"label": f"{kind}\n{size[0]}", "height": 1, "channels": size[0]})
    return pd.DataFrame(rows)


def summary(model: "keras.Model") -> dict[str, int]:
    """Counts for the prose: parameters, layers with weights, values that enter the dense layers."""
    kinds = [type(layer).__name__ for layer in model.layers]
    return {
        "parameters": model.count_params(),
        "convolutions": kinds.count("Conv2D"),
        "dense": kinds.count("Dense"),
        "flattened": math.prod(model.get_layer("flatten").output.shape[1:]),
    }
