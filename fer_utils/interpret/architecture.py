"""A network as tables: its layers, and the parts that they form."""

import pandas as pd

from fer_utils.backend import keras
from fer_utils.interpret.introspection import CONVOLUTIONS, layers_of

#: What a layer is called, by its class. Layers of other classes are left out of the tables.
KINDS = {
    "convolution": CONVOLUTIONS,
    "batch_normalisation": keras.layers.BatchNormalization,
    "pooling": keras.layers.MaxPooling2D,
    "dropout": keras.layers.Dropout,
    "dense": keras.layers.Dense,
}


def layers(model: keras.Model) -> pd.DataFrame:
    """List the layers of a network of convolutions and dense layers, in order.

    Returns
    -------
    pandas.DataFrame
        By the layer's name: `part`, "unit_1" and so on up to pooling and dropout, "dense_part" from
        the first dense layer on; `kind`, one of KINDS; `side` (pixels) and `channels` of its
        output, 1 and the number of units for a dense layer; `parameters`; `rate` of a dropout.
    """
    rows = {}
    for layer in layers_of(model):
        kind = next((kind for kind, classes in KINDS.items() if isinstance(layer, classes)), None)
        if kind:
            shape = layer.output.shape
            rows[layer.name] = {
                "kind": kind,
                "side": shape[1] if len(shape) == 4 else 1,
                "channels": shape[-1],
                "parameters": layer.count_params(),
                "rate": layer.rate if kind == "dropout" else None,
            }
    table = pd.DataFrame.from_dict(rows, "index").rename_axis("layer")
    kind = table["kind"]
    starts = (kind == "convolution") & kind.shift().isin([None, "pooling", "dropout"])
    part = "unit_" + starts.cumsum().astype(str)
    table.insert(0, "part", part.mask((kind == "dense").cummax(), "dense_part"))
    return table


def parts(layers: pd.DataFrame) -> pd.DataFrame:
    """Sum up `layers` by part.

    Returns a row per part, and `total`: `output`, the shape of what leaves it, such as
    "24 × 24 × 16"; `parameters`, and their `share` of all.
    """
    groups = layers.groupby("part", sort=False)
    ends = groups.last()
    shapes = [
        f"{end.side} × {end.side} × {end.channels}" if end.side > 1 else f"{end.channels}"
        for end in ends.itertuples()
    ]
    table = pd.DataFrame({"output": shapes, "parameters": groups["parameters"].sum()})
    table.loc["total"] = shapes[-1], table["parameters"].sum()
    return table.assign(share=table["parameters"] / table["parameters"]["total"])
