"""Key objects: the images of a run that show its findings best (PS3.3 A.35.4, TID 2010)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from highdicom.sr.coding import CodedConcept

from pipelines.dicom_out.evidence import NOT_IN_DOCUMENTS, as_image, evidence_of, observer
from pipelines.dicom_out.files import write
from pipelines.dicom_out.planes import frames_by_image, key_planes
from pipelines.dicom_out.study import into_study
from pipelines.header import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pydicom import Dataset

    from pipelines.dicom_out.planes import Plane, Result
    from pipelines.dicom_out.provenance import Origin
    from pipelines.manifest import OutputFile
    from pipelines.models.card import Segment

KO_NUMBER_OFFSET = 700
OF_INTEREST = CodedConcept("113000", "DCM", "Of Interest")
"""Of the titles of CID 7010 the one that claims nothing of quality, use or urgency."""


def write_key_objects(
    results: Sequence[Result], origin: Origin, folder: Path
) -> Iterator[OutputFile]:
    """Write the run's one selection: for each segment the image on which it is largest.

    Nothing where nothing was found: a selection names one object at least.
    """
    found = key_planes(results, origin.card.segments)
    if found:
        yield write(_build(found, origin), folder, "ko")


def _build(found: Sequence[tuple[Segment, Plane, int]], origin: Origin) -> Dataset:
    frames = frames_by_image([plane for _, plane, _ in found])
    images = {str(plane.image.SOPInstanceUID): plane.image for _, plane, _ in found}
    first = found[0][1].header
    equipment = origin.equipment()
    document = KeyObjectSelectionDocument(
        evidence=evidence_of(list(images.values())),
        content=KeyObjectSelection(
            document_title=OF_INTEREST,
            referenced_objects=[as_image(image) for image in images.values()],
            observer_device_context=observer(origin),
            description=_description(found, origin),
        ),
        series_instance_uid=origin.uid("key object series"),
        series_number=origin.series_number(first, KO_NUMBER_OFFSET),
        sop_instance_uid=origin.uid("key objects"),
        instance_number=1,
        manufacturer=equipment["Manufacturer"],
        specific_character_set="ISO_IR 192",
    )
    for item in document.ContentSequence:
        if item.ValueType == "IMAGE":
            # TID 2010 forbids the name that highdicom gives it: the title says what it is.
            del item.ConceptNameCodeSequence
            (reference,) = item.ReferencedSOPSequence
            numbers = frames[str(reference.ReferencedSOPInstanceUID)]
            if numbers:
                reference.ReferencedFrameNumber = numbers
    return into_study(document, first, origin, leave=NOT_IN_DOCUMENTS)


def _description(found: Sequence[tuple[Segment, Plane, int]], origin: Origin) -> str:
    """Where each segment is largest, and the run in words; it names no person (SEG-04)."""
    places = [f"{segment.label}: {_place(plane)}." for segment, plane, _ in found]
    return " ".join(["Where each segment is largest.", *places, origin.description()])


def _place(plane: Plane) -> str:
    number = whole_number(plane.image, "InstanceNumber", 0)
    image = f"image {number}" if number else "the image"
    return image if plane.frame is None else f"{image}, frame {plane.frame}"
