"""How noisy a CT slice is, from the slice alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW = 13  # pixels; longer than the noise of a soft kernel is correlated
TISSUE_HU = (-200.0, 300.0)
QUIET_PART = 15.0  # per cent of the tissue windows taken as free of structure
FEWEST = 200  # windows; fewer give no figure


def noise_level(slice_hu: NDArray[np.float32]) -> float:
    """Give the noise of one slice in HU: the standard deviation in its quietest soft tissue.

    Parameters
    ----------
    slice_hu : ndarray (y, x)

    Returns
    -------
    float
        A low percentile of the local standard deviations, so edges and vessels do not count;
        NaN where the slice shows too little soft tissue.
    """
    clipped = np.clip(slice_hu, -1024.0, 2000.0).astype(np.float64)
    mean = ndimage.uniform_filter(clipped, WINDOW)
    variance = ndimage.uniform_filter(clipped * clipped, WINDOW) - mean * mean
    tissue = (mean > TISSUE_HU[0]) & (mean < TISSUE_HU[1])
    if np.count_nonzero(tissue) < FEWEST:
        return float("nan")
    return float(np.percentile(np.sqrt(np.maximum(variance[tissue], 0.0)), QUIET_PART))


def noise_levels(volume_hu: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the noise of each slice in HU, steadied by its neighbours.

    Parameters
    ----------
    volume_hu : ndarray (z, y, x)

    Returns
    -------
    ndarray of float32, shape (z,)
        Median over five slices; slices without soft tissue take the volume's median, and a
        volume without any takes 0.
    """
    single = np.array([noise_level(plane) for plane in volume_hu], dtype=np.float32)
    known = np.isfinite(single)
    if not known.any():
        return np.zeros(len(single), dtype=np.float32)
    single[~known] = np.median(single[known])
    smooth: NDArray[np.float32] = ndimage.median_filter(single, size=5, mode="nearest")
    return smooth
