"""Connected parts of a mask: the largest, the large enough, and those without holes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray


def sizes(labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """Pixels of each label; entry 0, the background, is set to 0."""
    counted = np.bincount(labels.ravel())
    counted[0] = 0
    return counted


def keep_largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest face-connected part of `mask`; an empty mask stays empty."""
    labels, found = ndimage.label(mask)
    return labels == sizes(labels).argmax() if found else mask


def keep_at_least(mask: NDArray[np.bool_], pixels: float) -> NDArray[np.bool_]:
    """The parts of `mask` (connected by faces, edges or corners) of `pixels` or more."""
    labels, _found = ndimage.label(mask, structure=np.ones((3,) * mask.ndim))
    return np.asarray((sizes(labels) >= max(pixels, 1))[labels])


def fill_planes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`mask` of shape (z, y, x) with the holes of every plane filled."""
    return np.stack([ndimage.binary_fill_holes(plane) for plane in mask])
