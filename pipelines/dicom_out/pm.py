"""The parametric map of an enhancement: how much every voxel was changed (PS3.3 A.75).

Floating point and unrounded, so it tells also what is lost in the enhanced image's whole numbers.
Of volumes in a frame of reference alone: the functional groups of a map are places in the patient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from highdicom import VOILUTTransformation
from highdicom.pm import ParametricMap, RealWorldValueMapping
from highdicom.sr.coding import CodedConcept
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from pipelines.dicom_out.files import write
from pipelines.dicom_out.provenance import put
from pipelines.dicom_out.regions import region_of
from pipelines.dicom_out.seg import CREATOR
from pipelines.dicom_out.seg_pixels import SIDE
from pipelines.dicom_out.seg_source import stand_ins
from pipelines.dicom_out.study import into_study, side_of
from pipelines.verbatim import mark_encoded
from pipelines.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from pipelines.contract import Source
    from pipelines.dicom_out.provenance import Origin
    from pipelines.manifest import OutputFile

PM_NUMBER_OFFSET = 550
SUBTRACTION = CodedConcept("113062", "DCM", "Pixel by pixel subtraction")
_PIXELS = Tag("FloatPixelData")
_SAID_OF_FRAMES = ("Laterality",)  # by Frame Laterality (PS3.3 C.7.3.1)
_SHOWN = 99.5  # percentile of the change that is shown as white, and minus as much as black


class Quantity(NamedTuple):
    """What the voxels of a series measure (CID 7180), and the UCUM unit."""

    name: CodedConcept
    unit: CodedConcept


_NO_UNIT = CodedConcept("1", "UCUM", "no units")
_ACTIVITY = CodedConcept("110821", "DCM", "Nuclear Medicine Tomographic Activity")
HOUNSFIELD = Quantity(
    CodedConcept("112031", "DCM", "Attenuation Coefficient"),
    CodedConcept("[hnsf'U]", "UCUM", "Hounsfield unit"),
)
MR_SIGNAL = Quantity(CodedConcept("110852", "DCM", "MR signal intensity"), _NO_UNIT)
ANY_SIGNAL = Quantity(CodedConcept("113059", "DCM", "Signal change"), _NO_UNIT)
BY_UNITS = {
    "BQML": Quantity(_ACTIVITY, CodedConcept("Bq/ml", "UCUM", "Becquerels/milliliter")),
    "CNTS": Quantity(_ACTIVITY, CodedConcept("{counts}", "UCUM", "Counts")),
    "GML": Quantity(
        CodedConcept("126401", "DCM", "SUVbw"),
        CodedConcept("g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight"),
    ),
}
"""By Units (0054,1001) of PET."""


def quantity_of(source: Source) -> Quantity:
    """What the source measures; a signal without a unit where its header does not say."""
    image = source.sources[0]
    if source.modality == "CT" and str(image.get("RescaleType", "") or "HU") == "HU":
        return HOUNSFIELD
    if source.modality == "MR":
        return MR_SIGNAL
    units = str(image.get("Units", ""))
    if units == "GML" and str(image.get("SUVType", "") or "BW") != "BW":
        return ANY_SIGNAL
    return BY_UNITS.get(units, ANY_SIGNAL)


def write_difference(
    source: Source, after: NDArray[np.float32], origin: Origin, folder: Path
) -> Iterator[OutputFile]:
    """Write enhanced minus source, in the source's units.

    Nothing of frames without a place, or of a volume without the frame of reference that a map
    must have (type 1, PS3.3 C.7.4.1): its enhanced series is written all the same.
    """
    if isinstance(source, Volume) and source.sources[0].get("FrameOfReferenceUID"):
        yield write(_build(source, after - source.array, origin), folder, "pm")


def _build(volume: Volume, change: NDArray[np.float32], origin: Origin) -> Dataset:
    image = volume.sources[0]
    equipment = origin.equipment()
    largest = float(np.abs(change).max()) or 1.0
    shown = float(np.percentile(np.abs(change), _SHOWN)) or largest
    quantity = quantity_of(volume)
    made = ParametricMap(
        source_images=stand_ins(volume),
        pixel_array=_small_planes(len(change)),
        series_instance_uid=origin.uid("difference series"),
        series_number=origin.series_number(image, PM_NUMBER_OFFSET),
        sop_instance_uid=origin.uid(f"difference {volume.digests[0]}"),
        instance_number=1,
        manufacturer=equipment["Manufacturer"],
        manufacturer_model_name=equipment["ManufacturerModelName"],
        software_versions=list(equipment["SoftwareVersions"]),
        device_serial_number=equipment.get("DeviceSerialNumber", "0"),
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[
            RealWorldValueMapping(
                lut_label="DIFFERENCE",
                lut_explanation="Enhanced minus source",
                unit=quantity.unit,
                value_range=(-largest, largest),
                slope=1.0,
                intercept=0.0,
                quantity_definition=quantity.name,
            )
        ],
        voi_lut_transformations=[
            VOILUTTransformation(0.0, 2 * shown, voi_lut_function="LINEAR_EXACT")
        ],
        content_label="DIFFERENCE",
        content_description=origin.card.title[:64],
        content_creator_name=CREATOR,
        content_qualification="RESEARCH" if origin.request.research_use else "PRODUCT",
        derived_pixel_contrast="SUBTRACTION",
        derivation=SUBTRACTION,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        specific_character_set="ISO_IR 192",
    )
    _settle_uids(made, origin.uid(f"difference dimensions {volume.digests[0]}"))
    _name_region(made, image)
    order = _planes_of(made)
    made.Rows, made.Columns = change.shape[1:]
    result = into_study(made, image, origin, leave=_SAID_OF_FRAMES)
    put(result, {"DerivationDescription": origin.description()})
    content = change[order].astype("<f4", copy=False).tobytes()
    result[_PIXELS] = DataElement(_PIXELS, "OF", content)
    return mark_encoded(result)


def _small_planes(count: int) -> NDArray[np.float32]:
    """Planes of one number, their own: highdicom copies what it is given several times."""
    return np.repeat(np.arange(count, dtype=np.float32), SIDE**2).reshape(count, SIDE, SIDE)


def _planes_of(made: Dataset) -> NDArray[np.intp]:
    """Which of the small planes each frame holds."""
    frames = np.frombuffer(made.FloatPixelData, "<f4").reshape(-1, SIDE**2)
    return frames[:, 0].astype(np.intp)


def _settle_uids(made: Dataset, dimensions: str) -> None:
    """Derive the one random UID."""
    made.DimensionOrganizationSequence[0].DimensionOrganizationUID = dimensions
    for index in made.DimensionIndexSequence:
        index.DimensionOrganizationUID = dimensions


def _name_region(made: Dataset, image: Dataset) -> None:
    """The Frame Anatomy that the IOD requires (table A.75-2) and highdicom leaves out."""
    anatomy = Dataset()
    anatomy.FrameLaterality = side_of(image).get("Laterality") or "U"
    anatomy.AnatomicRegionSequence = region_of(image)
    made.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [anatomy]
