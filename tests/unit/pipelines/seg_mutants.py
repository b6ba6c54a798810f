"""Ways to get a segmentation wrong: in the written object, and in what its builder is given."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
from pydicom import Dataset

Pixels = Callable[[np.ndarray], np.ndarray]
Change = Callable[[Dataset], None]


def masks_of(seg: Dataset) -> np.ndarray:
    """Every frame, shape (frame, y, x): of ones of BINARY, of segments' numbers of LABELMAP."""
    shape = (int(seg.NumberOfFrames), int(seg.Rows), int(seg.Columns))
    if seg.BitsAllocated == 8:
        return np.frombuffer(seg.PixelData, np.uint8)[: np.prod(shape)].reshape(shape)
    bits = np.unpackbits(np.frombuffer(seg.PixelData, np.uint8), bitorder="little")
    return bits[: np.prod(shape)].reshape(shape)


def _put(seg: Dataset, masks: np.ndarray) -> None:
    is_packed = seg.BitsAllocated == 1
    flat = np.packbits(masks.ravel(), bitorder="little") if is_packed else masks.ravel()
    packed = flat.tobytes()
    seg.PixelData = packed + b"\0" * (len(packed) % 2)


def _pixels(change: Pixels) -> Change:
    return lambda seg: _put(seg, change(masks_of(seg)))


def _transpose(masks: np.ndarray) -> np.ndarray:
    return np.swapaxes(masks, -1, -2).reshape(masks.shape)


def _one_voxel(masks: np.ndarray) -> np.ndarray:
    changed = masks.copy()
    changed[-1, -1, -1] ^= 1
    return changed


def _shared(seg: Dataset, keyword: str) -> Dataset:
    return seg.SharedFunctionalGroupsSequence[0][keyword].value[0]


def _orientation(change: Callable[[list[float]], list[float]]) -> Change:
    def mutate(seg: Dataset) -> None:
        plane = _shared(seg, "PlaneOrientationSequence")
        plane.ImageOrientationPatient = change([float(v) for v in plane.ImageOrientationPatient])

    return mutate


def _spacing_swapped(seg: Dataset) -> None:
    measures = _shared(seg, "PixelMeasuresSequence")
    measures.PixelSpacing = measures.PixelSpacing[::-1]


def _groups(seg: Dataset) -> list[Dataset]:
    return list(seg.PerFrameFunctionalGroupsSequence)


def _reorder(keyword: str, order: Callable[[list[Any]], list[Any]]) -> Change:
    """One functional group of each frame given to another frame."""

    def mutate(seg: Dataset) -> None:
        groups = _groups(seg)
        items = order([deepcopy(group[keyword].value) for group in groups])
        for group, item in zip(groups, items, strict=True):
            setattr(group, keyword, item)

    return mutate


def _moved(along: Callable[[np.ndarray], np.ndarray], by_mm: float) -> Change:
    def mutate(seg: Dataset) -> None:
        plane = _shared(seg, "PlaneOrientationSequence").ImageOrientationPatient
        shift = along(np.array(plane, float).reshape(2, 3)) * by_mm
        for group in _groups(seg):
            item = group.PlanePositionSequence[0]
            at = np.array(item.ImagePositionPatient, float) + shift
            item.ImagePositionPatient = [round(float(value), 9) for value in at]

    return mutate


def _one_slice_further(seg: Dataset) -> None:
    """Every frame on the next slice's place, the last on the first's."""
    places = sorted(
        {tuple(group.PlanePositionSequence[0].ImagePositionPatient) for group in _groups(seg)}
    )
    after = dict(zip(places, places[1:] + places[:1], strict=True))
    for group in _groups(seg):
        item = group.PlanePositionSequence[0]
        item.ImagePositionPatient = list(after[tuple(item.ImagePositionPatient)])


def _mirrored_frames(seg: Dataset) -> None:
    """Slices from the last to the first, each segment's for itself."""
    groups = _groups(seg)
    masks = masks_of(seg)
    numbers = [
        g.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        if "SegmentIdentificationSequence" in g else 0
        for g in groups
    ]  # fmt: skip
    order = np.empty(len(groups), int)
    for number in set(numbers):
        of_it = [index for index, each in enumerate(numbers) if each == number]
        order[of_it] = of_it[::-1]
    _put(seg, masks[order])


def _frame_numbers_swapped(seg: Dataset) -> None:
    if seg.SegmentationType == "LABELMAP":
        _put(seg, np.array([0, 2, 1, 3], np.uint8)[masks_of(seg)])
        return
    for group in _groups(seg):
        item = group.SegmentIdentificationSequence[0]
        item.ReferencedSegmentNumber = {1: 2, 2: 1}.get(item.ReferencedSegmentNumber, 3)


