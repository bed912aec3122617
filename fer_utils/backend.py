"""TensorFlow and Keras, imported here and nowhere else.

oneDNN about doubles training on a CPU without AVX512-VNNI, where TensorFlow leaves it off, and its
flag is read once, when TensorFlow is imported: importing both from here is what sets it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

if "tensorflow" in sys.modules and os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "1":
    raise ImportError(
        "import fer_utils.backend before tensorflow: oneDNN can't be turned on afterwards"
    )

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@contextmanager
def _quiet() -> Iterator[None]:
    """Drop what TensorFlow's C++ code writes to stderr before it reads its log level.

    Python exceptions pass; only the greeting and the search for a GPU happen in here.
    """
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


with _quiet():
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices()

# Each run has a network of its own, traced anew: advice against that would stand in the notebooks.
tf.get_logger().setLevel("ERROR")

__all__ = ["keras", "tf"]
