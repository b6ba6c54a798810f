"""Functional groups: which there must be, and where (PS3.3 C.7.6.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.conformance.conditions import is_derived_from_images, is_original
from pipelines.conformance.raw import distinct_items, has, items, number, text
from pipelines.conformance.report import Finding
from pipelines.conformance.table import LABEL_MAP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

    from pipelines.conformance.table import Plan

SHARED, PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
_PLACE = {"pixel-measures", "plane-position-patient", "plane-orientation-patient"}
_ORIGINALS = {
    "ct-acquisition-type", "ct-acquisition-details", "ct-table-dynamics", "ct-position",
    "ct-geometry", "ct-exposure", "ct-x-ray-details", "mr-timing-and-related-parameters", "mr-echo",
    "mr-modifier", "mr-imaging-modifier", "mr-receive-coil", "mr-transmit-coil", "mr-averages",
    "pet-frame-acquisition", "pet-position", "pet-frame-correction-factors", "pet-reconstruction",
}  # fmt: skip


def group_faults(dataset: Dataset, plan: Plan) -> Iterator[Finding]:
    """Macros that are required and absent, or shared and per frame at once; counts that differ."""
    if not plan.macros:
        return
    if not has(dataset, SHARED, PER_FRAME):
        yield Finding("error", PER_FRAME, "is absent, and with it every functional group")
        return
    shared = {int(tag) for item in items(dataset, SHARED)[:1] for tag in item.keys()}  # noqa: SIM118
    frames = [{int(tag) for tag in item.keys()} for item in items(dataset, PER_FRAME)]  # noqa: SIM118
    everywhere = set.intersection(*frames) if frames else set()
    anywhere = set.union(*frames) if frames else set()
    for macro in plan.macros:
        row = macro.attributes[0] if macro.attributes else None
        if row is None:
            continue
        where = f"{SHARED}/{row.keyword}"
        if row.tag in shared and row.tag in anywhere:
            yield Finding("error", where, "is a shared functional group and one of a frame too")
        if macro.usage != "M" and not _is_due(dataset, plan.iod, macro.name):
            continue
        if row.tag not in shared and row.tag not in everywhere:
            which = "every frame" if row.tag not in anywhere else "some frames"
            yield Finding("error", where, f"is absent, but a required functional group, of {which}")
    yield from _count_faults(dataset, len(frames))
    yield from _segment_faults(dataset)


def _is_due(dataset: Dataset, iod: str, macro: str) -> bool:
    """The conditions of PS3.3 tables A.36-2, A.38-2, A.56-2, A.51-2 and A.75-2 that we check."""
    if macro in _ORIGINALS:
        return is_original(dataset, dataset)
    if macro == "pixel-value-transformation":
        return text(dataset, "PhotometricInterpretation") == "MONOCHROME2"
    if iod == "segmentation":
        return macro in _PLACE and not is_derived_from_images(dataset)
    if iod == "parametric-map":
        return macro in _PLACE and not has(dataset, "ImageOrientationSlide")
    return False


def _count_faults(dataset: Dataset, frames: int) -> Iterator[Finding]:
    if frames and number(dataset, "NumberOfFrames") != frames:
        yield Finding("error", PER_FRAME, "has another number of items than there are frames")
    dimensions = len(items(dataset, "DimensionIndexSequence"))
    for content in distinct_items(items(dataset, PER_FRAME), "FrameContentSequence"):
        found = content.get_item(0x00209157)
        held = len(found.value) // 4 if found and isinstance(found.value, bytes) else None
        if held is not None and held != dimensions:
            where = f"{PER_FRAME}/FrameContentSequence/DimensionIndexValues"
            yield Finding("error", where, "has another number of values than dimensions")
            return


def _segment_faults(dataset: Dataset) -> Iterator[Finding]:
    """Segments counted from 1 (C.8.20.2.5), and no frame of a segment that is none.

    Numbers of a label map may be any that differ (2024d), and its frames name none.
    """
    if not has(dataset, "SegmentSequence"):
        return
    numbers = [number(item, "SegmentNumber") for item in items(dataset, "SegmentSequence")]
    is_label_map = text(dataset, "SOPClassUID") == LABEL_MAP
    if is_label_map != (text(dataset, "SegmentationType") == "LABELMAP"):
        yield Finding("error", "SegmentationType", "contradicts the SOP class")
    if is_label_map:
        if len(set(numbers)) < len(numbers):
            yield Finding("error", "SegmentSequence/SegmentNumber", "is that of two segments")
        return
    if numbers != list(range(1, len(numbers) + 1)):
        yield Finding("error", "SegmentSequence/SegmentNumber", "does not count from 1 by 1")
    for keyword in (SHARED, PER_FRAME):
        groups = items(dataset, keyword)
        for item in distinct_items(groups, "SegmentIdentificationSequence"):
            if number(item, "ReferencedSegmentNumber") not in numbers:
                where = f"{keyword}/SegmentIdentificationSequence/ReferencedSegmentNumber"
                yield Finding("error", where, "names a segment that there is not")
                return
