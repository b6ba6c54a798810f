"""One image object as `Frames`: a radiograph, an ultrasound still or loop, a gamma camera image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.dicom_in.instances import digest, read_instances
from pipelines.dicom_in.values import padding_mask, refuse_too_large, rescale
from pipelines.stored_pixels import GREY, decode
from pipelines.volume import Frames

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset


def read_frames(path: Path | str) -> Frames:
    """The frames of the object in the file `path`; colour of any kind comes as RGB, 0 to 255.

    Raises
    ------
    PipelineRefused
        With the codes of `read_instances`, `pipelines.stored_pixels.decode` and
        `pipelines.dicom_in.values`.
    """
    image = read_instances([path])[0]
    samples = 1 if str(image.get("PhotometricInterpretation", "")) in GREY else 3
    frames = int(image.get("NumberOfFrames", None) or 1)
    refuse_too_large(frames * int(image.get("Rows", 0)) * int(image.get("Columns", 0)) * samples)
    pixels = decode(image)
    array = pixels.values.astype(np.float32) if samples == 3 else rescale(image, pixels.values)
    padding = padding_mask(image, pixels)
    return Frames(
        array,
        padding if padding.any() else None,
        [image],
        [digest(image, pixels)],
        _spacing_mm(image),
    )


def _spacing_mm(image: Dataset) -> tuple[float, float] | None:
    """Row and column distance: in the patient, at the imager, or in the one ultrasound region."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        values = image.get(keyword)
        if values and len(values) == 2 and min(map(float, values)) > 0:
            return float(values[0]), float(values[1])
    regions = image.get("SequenceOfUltrasoundRegions") or []
    units = [(region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection"),
              abs(float(region.get("PhysicalDeltaY", 0) or 0)),
              abs(float(region.get("PhysicalDeltaX", 0) or 0))) for region in regions]  # fmt: skip
    if len(units) == 1 and units[0][:2] == (3, 3) and min(units[0][2:]) > 0:  # 3 is centimetres
        return 10 * units[0][2], 10 * units[0][3]
    return None
