"""A peer's recipe for an hour: `python bench/peer.py`, by an interpreter that also has torch.

VGG19 (20 M parameters) of WuJie1010's Facial-Expression-Recognition.Pytorch on GitHub: random crops
of 44 x 44 pixels and mirror images, SGD with momentum, each gradient cut off at 0.1, 250 epochs, of
which the last 170 lower the learning rate by a tenth every fifth; predictions averaged over ten
crops. Its schedule is shortened to the steps that fit into the minutes, so that the rate falls as
far; as published it would still be at its first value. Like the peer it trains on all of Training;
the test splits are scored once, at the end.

How many steps that are is measured first, on the machine alone, as bench/minutes.py measures ours;
the training itself may then run beside other work. Writes bench/peer.json: minutes, steps, passes,
and accuracy on both test splits.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from fer_utils.data.dataset import load
from fer_utils.fer2013 import PRIVATE, PUBLIC, TRAINING
from fer_utils.files import write_json
from load import cpu_model

RESULT = Path(__file__).with_suffix(".json")
CROP, BATCH = 44, 128
TIMED = 15  # steps
EPOCHS, CONSTANT, EVERY, FACTOR = 250, 80, 5, 0.9  # the published schedule
UNITS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # VGG19's widths and depths


def vgg19() -> nn.Sequential:
    layers, channels = [], 3
    for width, depth in UNITS:
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(), nn.Linear(channels, 7))


def tensor(images: np.ndarray) -> torch.Tensor:
    """(n, 44, 44) uint8 as three equal channels from 0 to 1."""
    return torch.from_numpy(images)[:, None].expand(-1, 3, -1, -1).float().div(255)


def crops(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One random crop of each image, mirrored or not."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (CROP, CROP), axis=(1, 2))
    top, left = random.integers(0, windows.shape[1], (2, len(images)))
    chosen = windows[np.arange(len(images)), top, left]
    mirrored = random.random(len(images)) < 0.5
    return np.where(mirrored[:, None, None], chosen[:, :, ::-1], chosen)


def ten_crops(images: np.ndarray) -> np.ndarray:
    """The corners and the centre, and their mirror images: (10, n, 44, 44)."""
    far = images.shape[1] - CROP
    corners = [(0, 0), (0, far), (far, 0), (far, far), (far // 2, far // 2)]
    cut = [images[:, y : y + CROP, x : x + CROP] for y, x in corners]
    return np.stack([*cut, *(each[:, :, ::-1] for each in cut)])


def rate(epochs: float) -> float:
    """The learning rate after so many of the published epochs."""
    return 0.01 * FACTOR ** max(0, (epochs - CONSTANT) // EVERY)


def network() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = vgg19().to(memory_format=torch.channels_last)
    return model, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)


def step(
    model: nn.Module, optimizer: torch.optim.Optimizer, images: np.ndarray, labels: np.ndarray
) -> float:
    """One step on a batch of crops; returns its loss."""
    batch = tensor(images).contiguous(memory_format=torch.channels_last)
    loss = nn.functional.cross_entropy(model(batch), torch.from_numpy(labels))
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_(model.parameters(), 0.1)
    optimizer.step()
    return loss.item()


def seconds_a_step(images: np.ndarray, labels: np.ndarray) -> float:
    """Of this machine, if nothing else runs on it: the mean of TIMED steps after two others."""
    model, optimizer = network()
    random = np.random.default_rng(0)
    for number in range(TIMED + 2):
        if number == 2:
            started = time.perf_counter()
        step(model, optimizer, crops(images[:BATCH], random), labels[:BATCH])
    return (time.perf_counter() - started) / TIMED


def train(images: np.ndarray, labels: np.ndarray, steps: int) -> nn.Module:
    """The network after so many steps, over which its learning rate falls as published."""
    model, optimizer = network()
    random, order, losses = np.random.default_rng(0), np.empty(0, int), []
    for number in range(steps):
        if len(order) < BATCH:
            order = random.permutation(len(images))
        rows, order = order[:BATCH], order[BATCH:]
        for group in optimizer.param_groups:
            group["lr"] = rate(EPOCHS * number / steps)
        losses.append(step(model, optimizer, crops(images[rows], random), labels[rows]))
        if len(losses) % 25 == 0:
            print(f"step {number + 1}/{steps}, loss {np.mean(losses[-25:]):.3f}", flush=True)
    return model.eval()


@torch.inference_mode()
def accuracy(model: nn.Module, images: np.ndarray, labels: np.ndarray) -> float:
    predicted = []
    for start in range(0, len(images), BATCH):
        ten = ten_crops(images[start : start + BATCH])
        logits = torch.stack([model(tensor(np.ascontiguousarray(each))) for each in ten])
        predicted.append(logits.mean(0).argmax(1).numpy())
    return round(float(np.mean(np.concatenate(predicted) == labels)), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--time", action="store_true", help="only print the seconds of a step")
    given = parser.parse_args()
    minutes, dataset = given.minutes, load("fer2013")
    images, labels = dataset.part(TRAINING)
    labels = labels.astype(np.int64)
    seconds = seconds_a_step(images, labels)
    if given.time:
        print(seconds)
        return
    steps = round(60 * minutes / seconds)
    print(f"{seconds:.2f} s a step: {steps} steps are {minutes:g} minutes", flush=True)
    model = train(images, labels, steps)
    splits = {"public": dataset.part(PUBLIC), "private": dataset.part(PRIVATE)}
    found = {
        "recipe": "WuJie1010, VGG19",
        "cpu": cpu_model(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "parameters": sum(each.numel() for each in model.parameters()),
        "minutes": minutes,
        "steps": steps,
        "passes": round(steps * BATCH / len(images), 2),
        **{split: accuracy(model, *part) for split, part in splits.items()},
    }
    write_json(RESULT, found)
    print(found)


if __name__ == "__main__":
    main()
