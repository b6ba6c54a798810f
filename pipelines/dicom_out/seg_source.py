"""What highdicom needs to know of a source image, in values that it accepts.

Received headers carry values that highdicom refuses or repeats wrongly: an empty first value of
Specific Character Set (SEG-13), no Patient ID (SEG-05), dates that are none. It is given the
geometry and the UIDs; patient and study are copied from the source afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import Dataset
from pydicom.uid import UID, UltrasoundImageStorage
from pydicom.valuerep import DSfloat

from pipelines.dicom_in.instances import ENHANCED_CT, ENHANCED_MR
from pipelines.dicom_out.lossy import lossy_compression
from pipelines.dicom_out.provenance import referenced_instance, source_reference
from pipelines.dicom_out.seg_pixels import SIDE
from pipelines.header import numbers
from pipelines.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipelines.contract import Source
    from pipelines.volume import StoredFrame

_STUDY = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber",
          "StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName")  # fmt: skip
_MULTI_FRAME_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.3.1",  # US multi-frame
    "1.2.840.10008.5.1.4.1.1.20",  # NM
    ENHANCED_CT,
    ENHANCED_MR,
}


def stand_ins(source: Source) -> list[Dataset]:
    """One data set per frame of a segmentation of `source`: a slice each, or the one image."""
    lossy: dict[str, object] = {}
    for image in source.instances:  # highdicom asks the first source alone (ENH-21)
        lossy = lossy or lossy_compression(image)
    nobody = Dataset()
    for keyword in _STUDY:
        setattr(nobody, keyword, "")
    images = [_identity(image, nobody) for image in source.sources]
    if isinstance(source, Volume) and source.frames:
        for place, stub in enumerate(images):
            stub.SOPInstanceUID = _frame_uid(place)
    for keyword, value in lossy.items():
        setattr(images[0], keyword, value)
    if isinstance(source, Volume):
        _place(images, source)
    elif source.spacing_mm is not None:
        images[0].PixelSpacing = [_ds(value) for value in source.spacing_mm]
    return images


def name_frames(made: Dataset, items: Iterable[Dataset], stored: Sequence[StoredFrame]) -> None:
    """Refer to objects and frames, where stand-ins for frames were referred to as images.

    Parameters
    ----------
    items : iterable of pydicom.Dataset
        The item of the source of each frame of `made`; some may be the same.
    """
    places = {_frame_uid(place): frame for place, frame in enumerate(stored)}
    for item in {id(item): item for item in items}.values():
        frame = places[str(item.ReferencedSOPInstanceUID)]
        item.ReferencedSOPClassUID = frame.image.SOPClassUID
        item.ReferencedSOPInstanceUID = frame.image.SOPInstanceUID
        item.ReferencedFrameNumber = frame.number
    wholes = [*{id(frame.image): frame.image for frame in stored}.values()]
    for series in made.ReferencedSeriesSequence:
        series.ReferencedInstanceSequence = [referenced_instance(image) for image in wholes]
    made.SourceImageSequence = [source_reference(image) for image in wholes]


def _frame_uid(place: int) -> str:
    """The name under which highdicom, which refers to single images, knows slice `place`."""
    return f"2.25.{place + 1}"


def _identity(image: Dataset, nobody: Dataset) -> Dataset:
    stub = Dataset(dict(nobody.items()))
    stub.StudyInstanceUID = image.StudyInstanceUID
    stub.SeriesInstanceUID = image.SeriesInstanceUID
    stub.SOPInstanceUID = image.SOPInstanceUID
    stub.SOPClassUID = image.SOPClassUID
    stub.Modality = image.Modality
    stub.Rows = stub.Columns = SIDE  # of what highdicom is given instead of the pixels
    if UID(image.SOPClassUID) in _MULTI_FRAME_CLASSES:
        # highdicom looks for functional groups in these; a frame by itself is a single image.
        stub.SOPClassUID = UltrasoundImageStorage
    return stub


def _place(images: Sequence[Dataset], volume: Volume) -> None:
    """Give every slice the stack's geometry; its position is the source's own text."""
    first = volume.sources[0]
    thickness = next(iter(numbers(first, "SliceThickness")), 0.0) or volume.spacing_mm[0]
    for stub, image in zip(images, volume.sources, strict=True):
        stub.FrameOfReferenceUID = image.FrameOfReferenceUID
        stub.PositionReferenceIndicator = image.get("PositionReferenceIndicator", "")
        stub.ImagePositionPatient = [_ds(value) for value in image.ImagePositionPatient]
        stub.ImageOrientationPatient = [_ds(value) for value in first.ImageOrientationPatient]
        stub.PixelSpacing = [_ds(value) for value in first.PixelSpacing]
        stub.SliceThickness = _ds(thickness)


def _ds(value: float) -> DSfloat:
    """The value as a decimal string of at most 16 characters (ENH-16), as received if it fits."""
    text = str(getattr(value, "original_string", value))
    return DSfloat(text) if len(text) <= 16 else DSfloat(float(value), auto_format=True)
