"""One CPU, several GPUs or several machines: who computes which part of a batch, and who writes.

Everything that decides how training goes on is the same for all workers: the batch is cut by
replica number, gradients and batch statistics are summed over all replicas, and validation scores
are averaged. Only the chief writes; a folder that all machines share lets the others read it.
"""

import os
from pathlib import Path
from typing import TypeAlias

import numpy as np

from fer_utils.backend import tf
from fer_utils.training.config import Config

Strategy: TypeAlias = tf.distribute.Strategy


def choose() -> Strategy:
    """All machines that TF_CONFIG names, else all GPUs of this one, else what it has.

    With TF_CONFIG this waits for the other workers, and must come before any other computation.
    """
    if "TF_CONFIG" in os.environ:
        return tf.distribute.MultiWorkerMirroredStrategy()
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


PROCESSORS = Path("/proc/cpuinfo")


def precision(config: Config) -> str:
    """The Keras dtype policy to train in: the config's; "mixed_float16" where there is a GPU.

    "float32" in place of "mixed_bfloat16" on a CPU that can't multiply such numbers, where they are
    slower (bench/recipes.md).
    """
    if tf.config.list_physical_devices("GPU"):
        return "mixed_float16"
    if config.precision == "mixed_bfloat16" and not _multiplies_bfloat16():
        return "float32"
    return config.precision


def _multiplies_bfloat16() -> bool:
    """Whether Linux lists it among the processor's features; False where there is no such list."""
    try:
        return "avx512_bf16" in PROCESSORS.read_text()
    except OSError:
        return False


def thread_count() -> int:
    """Threads that TensorFlow computes with on a CPU: another number gives other rounding."""
    chosen = tf.config.threading.get_intra_op_parallelism_threads()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return chosen or usable or 1


def arithmetic(policy: str, strategy: Strategy) -> dict[str, int | str]:
    """What decides how sums are rounded; `threads` only if one replica does all the work.

    `policy` is what `precision` gives.
    """
    replicas = strategy.num_replicas_in_sync
    threads = {"threads": thread_count()} if replicas == 1 else {"replicas": replicas}
    return {**threads, "precision": policy}


def is_chief(strategy: Strategy) -> bool:
    """Whether this process is the one that writes checkpoints and runs."""
    return strategy.extended.should_checkpoint


def distribute(
    strategy: Strategy, array: np.ndarray
) -> "tf.Tensor | tf.distribute.DistributedValues":
    """An array as a tensor; with several replicas cut into parts as equal as can be, one for each.

    Returns what `strategy.run` takes as an argument.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return tf.constant(array)
    parts = np.array_split(array, replicas)
    return strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(parts[context.replica_id_in_sync_group])
    )


def all_reduce_mean(strategy: Strategy, *values: float) -> tuple[float, ...]:
    """The mean of each value over the replicas, the same for all workers."""
    if strategy.num_replicas_in_sync == 1:
        return values
    everyones = strategy.experimental_distribute_values_from_function(
        lambda _: tf.constant(values, tf.float64)
    )
    return tuple(strategy.reduce("MEAN", everyones, axis=None).numpy().tolist())


def barrier(strategy: Strategy) -> None:
    """Wait until all workers have come here."""
    all_reduce_mean(strategy, 0.0)
