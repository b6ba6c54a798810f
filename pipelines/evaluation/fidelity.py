"""How near a restored image is to the truth that it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skimage.metrics import structural_similarity

if TYPE_CHECKING:
    from numpy.typing import NDArray


def psnr(
    image: NDArray[np.float32],
    truth: NDArray[np.float32],
    peak: float,
    region: NDArray[np.bool_] | None = None,
) -> float:
    """Give the peak signal-to-noise ratio in dB, inside `region`; infinite for equal images."""
    difference = image.astype(np.float64) - truth
    error = float(np.mean(np.square(difference if region is None else difference[region])))
    return float("inf") if error == 0.0 else float(10.0 * np.log10(peak**2 / error))


def ssim(
    image: NDArray[np.float32],
    truth: NDArray[np.float32],
    peak: float,
    region: NDArray[np.bool_] | None = None,
) -> float:
    """Give the mean structural similarity of two planes (y, x), inside `region`; 1 for equal ones.

    Wang et al., IEEE TIP 13:600, 2004, with its Gaussian weights; `peak` is the range of values.
    """
    _mean, local = structural_similarity(
        image.astype(np.float64),
        truth.astype(np.float64),
        data_range=peak,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return float(np.mean(local if region is None else local[region]))
