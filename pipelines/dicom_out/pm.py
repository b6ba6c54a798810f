"""Parametric maps: a number for every voxel of a volume, floating point (PS3.3 A.75).

Of volumes in a frame of reference alone: the functional groups of a map are places in the patient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeGuard

import numpy as np
from highdicom import VOILUTTransformation
from highdicom.pm import ParametricMap, RealWorldValueMapping
from highdicom.sr.coding import CodedConcept
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from pipelines.dicom_out.files import write
from pipelines.dicom_out.provenance import coding_schemes, put
from pipelines.dicom_out.regions import region_of
from pipelines.dicom_out.seg import CREATOR
from pipelines.dicom_out.seg_pixels import SIDE
from pipelines.dicom_out.seg_source import name_frames, stand_ins
from pipelines.dicom_out.study import into_study, side_of
from pipelines.models.card import Code
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
_PIXELS = Tag("FloatPixelData")
_SAID_OF_FRAMES = ("Laterality",)  # by Frame Laterality (PS3.3 C.7.3.1)


class Quantity(NamedTuple):
    """What the voxels of a series measure (CID 7180), and the UCUM unit."""

    name: CodedConcept
    unit: CodedConcept


NO_UNIT = CodedConcept("1", "UCUM", "no units")


class Look(NamedTuple):
    """What a map is of.

    Attributes
    ----------
    name : str
        What its UIDs are derived from and, in capitals, its label.
    explanation : str
    quantity : Quantity
    values : (float, float)
        Smallest and largest that there may be.
    window : (float, float)
        Centre and width of what is shown.
    contrast : str
        Derived Pixel Contrast, the fourth value of Image Type (PS3.3 C.8.32.3.1.1).
    derivation : CodedConcept
        Of CID 7203.
    """

    name: str
    explanation: str
    quantity: Quantity
    values: tuple[float, float]
    window: tuple[float, float]
    contrast: str
    derivation: CodedConcept


def write_map(
    source: Source, values: NDArray[np.float32], look: Look, origin: Origin, folder: Path
) -> Iterator[OutputFile]:
    """Write `values` on the grid of a source that `has_maps`, one frame for each slice."""
    if has_maps(source):
        yield write(_build(source, values, look, origin), folder, "pm")


def has_maps(source: Source) -> TypeGuard[Volume]:
    """Whether there can be a map of the source.

    There is none of frames without a place, or of a volume without the frame of reference that a
    map must have (type 1, PS3.3 C.7.4.1); a run's other results are written all the same.
    """
    return isinstance(source, Volume) and bool(source.sources[0].get("FrameOfReferenceUID"))


def _build(volume: Volume, values: NDArray[np.float32], look: Look, origin: Origin) -> Dataset:
    image = volume.sources[0]
    made = _of_small_planes(volume, look, origin)
    _settle_uids(made, origin.uid(f"{look.name} dimensions {volume.name}"))
    if volume.frames:
        name_frames(made, _items_of(made), volume.frames)
    _name_region(made, image)
    order = _planes_of(made)
    made.Rows, made.Columns = values.shape[1:]
    result = into_study(made, image, origin, leave=_SAID_OF_FRAMES)
    put(result, {"DerivationDescription": origin.description()})
    codes = [_code(code) for code in look.quantity]
    if schemes := coding_schemes(*codes):
        result.CodingSchemeIdentificationSequence = schemes
    content = values[order].astype("<f4", copy=False).tobytes()
    result[_PIXELS] = DataElement(_PIXELS, "OF", content)
    return mark_encoded(result)


def _of_small_planes(volume: Volume, look: Look, origin: Origin) -> ParametricMap:
    """The map with the planes of `_small_planes` instead of its own."""
    image = volume.sources[0]
    equipment = origin.equipment()
    return ParametricMap(
        source_images=stand_ins(volume),
        pixel_array=_small_planes(len(volume.array)),
        series_instance_uid=origin.uid(f"{look.name} series"),
        series_number=origin.series_number(image, PM_NUMBER_OFFSET),
        sop_instance_uid=origin.uid(f"{look.name} {volume.name}"),
        instance_number=1,
        manufacturer=equipment["Manufacturer"],
        manufacturer_model_name=equipment["ManufacturerModelName"],
        software_versions=list(equipment["SoftwareVersions"]),
        device_serial_number=equipment.get("DeviceSerialNumber", "0"),
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[
            RealWorldValueMapping(
                lut_label=look.name.upper(),
                lut_explanation=look.explanation,
                unit=look.quantity.unit,
                value_range=look.values,
                slope=1.0,
                intercept=0.0,
                quantity_definition=look.quantity.name,
            )
        ],
        voi_lut_transformations=[
            VOILUTTransformation(*look.window, voi_lut_function="LINEAR_EXACT")
        ],
        content_label=look.name.upper(),
        content_description=origin.card.title[:64],
        content_creator_name=CREATOR,
        content_qualification="RESEARCH" if origin.request.research_use else "PRODUCT",
        derived_pixel_contrast=look.contrast,
        derivation=look.derivation,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        specific_character_set="ISO_IR 192",
    )


def _code(concept: CodedConcept) -> Code:
    return Code(value=concept.value, scheme=concept.scheme_designator, meaning=concept.meaning)


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


def _items_of(made: Dataset) -> list[Dataset]:
    """The item of the source of each frame."""
    return [
        item
        for group in made.PerFrameFunctionalGroupsSequence
        for derivation in group.DerivationImageSequence
        for item in derivation.SourceImageSequence
    ]


def _name_region(made: Dataset, image: Dataset) -> None:
    """The Frame Anatomy that the IOD requires (table A.75-2) and highdicom leaves out."""
    anatomy = Dataset()
    anatomy.FrameLaterality = side_of(image).get("Laterality") or "U"
    anatomy.AnatomicRegionSequence = region_of(image)
    made.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [anatomy]
