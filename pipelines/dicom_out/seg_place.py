"""Where the frames of a written segmentation lie, compared with the slices of its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.dicom_out.seg_read import functional_groups
from pipelines.errors import PipelineFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom import Dataset

    from pipelines.volume import Volume

# Decimal strings are rounded to 16 characters, and the source's slices differ by as much as
# `pipelines.dicom_in.geometry` allows; more is an error.
SAME_PLACE_MM, SAME_DIRECTION, SAME_SPACING = 1e-3, 1e-3, 2e-3


def slices_of(seg: Dataset, volume: Volume) -> NDArray[np.intp]:
    """Index of the slice that every frame lies on, by its position in the patient alone.

    Raises
    ------
    PipelineFailed
        Frame of Reference, directions, distances or positions are not those of the source.
    """
    if str(seg.get("FrameOfReferenceUID", "")) != str(volume.sources[0].FrameOfReferenceUID):
        raise PipelineFailed("the written segmentation has another frame of reference")
    affine = affine_of(seg)
    steps = np.linalg.norm(volume.affine[:3, :2], axis=0)
    if np.abs(np.linalg.norm(affine, axis=0) / steps - 1).max() > SAME_SPACING:
        raise PipelineFailed("the written segmentation has another pixel spacing")
    if np.abs(affine / steps - volume.affine[:3, :2] / steps).max() > SAME_DIRECTION + SAME_SPACING:
        raise PipelineFailed("the written segmentation has another orientation")
    found = positions_of(seg)
    wanted = np.array([image.ImagePositionPatient for image in volume.sources], float)
    inverse = np.linalg.inv(volume.affine)
    depths = found @ inverse[2, :3] + inverse[2, 3]
    slices: NDArray[np.intp] = np.rint(depths).astype(np.intp)
    if slices.min() < 0 or slices.max() >= len(wanted):
        raise PipelineFailed("the written segmentation lies outside its source")
    if np.abs(found - wanted[slices]).max() > SAME_PLACE_MM:
        raise PipelineFailed("the written segmentation lies beside its source")
    return slices


def affine_of(seg: Dataset) -> NDArray[np.float64]:
    """Millimetres of a step to the next column and to the next row, shape (3, 2), LPS.

    Raises
    ------
    PipelineFailed
        Frames differ in it: one plane's directions hold for all.
    """
    spacing = _one_of(seg, "PixelMeasuresSequence", "PixelSpacing")
    plane = _one_of(seg, "PlaneOrientationSequence", "ImageOrientationPatient")
    across, down, between = plane[:3], plane[3:], spacing
    return np.stack([across * between[1], down * between[0]], axis=1)


def positions_of(seg: Dataset) -> NDArray[np.float64]:
    """The first pixel's place of every frame, shape (frames, 3), LPS millimetres."""
    return _numbers(seg, "PlanePositionSequence", "ImagePositionPatient")


def _one_of(seg: Dataset, group: str, keyword: str) -> NDArray[np.float64]:
    numbers = _numbers(seg, group, keyword)
    if (numbers != numbers[0]).any():
        raise PipelineFailed("the written segmentation has frames of several orientations")
    first: NDArray[np.float64] = numbers[0]
    return first


def _numbers(seg: Dataset, group: str, keyword: str) -> NDArray[np.float64]:
    """The numbers that every frame has in a functional group, shape (frames, values)."""
    found = functional_groups(seg, group)
    distinct = {id(items): items[0] for items in found}
    values = {key: np.array(item[keyword].value, float) for key, item in distinct.items()}
    return np.array([values[id(items)] for items in found])


def check_references(
    seg: Dataset,
    sources: Sequence[Dataset],
    slices: NDArray[np.intp],
    numbers: Sequence[int | None],
) -> None:
    """Raise PipelineFailed unless every frame names the source instance that it lies on.

    `numbers` are those of the sources' frames, where an object has several.
    """
    listed = {
        str(item.ReferencedSOPInstanceUID)
        for series in seg.ReferencedSeriesSequence
        if str(series.SeriesInstanceUID) == str(sources[0].SeriesInstanceUID)
        for item in series.ReferencedInstanceSequence
    }
    images = [
        (str(image.SOPClassUID), str(image.SOPInstanceUID), number)
        for image, number in zip(sources, numbers, strict=True)
    ]
    groups = functional_groups(seg, "DerivationImageSequence")
    distinct = {id(derivations): derivations for derivations in groups}
    named = {key: _named(derivations) for key, derivations in distinct.items()}
    for index, derivations in zip(slices, groups, strict=True):
        wanted = images[int(index)]
        if named[id(derivations)] != {wanted} or wanted[1] not in listed:
            raise PipelineFailed("the written segmentation refers to another image than it shows")


def _named(derivations: Sequence[Dataset]) -> set[tuple[str, str, int | None]]:
    """Class, instance and frame of every source."""
    return {
        (
            str(item.ReferencedSOPClassUID),
            str(item.ReferencedSOPInstanceUID),
            item.get("ReferencedFrameNumber"),
        )
        for derivation in derivations
        for item in derivation.SourceImageSequence
    }
