"""The largest diameter of a region: IBSI L0JK in space, its like in a plane.

The Image Biomarker Standardisation Initiative takes the farthest two points of the surface mesh.
The mesh that marching cubes lays round a mask at one half has its points where a voxel inside meets
one outside: on the centres of the faces between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    from numpy.typing import NDArray

Points = np.ndarray[Any, np.dtype[np.float64]]

FEW = 2000  # points whose distances are all taken at once


def largest_diameter(mask: NDArray[np.bool_], to_mm: NDArray[np.float64]) -> float:
    """Distance of the farthest two points on the outline of `mask`, in millimetres.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x) or (y, x)
        True somewhere.
    to_mm : ndarray of float64, shape (n, n)
        Column k is the step in millimetres along axis k of the mask.
    """
    ends = row_ends(mask)
    centres = ends @ to_mm.T
    reach = np.linalg.norm(centres - centres.mean(axis=0), axis=1)
    start = centres[reach.argmax()]
    other = centres[np.linalg.norm(centres - start, axis=1).argmax()]
    at_least = float(np.linalg.norm(centres - other, axis=1).max())
    # A voxel nearer to the middle than this has no partner that is farther away than `at_least`.
    step = float(np.linalg.norm(to_mm, axis=0).max())
    outer = ends[reach >= at_least - reach.max() - step]
    faces = np.concatenate([np.eye(mask.ndim), -np.eye(mask.ndim)]) / 2
    points = (outer[:, None] + faces).reshape(-1, mask.ndim) @ to_mm.T
    if len(points) > FEW:
        points = points[ConvexHull(points).vertices]
    return max(
        float(cdist(points[first : first + FEW], points).max())
        for first in range(0, len(points), FEW)
    )


def row_ends(mask: NDArray[np.bool_]) -> Points:
    """Indices of the first and last voxel of every row: no voxel lies outside their convex hull.

    So none of its faces is farther out than theirs, and a face between two voxels inside lies
    between two at the outline.
    """
    filled = mask.any(axis=-1)
    first = mask.argmax(axis=-1)[filled]
    last = mask.shape[-1] - 1 - mask[..., ::-1].argmax(axis=-1)[filled]
    rows = np.argwhere(filled)
    ends = [np.column_stack([rows, column]) for column in (first, last)]
    return np.concatenate(ends).astype(np.float64)
