"""TensorFlow and Keras, imported here and nowhere else.

oneDNN about doubles training on a CPU without AVX512-VNNI, where TensorFlow leaves it off, and its
flag is read once, when TensorFlow is imported: importing both from here is what sets it.
"""

import os
import sys

if "tensorflow" in sys.modules and os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "1":
    raise ImportError(
        "import fer_utils.backend before tensorflow: oneDNN can't be turned on afterwards"
    )

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import tensorflow as tf

__all__ = ["keras", "tf"]