def _segments(keyword: str) -> Change:
    """What `keyword` says of the first segment said of the second, and the other way round."""

    def mutate(seg: Dataset) -> None:
        one, two = seg.SegmentSequence[-3], seg.SegmentSequence[-2]  # before a label map's lies 0
        first, second = deepcopy(one[keyword].value), deepcopy(two[keyword].value)
        setattr(one, keyword, second)
        setattr(two, keyword, first)

    return mutate


def _frames(order: Callable[[int], list[int]], *, with_groups: bool = True) -> Change:
    """The frames that `order` names, with or without what is said of each."""

    def mutate(seg: Dataset) -> None:
        chosen = order(int(seg.NumberOfFrames))
        masks = masks_of(seg)[chosen]
        if with_groups:
            groups = _groups(seg)
            seg.PerFrameFunctionalGroupsSequence = [deepcopy(groups[index]) for index in chosen]
        seg.NumberOfFrames = len(chosen)
        _put(seg, masks)

    return mutate


def _reference(seg: Dataset) -> Dataset:
    return _groups(seg)[-1].DerivationImageSequence[0].SourceImageSequence[0]


def _other_instance(seg: Dataset) -> None:
    _reference(seg).ReferencedSOPInstanceUID = "2.25.1"


def _other_class(seg: Dataset) -> None:
    _reference(seg).ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"


def _unlisted_instance(seg: Dataset) -> None:
    del seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]


def _other_series(seg: Dataset) -> None:
    seg.ReferencedSeriesSequence[0].SeriesInstanceUID = "2.25.1"


def _other_frame_of_reference(seg: Dataset) -> None:
    seg.FrameOfReferenceUID = "2.25.1"


def _rows_and_columns(seg: Dataset) -> None:
    seg.Rows, seg.Columns = seg.Columns, seg.Rows


def _set(keyword: str, value: Any) -> Change:
    return lambda seg: setattr(seg, keyword, value)


def _background(keyword: str) -> Change:
    """The background described by what `keyword` says of the first segment."""

    def mutate(seg: Dataset) -> None:
        setattr(seg.SegmentSequence[0], keyword, deepcopy(seg.SegmentSequence[1][keyword].value))

    return mutate


def _no_background(seg: Dataset) -> None:
    del seg.SegmentSequence[0]


def _no_padding(seg: Dataset) -> None:
    del seg.PixelPaddingValue


IN_THE_LABEL_MAP: dict[str, Change] = {
    "background taken for a segment": _pixels(lambda labels: np.where(labels, labels, 1)),
    "a segment taken for background": _pixels(lambda labels: np.where(labels == 2, 0, labels)),
    "a number of no segment": _pixels(lambda labels: np.where(labels == 3, 4, labels)),
    "two segments made one": _pixels(lambda labels: np.where(labels == 2, 1, labels)),
    "numbers shifted by one": _pixels(lambda labels: np.where(labels, labels % 3 + 1, 0)),
    "no background described": _no_background,
    "the background numbered": _background("SegmentNumber"),
    "the background's type another": _background("SegmentedPropertyTypeCodeSequence"),
    "the background's category another": _background("SegmentedPropertyCategoryCodeSequence"),
    "another padding": _set("PixelPaddingValue", 1),
    "no padding": _no_padding,
    "called BINARY": _set("SegmentationType", "BINARY"),
    "of the class of BINARY": _set("SOPClassUID", "1.2.840.10008.5.1.4.1.1.66.4"),
    "16 bits": _set("BitsAllocated", 16),
    "7 bits": _set("BitsStored", 7),
    "signed": _set("PixelRepresentation", 1),
    "inverted grey": _set("PhotometricInterpretation", "MONOCHROME1"),
}


