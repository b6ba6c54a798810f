"""The parametric map of an enhancement: how much every voxel was changed.

Floating point and unrounded, so it tells also what is lost in the enhanced image's whole numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from highdicom.sr.coding import CodedConcept

from pipelines.dicom_out.pm import NO_UNIT, Look, Quantity, has_maps, write_map

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from pipelines.contract import Source
    from pipelines.dicom_out.provenance import Origin
    from pipelines.manifest import OutputFile

SUBTRACTION = CodedConcept("113062", "DCM", "Pixel by pixel subtraction")
_SHOWN = 99.5  # percentile of the change that is shown as white, and minus as much as black
_ACTIVITY = CodedConcept("110821", "DCM", "Nuclear Medicine Tomographic Activity")
HOUNSFIELD = Quantity(
    CodedConcept("112031", "DCM", "Attenuation Coefficient"),
    CodedConcept("[hnsf'U]", "UCUM", "Hounsfield unit"),
)
MR_SIGNAL = Quantity(CodedConcept("110852", "DCM", "MR signal intensity"), NO_UNIT)
ANY_SIGNAL = Quantity(CodedConcept("113059", "DCM", "Signal change"), NO_UNIT)
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
    """Write enhanced minus source, in the source's units, as `write_map` does."""
    if not has_maps(source):
        return
    change = after - source.array
    largest = float(np.abs(change).max()) or 1.0
    shown = float(np.percentile(np.abs(change), _SHOWN)) or largest
    look = Look(
        name="difference",
        explanation="Enhanced minus source",
        quantity=quantity_of(source),
        values=(-largest, largest),
        window=(0.0, 2 * shown),
        contrast="SUBTRACTION",
        derivation=SUBTRACTION,
    )
    yield from write_map(source, change, look, origin, folder)
