"""The measurements of one segment as coded numbers (TID 1419): size, diameter, HU or SUV.

What the image does not give is left out: millimetres without a calibrated spacing, a mean without
a unit that means the same on every scanner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from highdicom.sr.coding import CodedConcept
from highdicom.sr.templates import Measurement

from pipelines.errors import PipelineRefused
from pipelines.header import numbers
from pipelines.models.card import Code
from pipelines.nuclear.suv import suv_per_unit
from pipelines.ops.diameter import largest_diameter
from pipelines.volume import Volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.contract import Source

FARTHEST_POINTS = Code(
    value="OUTLINE-MAX", scheme="99DICOMNODE", meaning="Distance of farthest outline points"
)
"""How a diameter in a plane was found; IBSI codes it for space alone."""

_AREA = CodedConcept("42798000", "SCT", "Area")
_ATTENUATION = CodedConcept("112031", "DCM", "Attenuation Coefficient")
_CM3 = CodedConcept("cm3", "UCUM", "cubic centimeter")
_DIAMETER = CodedConcept("81827009", "SCT", "Diameter")
_DIAMETER_3D = CodedConcept("L0JK", "IBSI", "Maximum 3D Diameter of a Mesh")
_HU = CodedConcept("[hnsf'U]", "UCUM", "Hounsfield unit")
_MAXIMUM = CodedConcept("56851009", "SCT", "Maximum")
_MEAN = CodedConcept("373098007", "SCT", "Mean")
_MM = CodedConcept("mm", "UCUM", "millimeter")
_MM2 = CodedConcept("mm2", "UCUM", "square millimeter")
_SD = CodedConcept("386136009", "SCT", "Standard Deviation")
_SUVBW = CodedConcept("126401", "DCM", "SUVbw")
_SUVBW_UNIT = CodedConcept("g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight")
_VOLUME = CodedConcept("118565006", "SCT", "Volume")

_METHOD = CodedConcept(FARTHEST_POINTS.value, FARTHEST_POINTS.scheme, FARTHEST_POINTS.meaning)


class Intensity(NamedTuple):
    """What the values of a source mean once multiplied by `factor`."""

    name: CodedConcept
    unit: CodedConcept
    factor: float


def intensity_of(source: Source) -> Intensity | None:
    """HU of a CT, SUVbw of a PET that tells all it needs; None for arbitrary units."""
    kind = str(source.sources[0].get("RescaleType", "") or "HU")
    if source.modality == "CT" and kind == "HU":
        return Intensity(_ATTENUATION, _HU, 1.0)
    if source.modality == "PT":
        try:
            return Intensity(_SUVBW, _SUVBW_UNIT, suv_per_unit(source.sources))
        except (PipelineRefused, ValueError):
            return None
    return None


def measure_volume(
    volume: Volume, box: tuple[slice, ...], mask: NDArray[np.bool_], intensity: Intensity | None
) -> list[Measurement]:
    """Volume in cm3, diameter in mm, mean and SD of a segment with a place in the patient.

    Parameters
    ----------
    box : tuple of slice
        The part of the volume that holds the segment, on which `mask` lies.
    """
    cm3 = int(mask.sum()) * float(np.prod(volume.spacing_mm)) / 1000
    steps = volume.affine[:3, [2, 1, 0]]  # along the mask's axes (z, y, x)
    return [
        Measurement(name=_VOLUME, value=cm3, unit=_CM3),
        Measurement(name=_DIAMETER_3D, value=largest_diameter(mask, steps), unit=_MM),
        *_spread(volume.array[box][mask], intensity),
    ]


def measure_frame(source: Source, mask: NDArray[np.bool_]) -> list[Measurement]:
    """Area in mm2 and diameter in mm on one frame ``(y, x)`` whose spacing is the patient's."""
    spacing = None if isinstance(source, Volume) else source.spacing_mm
    if spacing is None or not _is_calibrated(source):
        return []
    area = int(mask.sum()) * spacing[0] * spacing[1]
    longest = largest_diameter(mask, np.diag(spacing))
    return [
        Measurement(name=_AREA, value=area, unit=_MM2),
        Measurement(name=_DIAMETER, value=longest, unit=_MM, derivation=_MAXIMUM, method=_METHOD),
    ]


def _spread(values: NDArray[np.float32], intensity: Intensity | None) -> list[Measurement]:
    if intensity is None:
        return []
    name, unit, factor = intensity
    mean = float(values.mean(dtype=np.float64)) * factor
    sd = float(values.std(dtype=np.float64)) * factor
    return [
        Measurement(name=name, value=mean, unit=unit, derivation=_MEAN),
        Measurement(name=name, value=sd, unit=unit, derivation=_SD),
    ]


def _is_calibrated(source: Source) -> bool:
    """False where millimetres are the detector's, which shows all things larger (PS3.3 10.7.1)."""
    image = source.sources[0]
    at_imager = numbers(image, "ImagerPixelSpacing")
    in_patient = numbers(image, "PixelSpacing")
    return not at_imager or bool(
        in_patient and (in_patient != at_imager or image.get("PixelSpacingCalibrationType"))
    )
