"""The parametric map of a network's segmentation: how sure it is of every voxel's label.

No code exists for it (CID 7180), so the quantity has one of the private scheme.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom.sr.coding import CodedConcept

from pipelines.dicom_out.pm import NO_UNIT, Look, Quantity, write_map
from pipelines.dicom_out.provenance import OWN_SCHEME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelines.dicom_out.planes import Result
    from pipelines.dicom_out.provenance import Origin
    from pipelines.manifest import OutputFile

SEGMENTATION = CodedConcept("113076", "DCM", "Segmentation")
UNCERTAINTY = Quantity(
    CodedConcept("LABEL-ENTROPY", OWN_SCHEME, "Normalised entropy of label probabilities"), NO_UNIT
)
_LOOK = Look(
    name="uncertainty",
    explanation="0: one label is sure, 1: all are alike",
    quantity=UNCERTAINTY,
    values=(0.0, 1.0),
    window=(0.5, 1.0),
    contrast="QUANTITY",
    derivation=SEGMENTATION,
)


def write_uncertainty(result: Result, origin: Origin, folder: Path) -> Iterator[OutputFile]:
    """Write the uncertainty of a segmentation, as `write_map` does, where its pipeline tells any.

    Nothing where nothing was found.
    """
    if result.uncertainty is not None and result.labels.any():
        yield from write_map(result.source, result.uncertainty, _LOOK, origin, folder)
