"""Pixels that hold no measurement: kept out of every filter, given back as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray


def fill_padding(
    array: NDArray[np.float32], padding: NDArray[np.bool_] | None
) -> NDArray[np.float32]:
    """Give `array` with every padded or non-finite pixel replaced by its nearest real one.

    Pixel Padding Values (PS3.3 C.7.5.1.1.2) may lie thousands of units from the image and would
    leak into any neighbourhood filter. The distance is measured in the last two axes of a plane.
    """
    holes = ~np.isfinite(array)
    if padding is not None:
        holes |= padding
    if not holes.any():
        return array
    if holes.all():
        return np.zeros_like(array)
    filled = np.where(holes, np.float32(0), array)
    for index in np.ndindex(array.shape[:-2]):
        hole = holes[index]
        if hole.all():
            filled[index] = array[~holes].min()
        elif hole.any():
            nearest = ndimage.distance_transform_edt(
                hole, return_distances=False, return_indices=True
            )
            filled[index] = array[index][tuple(nearest)]
    return filled


def restore_padding(
    result: NDArray[np.float32], source: NDArray[np.float32], padding: NDArray[np.bool_] | None
) -> NDArray[np.float32]:
    """Give `result` as float32 with the padded pixels of `source` put back bit for bit."""
    kept = result.astype(np.float32, copy=False)
    if padding is None or not padding.any():
        return kept
    return np.where(padding, source, kept)


def clear_padding(
    labels: NDArray[np.uint8], padding: NDArray[np.bool_] | None
) -> NDArray[np.uint8]:
    """`labels` with background wherever the source is padded."""
    if padding is None:
        return labels
    return np.where(padding, np.uint8(0), labels)
