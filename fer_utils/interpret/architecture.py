"""A network as tables: its layers, and the stages of its diagram."""

import pandas as pd

from fer_utils.backend import keras
from fer_utils.interpret.introspection import ACTIVATION_LAYERS, CONVOLUTIONS, layers_of


def layer_table(model: keras.Model) -> pd.DataFrame:
    """List the layers of a Keras model, without inputs and layers that are only an activation.

    Returns a row per layer, also of models inside the model, by its name. `kind` is its class, with
    the rate of a dropout; `output` the size of its output for one image, such as "24 × 24 × 16";
    `parameters` the number of its weights.
    """
    rows = {}
    for layer in layers_of(model):
        kind = type(layer).__name__
        if not isinstance(layer, (keras.layers.InputLayer, *ACTIVATION_LAYERS)):
            rows[layer.name] = {
                "kind": f"Dropout {layer.rate:.2f}" if kind == "Dropout" else kind,
                "output": " × ".join(str(size) for size in layer.output.shape[1:]),
                "parameters": layer.count_params(),
            }
    return pd.DataFrame(rows).T.rename_axis("layer")


def stages(model: keras.Model) -> pd.DataFrame:
    """List the boxes of a network's diagram, from the image to the logits.

    Returns a row for the image, one for each group of convolutions up to where their output is
    pooled or flattened, and one for each dense layer. `label` is what the box says; `height` and
    `channels` are those of what leaves it, 1 and the units for a dense layer.
    """
    height, width, channels = model.inputs[0].shape[1:]
    rows = [(f"image\n{height}×{width}", height, channels)]
    dense = [layer for layer in layers_of(model) if isinstance(layer, keras.layers.Dense)]
    convolutions, size = 0, ()
    for layer in layers_of(model):
        output = layer.output.shape[1:]
        if isinstance(layer, CONVOLUTIONS):
            convolutions, size = convolutions + 1, output
        elif convolutions and output[:2] != size[:2]:
            rows.append(_of_convolutions(convolutions, output if len(output) == 3 else size))
            convolutions = 0
        if layer in dense:
            kind = "logits" if layer is dense[-1] else "dense"
            rows.append((f"{kind}\n{output[-1]}", 1, output[-1]))
    if convolutions:
        rows.append(_of_convolutions(convolutions, size))
    return pd.DataFrame(rows, columns=["label", "height", "channels"])


def layer_counts(model: keras.Model) -> dict[str, int]:
    """Count a model's `parameters`, its `convolutions` and its `dense` layers.

    `dense_inputs` is how many values enter the first dense layer; 0 without one.
    """
    layers = layers_of(model)
    dense = [layer for layer in layers if isinstance(layer, keras.layers.Dense)]
    return {
        "parameters": model.count_params(),
        "convolutions": sum(isinstance(layer, CONVOLUTIONS) for layer in layers),
        "dense": len(dense),
        "dense_inputs": dense[0].input.shape[-1] if dense else 0,
    }


def _of_convolutions(count: int, size: tuple[int, ...]) -> tuple[str, int, int]:
    """Make the row of `stages` for a group of convolutions."""
    height, width, channels = size
    return f"{count} × conv\n{channels} channels\n{height}×{width}", height, channels
