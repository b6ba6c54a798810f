"""Which pixels of an ultrasound image a pipeline may touch or outline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

TWO_D, TISSUE = 1, 1  # Region Spatial Format and Region Data Type (PS3.3 C.8.5.5.1.1 and .2)
GREY_SPREAD = 24  # of 255 between channels; lossy YBR moves grey pixels apart by less


def tissue_rectangles(source: Dataset, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """True inside the 2D tissue regions of the object; everywhere where it states none.

    Sequence of Ultrasound Regions (0018,6011), PS3.3 C.8.5.5.
    """
    regions = source.get("SequenceOfUltrasoundRegions", None) or []
    if not regions:
        return np.ones(shape, dtype=bool)
    allowed = np.zeros(shape, dtype=bool)
    for region in regions:
        if (region.get("RegionSpatialFormat"), region.get("RegionDataType")) == (TWO_D, TISSUE):
            allowed[_rectangle(region)] = True
    return allowed


def luminance(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Grey values ``(frame, y, x)`` of a grey or RGB array; BT.601 weights for colour."""
    if array.ndim == 3:
        return array
    return array @ np.array([0.299, 0.587, 0.114], dtype=np.float32)


def is_grey(array: NDArray[np.float32]) -> NDArray[np.bool_]:
    """True for every pixel without colour, ``(frame, y, x)``: B mode, not Doppler or graphics."""
    if array.ndim == 3:
        return np.ones(array.shape, dtype=bool)
    return np.asarray(np.ptp(array, axis=-1) <= GREY_SPREAD)


def _rectangle(region: Dataset) -> tuple[slice, slice]:
    return (
        slice(int(region.RegionLocationMinY0), int(region.RegionLocationMaxY1) + 1),
        slice(int(region.RegionLocationMinX0), int(region.RegionLocationMaxX1) + 1),
    )
