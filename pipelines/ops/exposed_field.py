"""The part of a radiograph that shows the patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from pipelines.ops.components import keep_largest

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIRECT = 0.08  # of the range: air between source and detector
SHUTTERED = 0.97  # of the range, and flat: behind the collimator
CONSTANT = 0.001  # of the range: nothing was measured there
FALLING = 0.01  # of the range: how far a falling line may rise


def find_patient(density: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The largest part of ``(y, x)`` left after what is not patient is taken from the borders.

    Taken away: regions that touch the border and are either as dark as direct exposure or both
    as bright as can be and perfectly flat (collimator, electronic shutter; PS3.3 C.7.6.11). Holes
    are filled. An image without contrast gives an empty mask.

    Parameters
    ----------
    density : ndarray, shape (y, x)
        Dense is bright.
    """
    low, high = np.percentile(density, [0.5, 99.5])
    if not high > low:
        return np.zeros(density.shape, dtype=bool)
    unit = (ndimage.gaussian_filter(density, 1) - low) / (high - low)
    reach = ndimage.maximum_filter(density, 5) - ndimage.minimum_filter(density, 5)
    shutter = _touching_border((unit > SHUTTERED) & (reach < CONSTANT * (high - low)))
    empty = _touching_border(unit < DIRECT) | shutter | _penumbra(unit, shutter)
    return np.asarray(ndimage.binary_fill_holes(keep_largest(~empty)))


def _penumbra(unit: NDArray[np.float32], shutter: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What lies between the shutter and direct exposure on lines that fall from one to the other.

    Looked for from all four borders inwards: the collimator's soft edge is as bright as a patient.
    """
    found = np.zeros(unit.shape, dtype=bool)
    for turn in range(4):
        lines, closed = np.rot90(unit, turn), np.rot90(shutter, turn)
        falling = np.logical_and.accumulate(
            lines <= np.minimum.accumulate(lines, axis=1) + FALLING, axis=1
        )
        reaches = (falling & (lines < DIRECT)).any(axis=1) & closed[:, 0]
        found |= np.rot90(falling & reaches[:, None], -turn)
    return found


def _touching_border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, _found = ndimage.label(mask)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    touching = np.unique(border[border > 0])
    return np.isin(labels, touching)
