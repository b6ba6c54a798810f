"""The filters that a network must beat, each with a range of strengths to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Filter = Callable[[NDArray[np.float32], float, float], NDArray[np.float32]]


def gaussian(image: NDArray[np.float32], _level: float, strength: float) -> NDArray[np.float32]:
    """Give the image under a Gaussian of `strength` pixels."""
    return np.asarray(ndimage.gaussian_filter(image, strength))


def nonlocal_means(
    image: NDArray[np.float32], level: float, strength: float
) -> NDArray[np.float32]:
    """Give the image by non-local means, `strength` in units of the noise level."""
    return np.asarray(
        denoise_nl_means(image, patch_size=5, patch_distance=7, h=strength * level, sigma=level),
        dtype=np.float32,
    )


def total_variation(
    image: NDArray[np.float32], level: float, strength: float
) -> NDArray[np.float32]:
    """Give the image by Chambolle's total variation, `strength` in units of the noise level."""
    return np.asarray(denoise_tv_chambolle(image, weight=strength * level), dtype=np.float32)


DENOISERS: dict[str, tuple[Filter, tuple[float, ...]]] = {
    "Gaussian": (gaussian, (0.5, 0.8, 1.2, 1.8)),
    "non-local means": (nonlocal_means, (0.4, 0.8, 1.4)),
    "total variation": (total_variation, (0.5, 1.0, 2.0)),
}
