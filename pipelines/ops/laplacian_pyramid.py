"""An image taken apart into detail of ever larger size, and put together again.

Burt and Adelson, IEEE Trans. Commun. 31:532, 1983.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

KERNEL = np.array([1, 4, 6, 4, 1], dtype=np.float32) / 16


def take_apart(plane: NDArray[np.float32], levels: int) -> list[NDArray[np.float32]]:
    """Detail from fine to coarse and, last, what is left; `put_together` gives `plane` back."""
    bands = []
    for _ in range(levels):
        smaller = _blur(plane)[::2, ::2]
        bands.append(plane - _enlarge(smaller, plane.shape))
        plane = smaller
    return [*bands, plane]


def put_together(bands: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The image whose bands these are."""
    plane = bands[-1]
    for band in reversed(bands[:-1]):
        plane = band + _enlarge(plane, band.shape)
    return plane


def _blur(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = ndimage.correlate1d(plane, KERNEL, axis=0, mode="mirror")
    return np.asarray(ndimage.correlate1d(rows, KERNEL, axis=1, mode="mirror"))


def _enlarge(plane: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    wide = np.repeat(np.repeat(plane, 2, axis=0), 2, axis=1)[: shape[0], : shape[1]]
    return _blur(wide)
