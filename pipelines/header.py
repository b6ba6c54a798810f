"""Numbers from received headers, where a value that is no number counts as absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pydicom import Dataset


def whole_number(dataset: Dataset, keyword: str, default: int = 0) -> int:
    """The element as int, or `default`."""
    found = numbers(dataset, keyword)
    return int(found[0]) if found else default


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """The element's values as finite floats; empty where any of them is none."""
    try:
        value = dataset.get(keyword)
        if value is None or value == "":
            return []
        found = [float(each) for each in np.ravel(value)]
    except (TypeError, ValueError, OverflowError):
        return []
    return found if np.isfinite(found).all() else []
