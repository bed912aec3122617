"""Training that can be killed: every outcome is a function of config and data alone.

What step s trains on comes from (seed, s), and a checkpoint holds all else that the next step
depends on, so that a run that was killed and started again ends with the same bits as one that was
not (on a CPU, with the same number of threads). The held-out part of Training alone decides the end
of a phase and which weights are kept.
"""

import json
import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from fer_utils.backend import keras, tf
from fer_utils.data.transforms import normalise
from fer_utils.files import replacing
from fer_utils.interpret.introspection import predictor
from fer_utils.training.batches import Batches
from fer_utils.training.devices import agree, arithmetic, is_chief, precision, share
from fer_utils.training.experiments import Config, Phase
from fer_utils.training.network import build
from fer_utils.training.progress import Progress

CHECKPOINT_SECONDS = 300

#: Gradients of a loss this much larger are still numbers in float16, where most would round to 0.
LOSS_SCALE = 1024.0


class TrainingError(Exception):
    """Training cannot go on; the message says why."""


@dataclass(frozen=True)
class Examples:
    """Images (n, 48, 48) uint8 and labels (n,) to train on, and those that are held out."""

    images: np.ndarray
    labels: np.ndarray
    held_out_images: np.ndarray
    held_out_labels: np.ndarray


@dataclass
class State:
    """Where a run stands, apart from its variables; all of it goes into the checkpoint.

    `stale` counts evaluations since the best one of the current phase; `loss_sum`, `correct` and
    `images` run since the last evaluation; `waited` are the seconds spent waiting for batches.
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
    history: list[dict] = field(default_factory=list)


@dataclass(frozen=True)
class Trained:
    """A finished training: the weights of the best held-out evaluation, and how it went."""

    weights: list[np.ndarray]
    history: list[dict]
    best_step: int
    seconds: float
    waited: float


def train(
    config: Config,
    examples: Examples,
    *,
    checkpoint: Path,
    data_id: str,
    strategy: "tf.distribute.Strategy | None" = None,
    after_step: Callable[[int], None] | None = None,
) -> Trained:
    """Train a config to the end, from its checkpoint if there is one.

    `checkpoint` is a file; it is read only if it was written for the same config and `data_id`, and
    stays until the caller has saved the result. `strategy` is any tf.distribute strategy: its
    replicas share each batch, with one dropout mask for all shares; several workers read the same
    checkpoint file and one of them writes it. `after_step` is called with the number of steps done.

    Raises TrainingError if the loss is not finite; the last checkpoint is kept.
    """
    return _Run(config, examples, checkpoint, data_id, strategy).finish(after_step)


class _Run:
    def __init__(self, config, examples, checkpoint, data_id, strategy):
        self.config, self.examples, self.checkpoint = config, examples, Path(checkpoint)
        self.strategy = strategy or tf.distribute.get_strategy()
        self.identity = json.dumps([config.to_dict(), data_id, arithmetic(self.strategy)])
        self.held_out = normalise(examples.held_out_images, config.per_image_norm)
        self.batches = Batches(
            examples.images,
            examples.labels,
            transforms=config.transforms,
            fill=config.fill,
            per_image=config.per_image_norm,
            batch_size=config.batch_size,
            seed=config.seed,
        )
        self.state = State()
        with self.strategy.scope():
            self.model = build(config, precision())
        self.predict = predictor(self.model)
        self.best = self.model.get_weights()
        self._saved = time.monotonic()
        if not self._restore():
            self._start_phase(0)

    def finish(self, after_step) -> Trained:
        state, config = self.state, self.config
        progress = Progress(
            config.name,
            total=config.steps,
            done=state.step,
            images_per_step=config.batch_size,
        )
        with ThreadPoolExecutor(1) as pool:
            upcoming = pool.submit(self.batches, state.step)
            while state.phase < len(config.phases):
                upcoming = self._one_step(upcoming, pool)
                progress.update()
                phase_ends = state.step - state.phase_start == config.phases[state.phase].steps
                if phase_ends or state.step % config.evaluate_every == 0:
                    self._evaluate(progress)
                    if phase_ends or self._out_of_patience():
                        self._start_phase(state.phase + 1)
                if is_chief(self.strategy) and time.monotonic() - self._saved > CHECKPOINT_SECONDS:
                    self._save()
                if after_step is not None:
                    after_step(state.step)
            upcoming.cancel()
        progress.close()
        return Trained(self.best, state.history, state.best_step, state.seconds, state.waited)

    def _one_step(self, upcoming: Future, pool: ThreadPoolExecutor) -> Future:
        """Train on one batch while the next one is made."""
        state, started = self.state, time.monotonic()
        x, y = upcoming.result()
        state.waited += time.monotonic() - started
        following = pool.submit(self.batches, state.step + 1)
        batch = (share(self.strategy, array) for array in (x, y))
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

    def _start_phase(self, number: int) -> None:
        """Begin a phase from the best weights so far; past the last phase the run is over."""
        state = self.state
        state.phase, state.phase_start = number, state.step
        state.stale, state.phase_best = 0, -1.0
        if number < len(self.config.phases):
            self.model.set_weights(self.best)
            self._make_train_step(self.config.phases[number])

    def _make_train_step(self, phase: Phase) -> None:
        with self.strategy.scope():
            self.optimizer = _optimizer(phase)
            self.optimizer.build(self.model.trainable_variables)
        self.train_step = _train_step(self.model, self.optimizer, self.strategy, self.config)

    def _evaluate(self, progress: Progress) -> None:
        """Score the held-out images, remember the best weights, and write a row of history."""
        state, started = self.state, time.monotonic()
        labels = self.examples.held_out_labels
        loss, accuracy = agree(self.strategy, *_score(self.predict(self.held_out), labels))
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
                "optimizer": self.config.phases[state.phase].optimizer,
                "learning_rate": float(self.optimizer.learning_rate.numpy()),
                "loss": state.loss_sum / state.images,
                "accuracy": state.correct / state.images,
                "held_out_loss": loss,
                "held_out_accuracy": accuracy,
            }
        )
        progress.note(f"loss {state.loss_sum / state.images:.3f}, held-out {accuracy:.3f}")
        state.loss_sum, state.correct, state.images = 0.0, 0.0, 0
        state.seconds += time.monotonic() - started

    def _out_of_patience(self) -> bool:
        patience = self.config.phases[self.state.phase].patience
        return 0 < patience <= self.state.stale

    def _variables(self) -> list:
        """All that training changes: weights, moving averages, dropout seeds, optimiser slots."""
        return [*self.model.variables, *self.optimizer.variables]

    def _save(self) -> None:
        arrays = {f"variable{i}": v.numpy() for i, v in enumerate(self._variables())}
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise self._diverged()
        arrays |= {f"best{i}": weight for i, weight in enumerate(self.best)}
        state = json.dumps([self.identity, asdict(self.state)])
        with replacing(self.checkpoint) as temporary, temporary.open("wb") as file:
            np.savez(file, state=np.frombuffer(state.encode(), np.uint8), **arrays)
        self._saved = time.monotonic()

    def _restore(self) -> bool:
        """Go on from the checkpoint; False if there is none of this config, data and threads."""
        if not self.checkpoint.exists():
            return False
        with np.load(self.checkpoint, allow_pickle=False) as arrays:
            identity, state = json.loads(arrays["state"].tobytes())
            if identity != self.identity:
                return False
            self.state = State(**state)
            self.best = [arrays[f"best{i}"] for i in range(len(self.best))]
            if self.state.phase < len(self.config.phases):
                self._make_train_step(self.config.phases[self.state.phase])
                for i, variable in enumerate(self._variables()):
                    variable.assign(arrays[f"variable{i}"])
        return True


def _optimizer(phase: Phase) -> keras.optimizers.Optimizer:
    options = {
        "loss_scale_factor": None if precision() == "float32" else LOSS_SCALE,
        "weight_decay": phase.weight_decay or None,
    }
    if phase.optimizer == "adadelta":
        optimizer = keras.optimizers.Adadelta(
            phase.learning_rate, rho=0.95, epsilon=1e-6, **options
        )
    elif phase.optimizer == "sgd":
        falling = keras.optimizers.schedules.PolynomialDecay(phase.learning_rate, phase.steps, 0.0)
        optimizer = keras.optimizers.SGD(falling, momentum=phase.momentum, nesterov=True, **options)
    else:
        raise ValueError(f"optimizer {phase.optimizer!r}: expected 'adadelta' or 'sgd'")
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _train_step(model, optimizer, strategy, config: Config):
    """One step of gradient descent: batch -> (mean cross-entropy, number of correct predictions).

    The cross-entropy is that of the labels as they are; what is minimised is that of the smoothed.
    """
    smoothing = config.label_smoothing

    def on_replica(x, y):
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
            loss = minimised = tf.reduce_sum(losses) / config.batch_size
            if smoothing:
                evenly = tf.reduce_logsumexp(logits, axis=1) - tf.reduce_mean(logits, axis=1)
                spread = tf.reduce_sum(evenly) / config.batch_size
                minimised = (1 - smoothing) * loss + smoothing * spread
            scaled = optimizer.scale_loss(minimised)
        gradients = tape.gradient(scaled, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        hits = tf.argmax(logits, axis=1, output_type=y.dtype) == y
        return loss, tf.reduce_sum(tf.cast(hits, tf.float32))

    @tf.function
    def step(x, y):
        per_replica = strategy.run(on_replica, args=(x, y))
        return [strategy.reduce("SUM", value, axis=None) for value in per_replica]

    return step


def _score(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean cross-entropy and accuracy."""
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probability[np.arange(len(labels)), labels].mean()
    return float(loss), float((logits.argmax(axis=1) == labels).mean())
