"""Enhanced CT and MR objects made up for tests: each frame from a single-frame image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.uid import EnhancedCTImageStorage, EnhancedMRImageStorage

from tests.builders import a_series, uid

_CLASS = {"CT": EnhancedCTImageStorage, "MR": EnhancedMRImageStorage}
_FRAME_TYPE = {"CT": "CTImageFrameTypeSequence", "MR": "MRImageFrameTypeSequence"}
_FRAMES_OWN = (
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness",
    "RescaleSlope", "RescaleIntercept", "RescaleType", "EchoTime", "RepetitionTime", "KVP",
    "ScanningSequence", "SequenceVariant", "ScanOptions", "EchoTrainLength", "AcquisitionDate",
    "AcquisitionTime",
)  # fmt: skip


def an_enhanced(
    modality: str = "MR",
    images: Sequence[Dataset] = (),
    *,
    each: Callable[[Dataset, int], None] = lambda _groups, _index: None,
    number: int = 1,
    **overrides: Any,
) -> Dataset:
    """One object whose frames are `images` in their order, five of a stack by default.

    Parameters
    ----------
    each : callable
        Takes a frame's groups and its index, to change them.
    number : int
        Instance Number; objects of one series need different ones.
    overrides
        Set attributes at the top of the object; None deletes.
    """
    frames = list(images) or a_series(modality)
    whole = frames[0]
    first = frames[0].copy()
    whole.file_meta = first.file_meta
    whole.SOPClassUID = whole.file_meta.MediaStorageSOPClassUID = _CLASS[modality]
    whole.SOPInstanceUID = uid(whole.SeriesInstanceUID, "enhanced", number)
    whole.file_meta.MediaStorageSOPInstanceUID = whole.SOPInstanceUID
    whole.InstanceNumber = number
    kind = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    whole.ImageType = kind
    whole.DeviceSerialNumber = "D1"
    whole.AcquisitionDateTime = "20260102030405"
    whole.PresentationLUTShape = "IDENTITY"
    whole.LossyImageCompression = "00"
    whole.BurnedInAnnotation = "NO"
    whole.ContentQualification = "PRODUCT"
    whole.AcquisitionContextSequence = []
    _add_dimensions(whole)
    pixels = b"".join(frame.PixelData for frame in (first, *frames[1:]))
    whole.NumberOfFrames = len(frames)
    whole.SharedFunctionalGroupsSequence = [_shared(first, modality, kind)]
    groups = [_groups(frame, place) for place, frame in enumerate((first, *frames[1:]), start=1)]
    for index, group in enumerate(groups):
        each(group, index)
    whole.PerFrameFunctionalGroupsSequence = groups
    for keyword in _FRAMES_OWN:
        if keyword in whole:
            del whole[keyword]
    whole.update(_description(modality))
    whole.PixelData = pixels
    for keyword, value in overrides.items():
        if value is None:
            del whole[keyword]
        else:
            setattr(whole, keyword, value)
    return whole


def two_phases(modality: str) -> Dataset:
    """An object of five slices in two phases, whose frames are in no order."""
    early, late = a_series(modality), a_series(modality)
    order = [(late, 3), (early, 0), (early, 4), (late, 1), (early, 3),
             (late, 0), (late, 4), (early, 1), (late, 2), (early, 2)]  # fmt: skip

    def put_phase(groups: Dataset, index: int) -> None:
        (content,) = groups.FrameContentSequence
        content.TemporalPositionIndex = 2 if order[index][0] is late else 1

    return an_enhanced(modality, [phase[place] for phase, place in order], each=put_phase)


def group(**values: Any) -> list[Dataset]:
    """One item of a functional group."""
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return [item]


def stored(image: Dataset) -> np.ndarray:
    """The stored values ``(frame, y, x)`` of an uncompressed object of 16 bits."""
    kind = "<i2" if image.PixelRepresentation else "<u2"
    return np.frombuffer(image.PixelData, kind).reshape(-1, image.Rows, image.Columns)


def _add_dimensions(whole: Dataset) -> None:
    organization = uid(whole.SOPInstanceUID, "dimensions")
    whole.DimensionOrganizationSequence = group(DimensionOrganizationUID=organization)
    whole.DimensionIndexSequence = [
        group(
            DimensionOrganizationUID=organization,
            DimensionIndexPointer=pointer,
            FunctionalGroupPointer=0x00209111,
        )[0]
        for pointer in (0x00209056, 0x00209057)
    ]


def _description(modality: str) -> Dataset:
    (item,) = group(
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
    )
    if modality == "MR":
        item.ComplexImageComponent = "MAGNITUDE"
        item.AcquisitionContrast = "T1"
    return item


def _shared(image: Dataset, modality: str, kind: list[str]) -> Dataset:
    description = _description(modality)
    description.FrameType = kind
    (brain,) = group(CodeValue="12738006", CodingSchemeDesignator="SCT", CodeMeaning="Brain")
    (shared,) = group(
        PixelMeasuresSequence=group(
            PixelSpacing=image.PixelSpacing, SliceThickness=image.SliceThickness
        ),
        PlaneOrientationSequence=group(ImageOrientationPatient=image.ImageOrientationPatient),
        FrameAnatomySequence=group(AnatomicRegionSequence=[brain], FrameLaterality="U"),
    )
    setattr(shared, _FRAME_TYPE[modality], [description])
    if modality == "MR":
        shared.MREchoSequence = group(EffectiveEchoTime=float(image.EchoTime))
    else:
        shared.IrradiationEventIdentificationSequence = group(IrradiationEventUID="2.25.99")
    return shared


def _groups(image: Dataset, place: int) -> Dataset:
    value = image.get("RescaleSlope", 1), image.get("RescaleIntercept", 0)
    (groups,) = group(
        FrameContentSequence=group(
            StackID="1", InStackPositionNumber=place, DimensionIndexValues=[1, place],
            FrameAcquisitionNumber=1, FrameAcquisitionDateTime="20260102030405",
            FrameReferenceDateTime="20260102030405", FrameAcquisitionDuration=1.0,
        ),
        PlanePositionSequence=group(ImagePositionPatient=image.ImagePositionPatient),
        PixelValueTransformationSequence=group(
            RescaleSlope=value[0], RescaleIntercept=value[1],
            RescaleType=image.get("RescaleType", "US"),
        ),
        FrameVOILUTSequence=group(WindowCenter=40 + place, WindowWidth=400),
    )  # fmt: skip
    return groups
