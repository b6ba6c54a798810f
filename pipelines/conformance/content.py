"""The content tree of a structured report or key object selection (PS3.3 C.17.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.conformance.raw import has, items, text
from pipelines.conformance.report import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

# What an item of each value type must have (table C.17-5 and the macros that it includes);
# MeasuredValueSequence alone may be empty.
WANTED = {
    "TEXT": ("ConceptNameCodeSequence", "TextValue"),
    "NUM": ("ConceptNameCodeSequence", "MeasuredValueSequence"),
    "CODE": ("ConceptNameCodeSequence", "ConceptCodeSequence"),
    "DATETIME": ("ConceptNameCodeSequence", "DateTime"),
    "DATE": ("ConceptNameCodeSequence", "Date"),
    "TIME": ("ConceptNameCodeSequence", "Time"),
    "UIDREF": ("ConceptNameCodeSequence", "UID"),
    "PNAME": ("ConceptNameCodeSequence", "PersonName"),
    "CONTAINER": ("ContinuityOfContent",),
    "IMAGE": ("ReferencedSOPSequence",),
    "WAVEFORM": ("ReferencedSOPSequence",),
    "COMPOSITE": ("ReferencedSOPSequence",),
    "SCOORD": ("GraphicType", "GraphicData"),
    "SCOORD3D": ("GraphicType", "GraphicData", "ReferencedFrameOfReferenceUID"),
    "TCOORD": ("TemporalRangeType",),
}
RELATIONS = {
    "CONTAINS", "HAS OBS CONTEXT", "HAS ACQ CONTEXT", "HAS CONCEPT MOD", "HAS PROPERTIES",
    "INFERRED FROM", "SELECTED FROM",
}  # fmt: skip
_CODED = ("ConceptNameCodeSequence", "ConceptCodeSequence")


def content_faults(dataset: Dataset) -> Iterator[Finding]:
    """What items of the tree lack; the top is a container with a name (table C.17-4)."""
    if not text(dataset, "SOPClassUID").startswith("1.2.840.10008.5.1.4.1.1.88."):
        return
    if text(dataset, "ValueType") != "CONTAINER":
        yield Finding("error", "ValueType", "of the document is not CONTAINER")
    if not items(dataset, "ConceptNameCodeSequence"):
        yield Finding("error", "ConceptNameCodeSequence", "is absent, so the document has no title")
    yield from _item_faults(dataset, "")


def _item_faults(item: Dataset, path: str) -> Iterator[Finding]:
    yield from _wanted_faults(item, path)
    places = [(item, path)]
    places += [
        (each, f"{path}MeasuredValueSequence/") for each in items(item, "MeasuredValueSequence")
    ]
    for place, where in places[1:]:
        yield from _absent(place, where, "NumericValue", "MeasurementUnitsCodeSequence")
    for place, where in places:
        for keyword in (*_CODED, "MeasurementUnitsCodeSequence"):
            yield from _code_faults(place, keyword, where)
    for reference in items(item, "ReferencedSOPSequence"):
        where = f"{path}ReferencedSOPSequence/"
        yield from _absent(reference, where, "ReferencedSOPClassUID", "ReferencedSOPInstanceUID")
    for child in items(item, "ContentSequence"):
        below = "ContentSequence/"  # of any depth: a fault repeats itself down a tree
        if text(child, "RelationshipType") not in RELATIONS:
            yield Finding("error", f"{below}RelationshipType", "is no relation of the standard")
        yield from _item_faults(child, below)


def _wanted_faults(item: Dataset, path: str) -> Iterator[Finding]:
    kind = text(item, "ValueType")
    if kind not in WANTED:
        if not has(item, "ReferencedContentItemIdentifier"):
            yield Finding("error", f"{path}ValueType", "is no value type of the standard")
        return
    for keyword in WANTED[kind]:
        if not has(item, keyword):
            yield Finding("error", path + keyword, f"is absent from an item that is {kind}")
        elif keyword in _CODED and not items(item, keyword):
            yield Finding("error", path + keyword, "is empty, but it is of type 1C")


def _absent(item: Dataset, path: str, *keywords: str) -> Iterator[Finding]:
    for keyword in keywords:
        if not has(item, keyword) or (keyword.endswith("UID") and not text(item, keyword)):
            yield Finding("error", path + keyword, "is absent, but it is of type 1")


def _code_faults(item: Dataset, sequence: str, path: str) -> Iterator[Finding]:
    """A code item by PS3.3 table 8.8-1: its value, its scheme, its meaning."""
    for code in items(item, sequence):
        wanted = ["CodeMeaning"]
        if not has(code, "LongCodeValue", "URNCodeValue"):
            wanted.append("CodeValue")
        if has(code, "CodeValue", "LongCodeValue"):
            wanted.append("CodingSchemeDesignator")
        for keyword in wanted:
            if not text(code, keyword):
                yield Finding("error", f"{path}{sequence}/{keyword}", "is absent from a code")
