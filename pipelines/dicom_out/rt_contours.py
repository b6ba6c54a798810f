"""Masks of a volume as items of a Contour Sequence (PS3.3 C.8.8.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset
from pydicom.tag import Tag
from scipy import ndimage

from pipelines.dicom_out.outlines import keyhole, outlines
from pipelines.dicom_out.provenance import put, referenced_instance
from pipelines.verbatim import mark_encoded, raw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pipelines.volume import Volume

_DATA = Tag("ContourData")
LONGEST_DS = 0xFFFE  # bytes of a value in Explicit VR (PS3.5 section 7.1.2)


def contours_of(volume: Volume, mask: NDArray[np.bool_]) -> Iterator[Dataset]:
    """Closed planar contours of a mask ``(z, y, x)``, slice by slice, in the patient.

    A hole is reached through a keyhole, as the standard wants and every reader fills. A contour
    that would not fit its element is cut in two along a line between pixels; the parts adjoin.
    """
    for index in np.flatnonzero(mask.any(axis=(1, 2))).tolist():
        image = volume.sources[index]
        corner = np.array(image.ImagePositionPatient, float)
        reference = referenced_instance(image)
        if volume.frames:
            put(reference, {"ReferencedFrameNumber": volume.frames[index].number})
        for polygon, data in _fitting(mask[index], corner, volume.affine[:3, :2]):
            item = Dataset()
            item.ContourImageSequence = [reference]
            put(
                item,
                {
                    "ContourGeometricType": "CLOSED_PLANAR",
                    "NumberOfContourPoints": len(polygon),
                },
            )
            item[_DATA] = raw(_DATA, "DS", data)
            yield mark_encoded(item)


def _fitting(
    mask: NDArray[np.bool_], corner: NDArray[np.float64], steps: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.float64], bytes]]:
    """Polygons of the mask ``(y, x)`` with their places, as bytes that fit the element."""
    for outline in outlines(mask):
        polygon = keyhole(outline, mask)
        data = _text(polygon @ steps.T + corner)
        if len(data) <= LONGEST_DS:
            yield polygon, data
            continue
        for half in _halves(mask, outline.pixel):
            yield from _fitting(half, corner, steps)


def _halves(mask: NDArray[np.bool_], pixel: tuple[int, int]) -> Iterator[NDArray[np.bool_]]:
    """The component of the mask that holds `pixel`, cut in the middle of its longer side."""
    components, _ = ndimage.label(mask)
    component = components == components[pixel]
    rows, columns = ndimage.find_objects(component.astype(np.uint8))[0]
    high, wide = rows.stop - rows.start, columns.stop - columns.start
    first = component.copy()
    if high >= wide:
        first[rows.start + high // 2 :] = False
    else:
        first[:, columns.start + wide // 2 :] = False
    yield first
    yield component & ~first


def _text(points: NDArray[np.float64]) -> bytes:
    """Coordinates in mm to a thousandth, as decimal strings."""
    # Minus nought would be another text for the same place.
    rounded = np.round(points.ravel(), 3) + 0.0
    return "\\".join([f"{value:.3f}" for value in rounded.tolist()]).encode("ascii")
