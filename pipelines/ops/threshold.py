"""Cutting foreground from background by the histogram."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skimage.filters import threshold_otsu

if TYPE_CHECKING:
    from numpy.typing import NDArray


def otsu(values: NDArray[np.float32]) -> float | None:
    """Otsu's threshold of the values below their 99.5th percentile, or None when all are alike.

    Otsu, IEEE Trans. Syst. Man Cybern. 9:62, 1979. The cap keeps a few very bright pixels (fat,
    vessels, markers) from pulling the histogram's upper class to themselves.
    """
    if values.size == 0:
        return None
    low, high = np.percentile(values, [0.5, 99.5])
    if not high > low:
        low, high = float(values.min()), float(values.max())
    if not high > low:
        return None
    return float(threshold_otsu(np.clip(values, low, high), nbins=256))
