"""The noise floor of magnitude MR images: found in air, taken off everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RAYLEIGH_MEDIAN = float(np.sqrt(2 * np.log(2)))  # of a Rayleigh variable with scale 1


def air_noise_sd(array: NDArray[np.float32], air: NDArray[np.bool_]) -> float:
    """Gaussian noise of each channel, from the Rayleigh distribution that it makes in air.

    Gudbjartsson and Patz, Magn. Reson. Med. 34:910, 1995. Scanners that blank the background
    leave no noise there and give 0, as does an empty `air`.
    """
    values = array[air]
    return float(np.median(values)) / RAYLEIGH_MEDIAN if values.size else 0.0


def subtract_noise_floor(smoothed: NDArray[np.float32], sd: float) -> NDArray[np.float32]:
    """The signal behind a smoothed Rician magnitude: ``sqrt(m^2 - 2 sd^2)``, never below 0.

    The second moment of a Rician variable is ``A^2 + 2 sd^2``, so the floor hardly moves bright
    tissue and takes air to zero (Wiest-Daessle et al., MICCAI 2008).
    """
    power = np.square(smoothed) - np.float32(2 * sd * sd)
    return np.asarray(np.sqrt(np.maximum(power, 0)), dtype=np.float32)
