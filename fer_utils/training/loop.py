"""Training that can be killed: every outcome is a function of config and data alone.

What step s trains on comes from (seed, s), and a checkpoint holds all else that the next step
depends on, so that a run that was killed and started again ends with the same bits as one that was
not (on a CPU, with the same number of threads). The validation set alone decides the end
of a phase and which checkpoint is selected.
"""

import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from fer_utils.backend import keras, tf
from fer_utils.data.transforms import normalise
from fer_utils.fer2013 import CLASSES
from fer_utils.files import DamagedFile, read_arrays, replacing
from fer_utils.inference import predictor
from fer_utils.training.config import Config, Phase
from fer_utils.training.devices import (
    all_reduce_mean,
    arithmetic,
    distribute,
    is_chief,
    precision,
)
from fer_utils.training.examples import Batches, Examples
from fer_utils.training.network import at_size, build
from fer_utils.training.progress import Progress

CHECKPOINT_SECONDS = 300
AVERAGE_EVERY = 10  # steps between the weights that are averaged
ADAMW_DECAY = 0.004  # Keras's own, where a config names none

#: Gradients of a loss this much larger are still numbers in float16, where most would round to 0.
LOSS_SCALE = 1024.0


class TrainingError(Exception):
    """Training cannot go on; the message says why."""


class Interrupted(KeyboardInterrupt):
    """Training was interrupted, and a checkpoint is kept; the message says how to go on."""


@dataclass
class State:
    """Where a run stands, apart from its variables; all of it goes into the checkpoint.

    `stale` counts evaluations since the best one of the current phase; `loss_sum`, `correct` and
    `images` run since the last evaluation; `waited` are the seconds spent waiting for batches;
    `averaged` counts the weights in the average.
    """

    step: int = 0
    phase: int = 0
    phase_start: int = 0
    stale: int = 0
    phase_best: float = -1.0
    best_accuracy: float = -1.0
    best_loss: float = math.inf
    best_step: int = 0
    loss_sum: float = 0.0
    correct: float = 0.0
    images: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    averaged: int = 0
    history: list[dict] = field(default_factory=list)


@dataclass(frozen=True)
class Trained:
    """A finished training, and how it went.

    best: the weights of the best evaluation
    last: those of the last step (the averaged ones, if the config averages)
    arithmetic: as `devices.arithmetic` gives it
    """

    best: list[np.ndarray]
    last: list[np.ndarray]
    history: list[dict]
    best_step: int
    seconds: float
    waited: float
    arithmetic: dict[str, int | str]


def train(
    config: Config,
    examples: Examples,
    *,
    checkpoint: Path,
    made_from: str,
    strategy: "tf.distribute.Strategy | None" = None,
    after_step: Callable[[int], None] | None = None,
    after_evaluation: Callable[[list[dict]], None] | None = None,
) -> Trained:
    """Train a config to the end, from its checkpoint if there is one.

    Parameters
    ----------
    config
        What is trained.
    examples
        The images, labels or targets, and the validation images.
    checkpoint
        A file; it is read only if it was written for the same config and `made_from`, and stays
        until the caller has saved the result.
    made_from
        The key of data and code.
    strategy
        Any tf.distribute strategy: its replicas divide each batch, with one dropout mask for all of
        it; several workers read the same checkpoint file and one of them writes it.
    after_step
        Called with the number of steps done.
    after_evaluation
        Called with the history so far, a row per evaluation, before the first step and after each
        evaluation.

    Raises
    ------
    TrainingError
        If the loss is not finite; the last checkpoint is kept.
    Interrupted
        After Ctrl+C or JupyterLab's stop button, between two steps.
    """
    training = _Training(config, examples, Path(checkpoint), made_from, strategy)
    return training.finish(after_step, after_evaluation or (lambda _: None))


