"""How noisy an image is, measured on the image itself by its finest diagonal details."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NORMAL_MAD = 0.6745  # median absolute deviation of a standard normal
FEWEST = 16  # blocks that a median may stand on


def diagonal_details(
    array: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and diagonal Haar detail of every 2 x 2 block of the last two axes.

    The detail of white noise has the noise's own standard deviation; smooth shading and edges
    along rows or columns leave none.
    """
    rows, columns = (length // 2 * 2 for length in array.shape[-2:])
    block = array[..., :rows, :columns]
    one, two = block[..., ::2, ::2], block[..., 1::2, ::2]
    three, four = block[..., ::2, 1::2], block[..., 1::2, 1::2]
    mean = (one + two + three + four) * np.float32(0.25)
    detail = (one - two - three + four) * np.float32(0.5)
    return mean.astype(np.float32), detail.astype(np.float32)


def detail_sd(array: NDArray[np.float32], region: NDArray[np.bool_] | None = None) -> float:
    """Standard deviation of white noise by the median of the diagonal details.

    The finest diagonal wavelet band of an image holds almost no anatomy, and the median ignores
    the little that is there (Donoho and Johnstone, Biometrika 81:425, 1994).

    Parameters
    ----------
    array : ndarray, shape (..., y, x)
        Planes are measured together; the slice axis is not used.
    region : ndarray of bool, same shape, optional
        Only blocks that lie inside count. Fewer than 16 blocks give 0.
    """
    _mean, detail = diagonal_details(array)
    if region is not None:
        share, _ = diagonal_details(region.astype(np.float32))
        detail = detail[share == 1]
    if detail.size < FEWEST:
        return 0.0
    return float(np.median(np.abs(detail)) / NORMAL_MAD)


def variance_per_mean(array: NDArray[np.float32], *, stride: int = 2) -> float:
    """How much the variance of the noise grows per unit of the mean: 1 for raw counts.

    Reconstruction and scaling turn counts into values whose variance is a constant times the
    mean; dividing by that constant gives values that behave like counts. Only blocks brighter
    than a tenth of the 99th percentile count. No such block, or no noise, gives 0.

    Parameters
    ----------
    stride : int
        Take every `stride`-th row and column, so that smoothing by the reconstruction does not
        hide noise that is correlated over a pixel or two.
    """
    mean, detail = diagonal_details(array[..., ::stride, ::stride])
    bright = mean > 0.1 * np.percentile(mean, 99)
    if np.count_nonzero(bright) < FEWEST or not np.percentile(mean, 99) > 0:
        return 0.0
    ratio = np.square(detail[bright]) / mean[bright]
    return float(np.median(ratio) / NORMAL_MAD**2)
