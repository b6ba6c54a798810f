"""Where a result comes from: the identity, names and references that all its objects share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom import Dataset
from pydicom.config import IGNORE, RAISE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.tag import Tag

from pipelines.dicom_out.attributes import EQUIPMENT_KEPT, STUDY_PRESENT, tags
from pipelines.dicom_out.dates import local_time
from pipelines.dicom_out.text import text_of
from pipelines.dicom_out.uids import derive_uid
from pipelines.header import whole_number
from pipelines.verbatim import copy_verbatim, element, mark_encoded, raw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from pipelines.contract import Parameter
    from pipelines.models.card import Code, ModelCard
    from pipelines.request import RunRequest

OWN_SCHEME = "99DICOMNODE"
NOT_FOR_DIAGNOSIS = "Research use only, not for diagnosis."
HIGHEST_NUMBER = 2**31 - 1
LONGEST_LO, LONGEST_ST = 64, 1024


@dataclass(frozen=True, slots=True)
class Origin:
    """The run that makes a result.

    Attributes
    ----------
    parameters : mapping
        As the pipeline ran with them.
    digests : sequence of str
        Content digest of every source instance of the run.
    """

    request: RunRequest
    card: ModelCard
    parameters: Mapping[str, Parameter]
    digests: Sequence[str]

    def uid(self, kind: str) -> str:
        """The UID of the part `kind` of this result."""
        return derive_uid(
            kind, self.digests, self.card, self.parameters, self.request.uid_namespace
        )

    def moment(self, source: Dataset) -> datetime:
        """When the result was made, in the source's time zone."""
        return local_time(self.request.created_at, source, self.request.time_zone)

    def series_number(self, source: Dataset, offset: int = 0) -> int:
        """Base + source number + offset, moved up while the study has such a series (ENH-03)."""
        base = max(self.request.series_number_base + offset, 1)
        number = base + whole_number(source, "SeriesNumber")
        number = number if base <= number <= HIGHEST_NUMBER else base
        while number in self.request.taken_series_numbers:
            number += 1
        return number

    def description(self) -> str:
        """Pipeline, version and parameters in one text for people (ENH-08)."""
        settings = json.dumps(dict(self.parameters), sort_keys=True)[1:-1].replace('"', "")
        parts = [f"dicom-node {self.card.name} {self.card.version}"]
        parts += [f"({settings})"] if settings else []
        parts += [f"replaces series {self.request.replaces_series_uid}"] * bool(
            self.request.replaces_series_uid
        )
        text = " ".join(parts) + "."
        if self.request.research_use:
            text = f"{NOT_FOR_DIAGNOSIS} {text}"
        return text[:LONGEST_ST]

    def equipment(self) -> dict[str, Any]:
        """General Equipment: this node made the result, not the scanner (ENH-10)."""
        ours = self.request.equipment
        versions = [ours.software_version, f"{self.card.name} {self.card.version}"]
        values = {
            "Manufacturer": ours.manufacturer,
            "ManufacturerModelName": ours.model,
            "DeviceSerialNumber": ours.serial,
            "SoftwareVersions": [version for version in versions if version],
            "DeviceUID": ours.device_uid,
            "StationName": ours.station_name,
            "InstitutionName": ours.institution_name,
        }
        return {keyword: value for keyword, value in values.items() if value}


def put(dataset: Dataset, values: Mapping[str, Any]) -> None:
    """Set attributes of ours; a value that the standard forbids raises ValueError (ENH-16)."""
    for keyword, value in values.items():
        vr = dictionary_VR(Tag(keyword))
        dataset.add(DataElement(Tag(keyword), vr, value, validation_mode=RAISE))


def complete_study(copy: Dataset) -> None:
    """Add, empty, what patient and study must have and the source left out; the rest stays."""
    for keyword in STUDY_PRESENT:
        if keyword not in copy:
            put(copy, {keyword: ""})


def describe_series(copy: Dataset, source: Dataset, suffix: str) -> None:
    """Source's description + suffix, at most 64 characters (ENH-08).

    The source's bytes are kept where nothing has to be cut; `cut_description` tells.
    """
    cut = cut_description(source, suffix)
    if cut is not None:
        put(copy, {"SeriesDescription": cut + suffix})
        return
    tag = Tag("SeriesDescription")
    before = bytes(element(source, tag).value).rstrip(b" \0")
    copy[tag] = raw(tag, "LO", before + suffix.encode("ascii"))


