"""Whether a written SEG says what was meant, read without the library that wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pydicom

from pipelines.dicom_out.laterality import check_sides
from pipelines.dicom_out.seg_place import affine_of, check_references, positions_of, slices_of
from pipelines.dicom_out.seg_read import BACKGROUND, BINARY, LABELMAP, read_shown
from pipelines.errors import PipelineFailed
from pipelines.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

    from pipelines.contract import Source
    from pipelines.manifest import Kind
    from pipelines.models.card import Code, Segment

_BACKGROUND_CODE = ("125040", "DCM")
SAME_CENTROID = 0.6  # of a voxel's longest side: what a stack may drift sideways, and rounding


class _Moments(NamedTuple):
    """Sums over the voxels of one segment on one frame of the file."""

    frame: int
    voxels: int
    x: int
    y: int


def check_segmentation(
    path: Path,
    source: Source,
    labels: NDArray[np.uint8],
    segments: Sequence[Segment],
    frame: int | None = None,
    kind: Kind = "seg",
) -> None:
    """Raise PipelineFailed unless the file holds `labels`, voxel for voxel, at their places.

    Compared are the segments' descriptions; frame of reference, directions, distances, position
    and reference of every frame; every voxel; and each segment's centroid in the patient. What is
    coded left or right lies on that side (`pipelines.dicom_out.laterality`).

    Parameters
    ----------
    segments : sequence of Segment
        Those that `labels` shows, in the order of the file, numbered from 1.
    frame : int, optional
        Number of the source's frame that `labels` belongs to, where the source has several.
    kind : Kind
        ``labelmap`` where the file is to be one, else it is to be BINARY.
    """
    seg = pydicom.dcmread(path)
    if seg.SegmentationType != (LABELMAP if kind == "labelmap" else BINARY):
        raise PipelineFailed("the written segmentation is of another type")
    _check_descriptions(seg, segments)
    count = len(seg.PerFrameFunctionalGroupsSequence)
    volume = source if isinstance(source, Volume) else None
    slices = np.zeros(count, np.intp) if volume is None else slices_of(seg, volume)
    stored = [each.number for each in volume.frames] if volume is not None else []
    check_references(seg, source.sources, slices, stored or [frame] * len(source.sources))
    moments = _compare_voxels(seg, labels, segments, slices)
    centroids = {number: _mean_index(rows, slices) for number, rows in moments.items()}
    if volume is not None:
        _check_places(seg, volume, moments, centroids)
    check_sides(source, centroids, segments)


def _check_descriptions(seg: Dataset, segments: Sequence[Segment]) -> None:
    """The file names these segments, in this order, by number, label and codes."""
    wanted = [
        (number, each.label, _code(each.category), _code(each.type), _code(each.modifier))
        for number, each in enumerate(segments, start=1)
    ]
    items = list(seg.SegmentSequence)
    if seg.SegmentationType == LABELMAP:
        _check_background(seg, items.pop(0))
    described = []
    for item in items:
        category = item.SegmentedPropertyCategoryCodeSequence[0]
        kind = item.SegmentedPropertyTypeCodeSequence[0]
        side = kind.get("SegmentedPropertyTypeModifierCodeSequence") or [None]
        codes = (_item(category), _item(kind), _item(side[0]))
        described.append((int(item.SegmentNumber), str(item.SegmentLabel), *codes))
    if described != wanted:
        raise PipelineFailed("the written segmentation describes other segments")


def _check_background(seg: Dataset, item: Dataset) -> None:
    """The first description is of the background, whose pixels are padding (C.8.20.4)."""
    told = (
        int(item.SegmentNumber),
        seg.get("PixelPaddingValue"),
        _item(item.SegmentedPropertyCategoryCodeSequence[0]),
        _item(item.SegmentedPropertyTypeCodeSequence[0]),
    )
    if told != (BACKGROUND, BACKGROUND, _BACKGROUND_CODE, _BACKGROUND_CODE):
        raise PipelineFailed("the written label map has another background")


def _code(code: Code | None) -> tuple[str, str] | None:
    return (code.value, code.scheme) if code else None


def _item(item: Dataset | None) -> tuple[str, str] | None:
    return (str(item.CodeValue), str(item.CodingSchemeDesignator)) if item else None


def _compare_voxels(
    seg: Dataset,
    labels: NDArray[np.uint8],
    segments: Sequence[Segment],
    slices: NDArray[np.intp],
) -> dict[int, list[_Moments]]:
    """The moments of every segment, by its number in the card, where all voxels are as meant."""
    moments: dict[int, list[_Moments]] = {segment.number: [] for segment in segments}
    seen: set[tuple[int, int]] = set()
    differing, left = 0, int(np.count_nonzero(labels))
    for index, number, mask in read_shown(seg, labels.shape[1:]):
        if not 1 <= number <= len(segments):
            raise PipelineFailed("a frame of the written segmentation belongs to no segment")
        place = (number, int(slices[index]))
        if place in seen:
            raise PipelineFailed("the written segmentation shows a voxel twice")
        seen.add(place)
        meant = segments[number - 1].number
        wanted = labels[slices[index]] == meant
        left -= int(np.count_nonzero(wanted))
        if not np.array_equal(mask, wanted):
            differing += int(np.count_nonzero(mask != wanted))
        moments[meant].append(_moments_of(index, mask))
    if differing or left:  # left: what no frame shows
        raise PipelineFailed(
            f"the written segmentation differs from the mask in {differing + left} voxels"
        )
    return moments


def _moments_of(frame: int, mask: NDArray[np.bool_]) -> _Moments:
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return _Moments(frame, 0, 0, 0)
    band = mask[rows[0] : rows[-1] + 1]  # numpy counts slowly, and most rows are empty
    in_rows, in_columns = np.count_nonzero(band, axis=1), np.count_nonzero(band, axis=0)
    return _Moments(
        frame,
        int(in_rows.sum()),
        int(in_columns @ np.arange(len(in_columns))),
        int(in_rows @ np.arange(rows[0], rows[-1] + 1)),
    )


def _mean_index(rows: Sequence[_Moments], slices: NDArray[np.intp]) -> NDArray[np.float64]:
    """Mean ``(x, y, z)`` index of the voxels that `rows` sum up."""
    frames, voxels, x, y = np.array(rows).T
    total: NDArray[np.float64] = np.array([x.sum(), y.sum(), voxels @ slices[frames]], float)
    return total / float(voxels.sum())


def _check_places(
    seg: Dataset,
    volume: Volume,
    moments: Mapping[int, Sequence[_Moments]],
    centroids: Mapping[int, NDArray[np.float64]],
) -> None:
    """Each centroid in the patient, by the file's geometry, is that of the mask by the source's."""
    corners, steps = positions_of(seg), affine_of(seg)
    for number, rows in moments.items():
        frames, voxels, x, y = np.array(rows).T
        found = (voxels @ corners[frames] + steps @ [x.sum(), y.sum()]) / voxels.sum()
        wanted = volume.affine[:3] @ [*centroids[number], 1.0]
        if np.abs(found - wanted).max() > SAME_CENTROID * max(volume.spacing_mm):
            raise PipelineFailed("a segment of the written segmentation lies beside the mask")
