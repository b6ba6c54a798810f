"""The brain's outline in a head MR volume, by a balloon that stops at the skull.

Smith, "Fast robust automated brain extraction", Human Brain Mapping 17:143, 2002. Points and
distances are in millimetres along ``(z, y, x)`` of the array, from the centre of voxel 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.ops.icosphere import icosphere, neighbour_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOOK_IN_MM, LOOK_IN_FOR_MAX_MM = 7, 3
CURVE_MIN_MM, CURVE_MAX_MM = 3.33, 10.0
STEP = 0.05
ITERATIONS = 1000


@dataclass(frozen=True, slots=True)
class Levels:
    """Intensities that steer the balloon: robust minimum, brain against dark, brain's median."""

    dark: float
    threshold: float
    brain: float


@dataclass(frozen=True, slots=True)
class Surface:
    """A closed triangle mesh with outward normals."""

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    normals: NDArray[np.float64]


def grow_to_skull(
    array: NDArray[np.float32],
    spacing_mm: tuple[float, float, float],
    *,
    centre_mm: NDArray[np.float64],
    radius_mm: float,
    levels: Levels,
    threshold_part: float = 0.5,
) -> Surface:
    """Give the surface that a sphere of half `radius_mm` round `centre_mm` grows into.

    `threshold_part` is Smith's fractional threshold: lower gives a larger brain.
    """
    directions, faces = icosphere(4)
    neighbours = neighbour_table(faces, len(directions))
    vertices = centre_mm + directions * radius_mm / 2
    sample = _Sampler(array, spacing_mm)
    tight = (1 / CURVE_MIN_MM + 1 / CURVE_MAX_MM) / 2
    steep = 6 / (1 / CURVE_MIN_MM - 1 / CURVE_MAX_MM)
    for _ in range(ITERATIONS):
        normals = _normals(vertices, faces)
        around = vertices[neighbours]
        toward = around.mean(axis=1) - vertices
        along = np.einsum("ij,ij->i", toward, normals)
        inward = along[:, None] * normals
        edge = np.linalg.norm(around - vertices[:, None], axis=2).mean()
        bend = 2 * np.abs(along) / edge**2
        smooth = (1 + np.tanh(steep * (bend - tight))) / 2
        push = STEP * edge * _pull(sample, vertices, normals, levels, threshold_part)
        vertices = (
            vertices + (toward - inward) / 2 + smooth[:, None] * inward + push[:, None] * normals
        )
    return Surface(vertices, faces, _normals(vertices, faces))


def skull_share(
    array: NDArray[np.float32],
    spacing_mm: tuple[float, float, float],
    surface: Surface,
    levels: Levels,
    *,
    reach_mm: int = 12,
) -> float:
    """The share of the surface with something dark (skull, CSF) just outside, 0 to 1.

    Dark is below the middle between the darkest and the brain's median. Points whose way out
    leaves the volume do not count; when none stays inside, the share is 0.
    """
    sample = _Sampler(array, spacing_mm)
    steps = np.arange(1, reach_mm + 1)[:, None, None]
    points = surface.vertices + steps * surface.normals
    inside = sample.holds(points).all(axis=0)
    if not inside.any():
        return 0.0
    darkest = sample(points)[:, inside].min(axis=0)
    return float((darkest < (levels.dark + levels.brain) / 2).mean())


class _Sampler:
    """Nearest voxel values at points in millimetres; outside, the edge voxel's."""

    def __init__(self, array: NDArray[np.float32], spacing_mm: tuple[float, float, float]) -> None:
        self._array = array
        self._spacing = np.array(spacing_mm)
        self._last = np.array(array.shape) - 1

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float32]:
        index = np.rint(points / self._spacing).astype(np.intp)
        np.clip(index, 0, self._last, out=index)
        return np.asarray(self._array[index[..., 0], index[..., 1], index[..., 2]])

    def holds(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        index = points / self._spacing
        return np.asarray(((index >= -0.5) & (index <= self._last + 0.5)).all(axis=-1))


def _pull(
    sample: _Sampler,
    vertices: NDArray[np.float64],
    normals: NDArray[np.float64],
    levels: Levels,
    threshold_part: float,
) -> NDArray[np.float64]:
    steps = np.arange(1, LOOK_IN_MM + 1)[:, None, None]
    values = sample(vertices - steps * normals)
    low = np.maximum(levels.dark, np.minimum(levels.brain, values.min(axis=0)))
    high = np.minimum(
        levels.brain, np.maximum(levels.threshold, values[:LOOK_IN_FOR_MAX_MM].max(axis=0))
    )
    local = (high - levels.dark) * threshold_part + levels.dark
    return np.asarray(2 * (low - local) / np.maximum(high - levels.dark, 1e-6))


def _normals(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.float64]:
    first, second, third = (vertices[faces[:, corner]] for corner in range(3))
    of_faces = np.cross(second - first, third - first)
    summed = np.empty_like(vertices)
    for axis in range(3):
        summed[:, axis] = np.bincount(
            faces.ravel(), np.repeat(of_faces[:, axis], 3), minlength=len(vertices)
        )
    return np.asarray(summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-12))
