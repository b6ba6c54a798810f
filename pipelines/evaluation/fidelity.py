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
    region: NDArray[np.bool_],
    data_range: float,
) -> float:
    """Give the peak signal-to-noise ratio in dB inside `region`; infinite for equal images."""
    error = float(np.mean((image[region].astype(np.float64) - truth[region]) ** 2))
    return float("inf") if error == 0.0 else float(10.0 * np.log10(data_range**2 / error))


def ssim(
    image: NDArray[np.float32],
    truth: NDArray[np.float32],
    region: NDArray[np.bool_],
    window: tuple[float, float],
) -> float:
    """Give the mean structural similarity inside `region` as seen in a display window.

    Wang et al., IEEE TIP 13:600, 2004, with its Gaussian weights.
    """
    low, high = window
    _mean, local = structural_similarity(
        np.clip(image, low, high).astype(np.float64),
        np.clip(truth, low, high).astype(np.float64),
        data_range=high - low,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return float(local[region].mean())