class _Training:
    """A training under way: network, optimiser, and where it stands."""

    def __init__(
        self,
        config: Config,
        examples: Examples,
        checkpoint: Path,
        made_from: str,
        strategy: "tf.distribute.Strategy | None",
    ):
        self.config, self.examples, self.checkpoint = config, examples, checkpoint
        self.phases = [phase for phase in config.phases if phase.steps]
        self.strategy = strategy or tf.distribute.get_strategy()
        self.policy = precision(config)
        self.arithmetic = arithmetic(self.policy, self.strategy)
        self.identity = json.dumps([config.to_dict(), made_from, self.arithmetic])
        self.validation = normalise(examples.validation_images, config.per_image_norm)
        self.batches = Batches(examples.images, examples.labels, config)
        self.targets = _targets(examples, config)
        self.class_weights = _class_weights(examples.labels) if config.class_weights else None
        self.state = State()
        with self.strategy.scope():
            self.model = build(config, self.policy)
            sizes = {phase.size for phase in self.phases}
            self.networks = {size: at_size(self.model, size) for size in sizes}
        self.predictors = {size: predictor(network) for size, network in self.networks.items()}
        self.best = self.model.get_weights()
        self.average = [np.zeros_like(weight, np.float64) for weight in self.best]
        self._saved = time.monotonic()
        if not self._restore():
            self._start_phase(0)

    def finish(
        self,
        after_step: Callable[[int], None] | None,
        after_evaluation: Callable[[list[dict]], None],
    ) -> Trained:
        state, config = self.state, self.config
        after_evaluation(state.history)
        progress = Progress(
            config.name,
            total=config.steps,
            done=state.step,
            images_per_step=config.batch_size,
        )
        with ThreadPoolExecutor(1) as pool, closing(progress), _interrupts_noted() as noted:
            upcoming = pool.submit(self.batches, state.step)
            while state.phase < len(self.phases):
                upcoming = self._one_step(upcoming, pool)
                progress.update()
                phase_ends = state.step - state.phase_start == self.phases[state.phase].steps
                self._add_to_average()
                if phase_ends or state.step % config.evaluate_every == 0:
                    self._evaluate(progress)
                    if phase_ends and state.averaged:
                        self._evaluate_average(progress)
                    if phase_ends or self._out_of_patience():
                        self._start_phase(state.phase + 1)
                    after_evaluation(state.history)
                if is_chief(self.strategy) and time.monotonic() - self._saved > CHECKPOINT_SECONDS:
                    self._save()
                if after_step is not None:
                    after_step(state.step)
                if noted and state.phase < len(self.phases):
                    if is_chief(self.strategy):
                        self._save()
                    raise self._interrupted()
            upcoming.cancel()
        return Trained(
            best=self.best,
            last=self.model.get_weights(),
            history=state.history,
            best_step=state.best_step,
            seconds=state.seconds,
            waited=state.waited,
            arithmetic=self.arithmetic,
        )

    def _one_step(self, upcoming: Future, pool: ThreadPoolExecutor) -> Future:
        """Train on one batch while the next one is made."""
        state, started = self.state, time.monotonic()
        x, y, image = upcoming.result()
        state.waited += time.monotonic() - started
        following = pool.submit(self.batches, state.step + 1)
        batch = (distribute(self.strategy, array) for array in (x, y, self.targets[image]))
        loss, correct = (float(value) for value in self.train_step(*batch))
        if not math.isfinite(loss):
            raise self._diverged()
        state.step += 1
        state.loss_sum += loss * len(y)
        state.correct += correct
        state.images += len(y)
        state.seconds += time.monotonic() - started
        return following

    def _diverged(self) -> TrainingError:
        return TrainingError(
            f"{self.config.name}: loss or weights are not finite at step {self.state.step + 1}; "
            f"lower the learning rate. The last good checkpoint is kept: {self.checkpoint.name}"
        )

    def _interrupted(self) -> Interrupted:
        state = self.state
        best = (
            f"the best validation accuracy so far is {state.best_accuracy:.1%}, of step "
            f"{state.best_step:,}"
            if state.history
            else "no evaluation yet"
        )
        return Interrupted(
            f"{self.config.name}: stopped after {state.step:,} of {self.config.steps:,} steps; "
            f"{best}. Run it again, and it goes on from here"
        )

    def _start_phase(self, number: int) -> None:
        """Begin a phase from the best weights so far; past the last phase the run is over."""
        state, phases = self.state, self.phases
        state.phase, state.phase_start = number, state.step
        state.stale, state.phase_best = 0, -1.0
        if number < len(phases):
            self.model.set_weights(self.best)
            self._make_train_step(phases[number])
            if number and phases[number].size != phases[number - 1].size:
                state.best_accuracy, state.best_loss = -1.0, math.inf  # of another kind of images

    def _make_train_step(self, phase: Phase) -> None:
        with self.strategy.scope():
            self.optimizer = _optimizer(phase, self.policy)
            self.optimizer.build(self.model.trainable_variables)
        network = self.networks[phase.size]
        self.train_step = _train_step(
            network, self.optimizer, self.strategy, self.config, self.class_weights
        )

    def _evaluate(self, progress: Progress) -> None:
        """Score the validation images, remember the best weights, and write a row of history."""
        state, started = self.state, time.monotonic()
        labels, size = self.examples.validation_labels, self.phases[self.state.phase].size
        logits = self.predictors[size](_shrunk(self.validation, size))
        loss, accuracy = all_reduce_mean(self.strategy, *_score(logits, labels))
        better = (accuracy, -loss) > (state.best_accuracy, -state.best_loss)
        if better:
            state.best_accuracy, state.best_loss, state.best_step = accuracy, loss, state.step
            self.best = self.model.get_weights()
        state.stale = 0 if accuracy > state.phase_best else state.stale + 1
        state.phase_best = max(state.phase_best, accuracy)
        state.history.append(
            {
                "step": state.step,
                "phase": state.phase + 1,
                "optimizer": self.phases[state.phase].optimizer,
                "size": size,
                "learning_rate": float(self.optimizer.learning_rate.numpy()),
                "loss": state.loss_sum / state.images if state.images else math.nan,
                "accuracy": state.correct / state.images if state.images else math.nan,
                "held_out_loss": loss,
                "held_out_accuracy": accuracy,
            }
        )
        loss = f"loss {state.loss_sum / state.images:.3f}" if state.images else "averaged weights"
        progress.note(f"{loss}, validation {accuracy:.3f}")
        state.loss_sum, state.correct, state.images = 0.0, 0.0, 0
        state.seconds += time.monotonic() - started

    def _add_to_average(self) -> None:
        """In the last part of the last phase, take the weights into their running mean."""
        state, phases = self.state, self.phases
        left = phases[-1].steps - (state.step - state.phase_start)
        last_part = self.config.averaged * phases[-1].steps
        if state.phase == len(phases) - 1 and left < last_part and left % AVERAGE_EVERY == 0:
            state.averaged += 1
            for mean, weight in zip(self.average, self.model.get_weights(), strict=True):
                mean += (weight - mean) / state.averaged

    def _evaluate_average(self, progress: Progress) -> None:
        """Score the averaged weights as well; they are selected if they are the best."""
        self.model.set_weights([mean.astype(np.float32) for mean in self.average])
        self._evaluate(progress)

    def _out_of_patience(self) -> bool:
        patience = self.phases[self.state.phase].patience
        return 0 < patience <= self.state.stale

    def _variables(self) -> list:
        """All that training changes: weights, moving averages, dropout seeds, optimiser slots."""
        return [*self.model.variables, *self.optimizer.variables]

    def _save(self) -> None:
        arrays = {f"variable{i}": v.numpy() for i, v in enumerate(self._variables())}
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise self._diverged()
        arrays |= {f"best{i}": weight for i, weight in enumerate(self.best)}
        if self.state.averaged:
            arrays |= {f"average{i}": mean for i, mean in enumerate(self.average)}
        state = json.dumps([self.identity, asdict(self.state)])
        arrays["state"] = np.frombuffer(state.encode(), np.uint8)
        try:
            with replacing(self.checkpoint) as temporary, temporary.open("wb") as file:
                np.savez(file, **arrays)
        except OSError as error:  # costs what a kill would lose, not the run
            print(f"{self.config.name}: no checkpoint, training goes on: {error}", flush=True)
        self._saved = time.monotonic()

    def _restore(self) -> bool:
        """Go on from the checkpoint; False if there is none of this config, data and threads."""
        try:
            arrays = read_arrays(self.checkpoint)
            if self._take(arrays):
                return True
            why = "of another config, other data, threads or training code"
        except FileNotFoundError:
            return False
        except (DamagedFile, KeyError, TypeError, ValueError) as error:
            why = f"damaged ({error})"
        print(f"{self.config.name}: the checkpoint is {why}: training starts over", flush=True)
        return False

    def _take(self, arrays: dict[str, np.ndarray]) -> bool:
        """Stand where a checkpoint says; False if it is of another training.

        Raises KeyError, TypeError or ValueError, before anything has changed, if it is not whole.
        """
        identity, saved = json.loads(arrays["state"].tobytes())
        if identity != self.identity:
            return False
        state, shapes = State(**saved), [weight.shape for weight in self.best]
        best = _taken(arrays, "best", shapes)
        average = _taken(arrays, "average", shapes) if state.averaged else self.average
        self._make_train_step(self.phases[min(state.phase, len(self.phases) - 1)])
        variables = self._variables()
        values = _taken(arrays, "variable", [variable.shape for variable in variables])
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self.state, self.best, self.average = state, best, average
        return True


