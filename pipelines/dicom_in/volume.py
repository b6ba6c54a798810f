"""Single-frame images of one series as a `Volume`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pipelines.dicom_in.geometry import stack_slices
from pipelines.dicom_in.instances import digest, read_instances
from pipelines.dicom_in.phases import split_phases
from pipelines.dicom_in.values import padding_mask, refuse_too_large, rescale
from pipelines.errors import PipelineRefused
from pipelines.header import whole_number
from pipelines.stored_pixels import GREY, decode
from pipelines.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

_SAME = {
    "Modality": "mixed-modality",
    "SOPClassUID": "mixed-modality",
    "Rows": "mixed-size",
    "Columns": "mixed-size",
    "PhotometricInterpretation": "mixed-pixel-format",
    "BitsAllocated": "mixed-pixel-format",
    "BitsStored": "mixed-pixel-format",
    "PixelRepresentation": "mixed-pixel-format",
    "RescaleType": "mixed-units",
    "Units": "mixed-units",
    "FrameOfReferenceUID": "mixed-frame-of-reference",
    "StudyInstanceUID": "several-studies",
}


def read_volume(paths: Sequence[Path | str]) -> Volume:
    """The one regular stack that the files hold, sorted along its normal.

    Raises
    ------
    PipelineRefused
        With the codes of `read_instances`, `stack_slices`, `pipelines.stored_pixels.decode` and
        `pipelines.dicom_in.values`; ``multi-frame``; ``mixed-*`` for what differs between slices.
    """
    return _stack(_read_alike(paths))


def read_volumes(paths: Sequence[Path | str]) -> list[Volume]:
    """Every phase of a series as a volume (`pipelines.dicom_in.phases`); mostly one.

    Raises
    ------
    PipelineRefused
        As `read_volume`.
    """
    return [_stack(phase) for phase in split_phases(_read_alike(paths))]


def _read_alike(paths: Sequence[Path | str]) -> list[Dataset]:
    """Single-frame grey images of one series, alike in everything but place and content."""
    images = read_instances(paths)
    for image in images:
        _refuse_multi_frame(image)
    for keyword, code in _SAME.items():
        _refuse_mixture(images, keyword, code)
    size = [whole_number(images[0], word) for word in ("Rows", "Columns")]
    refuse_too_large(len(images) * math.prod(size))
    return images


def _stack(images: Sequence[Dataset]) -> Volume:
    stack = stack_slices(images)
    images = [images[index] for index in stack.order]
    shape = (len(images), whole_number(images[0], "Rows"), whole_number(images[0], "Columns"))
    array = np.empty(shape, np.float32)
    padding = np.zeros(shape, np.bool_)
    digests = []
    for index, image in enumerate(images):
        pixels = decode(image)
        digests.append(digest(image, pixels))
        array[index] = rescale(image, pixels.values[0])
        padding[index] = padding_mask(image, pixels)[0]
    kept: NDArray[np.bool_] | None = padding if padding.any() else None
    return Volume(array, stack.affine, kept, images, digests)


def _refuse_multi_frame(image: Dataset) -> None:
    if whole_number(image, "NumberOfFrames", 1) > 1:
        raise PipelineRefused(
            "multi-frame", "An object of several frames; single-frame slices are wanted."
        )
    if str(image.get("PhotometricInterpretation", "")) not in GREY and "PixelData" in image:
        raise PipelineRefused("not-grey", "The slices are in colour; grey ones are wanted.")


def _refuse_mixture(images: Sequence[Dataset], keyword: str, code: str) -> None:
    found = {str(image.get(keyword, None) or "") for image in images}
    if len(found) > 1:
        raise PipelineRefused(code, f"{keyword} has {len(found)} values within the series.")
