"""Figures about images and masks: what a filter took away, what it kept, how far masks agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_IN_PLANE = np.array([[[0, 0, 0]] * 3, [[0, 1, 0], [1, 1, 1], [0, 1, 0]], [[0, 0, 0]] * 3], bool)
EDGE_SHARE = 3.0  # per cent of the valid pixels, those with the steepest slopes, that are edges


def noise_sd(array: NDArray[np.float32], region: NDArray[np.bool_]) -> float | None:
    """Standard deviation about a plane in each patch of `region`, the median over patches.

    A patch is a connected part of one image plane. Shading across a patch does not count as
    noise, blotches inside it do.

    Parameters
    ----------
    array : ndarray, shape (z, y, x)
    region : ndarray of bool, same shape
        Best made by `pipelines.ops.homogeneous.homogeneous_region`. Without a patch of 12 pixels
        the answer is None.
    """
    patches, _count = ndimage.label(region, structure=_IN_PLANE)
    found = []
    for number, box in enumerate(ndimage.find_objects(patches), start=1):
        inside = patches[box] == number
        if np.count_nonzero(inside) < 12:
            continue
        values = array[box][inside].astype(np.float64)
        _plane, rows, columns = np.nonzero(inside)
        terms = np.stack([rows, columns, np.ones(len(values))], axis=1)
        _fit, residual, rank, _singular = np.linalg.lstsq(terms, values)
        if rank == 3:
            found.append(float(np.sqrt(residual[0] / (len(values) - 3))))
    return float(np.median(found)) if found else None


def mean_shift(
    before: NDArray[np.float32], after: NDArray[np.float32], region: NDArray[np.bool_]
) -> float | None:
    """Mean of `after` less mean of `before` inside `region`, in the images' units."""
    if not region.any():
        return None
    return float(after[region].mean(dtype=np.float64) - before[region].mean(dtype=np.float64))


def edge_response(
    before: NDArray[np.float32], after: NDArray[np.float32], valid: NDArray[np.bool_]
) -> float | None:
    """How steep the strongest edges are after, as a part of before: 1 keeps them, less blurs them.

    The slope in the plane at scale 1 pixel is projected on its direction before, at the steepest
    3 % of the `valid` pixels; the median of the ratios is given, None without edges. Arrays are
    indexed ``(z, y, x)``.
    """
    slopes = [ndimage.gaussian_filter(before, (0, 1, 1), order=(0, *order)) for order in _ORDERS]
    steepness = np.hypot(*slopes)
    if not valid.any():
        return None
    edges = valid & (steepness > np.percentile(steepness[valid], 100 - EDGE_SHARE))
    if not edges.any():
        return None
    later = [ndimage.gaussian_filter(after, (0, 1, 1), order=(0, *order)) for order in _ORDERS]
    along = sum(one[edges] * two[edges] for one, two in zip(slopes, later, strict=True))
    return float(np.median(along / np.square(steepness[edges])))


_ORDERS = ((1, 0), (0, 1))


def dice(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    """Dice's coefficient of two masks; 1 where both are empty."""
    total = np.count_nonzero(one) + np.count_nonzero(two)
    return 2 * np.count_nonzero(one & two) / total if total else 1.0


def iou(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks; 1 where both are empty."""
    union = np.count_nonzero(one | two)
    return np.count_nonzero(one & two) / union if union else 1.0


def hd95(
    one: NDArray[np.bool_], two: NDArray[np.bool_], spacing_mm: Sequence[float]
) -> float | None:
    """95th percentile of the distances between the masks' surfaces, in mm; None if one is empty.

    The larger of the two directed percentiles; a surface voxel has a neighbour outside the mask.
    """
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in (one, two)]
    if not all(surface.any() for surface in surfaces):
        return None
    far = []
    for here, there in (surfaces, surfaces[::-1]):
        distance = ndimage.distance_transform_edt(~there, sampling=spacing_mm)
        far.append(float(np.percentile(distance[here], 95)))
    return max(far)
