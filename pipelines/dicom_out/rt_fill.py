"""Closed contours to the pixels whose centres they enclose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


def filled(polygons: Iterable[NDArray[np.float64]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels of a plane whose centres lie in an odd number of `polygons`.

    Line by line: along a row of centres each edge that it crosses leads in or out.

    Parameters
    ----------
    polygons : iterable of ndarray, shape (points, 2)
        Points ``(x, y)`` in pixels, the centre of the first pixel at (0, 0); the last point is
        joined to the first.
    shape : (int, int)
        Rows and columns of the plane.
    """
    rows, columns = shape
    turns = np.zeros((rows, columns + 1), np.uint8)  # the last column: what lies to the right
    for polygon in polygons:
        row, x = _crossings(polygon, rows)
        first = np.ceil(x).clip(0, columns).astype(np.intp)  # whose centre is not to the left
        np.bitwise_xor.at(turns, (row, first), 1)
    return np.bitwise_xor.accumulate(turns, axis=1)[:, :columns].view(np.bool_)


def _crossings(
    polygon: NDArray[np.float64], rows: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Row and x of every place where an edge crosses a row of centres.

    An edge has its upper end and not its lower one, so that a corner is crossed once.
    """
    start, end = polygon, np.roll(polygon, -1, axis=0)
    down = (end[:, 1] > start[:, 1])[:, None]
    upper, lower = np.where(down, start, end), np.where(down, end, start)
    first = np.ceil(upper[:, 1]).clip(0, rows).astype(np.intp)
    counts = np.ceil(lower[:, 1]).clip(0, rows).astype(np.intp) - first
    edge = np.repeat(np.arange(len(polygon)), counts)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    part = (row - upper[edge, 1]) / (lower[edge, 1] - upper[edge, 1])
    return row, upper[edge, 0] + part * (lower[edge, 0] - upper[edge, 0])
