"""Which pixels of an ultrasound image show tissue in two dimensions (PS3.3 C.8.5.5).

Outside lie texts, rulers, Doppler traces and colour bars, which no filter may touch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.header import whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

_FORMAT_2D, _DATA_TISSUE = 1, 1


def tissue_mask(image: Dataset) -> NDArray[np.bool_] | None:
    """True inside the 2D tissue regions, shape ``(y, x)``; None where no regions are stated."""
    regions = image.get("SequenceOfUltrasoundRegions")
    if not regions:
        return None
    mask = np.zeros((int(image.Rows), int(image.Columns)), np.bool_)
    # What is drawn over the tissue (colour flow, a trace) is a region of its own, taken out last;
    # a region of no kind is the screen around it.
    kinds = [region for region in regions if _kind(region) != (0, 0)]
    for region in sorted(kinds, key=_is_tissue, reverse=True):
        left, top = int(region.RegionLocationMinX0), int(region.RegionLocationMinY0)
        right, bottom = int(region.RegionLocationMaxX1), int(region.RegionLocationMaxY1)
        inside = np.s_[max(top, 0) : max(bottom, 0) + 1, max(left, 0) : max(right, 0) + 1]
        mask[inside] = _is_tissue(region)
    return mask


def has_tissue_region(image: Dataset) -> bool:
    """Whether the object has a 2D tissue region, or states no regions at all."""
    mask = tissue_mask(image)
    return mask is None or bool(mask.any())


def _is_tissue(region: Dataset) -> bool:
    return _kind(region) == (_FORMAT_2D, _DATA_TISSUE)


def _kind(region: Dataset) -> tuple[int, int]:
    """Region Spatial Format and Region Data Type; 0 is none or not applicable."""
    return (
        whole_number(region, "RegionSpatialFormat"),
        whole_number(region, "RegionDataType"),
    )
