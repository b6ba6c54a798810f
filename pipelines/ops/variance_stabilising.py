"""Making Poisson noise look Gaussian, and back without bias."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def stabilise(counts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Anscombe's root of non-negative `counts`: noise of standard deviation 1 at any count.

    Anscombe, Biometrika 35:246, 1948.
    """
    return np.asarray(2 * np.sqrt(np.maximum(counts, 0) + 0.375), dtype=np.float32)


def unstabilise(root: NDArray[np.float32]) -> NDArray[np.float32]:
    """Counts whose expected Anscombe root is `root`: the closed form of the exact unbiased inverse.

    The plain algebraic inverse is biased at low counts (Mäkitalo and Foi, IEEE Trans. Image
    Process. 20:2697, 2011). Roots below that of zero counts give 0.
    """
    floor = 2 * np.sqrt(0.375)
    d = np.maximum(root, floor).astype(np.float64)
    counts = d**2 / 4 + np.sqrt(1.5) / 4 / d - 11 / 8 / d**2 + 5 * np.sqrt(1.5) / 8 / d**3 - 1 / 8
    return np.where(root <= floor, 0, np.maximum(counts, 0)).astype(np.float32)
