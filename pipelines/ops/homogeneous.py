"""Patches of an image in which nothing but noise is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from pipelines.ops.threshold import otsu

if TYPE_CHECKING:
    from numpy.typing import NDArray

SOFT_TISSUE_HU = (-150.0, 250.0)
QUIET_SHARE = 10.0  # per cent of the patches of the body; more would take in anatomy
FEWEST, MOST = 8, 150
PATCH_SIZES = 9, 21  # pixels; a smaller patch would take blotches for shading
BODY_PART = 0.5  # of Otsu's threshold: dark organs are above, air is below


def homogeneous_region(
    array: NDArray[np.float32], valid: NDArray[np.bool_], modality: str
) -> NDArray[np.bool_]:
    """True in the flattest patches of the body, shape ``(z, y, x)``; all False where there is none.

    Square patches, apart by a pixel, that lie wholly inside the body: soft tissue in CT, what is
    brighter than half of Otsu's threshold in MR, emission and ultrasound, all of a radiograph.
    The tenth of them with the gentlest slopes at the scale of a patch is taken; the slope at that
    scale sees anatomy and little of the noise, so the noisiest and the quietest are not preferred.
    Constant patches show no noise and are left out.
    """
    size = int(np.clip(min(array.shape[1:]) // 24, *PATCH_SIZES))
    body = valid & _body(array, valid, modality)
    scores, corners = [], []
    for plane, (values, inside) in enumerate(zip(array, body, strict=True)):
        if not inside.any():
            continue
        filled = np.where(inside, values, np.float32(values[inside].mean()))
        slope = ndimage.gaussian_gradient_magnitude(filled, size / 3)
        for row, column in _patches(inside, size):
            box = np.s_[row : row + size - 1, column : column + size - 1]
            if np.ptp(values[box]) > 0:
                scores.append(float(slope[box].mean()))
                corners.append((plane, row, column))
    region = np.zeros(array.shape, np.bool_)
    count = int(np.clip(len(scores) * QUIET_SHARE / 100, FEWEST, MOST))
    for best in np.argsort(scores, kind="stable")[:count]:
        plane, row, column = corners[best]
        region[plane, row : row + size - 1, column : column + size - 1] = True
    return region


def _body(array: NDArray[np.float32], valid: NDArray[np.bool_], modality: str) -> NDArray[np.bool_]:
    if modality == "CT":
        # Noise takes single pixels of tissue out of the range; their neighbourhood decides.
        smooth = ndimage.gaussian_filter(array, (0, 2, 2))
        return np.asarray((smooth > SOFT_TISSUE_HU[0]) & (smooth < SOFT_TISSUE_HU[1]))
    if modality in ("CR", "DX", "MG"):
        return valid
    threshold = otsu(array[valid])
    if threshold is None:
        return valid
    return np.asarray(ndimage.gaussian_filter(array, (0, 2, 2)) > BODY_PART * threshold)


def _patches(inside: NDArray[np.bool_], size: int) -> NDArray[np.intp]:
    """Upper left corners of the cells of a grid that lie wholly inside."""
    rows, columns = (length // size for length in inside.shape)
    cells = inside[: rows * size, : columns * size].reshape(rows, size, columns, size)
    return np.argwhere(cells.all(axis=(1, 3))) * size