def cut_description(source: Dataset, suffix: str) -> str | None:
    """What is left of a description that is too long for `suffix`, counted in characters.

    The modality stands in for an absent description; None where the whole of it stays.
    """
    text = text_of(source, "SeriesDescription")
    if not text:
        return str(source.get("Modality", ""))
    return text[: LONGEST_LO - len(suffix)] if len(text) + len(suffix) > LONGEST_LO else None


def code_item(code: Code) -> Dataset:
    """One item of a code sequence (PS3.3 section 8)."""
    item = Dataset()
    put(
        item,
        {
            "CodeValue": code.value,
            "CodingSchemeDesignator": code.scheme,
            "CodeMeaning": code.meaning,
        },
    )
    return item


def coding_schemes(*codes: Code | None) -> list[Dataset]:
    """Who is responsible for the private scheme, where one of `codes` is of it (PS3.3 C.12.1)."""
    if not any(code and code.scheme == OWN_SCHEME for code in codes):
        return []
    item = Dataset()
    put(
        item,
        {
            "CodingSchemeDesignator": OWN_SCHEME,
            "CodingSchemeName": "dicom-node private codes",
            "CodingSchemeResponsibleOrganization": "The dicom-node authors",
        },
    )
    return [item]


def source_device(source: Dataset) -> Dataset:
    """The Contributing Equipment item of the device that made the source (ENH-11)."""
    keep = tags(*EQUIPMENT_KEPT)
    item = copy_verbatim(source, lambda tag: tag in keep)
    empty = [tag for tag in item.keys() if not item.get_item(tag).value]  # noqa: SIM118 - iterating
    for tag in empty:  # a data set decodes its elements
        del item[tag]
    if "Manufacturer" not in item:
        put(item, {"Manufacturer": "UNKNOWN"})  # type 1 here
    original = str((source.get("ImageType") or ["ORIGINAL"])[0]).strip().upper() == "ORIGINAL"
    value, meaning = ("109101", "Acquisition Equipment") if original else (
        "109102", "Processing Equipment",
    )  # fmt: skip
    item.PurposeOfReferenceCodeSequence = [dcm_code(value, meaning)]
    return mark_encoded(item)


def source_reference(source: Dataset, frame: int | None = None) -> Dataset:
    """The Source Image item: the instance on whose grid the result lies (ENH-12)."""
    item = referenced_instance(source)
    if frame is not None:
        put(item, {"ReferencedFrameNumber": frame})
    put(item, {"SpatialLocationsPreserved": "YES"})
    item.PurposeOfReferenceCodeSequence = [
        dcm_code("121322", "Source image for image processing operation")
    ]
    return item


def referenced_series(source: Dataset, instances: Sequence[Dataset]) -> Dataset:
    """The Referenced Series item that lists `instances` of the source's series (ENH-14)."""
    item = Dataset()
    copy_uid(item, "SeriesInstanceUID", str(source.SeriesInstanceUID))
    item.ReferencedInstanceSequence = [referenced_instance(instance) for instance in instances]
    return item


def referenced_instance(source: Dataset) -> Dataset:
    """SOP class and instance of `source`."""
    item = Dataset()
    copy_uid(item, "ReferencedSOPClassUID", str(source.SOPClassUID))
    copy_uid(item, "ReferencedSOPInstanceUID", str(source.SOPInstanceUID))
    return item


def uid_of(item: Dataset, keyword: str, source: Dataset) -> None:
    """Put a UID of the source into `item` as it is, be it well formed or not."""
    copy_uid(item, keyword, str(source[keyword].value))


def copy_uid(item: Dataset, keyword: str, uid: str) -> None:
    """Name a source by the UID that it has, be it well formed or not."""
    item.add(DataElement(Tag(keyword), "UI", uid, validation_mode=IGNORE))


def dcm_code(value: str, meaning: str) -> Dataset:
    """A code item of the DICOM controlled terminology (PS3.16)."""
    item = Dataset()
    put(item, {"CodeValue": value, "CodingSchemeDesignator": "DCM", "CodeMeaning": meaning})
    return item
