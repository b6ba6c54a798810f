"""One image object as `Frames`: a radiograph, an ultrasound still or loop, a gamma camera image."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pipelines.dicom_in.instances import digest, is_multi_frame, read_instances
from pipelines.dicom_in.values import padding_mask, refuse_too_large, rescale
from pipelines.errors import PipelineRefused
from pipelines.header import numbers, whole_number
from pipelines.stored_pixels import GREY, decode
from pipelines.volume import Frames

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

_CENTIMETRES = 3  # Physical Units of a region (PS3.3 C.8.5.5.1.15)


def read_frames(path: Path | str) -> Frames:
    """The frames of the object in the file `path`; colour of any kind comes as RGB, 0 to 255.

    Raises
    ------
    PipelineRefused
        With the codes of `read_instances`, `pipelines.stored_pixels.decode` and
        `pipelines.dicom_in.values`.
    """
    image = read_instances([path])[0]
    if is_multi_frame(image):
        raise PipelineRefused(
            "enhanced-multi-frame", "The object holds stacks of slices; single images are wanted."
        )
    samples = 1 if str(image.get("PhotometricInterpretation", "")) in GREY else 3
    size = [whole_number(image, word) for word in ("Rows", "Columns")]
    refuse_too_large(whole_number(image, "NumberOfFrames", 1) * math.prod(size) * samples)
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
        values = numbers(image, keyword)
        if len(values) == 2 and min(values) > 0:
            return values[0], values[1]
    regions = image.get("SequenceOfUltrasoundRegions") or []
    if len(regions) != 1:
        return None
    units = {whole_number(regions[0], f"PhysicalUnits{axis}Direction") for axis in "XY"}
    deltas = [abs(next(iter(numbers(regions[0], f"PhysicalDelta{axis}")), 0.0)) for axis in "YX"]
    if units != {_CENTIMETRES} or not all(deltas):
        return None
    return 10 * deltas[0], 10 * deltas[1]
