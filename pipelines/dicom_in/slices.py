"""What the slices of a stack must have in common, and their pixels as one array."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.dicom_in.values import padding_mask, rescale
from pipelines.errors import PipelineRefused
from pipelines.header import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from pydicom import Dataset

    from pipelines.stored_pixels import StoredPixels

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


def refuse_unlike(images: Sequence[Dataset]) -> None:
    """Refuse images that differ in more than place and content.

    Raises
    ------
    PipelineRefused
        ``mixed-*`` or ``several-studies``.
    """
    for keyword, code in _SAME.items():
        found = {str(image.get(keyword, None) or "") for image in images}
        if len(found) > 1:
            raise PipelineRefused(code, f"{keyword} has {len(found)} values within the series.")


def fill(
    images: Sequence[Dataset], pixels: Iterable[StoredPixels]
) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
    """Values and padding of a stack, shape (z, y, x), each slice in its own image's rescale.

    `pixels` are taken one by one, in the order of `images`, and not kept.
    """
    shape = (len(images), whole_number(images[0], "Rows"), whole_number(images[0], "Columns"))
    array = np.empty(shape, np.float32)
    padding = np.zeros(shape, np.bool_)
    for index, (image, stored) in enumerate(zip(images, pixels, strict=True)):
        array[index] = rescale(image, stored.values[0])
        padding[index] = padding_mask(image, stored)[0]
    return array, padding if padding.any() else None
