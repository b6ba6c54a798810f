"""Whether a written structure set says what was meant, by other code than wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pydicom

from pipelines.dicom_out.laterality import check_sides
from pipelines.dicom_out.rt_fill import filled
from pipelines.errors import PipelineFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

    from pipelines.models.card import Segment
    from pipelines.volume import Volume

SAME_PLACE_MM = 2e-3  # coordinates are written to a thousandth

_Outlines = dict[int, list["NDArray[np.float64]"]]


def check_structures(
    path: Path, volume: Volume, labels: NDArray[np.uint8], segments: Sequence[Segment]
) -> None:
    """Raise PipelineFailed unless the file's contours, filled, are `labels`, voxel for voxel.

    Contours run half way between the centres of pixels, hundreds of times as far from them as
    their coordinates are rounded: so no voxel may differ. Compared are frame of reference, numbers
    and names, too; every contour lies in the plane of the image or frame that it names, by its
    coordinates alone; what is coded left or right lies on that side.

    Parameters
    ----------
    segments : sequence of Segment
        Those that `labels` shows.
    """
    made = pydicom.dcmread(path)
    _check_structures(made, volume, segments)
    centroids: dict[int, NDArray[np.float64]] = {}
    for item, segment in zip(made.ROIContourSequence, segments, strict=True):
        outlines = _by_slice(item.ContourSequence, volume)
        centroids[segment.number] = _compare(outlines, labels, segment.number)
    check_sides(volume, centroids, segments)


def _check_structures(made: Dataset, volume: Volume, segments: Sequence[Segment]) -> None:
    """The structures are these segments, in this order, in the frame of reference of the source."""
    frame = str(volume.sources[0].FrameOfReferenceUID)
    named = [
        (int(item.ROINumber), str(item.ROIName), str(item.ReferencedFrameOfReferenceUID))
        for item in made.StructureSetROISequence
    ]
    contoured = [int(item.ReferencedROINumber) for item in made.ROIContourSequence]
    if named != [(each.number, each.label, frame) for each in segments] or (
        contoured != [each.number for each in segments]
    ):
        raise PipelineFailed("the written structure set describes other segments")


def _by_slice(contours: Sequence[Dataset], volume: Volume) -> _Outlines:
    """The contours in pixels by the index of the slice in whose plane they lie."""
    inverse = np.linalg.inv(volume.affine)[:3, :3]
    origin = volume.affine[:3, 3]
    corners = np.array([image.ImagePositionPatient for image in volume.sources], float)
    found: _Outlines = {}
    for contour in contours:
        points = _points_of(contour)
        depth = float(np.mean((points - origin) @ inverse[2]))
        index = round(depth)
        if not 0 <= index < len(corners):
            raise PipelineFailed("a contour of the written structure set lies outside its source")
        places = (points - corners[index]) @ inverse.T
        if np.abs(places[:, 2]).max() * volume.spacing_mm[0] > SAME_PLACE_MM:
            raise PipelineFailed("a contour of the written structure set lies between the slices")
        (reference,) = contour.ContourImageSequence
        named = reference.ReferencedSOPInstanceUID, reference.get("ReferencedFrameNumber")
        number = volume.frames[index].number if volume.frames else None
        if named != (volume.sources[index].SOPInstanceUID, number):
            raise PipelineFailed("a contour of the written structure set names another image")
        found.setdefault(index, []).append(places[:, :2])
    return found


def _points_of(contour: Dataset) -> NDArray[np.float64]:
    """The points in the patient, shape (points, 3)."""
    # Bytes, as a number of pydicom for each coordinate takes many times as long.
    values = np.array(contour.get_item("ContourData").value.split(b"\\"), float)
    if contour.ContourGeometricType != "CLOSED_PLANAR" or len(values) != 3 * int(
        contour.NumberOfContourPoints
    ):
        raise PipelineFailed("a contour of the written structure set is not closed or not whole")
    return values.reshape(-1, 3)


def _compare(
    outlines: Mapping[int, Sequence[NDArray[np.float64]]],
    labels: NDArray[np.uint8],
    number: int,
) -> NDArray[np.float64]:
    """Mean index ``(x, y, z)`` of the voxels of a segment, where all of them are as meant."""
    differing, voxels = 0, 0
    total = np.zeros(3)
    for index, plane in enumerate(labels):
        wanted = plane == number
        if index not in outlines:
            differing += int(np.count_nonzero(wanted))
            continue
        mask = filled(outlines[index], (plane.shape[0], plane.shape[1]))
        differing += int(np.count_nonzero(mask != wanted))
        rows, columns = np.count_nonzero(mask, axis=1), np.count_nonzero(mask, axis=0)
        here = int(rows.sum())
        voxels += here
        total += (columns @ np.arange(len(columns)), rows @ np.arange(len(rows)), here * index)
    if differing:
        raise PipelineFailed(
            f"the written structure set differs from the mask in {differing} voxels"
        )
    return total / max(voxels, 1)
