"""Stored values to output units, and which pixels hold no measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.errors import PipelineRefused
from pipelines.header import numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

    from pipelines.stored_pixels import StoredPixels

MOST_VALUES = 600_000_000  # 2.4 GB as float32; what follows needs a small multiple of it


def refuse_too_large(values: int) -> None:
    """Refuse pixels that would not fit a slot's memory."""
    if values > MOST_VALUES:
        raise PipelineRefused(
            "too-large", f"{values / 1e6:.0f} million pixels; at most {MOST_VALUES / 1e6:.0f}."
        )


def rescale_of(image: Dataset) -> tuple[float, float]:
    """Slope and intercept of the image's own Modality LUT (PS3.3 C.11.1), 1 and 0 without one."""
    if image.get("ModalityLUTSequence"):
        raise PipelineRefused("modality-lut", "The image has a Modality LUT table, no rescale.")
    slope, intercept = numbers(image, "RescaleSlope"), numbers(image, "RescaleIntercept")
    if "RescaleSlope" not in image and "RescaleIntercept" not in image:
        return 1.0, 0.0
    if len(slope) != 1 or slope[0] == 0 or len(intercept) != 1:
        raise PipelineRefused("bad-rescale", "Rescale Slope or Rescale Intercept is unusable.")
    return slope[0], intercept[0]


def rescale(image: Dataset, values: NDArray[Any]) -> NDArray[np.float32]:
    """Stored values in output units."""
    slope, intercept = rescale_of(image)
    if (slope, intercept) == (1.0, 0.0):
        return values.astype(np.float32)
    return (values * slope + intercept).astype(np.float32)


def padding_range(image: Dataset) -> tuple[int, int] | None:
    """Lowest and highest padded stored value (PS3.3 C.7.5.1.1.2), or None without padding."""
    value = numbers(image, "PixelPaddingValue")
    if not value:
        return None
    limit = numbers(image, "PixelPaddingRangeLimit") or value
    low, high = sorted((_as_stored(int(value[0]), image), _as_stored(int(limit[0]), image)))
    return low, high


def padding_mask(image: Dataset, pixels: StoredPixels) -> NDArray[np.bool_]:
    """True where a pixel is padding, shape ``(frame, y, x)``.

    Padding Values beyond Bits Stored occur; the words with all allocated bits are asked as well.
    """
    found = padding_range(image)
    if found is None or pixels.values.ndim == 4:
        return np.zeros(pixels.values.shape[:3], np.bool_)
    low, high = found
    mask = (pixels.words >= low) & (pixels.words <= high)
    if pixels.values is not pixels.words:
        mask |= (pixels.values >= low) & (pixels.values <= high)
    return np.asarray(mask)


def _as_stored(value: int, image: Dataset) -> int:
    """The padding value with the sign of the pixels, whatever sign its own VR gave it."""
    bits = int(image.BitsAllocated)
    value &= (1 << bits) - 1
    if int(image.PixelRepresentation) == 1 and value >= 1 << (bits - 1):
        return value - (1 << bits)
    return value
