"""The objects beside image, segmentation and report: each is made where the request names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.dicom_out.gsps import write_presentation_states
from pipelines.dicom_out.ko import write_key_objects
from pipelines.dicom_out.pm_difference import write_difference
from pipelines.dicom_out.pm_uncertainty import write_uncertainty
from pipelines.dicom_out.rtstruct import write_structure_set
from pipelines.dicom_out.sc import write_captures

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from pipelines.contract import Source
    from pipelines.dicom_out.planes import Result
    from pipelines.dicom_out.provenance import Origin
    from pipelines.manifest import OutputFile


def write_beside_images(
    source: Source, after: NDArray[np.float32], origin: Origin, folder: Path
) -> Iterator[OutputFile]:
    """Write what is wanted of one source's enhancement."""
    if "pm" in origin.request.objects:
        yield from write_difference(source, after, origin, folder)


def write_beside_segmentations(
    results: Sequence[Result], origin: Origin, folder: Path
) -> Iterator[OutputFile]:
    """Write what is wanted of a segmentation run; nothing of what showed nothing."""
    wanted = origin.request.objects
    before = 0
    for result in results:
        if "sc" in wanted:
            yield from write_captures(result, origin, folder, before)
            before += len(result.labels)
        if "pm" in wanted:
            yield from write_uncertainty(result, origin, folder)
        if "rtstruct" in wanted:
            yield from write_structure_set(result, origin, folder)
    if "ko" in wanted:
        yield from write_key_objects(results, origin, folder)
    if "gsps" in wanted:
        yield from write_presentation_states(results, origin, folder)