@contextmanager
def _interrupts_noted() -> Iterator[list[int]]:
    """Note Ctrl+C, or JupyterLab's stop button, in a list, so that a step is done to its end.

    A second one raises KeyboardInterrupt at once. Only the main thread gets any.
    """
    noted: list[int] = []

    def note(number: int, _frame: object) -> None:
        if noted:
            raise KeyboardInterrupt
        noted.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


def _taken(arrays: dict[str, np.ndarray], name: str, shapes: list[tuple]) -> list[np.ndarray]:
    """The numbered arrays of a name. Raises KeyError, or ValueError for another shape."""
    found = [arrays[f"{name}{i}"] for i in range(len(shapes))]
    for i, (array, shape) in enumerate(zip(found, shapes, strict=True)):
        if array.shape != tuple(shape):
            raise ValueError(f"{name}{i} has shape {array.shape} instead of {tuple(shape)}")
    return found


def _optimizer(phase: Phase, policy: str) -> keras.optimizers.Optimizer:
    options = {
        "loss_scale_factor": LOSS_SCALE if policy == "mixed_float16" else None,
        "weight_decay": phase.weight_decay or None,
    }
    of_kind: dict[str, dict] = {
        "adadelta": {"rho": 0.95, "epsilon": 1e-6},
        "sgd": {"momentum": phase.momentum, "nesterov": True},
    }
    kinds = {
        "adadelta": keras.optimizers.Adadelta,
        "sgd": keras.optimizers.SGD,
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.Adam,  # whose weight decay is decoupled, too
        "nadam": keras.optimizers.Nadam,
        "rmsprop": keras.optimizers.RMSprop,
        "adagrad": keras.optimizers.Adagrad,
        "lion": keras.optimizers.Lion,
    }
    if phase.optimizer == "adamw" and not phase.weight_decay:
        options["weight_decay"] = ADAMW_DECAY
    given = of_kind.get(phase.optimizer, {})
    optimizer = kinds[phase.optimizer](_learning_rate(phase), **given, **options)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _learning_rate(phase: Phase):
    """The learning rate of a phase, or its schedule."""
    schedules, rate = keras.optimizers.schedules, phase.learning_rate
    kind = phase.schedule or ("constant" if phase.optimizer == "adadelta" else "linear")
    if kind == "linear":
        return schedules.PolynomialDecay(rate, phase.steps, phase.final_rate)
    if kind == "cosine":
        return schedules.CosineDecay(rate, phase.steps, alpha=phase.final_rate / rate)
    return rate


