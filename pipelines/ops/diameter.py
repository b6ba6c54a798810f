"""The largest diameter of a region: IBSI L0JK in space, its like in a plane.

The Image Biomarker Standardisation Initiative takes the farthest two points of the surface mesh.
The mesh that marching cubes lays round a mask at one half has its points where a voxel inside meets
one outside: on the centres of the faces between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
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
    points = outline(mask) @ to_mm.T
    reach = np.linalg.norm(points - points.mean(axis=0), axis=1)
    start = points[reach.argmax()]
    found = _farthest_from(points[_distances(points, start).argmax()], points)
    # A point nearer to the centre than this has no partner that is farther away than `found`.
    outer = points[reach >= found - reach.max() - 1e-9]
    if len(outer) > FEW:
        outer = _corners(outer, points)
    for first in range(0, len(outer), FEW):
        found = max(found, float(cdist(outer[first : first + FEW], outer).max()))
    return found


def outline(mask: NDArray[np.bool_]) -> Points:
    """The outermost face centres along every axis, as indices in the mask's axis order.

    The farthest two points are always among them.
    """
    (box,) = ndimage.find_objects(mask.astype(np.uint8))
    inside = mask[box]
    found = []
    for axis in range(mask.ndim):
        lines = np.moveaxis(inside, axis, -1)
        filled = lines.any(axis=-1)
        first = lines.argmax(axis=-1)[filled]
        last = lines.shape[-1] - 1 - lines[..., ::-1].argmax(axis=-1)[filled]
        place = np.argwhere(filled).astype(np.float64)
        found += [np.insert(place, axis, edge, axis=1) for edge in (first - 0.5, last + 0.5)]
    return np.concatenate(found)


def _distances(points: Points, start: Points) -> Points:
    return np.asarray(np.linalg.norm(points - start, axis=1))


def _farthest_from(start: Points, points: Points) -> float:
    return float(_distances(points, start).max())


def _corners(outer: Points, points: Points) -> Points:
    """The corners of the convex hull; `outer` alone may be flat, all points never are."""
    try:
        return np.asarray(outer[ConvexHull(outer).vertices])
    except QhullError:
        return np.asarray(points[ConvexHull(points).vertices])
