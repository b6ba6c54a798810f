"""Volumes turned so that x runs to the patient's left, y to the back and z to the head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_COSINE = 0.8  # 37 degrees; oblique stacks beyond it are not axial


def axes_to_flip(affine: NDArray[np.float64]) -> tuple[int, ...] | None:
    """Give the array axes (of z, y, x) to reverse, or None where the slices are not axial.

    Parameters
    ----------
    affine : ndarray (4, 4)
        Index ``(x, y, z, 1)`` to LPS millimetres, as in `pipelines.volume.Volume`.
    """
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cosines = np.diag(directions)
    if (np.abs(cosines) < LEAST_COSINE).any():
        return None
    return tuple(2 - axis for axis in range(3) if cosines[axis] < 0)