def _class_weights(labels: np.ndarray) -> np.ndarray:
    """(7,) float32: the weight of an image by its class, the same in sum for every class.

    Their mean over the images is 1; a class without images has weight 0.
    """
    counts = np.bincount(labels, minlength=len(CLASSES))
    present = np.maximum(counts, 1) * np.count_nonzero(counts)
    return np.where(counts, len(labels) / present, 0).astype(np.float32)


def _targets(examples: Examples, config: Config) -> np.ndarray:
    """(n, 7) float32: what the network's probabilities for each image are drawn to.

    The label, smoothed; with teachers mixed with their probabilities.
    """
    classes = len(CLASSES)
    labels = np.eye(classes, dtype=np.float32)[examples.labels]
    targets = labels * (1 - config.label_smoothing) + config.label_smoothing / classes
    if config.teachers:
        soft = examples.soft.astype(np.float32)
        targets = config.teacher_weight * soft + (1 - config.teacher_weight) * targets
    return targets.astype(np.float32)


def _shrunk(images, size: int):
    """Normalised images (n, 48, 48, 1), NumPy or TensorFlow, at `size` pixels: means of blocks."""
    block = images.shape[1] // size
    if block == 1:
        return images
    if isinstance(images, np.ndarray):
        return images.reshape(-1, size, block, size, block, 1).mean(axis=(2, 4))
    return tf.nn.avg_pool2d(images, block, block, "VALID")


def _train_step(
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    strategy: "tf.distribute.Strategy",
    config: Config,
    class_weights: np.ndarray | None = None,
) -> Callable:
    """Return one step of gradient descent.

    It takes images (b, 48, 48, 1), labels (b,) and targets (b, 7), and returns the mean
    cross-entropy of the labels and the number of correct predictions. What is minimised is the
    cross-entropy of the targets, each image with the weight of its class if there are weights.
    """
    size = network.input.shape[1]

    def on_replica(x, y, targets):
        with tf.GradientTape() as tape:
            logits = network(_shrunk(x, size), training=True)
            losses = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
            if class_weights is not None:
                losses *= tf.gather(tf.constant(class_weights), y)
            scaled = optimizer.scale_loss(tf.reduce_sum(losses) / config.batch_size)
        gradients = tape.gradient(scaled, network.trainable_variables)
        optimizer.apply(gradients, network.trainable_variables)
        of_labels = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
        hits = tf.argmax(logits, axis=1, output_type=y.dtype) == y
        loss = tf.reduce_sum(of_labels) / config.batch_size
        return loss, tf.reduce_sum(tf.cast(hits, tf.float32))

    @tf.function
    def step(x, y, targets):
        per_replica = strategy.run(on_replica, args=(x, y, targets))
        return [strategy.reduce("SUM", value, axis=None) for value in per_replica]

    return step


def _score(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean cross-entropy and accuracy."""
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probability[np.arange(len(labels)), labels].mean()
    return float(loss), float((logits.argmax(axis=1) == labels).mean())
