"""Outlines of a mask as closed polygons, each component with its holes.

A polygon runs half way between the centres of pixels inside and outside, so that exactly the
centres of the mask's pixels lie in it: rasterised, it gives the mask back. Pixels that touch at a
corner alone are two components.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.measure import find_contours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Outline(NamedTuple):
    """The border of one component of a mask; each polygon is closed without a repeated point."""

    outer: NDArray[np.float64]
    holes: list[NDArray[np.float64]]


def outlines(mask: NDArray[np.bool_]) -> list[Outline]:
    """The components of a mask ``(y, x)``, largest outline first.

    Points are ``(x, y)`` in pixels, the centre of the first pixel at (0, 0).
    """
    if not mask.any():
        return []
    rows, columns = ndimage.find_objects(mask.astype(np.uint8))[0]
    part = np.pad(mask[rows, columns], 1)
    corner = np.array([columns.start - 1, rows.start - 1])
    components, count = ndimage.label(part)
    outer: dict[int, NDArray[np.float64]] = {}
    holes: dict[int, list[NDArray[np.float64]]] = {number: [] for number in range(1, count + 1)}
    for line in find_contours(part.astype(np.float32), 0.5, fully_connected="low"):
        number = int(max(components[_floor(line[0])], components[_ceil(line[0])]))
        polygon = without_middle_points(line[:-1, ::-1]) + corner
        if signed_area(polygon) < 0:  # the mask lies to the right of the way it was followed
            holes[number].append(polygon)
        else:
            outer[number] = polygon
    found = [Outline(polygon, holes[number]) for number, polygon in outer.items()]
    return sorted(found, key=lambda each: -signed_area(each.outer))


def keyhole(outline: Outline) -> NDArray[np.float64]:
    """One polygon whose way leads into every hole and back on the same line (PS3.3 C.8.8.6.3).

    The channel has no width, so it encloses nothing whatever rule a reader fills by. The next hole
    is always the one nearest to what is joined already, so no channel crosses another border.
    """
    joined = outline.outer
    waiting = [_Waiting(hole, *_nearest(joined, hole)) for hole in outline.holes]
    while waiting:
        hole = waiting.pop(int(np.argmin([each.distance for each in waiting])))
        ring = np.roll(hole.polygon, -hole.at, axis=0)
        way = np.vstack([hole.target[None], ring, ring[:1]])
        place = int(np.flatnonzero((joined == hole.target).all(axis=1))[0])
        joined = np.insert(joined, place, way, axis=0)
        waiting = [each.nearer(ring) for each in waiting]
    return joined


class _Waiting(NamedTuple):
    """A hole that is not joined yet: its point `at` is nearest to the joined point `target`."""

    polygon: NDArray[np.float64]
    distance: float
    at: int
    target: NDArray[np.float64]

    def nearer(self, ring: NDArray[np.float64]) -> _Waiting:
        distance, at, target = _nearest(ring, self.polygon)
        if distance < self.distance:
            return _Waiting(self.polygon, distance, at, target)
        return self


def _nearest(
    there: NDArray[np.float64], polygon: NDArray[np.float64]
) -> tuple[float, int, NDArray[np.float64]]:
    """Distance, index in `polygon` and point of `there` of the two nearest points."""
    distances, places = cKDTree(there).query(polygon)
    at = int(distances.argmin())
    return float(distances[at]), at, there[places[at]]


def without_middle_points(polygon: NDArray[np.float64]) -> NDArray[np.float64]:
    """The polygon without points on the straight line between their neighbours."""
    before = polygon - np.roll(polygon, 1, axis=0)
    after = np.roll(polygon, -1, axis=0) - polygon
    turns = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    return np.asarray(polygon[turns])


def signed_area(polygon: NDArray[np.float64]) -> float:
    """Area, positive where the points go from x to y, as a mask's outer border does here."""
    x, y = polygon.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def bounds(polygons: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Lowest and highest ``(x, y)`` of all points, shape (2, 2)."""
    points = np.vstack(polygons)
    return np.stack([points.min(axis=0), points.max(axis=0)])


def _floor(point: NDArray[np.float64]) -> tuple[int, int]:
    return int(np.floor(point[0])), int(np.floor(point[1]))


def _ceil(point: NDArray[np.float64]) -> tuple[int, int]:
    return int(np.ceil(point[0])), int(np.ceil(point[1]))
