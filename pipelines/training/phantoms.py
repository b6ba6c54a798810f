"""Drawn slices with exact truth: discs, bars and hair-thin vessels in CT values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

FINER = 2  # drawn on a finer grid, then averaged: edges as smooth as a scanner's


def draw_slice(size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Give a random body of (size, size) in HU: fat round soft tissue, organs, bones, vessels."""
    n = size * FINER
    y, x = np.mgrid[:n, :n].astype(np.float32) / n - 0.5
    image = np.full((n, n), -1000.0, dtype=np.float32)
    body = (y / rng.uniform(0.28, 0.42)) ** 2 + (x / rng.uniform(0.32, 0.46)) ** 2
    image[body < 1.0] = rng.uniform(-120, -80)
    image[body < rng.uniform(0.6, 0.95)] = rng.uniform(20, 70)
    inside = body < 0.9
    for low, high, number in ((-900, -700, 2), (-20, 160, 14), (-100, -60, 4), (200, 1100, 6)):
        for _ in range(number):
            _ellipse(image, inside, x, y, float(rng.uniform(low, high)), rng)
    for _ in range(30):
        _vessel(image, inside, x, y, rng)
    return np.asarray(image.reshape(size, FINER, size, FINER).mean(axis=(1, 3)))


def _ellipse(
    image: NDArray[np.float32],
    inside: NDArray[np.bool_],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    value: float,
    rng: np.random.Generator,
) -> None:
    angle = rng.uniform(0, np.pi)
    along, across = rng.uniform(0.01, 0.12, size=2) if value > -500 else rng.uniform(0.08, 0.2, 2)
    dx, dy = x - rng.uniform(-0.35, 0.35), y - rng.uniform(-0.3, 0.3)
    u = (dx * np.cos(angle) + dy * np.sin(angle)) / along
    v = (dy * np.cos(angle) - dx * np.sin(angle)) / across
    image[(u * u + v * v < 1.0) & inside] = value


def _vessel(
    image: NDArray[np.float32],
    inside: NDArray[np.bool_],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    rng: np.random.Generator,
) -> None:
    angle, bend = rng.uniform(0, np.pi), rng.uniform(-3.0, 3.0)
    dx, dy = x - rng.uniform(-0.35, 0.35), y - rng.uniform(-0.3, 0.3)
    u = dx * np.cos(angle) + dy * np.sin(angle)
    v = dy * np.cos(angle) - dx * np.sin(angle) - bend * u * u
    width = rng.uniform(0.0012, 0.006)
    shape = np.exp(-((v / width) ** 2)) * (np.abs(u) < rng.uniform(0.02, 0.15)) * inside
    image += (rng.uniform(15, 250) * ndimage.gaussian_filter(shape, 1.0)).astype(np.float32)
