"""Averaging pixels whose surroundings look alike, wherever they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skimage.restoration import denoise_nl_means

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def smooth_planes(
    array: NDArray[np.float32],
    sd: float,
    *,
    strength: float = 0.8,
    patch: int = 5,
    reach: int = 6,
    progress: Callable[[float], None] = lambda _part: None,
) -> NDArray[np.float32]:
    """Non-local means of every plane of ``(z, y, x)`` for white noise of standard deviation `sd`.

    Buades, Coll and Morel, CVPR 2005; the integral-image form of Froment, IPOL 4:300, 2014.
    Memory beyond the result is a few planes. `sd` of 0 gives the input.

    Parameters
    ----------
    strength : float
        Filtering parameter h as a multiple of `sd`.
    patch, reach : int
        Side of the compared squares and the search distance, in pixels.
    """
    if sd <= 0:
        return array.copy()
    smoothed = np.empty_like(array)
    for index, plane in enumerate(array):
        smoothed[index] = denoise_nl_means(
            plane,
            patch_size=patch,
            patch_distance=reach,
            h=strength * sd,
            sigma=sd,
            fast_mode=True,
            preserve_range=True,
        )
        progress((index + 1) / len(array))
    return smoothed
