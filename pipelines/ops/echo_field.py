"""Where an ultrasound screen shows echoes, and the dark structures among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage.measure import regionprops
from skimage.morphology import convex_hull_image, disk

from pipelines.ops.components import keep_at_least, keep_largest

if TYPE_CHECKING:
    from numpy.typing import NDArray

VISIBLE = 8  # of 255: above the black of the screen
TEXT_PIXELS = 3  # strokes of letters and rulers are thinner
DARK_PART = 0.7  # of the echoes at the same depth
ROUND = (0.7, 0.4)  # least solidity and least ratio of the axes of a structure


def find_echo_field(grey: NDArray[np.float32], allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The convex hull of the large visible areas of ``(frame, y, x)`` inside `allowed` (y, x).

    Frames are averaged; thin things (text, rulers, traces) are opened away first and, in a loop,
    so is what never changes. Parts under a tenth of the largest do not count. Empty where nothing
    is visible.
    """
    seen = (ndimage.median_filter(grey.mean(axis=0), 5) > VISIBLE) & allowed
    if len(grey) > 1:
        seen &= np.ptp(grey, axis=0) > VISIBLE
    radius = max(2, round(0.015 * min(seen.shape)))
    field = _close(ndimage.binary_opening(seen, disk(TEXT_PIXELS)), radius)
    if not field.any():
        return field
    field = keep_at_least(field, 0.1 * keep_largest(field).sum())
    return np.asarray(convex_hull_image(field) & allowed)


def find_dark_structures(
    plane: NDArray[np.float32],
    field: NDArray[np.bool_],
    *,
    least_part: float,
    most_part: float,
) -> NDArray[np.bool_]:
    """Compact areas of `plane` (y, x) far darker than the echoes at the same depth.

    Each row of the smoothed field is compared with the median of the rows round it, so that
    attenuation does not count; areas reaching the edge of the field (shadow, lost depth, the colour
    box) are dropped, as are those outside `least_part` to `most_part` of the field.
    """
    if not field.any():
        return field
    side = min(plane.shape)
    smooth = ndimage.gaussian_filter(plane, max(1.0, side / 150))
    expected = _row_medians(smooth, field, reach=max(3, side // 12))
    dark = field & (smooth < DARK_PART * expected[:, None]) & (expected[:, None] > 2 * VISIBLE)
    dark = ndimage.binary_opening(dark, disk(max(2, side // 100)))
    labels, _found = ndimage.label(dark)
    lost = np.unique(labels[field & ~_shrink(field)])
    dark &= ~np.isin(labels, lost[lost > 0])
    area = float(field.sum())
    large = keep_at_least(dark, least_part * area)
    return _keep_round(large & ~keep_at_least(large, most_part * area))


def _keep_round(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, found = ndimage.label(mask)
    kept = np.zeros(found + 1, dtype=bool)
    for part in regionprops(labels):
        narrow = part.axis_minor_length < ROUND[1] * part.axis_major_length
        kept[part.label] = part.solidity >= ROUND[0] and not narrow
    return np.asarray(kept[labels])


def _row_medians(
    plane: NDArray[np.float32], field: NDArray[np.bool_], *, reach: int
) -> NDArray[np.float32]:
    medians = np.zeros(len(plane), dtype=np.float32)
    for row in range(len(plane)):
        band = slice(max(0, row - reach), row + reach + 1)
        values = plane[band][field[band]]
        medians[row] = np.median(values) if values.size else 0
    return medians


def _shrink(field: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`field` without its outermost pixels; the image's own border is no edge."""
    return np.asarray(ndimage.binary_erosion(field, iterations=3, border_value=1))


def _close(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    wide = np.pad(mask, radius)
    closed = ndimage.binary_closing(wide, disk(radius))
    return np.asarray(closed[radius:-radius, radius:-radius])
