"""Outlines of a mask as closed polygons, each component with its holes.

A polygon runs half way between the centres of pixels inside and outside, so that exactly the
centres of the mask's pixels lie in it: rasterised, it gives the mask back. Pixels that touch at a
corner alone are two components.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage
from skimage.measure import find_contours

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


class Outline(NamedTuple):
    """The border of one component of a mask; each polygon is closed without a repeated point.

    Attributes
    ----------
    pixel : (int, int)
        Row and column of a pixel of the component.
    """

    outer: NDArray[np.float64]
    holes: list[NDArray[np.float64]]
    pixel: tuple[int, int]


def outlines(mask: NDArray[np.bool_]) -> list[Outline]:
    """The components of a mask ``(y, x)``, largest outline first, with every half way point.

    Points are ``(x, y)`` in pixels, the centre of the first pixel at (0, 0).
    """
    if not mask.any():
        return []
    rows, columns = ndimage.find_objects(mask.astype(np.uint8))[0]
    part = np.pad(mask[rows, columns], 1)
    corner = np.array([columns.start - 1, rows.start - 1])
    components, count = ndimage.label(part)
    outer: dict[int, NDArray[np.float64]] = {}
    pixels: dict[int, tuple[int, int]] = {}
    holes: dict[int, list[NDArray[np.float64]]] = {number: [] for number in range(1, count + 1)}
    for line in find_contours(part.astype(np.float32), 0.5, fully_connected="low"):
        # Of the two pixels that a point lies between one is of the mask.
        row, column = max(_pixels_beside(line[0]), key=lambda pixel: components[pixel])
        number = int(components[row, column])
        polygon = line[:-1, ::-1] + corner
        if signed_area(polygon) < 0:  # the mask lies to the right of the way it was followed
            holes[number].append(polygon)
        else:
            outer[number] = polygon
            pixels[number] = row + rows.start - 1, column + columns.start - 1
    found = [Outline(outer[number], holes[number], pixels[number]) for number in outer]
    return sorted(found, key=lambda each: -signed_area(each.outer))


def keyhole(outline: Outline, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """One polygon whose way leads into every hole and back on the same line (PS3.3 C.8.8.6.3).

    The channel has no width, so it encloses nothing whatever rule a reader fills by. It leads
    upwards between two columns, so it meets no pixel's centre, to the border that comes next: the
    outer one, or that of a hole whose top is higher.
    """
    rings = [outline.outer, *sorted(outline.holes, key=lambda ring: float(ring[:, 1].min()))]
    places = {
        (x, y): (number, place)
        for number, ring in enumerate(rings)
        for place, (x, y) in enumerate(ring.tolist())
    }
    # The holes that hang on each point of each ring: their number, and where their way begins.
    hanging: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for number, ring in enumerate(rings[1:], start=1):
        start, end = _channel(ring, mask)
        hanging.setdefault(places[end], []).append((number, places[start][1]))
    return without_middle_points(_walk(rings, hanging))


def _channel(
    ring: NDArray[np.float64], mask: NDArray[np.bool_]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """A point of a hole's border and the point of another border above it, nothing between."""
    top = ring[ring[:, 1] == ring[:, 1].min()]
    column, row = int(top[:, 0].min()), int(top[0, 1] + 0.5)  # the first pixel of the hole
    start = column - 0.5, float(row)
    row -= 1
    while row >= 0 and mask[row, column - 1 : column + 1].all():
        row -= 1
    if row >= 0 and mask[row, column - 1 : column + 1].any():
        return start, (column - 0.5, float(row))
    return start, (float(column), row + 0.5)


def _walk(
    rings: Sequence[NDArray[np.float64]],
    hanging: Mapping[tuple[int, int], Sequence[tuple[int, int]]],
) -> NDArray[np.float64]:
    """Round the first ring and, from the points where they hang, round the others and back."""
    points: list[NDArray[np.float64]] = []
    # Points still to pass, the next last; holes are entered only where the last is true.
    waiting = [(0, place, True) for place in reversed(range(len(rings[0])))]
    while waiting:
        number, place, enters = waiting.pop()
        points.append(rings[number][place])
        for hole, start in hanging.get((number, place), ()) if enters else ():
            size = len(rings[hole])
            waiting += [(number, place, False), (hole, start, False)]
            waiting += [(hole, (start + step) % size, True) for step in reversed(range(size))]
    return np.array(points)


def without_middle_points(polygon: NDArray[np.float64]) -> NDArray[np.float64]:
    """The polygon without points on the straight line between their neighbours."""
    before = polygon - np.roll(polygon, 1, axis=0)
    after = np.roll(polygon, -1, axis=0) - polygon
    turns = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    goes_back = (before * after).sum(axis=1) <= 0
    return np.asarray(polygon[turns | goes_back])


def signed_area(polygon: NDArray[np.float64]) -> float:
    """Area, positive where the points go from x to y, as a mask's outer border does here."""
    x, y = polygon.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _pixels_beside(point: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Row and column of the two pixels between whose centres the point is."""
    return [(int(way(point[0])), int(way(point[1]))) for way in (np.floor, np.ceil)]
