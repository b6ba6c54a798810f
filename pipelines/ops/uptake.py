"""Regions of high uptake, each cut at a level that fits its own maximum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from pipelines.ops.components import sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALL_NEIGHBOURS = np.ones((3, 3, 3), dtype=bool)


def grow_uptake(
    array: NDArray[np.float32],
    *,
    seed: float,
    part: float,
    least: float,
    pixels: float,
) -> NDArray[np.bool_]:
    """The voxels of ``(z, y, x)`` that belong to a connected region at or above `seed`.

    Each region of `pixels` voxels or more grows to `part` of its own maximum, yet never below
    `least` nor above `seed`; holes of a plane (necrosis) are filled. 41 % of the maximum is the
    contour of the EANM guideline (Boellaard et al., Eur. J. Nucl. Med. Mol. Imaging 42:328, 2015).
    """
    seeds, found = ndimage.label(array >= seed, structure=ALL_NEIGHBOURS)
    large = np.flatnonzero(sizes(seeds) >= max(pixels, 1))
    grown = np.isin(seeds, large)
    if not large.size:
        return grown
    reach, _count = ndimage.label(array >= least, structure=ALL_NEIGHBOURS)
    boxes = ndimage.find_objects(reach)
    maxima = ndimage.maximum(array, seeds, np.arange(found + 1))
    for number in large:
        inside = seeds == number
        box = boxes[reach[tuple(np.argwhere(inside)[0])] - 1]
        level = np.clip(part * maxima[number], least, seed)
        nearby, _count = ndimage.label(array[box] >= level, structure=ALL_NEIGHBOURS)
        grown[box] |= nearby == nearby[inside[box]][0]
    return np.stack([ndimage.binary_fill_holes(plane) for plane in grown])
