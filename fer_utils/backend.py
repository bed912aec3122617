"""TensorFlow and Keras, imported here and nowhere else.

oneDNN about doubles training on a CPU without AVX512-VNNI, where TensorFlow leaves it off, and its
flag is read once, when TensorFlow is imported: importing both from here is what sets it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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

    GPUS = tf.config.list_physical_devices("GPU")

for gpu in GPUS:  # otherwise the first process takes all of its memory
    tf.config.experimental.set_memory_growth(gpu, True)


def unusable_gpu() -> str:
    """One line if the machine has an NVIDIA card that TensorFlow can't use; else ""."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    if GPUS or hidden or not Path("/proc/driver/nvidia/version").exists():
        return ""
    return (
        "There is an NVIDIA GPU, but TensorFlow can't use it, and computes on the CPU: "
        "`make report GPU=1` installs CUDA's libraries; the driver must be that of CUDA 12.5 or "
        "newer."
    )


def devices() -> str:
    """What TensorFlow computes on: the names of the GPUs, or "no GPU"."""
    details = [tf.config.experimental.get_device_details(gpu) for gpu in GPUS]
    return ", ".join(each.get("device_name", "GPU") for each in details) or "no GPU"


if line := unusable_gpu():
    print(line, file=sys.stderr)

# Each run has a network of its own, traced by itself: advice against that would stand in the
# notebooks.
tf.get_logger().setLevel("ERROR")

__all__ = ["devices", "keras", "tf"]
