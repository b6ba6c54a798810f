"""How a source image is looked at: grey of 8 bits through its own window (PS3.3 C.11.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pydicom.pixels import apply_voi

from pipelines.header import numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

DARKEST, BRIGHTEST = 1.0, 99.0  # percentiles of an image that names no window


class Window(NamedTuple):
    """Centre and width in the units of the image, and the function between (C.11.2.1.2)."""

    centre: float
    width: float
    function: str = "LINEAR"


def own_window(image: Dataset) -> Window | None:
    """The first window that the image names; None where it names none that can be used."""
    centres, widths = numbers(image, "WindowCenter"), numbers(image, "WindowWidth")
    if not centres or not widths:
        return None
    function = str(image.get("VOILUTFunction", "") or "LINEAR")
    least = 1.0 if function == "LINEAR" else np.finfo(float).tiny
    return Window(centres[0], widths[0], function) if widths[0] >= least else None


def widest_window(values: NDArray[np.float32], padding: NDArray[np.bool_] | None) -> Window:
    """A window over all but the darkest and brightest percent of what is no padding."""
    # Some of a large volume will do: a window is a matter of taste.
    some = np.s_[:: max(1, values.size // 4_000_000)]
    flat = values.ravel()[some]
    if padding is not None and not padding.all():
        flat = flat[~padding.ravel()[some]]
    low, high = np.percentile(flat, [DARKEST, BRIGHTEST])
    return Window(float(low + high) / 2, max(float(high - low), 1e-6), "LINEAR_EXACT")


def to_grey(
    image: Dataset,
    values: NDArray[np.float32],
    padding: NDArray[np.bool_] | None,
    otherwise: Window,
) -> NDArray[np.uint8]:
    """0 to 255 as displayed: MONOCHROME1 is inverted, padding is black.

    Parameters
    ----------
    values : ndarray of float32
        In output units, after the Modality LUT.
    otherwise : Window
        For an image that names no window and has no VOI LUT.
    """
    window = own_window(image)
    if window is None and image.get("VOILUTSequence"):
        part = _by_table(image, values)
    else:
        part = _by_window(values, window or otherwise)
    if str(image.PhotometricInterpretation) == "MONOCHROME1":
        part = 1 - part
    grey: NDArray[np.uint8] = np.rint(part * 255).astype(np.uint8)
    if padding is not None:
        grey[padding] = 0
    return grey


def _by_window(values: NDArray[np.float32], window: Window) -> NDArray[np.float64]:
    """From 0 to 1 by the formulas of C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2."""
    away = values.astype(np.float64) - window.centre
    if window.function == "SIGMOID":
        exponent = np.clip(-4 * away / window.width, -700, 700)
        return np.asarray(1 / (1 + np.exp(exponent)))
    if window.function == "LINEAR_EXACT":
        return np.clip(away / window.width + 0.5, 0, 1)
    return np.clip((away + 0.5) / max(window.width - 1, 1e-9) + 0.5, 0, 1)


def _by_table(image: Dataset, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """From 0 to 1 by the image's first VOI LUT."""
    whole = np.rint(values).astype(np.int32)
    bits = int(image.VOILUTSequence[0].LUTDescriptor[2])
    shown = np.asarray(apply_voi(whole, image, index=0), np.float64)
    return np.asarray(np.clip(shown / (2**bits - 1), 0, 1))
