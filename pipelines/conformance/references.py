"""Whether an object lists every instance that it names, and names no stranger.

Common Instance Reference (PS3.3 C.12.2), the evidence of a document (C.17.2.3), and the images of
a presentation state (C.11.11) are lists of all that is referenced elsewhere in the object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.conformance.groups import PER_FRAME, SHARED
from pipelines.conformance.raw import distinct_items, items, text
from pipelines.conformance.report import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydicom import Dataset

    from pipelines.conformance.table import Plan

_DOCUMENTS = {"comprehensive-sr", "comprehensive-3d-sr", "key-object-selection-document"}
_PRESENTATION = "grayscale-softcopy-presentation-state"
_STRUCTURES = "rt-structure-set"
_LISTED_ALWAYS = {"segmentation", "parametric-map"}  # where they have sources: A.51-1, A.75-1
_LISTS_ALL = {*_DOCUMENTS, _PRESENTATION, _STRUCTURES, *_LISTED_ALWAYS}
_SERIES = ("ReferencedSeriesSequence", "ReferencedInstanceSequence")
_OTHER_STUDIES = ("StudiesContainingOtherReferencedInstancesSequence", *_SERIES)
_EVIDENCE = tuple(
    (top, "ReferencedSeriesSequence", "ReferencedSOPSequence")
    for top in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence")
)
_SOURCES = (
    ("SourceImageSequence",),
    *((top, "DerivationImageSequence", "SourceImageSequence") for top in (SHARED, PER_FRAME)),
)
_SHOWN = tuple(
    (top, "ReferencedImageSequence")
    for top in ("GraphicAnnotationSequence", "DisplayedAreaSelectionSequence")
)
_OF_STUDY = (
    "ReferencedFrameOfReferenceSequence", "RTReferencedStudySequence",
    "RTReferencedSeriesSequence", "ContourImageSequence",
)  # fmt: skip
_OF_CONTOURS = ("ROIContourSequence", "ContourSequence", "ContourImageSequence")


def reference_faults(
    dataset: Dataset, plan: Plan, instances: Mapping[str, str] | None
) -> Iterator[Finding]:
    """Instances that are named and not listed, listed twice, or none of `instances`."""
    lists, used = _paths(plan)
    listed = [each for path in lists for each in _follow(dataset, path)]
    named = [each for path in used for each in _follow(dataset, path)]
    if plan.iod in _DOCUMENTS:
        named += _in_tree(dataset)
    where = lists[0][0]
    uids = {uid for uid, _sop_class in listed}
    is_list_due = bool(listed) or plan.iod in _LISTS_ALL
    if is_list_due and any(uid not in uids for uid, _ in named):
        yield Finding("error", where, "does not list an instance that the object names")
    if len(uids) < len(listed):
        yield Finding("warning", where, "lists an instance twice")
    classes = dict(listed)
    if any(classes.get(uid, sop_class) != sop_class for uid, sop_class in named):
        yield Finding("error", where, "lists an instance as of another class than elsewhere")
    if text(dataset, "SOPInstanceUID") in uids.union(uid for uid, _ in named):
        yield Finding("error", where, "names the object itself")
    if instances is None:
        return
    used_at = used[0][0] if used else where
    if any(uid not in instances for uid, _ in named):
        yield Finding("error", used_at, "names an instance that the object was not made from")
    if any(instances.get(uid, sop_class) != sop_class for uid, sop_class in (*named, *listed)):
        yield Finding("error", used_at, "names an instance as of a class that it is not of")


def _paths(plan: Plan) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    """Where this IOD lists instances, and where it names them."""
    if plan.iod in _DOCUMENTS:
        return _EVIDENCE, ()
    if plan.iod == _PRESENTATION:
        return (("ReferencedSeriesSequence", "ReferencedImageSequence"),), _SHOWN
    if plan.iod == _STRUCTURES:
        return (_OF_STUDY,), (_OF_CONTOURS,)
    return (_SERIES, _OTHER_STUDIES), _SOURCES


def _follow(dataset: Dataset, path: tuple[str, ...]) -> list[tuple[str, str]]:
    """Instance and class of every reference at the end of a path of sequences."""
    level = [dataset]
    for keyword in path:
        level = list(distinct_items(level, keyword))
    return [_reference(item) for item in level]


def _in_tree(item: Dataset) -> list[tuple[str, str]]:
    found = [_reference(each) for each in items(item, "ReferencedSOPSequence")]
    for child in items(item, "ContentSequence"):
        found += _in_tree(child)
    return found


def _reference(item: Dataset) -> tuple[str, str]:
    return text(item, "ReferencedSOPInstanceUID"), text(item, "ReferencedSOPClassUID")
