"""How noisy an image is, measured on the image itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NORMAL_MAD = 0.6745  # median absolute deviation of a standard normal


def detail_sd(array: NDArray[np.float32], region: NDArray[np.bool_] | None = None) -> float:
    """Standard deviation of white noise by the median of the diagonal Haar details.

    The finest diagonal wavelet band of an image holds almost no anatomy, and the median ignores
    the little that is there (Donoho and Johnstone, Biometrika 81:425, 1994).

    Parameters
    ----------
    array : ndarray, shape (..., y, x)
        Planes are measured together; the slice axis is not used.
    region : ndarray of bool, same shape, optional
        Only 2 x 2 blocks that lie inside count. Fewer than 16 blocks give 0.
    """
    rows, columns = (length // 2 * 2 for length in array.shape[-2:])
    block = array[..., :rows, :columns]
    detail = (
        block[..., ::2, ::2]
        - block[..., 1::2, ::2]
        - block[..., ::2, 1::2]
        + block[..., 1::2, 1::2]
    ) / 2
    if region is not None:
        inside = region[..., :rows, :columns]
        detail = detail[
            inside[..., ::2, ::2]
            & inside[..., 1::2, ::2]
            & inside[..., ::2, 1::2]
            & inside[..., 1::2, 1::2]
        ]
    if detail.size < 16:
        return 0.0
    return float(np.median(np.abs(detail)) / NORMAL_MAD)
