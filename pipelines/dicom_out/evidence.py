"""What highdicom needs to know of instances that a document refers to, and of who observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom.sr.coding import CodedConcept
from highdicom.sr.templates import DeviceObserverIdentifyingAttributes, ObserverContext
from pydicom import Dataset

from pipelines.dicom_out.uids import PRODUCT_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.dicom_out.provenance import Origin

NOT_IN_DOCUMENTS = ("BodyPartExamined", "Laterality", "RequestAttributesSequence")
"""Attributes of a study's images that the series of a document does not have (PS3.3 C.17.1)."""
_NO_DEVICE_UID = f"2.25.{PRODUCT_NAMESPACE.int}"
_DEVICE = CodedConcept("121007", "DCM", "Device")
_PATIENT = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber",
            "StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName")  # fmt: skip


def evidence_of(instances: Sequence[Dataset]) -> list[Dataset]:
    """Each instance's class and place in its study."""
    found = [_place_of(instance) for instance in instances]
    _add_nobody(found[0])  # highdicom takes the patient from the first
    return found


def as_image(instance: Dataset) -> Dataset:
    """The instance's class, its place in its study, and the size of the picture."""
    stub = _place_of(instance)
    _add_nobody(stub)
    stub.Rows, stub.Columns = int(instance.Rows), int(instance.Columns)
    stub.SamplesPerPixel = int(instance.SamplesPerPixel)
    return stub


def _place_of(instance: Dataset) -> Dataset:
    stub = Dataset()
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(stub, keyword, str(instance[keyword].value))
    stub.Modality = str(instance.Modality)
    return stub


def _add_nobody(stub: Dataset) -> None:
    """An empty patient and study; the source's are copied afterwards."""
    for keyword in _PATIENT:
        setattr(stub, keyword, "")


def observer(origin: Origin) -> ObserverContext:
    """The device of General Equipment as the one that observed (TID 1004)."""
    ours = origin.equipment()
    return ObserverContext(
        observer_type=_DEVICE,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=ours.get("DeviceUID", _NO_DEVICE_UID),
            name=ours.get("StationName"),
            manufacturer_name=ours["Manufacturer"],
            model_name=ours["ManufacturerModelName"],
            serial_number=ours.get("DeviceSerialNumber"),
        ),
    )
