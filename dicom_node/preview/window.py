"""Which values are shown black and which white."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

SOFT_TISSUE = (-160.0, 240.0)  # CT without a window of its own, HU
_SAMPLES = 500_000


def choose_window(header: Dataset, array: NDArray[Any]) -> tuple[float, float]:
    """Lowest and highest shown value.

    The file's own window (PS3.3 C.11.2.1.2) where it shows more than a sliver of the pixels; else
    soft tissue for CT, and all but the outer half percent of the values for the rest.
    """
    step = max(1, array.size // _SAMPLES)
    values = array.ravel()[::step].astype(np.float32)
    own = _own_window(header)
    if own and np.mean((values > own[0]) & (values < own[1])) > 0.001:
        return own
    if header.get("Modality") == "CT":
        return SOFT_TISSUE
    low, high = np.percentile(values, (0.5, 99.5))
    return float(low), float(max(high, low + 1e-6))


def _own_window(header: Dataset) -> tuple[float, float] | None:
    centre, width = (_first(header.get(key)) for key in ("WindowCenter", "WindowWidth"))
    if centre is None or width is None or width <= 1:
        return None
    return centre - width / 2, centre + width / 2


def _first(value: Any) -> float | None:  # noqa: ANN401 - a DS is a number, a list of them, or nothing
    if value is None or value == "":
        return None
    try:
        return float(value)
    except TypeError:
        return float(value[0]) if len(value) else None
