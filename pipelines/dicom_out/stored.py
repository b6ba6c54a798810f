"""Output units back to stored values in the source's own encoding (ENH-17, ENH-18)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pipelines.dicom_in.values import padding_range, rescale_of
from pipelines.stored_pixels import StoredPixels, bits_range

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset


class Stored(NamedTuple):
    """Pixels to write, and how many had to be clipped to fit."""

    words: NDArray[Any]
    clipped: int


class Values(NamedTuple):
    """Frames of one instance before and after a pipeline, and its padding."""

    before: NDArray[np.float32]
    after: NDArray[np.float32]
    padding: NDArray[np.bool_] | None


def to_stored(image: Dataset, pixels: StoredPixels, values: Values) -> Stored:
    """Stored values of `values.after` in the rescale, bits and padding of `image`.

    Rounded half to even and clipped to Bits Stored. A pixel that the pipeline left alone keeps its
    stored value, a padded one every bit, and no other takes a padding value.
    """
    changed = values.after != values.before
    if pixels.values.ndim == 4:
        return _to_rgb(pixels, values.after, changed)
    rounded = _unscaled(values.after, image)
    np.rint(rounded, out=rounded)
    clipped = 0
    low, high = bits_range(image)
    if rounded.min() < low or rounded.max() > high:
        beyond = changed & ((rounded < low) | (rounded > high))
        clipped = int((beyond if values.padding is None else beyond & ~values.padding).sum())
        rounded = rounded.clip(low, high)
    new = _leave_padding(rounded, values.after, image)
    words = np.where(changed, new.astype(pixels.words.dtype), pixels.values)
    if values.padding is not None:
        words = np.where(values.padding, pixels.words, words)
    return Stored(words, clipped)


def _to_rgb(pixels: StoredPixels, after: NDArray[np.float32], changed: NDArray[np.bool_]) -> Stored:
    rounded = np.rint(after)
    clipped = changed & ((rounded < 0) | (rounded > 255))
    words = np.where(changed, rounded.clip(0, 255).astype(np.uint8), pixels.values)
    return Stored(words, int(clipped.any(axis=-1).sum()))


def _unscaled(after: NDArray[np.float32], image: Dataset) -> NDArray[np.float64]:
    slope, intercept = rescale_of(image)
    exact: NDArray[np.float64] = np.subtract(after, intercept, dtype=np.float64)
    exact /= slope
    return exact


def _leave_padding(
    rounded: NDArray[np.float64], after: NDArray[np.float32], image: Dataset
) -> NDArray[np.float64]:
    """`rounded` with values inside the padding range moved to the nearest value beside it."""
    found = padding_range(image)
    if found is None or rounded.min() > found[1] or rounded.max() < found[0]:
        return rounded
    inside = (rounded >= found[0]) & (rounded <= found[1])
    if not inside.any():
        return rounded
    exact = _unscaled(after, image)
    below, above = found[0] - 1, found[1] + 1
    low, high = bits_range(image)
    upwards = (exact - below > above - exact) if low <= below else np.True_
    beside = np.where(upwards if above <= high else np.False_, above, below)
    return np.where(inside, beside, rounded)