IN_THE_FILE: dict[str, Change] = {
    "flipped left to right": _pixels(lambda masks: masks[:, :, ::-1]),
    "flipped top to bottom": _pixels(lambda masks: masks[:, ::-1]),
    "flipped first to last": _mirrored_frames,
    "rolled by one frame": _pixels(lambda masks: np.roll(masks, 1, axis=0)),
    "rolled by one row": _pixels(lambda masks: np.roll(masks, 1, axis=1)),
    "rolled by one column": _pixels(lambda masks: np.roll(masks, 1, axis=2)),
    "pixels transposed": _pixels(_transpose),
    "one voxel changed": _pixels(_one_voxel),
    "rows and columns swapped": _rows_and_columns,
    "orientation transposed": _orientation(lambda v: v[3:] + v[:3]),
    "row direction negated": _orientation(lambda v: [-x for x in v[:3]] + v[3:]),
    "column direction negated": _orientation(lambda v: v[:3] + [-x for x in v[3:]]),
    "both directions negated": _orientation(lambda v: [-x for x in v]),
    "spacing swapped": _spacing_swapped,
    "positions reversed": _reorder("PlanePositionSequence", lambda items: items[::-1]),
    "positions on the next slice": _one_slice_further,
    "moved by half a slice": _moved(lambda plane: np.cross(*plane), 1.0),
    "moved by a tenth of a millimetre": _moved(lambda plane: plane[0], 0.1),
    "moved by a metre": _moved(lambda plane: np.cross(*plane), 1000.0),
    "segment numbers of frames swapped": _frame_numbers_swapped,
    "segment numbers of descriptions swapped": _segments("SegmentNumber"),
    "left and right swapped": _segments("SegmentedPropertyTypeCodeSequence"),
    "labels swapped": _segments("SegmentLabel"),
    "a frame dropped": _frames(lambda count: list(range(1, count))),
    "a frame without its place dropped": _frames(
        lambda count: list(range(1, count)), with_groups=False
    ),
    "a frame duplicated": _frames(lambda count: [*range(count), count - 1]),
    "the last frame in place of the first": _frames(lambda count: [count - 1, *range(1, count)]),
    "another instance referenced": _other_instance,
    "another class referenced": _other_class,
    "a referenced instance not listed": _unlisted_instance,
    "another series referenced": _other_series,
    "references reversed": _reorder("DerivationImageSequence", lambda items: items[::-1]),
    "another frame of reference": _other_frame_of_reference,
}


def _labels(change: Pixels) -> Callable[..., tuple[Any, ...]]:
    return lambda stubs, labels, segments: (stubs, change(labels), segments)


def _each_stub(change: Change) -> Callable[..., tuple[Any, ...]]:
    def mutate(stubs: list[Dataset], labels: Any, segments: Any) -> tuple[Any, ...]:
        for stub in stubs:
            change(stub)
        return stubs, labels, segments

    return mutate


def _turn(stub: Dataset) -> None:
    cosines = list(stub.ImageOrientationPatient)
    stub.ImageOrientationPatient = cosines[3:] + cosines[:3]


def _negate(stub: Dataset) -> None:
    cosines = [float(value) for value in stub.ImageOrientationPatient]
    stub.ImageOrientationPatient = [-value for value in cosines]


def _swap_spacing(stub: Dataset) -> None:
    stub.PixelSpacing = list(stub.PixelSpacing)[::-1]


def _positions_reversed(stubs: list[Dataset], labels: Any, segments: Any) -> tuple[Any, ...]:
    places = [list(stub.ImagePositionPatient) for stub in stubs]
    for stub, at in zip(stubs, places[::-1], strict=True):
        stub.ImagePositionPatient = at
    return stubs, labels, segments


def _instances_rolled(stubs: list[Dataset], labels: Any, segments: Any) -> tuple[Any, ...]:
    names = [stub.SOPInstanceUID for stub in stubs]
    for stub, name in zip(stubs, names[1:] + names[:1], strict=True):
        stub.SOPInstanceUID = name
    return stubs, labels, segments


def _exchange(labels: np.ndarray) -> np.ndarray:
    table = np.arange(256, dtype=np.uint8)
    table[[1, 2]] = 2, 1
    return table[labels]


IN_THE_BUILDER: dict[str, Callable[..., tuple[Any, ...]]] = {
    "flipped left to right": _labels(lambda labels: labels[:, :, ::-1]),
    "flipped top to bottom": _labels(lambda labels: labels[:, ::-1]),
    "flipped first to last": _labels(lambda labels: labels[::-1]),
    "rolled by one slice": _labels(lambda labels: np.roll(labels, 1, axis=0)),
    "pixels transposed": _labels(_transpose),
    "one voxel changed": _labels(_one_voxel),
    "left and right exchanged": _labels(_exchange),
    "descriptions reversed": lambda stubs, labels, segments: (stubs, labels, segments[::-1]),
    "slices reversed": lambda stubs, labels, segments: (stubs[::-1], labels, segments),
    "slices rolled": lambda stubs, labels, segments: (stubs[1:] + stubs[:1], labels, segments),
    "positions reversed": _positions_reversed,
    "references rolled": _instances_rolled,
    "orientation transposed": _each_stub(_turn),
    "directions negated": _each_stub(_negate),
    "spacing swapped": _each_stub(_swap_spacing),
}
