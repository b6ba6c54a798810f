"""The wanted elements of a pydicom data set, taken from it in the plainest way."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.dataelem import RawDataElement


def raw_of(dataset: Dataset, wanted: frozenset[int]) -> dict[int, tuple[bytes | None, bytes]]:
    """Tag to VR and value of those that have a value of bytes."""
    return {
        int(element.tag): (element.VR and element.VR.encode("latin-1"), element.value)
        for element in dataset.values()
        if element.tag in wanted and isinstance(element, RawDataElement) and element.value
    }
