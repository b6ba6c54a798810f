"""The report of a segmentation run: one Comprehensive 3D SR after TID 1500, all of it coded.

It groups the run's results as IHE AI Results asks: the device that observed, the images, and for
each segment what it is, where it lies and what it measures. A run in several forms has a report for
each, so that who gets one form gets the report that names it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pydicom
from highdicom.sr.coding import CodedConcept
from highdicom.sr.enum import RelationshipTypeValues
from highdicom.sr.sop import Comprehensive3DSR
from highdicom.sr.templates import MeasurementReport, ObservationContext
from highdicom.sr.value_types import (
    CodeContentItem,
    ContainerContentItem,
    ContentSequence,
    ImageContentItem,
    TextContentItem,
)
from pydicom import Dataset
from scipy import ndimage

from pipelines.dicom_out.evidence import NOT_IN_DOCUMENTS, evidence_of, observer
from pipelines.dicom_out.files import write
from pipelines.dicom_out.provenance import coding_schemes
from pipelines.dicom_out.seg_form import BINARY, FORMS, Form
from pipelines.dicom_out.sr_groups import Written, groups_of, nothing_found
from pipelines.dicom_out.sr_measurements import FARTHEST_POINTS
from pipelines.dicom_out.study import into_study

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from highdicom.sr.templates import Template

    from pipelines.contract import Segmented, Source
    from pipelines.dicom_out.provenance import Origin
    from pipelines.manifest import OutputFile

SR_NUMBER_OFFSET = 750
"""Reports are numbered above segmentations, as those are above enhanced series."""
_COMMENT = CodedConcept("121106", "DCM", "Comment")
_LIBRARY = CodedConcept("111028", "DCM", "Image Library")
_LIBRARY_GROUP = CodedConcept("126200", "DCM", "Image Library Group")
_MODALITY = CodedConcept("121139", "DCM", "Modality")
_SOURCE = CodedConcept("260753009", "SCT", "Source")
_PROCEDURES = {
    "CT": CodedConcept("25045-6", "LN", "CT unspecified body region"),
    "MR": CodedConcept("25056-3", "LN", "MRI unspecified body region"),
    "PT": CodedConcept("44136-0", "LN", "PET unspecified body region"),
    "NM": CodedConcept("49118-3", "LN", "NM unspecified body region"),
}
_ANY_PROCEDURE = CodedConcept("363679005", "SCT", "Imaging procedure")
_MODALITIES = {
    "CT": "Computed Tomography", "MR": "Magnetic Resonance", "NM": "Nuclear Medicine",
    "PT": "Positron emission tomography", "US": "Ultrasound", "CR": "Computed Radiography",
    "DX": "Digital Radiography", "MG": "Mammography",
}  # fmt: skip


def write_reports(
    results: Sequence[tuple[Source, Segmented, Sequence[OutputFile]]],
    origin: Origin,
    folder: Path,
) -> list[OutputFile]:
    """Write the run's report on each form of its segmentations, BINARY first.

    Parameters
    ----------
    results : sequence of (source, label map, files)
        Everything that the run looked at, and the segmentations in `folder` that were written
        of it.
    """
    kinds = {file.kind for _, _, files in results for file in files}
    reports = []
    for form in [form for form in FORMS if form.kind in kinds] or [BINARY]:
        of_it = [
            (source, result, [file for file in files if file.kind == form.kind])
            for source, result, files in results
        ]
        reports.append(replace(_write_report(of_it, origin, folder, form), names=form.kind))
    return reports


def _write_report(
    results: Sequence[tuple[Source, Segmented, Sequence[OutputFile]]],
    origin: Origin,
    folder: Path,
    form: Form,
) -> OutputFile:
    """Write one report; it says so where nothing was found (SEG-12)."""
    which = "report" if form is BINARY else f"report of {form.name}"
    written = []
    for source, result, made in results:
        boxes = ndimage.find_objects(result.labels)
        written += [
            Written(_header(folder / file.file), source, result.labels, boxes) for file in made
        ]
    wholes = [image for source, _, _ in results for image in source.instances]
    images = list({str(image.SOPInstanceUID): image for image in wholes}.values())
    groups = [group for each in written for group in groups_of(each, origin)]
    equipment = origin.equipment()
    first = images[0]
    sr = Comprehensive3DSR(
        evidence=evidence_of([*images, *(part.seg for part in written)]),
        content=_content(groups or [nothing_found(origin)], images, origin),
        series_instance_uid=origin.uid(f"{which} series"),
        series_number=origin.series_number(first, SR_NUMBER_OFFSET + FORMS.index(form)),
        sop_instance_uid=origin.uid(which),
        instance_number=1,
        manufacturer=equipment["Manufacturer"],
        is_complete=True,
        is_final=False,
        is_verified=False,
        specific_character_set="ISO_IR 192",
    )
    report = into_study(sr, first, origin, leave=NOT_IN_DOCUMENTS)
    segments = origin.card.segments
    codes = [code for each in segments for code in (each.category, each.type, each.modifier)]
    report.CodingSchemeIdentificationSequence = coding_schemes(FARTHEST_POINTS, *codes)
    return write(report, folder, "sr")


def _content(groups: Sequence[Template], images: Sequence[Dataset], origin: Origin) -> Dataset:
    """The tree below the root of TID 1500, in the order of the template's rows."""
    modality = str(images[0].Modality)
    report = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer(origin)),
        procedure_reported=_PROCEDURES.get(modality, _ANY_PROCEDURE),
        imaging_measurements=groups,
    )
    (root,) = report
    root.ContentSequence.insert(len(root.ContentSequence) - 1, _library(images, modality))
    # A report has no Derivation Description; research use is told here (ENH-08).
    comment = TextContentItem(_COMMENT, origin.description(), RelationshipTypeValues.CONTAINS)
    root.ContentSequence.append(comment)
    return root


def _library(images: Sequence[Dataset], modality: str) -> ContainerContentItem:
    """Every image that was looked at, in one group of a modality (TID 1600)."""
    contains = RelationshipTypeValues.CONTAINS
    group = ContainerContentItem(_LIBRARY_GROUP, relationship_type=contains)
    group.ContentSequence = ContentSequence()
    if modality in _MODALITIES:
        group.ContentSequence.append(
            CodeContentItem(
                _MODALITY,
                CodedConcept(modality, "DCM", _MODALITIES[modality]),
                RelationshipTypeValues.HAS_ACQ_CONTEXT,
            )
        )
    for image in images:
        group.ContentSequence.append(
            ImageContentItem(
                _SOURCE, str(image.SOPClassUID), str(image.SOPInstanceUID),
                relationship_type=contains,
            )
        )  # fmt: skip
    library = ContainerContentItem(_LIBRARY, relationship_type=contains)
    library.ContentSequence = ContentSequence([group])
    return library


def _header(path: Path) -> Dataset:
    return pydicom.dcmread(path, stop_before_pixels=True)
