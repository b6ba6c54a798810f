"""One element made empty, a dummy, or clean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import DataElement
from pydicom.dataelem import empty_value_for_VR
from pydicom.multival import MultiValue

from dicom_node.research.dates import moved
from dicom_node.research.dummies import BYTES, DUMMIES
from dicom_node.research.profile import DATES
from dicom_node.research.words import known_words

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = {"AE": 16, "CS": 16, "SH": 16, "LO": 64}
CODED = ("AS", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV")
"""VRs of figures, with no room for a name."""


def emptied(element: DataElement) -> DataElement:
    """The element without a value."""
    value = [] if element.VR == "SQ" else empty_value_for_VR(element.VR)
    return DataElement(element.tag, element.VR, value)


def dummied(element: DataElement) -> DataElement:
    """The element with a value that says nothing."""
    return DataElement(element.tag, element.VR, DUMMIES.get(element.VR, BYTES))


def replaced(element: DataElement, stand_in: Callable[[str], str]) -> DataElement:
    """The element with the stand-in of each of its values."""
    return DataElement(element.tag, element.VR, [stand_in(str(each)) for each in _values(element)])


def cleaned(element: DataElement, shift_days: int) -> DataElement | None:
    """The element with what is known to identify nobody; None where nothing is left of it."""
    if element.VR in CODED:
        return element
    if element.VR in DATES:
        values = [moved(str(each), element.VR, shift_days) for each in _values(element)]
    elif element.VR in ("PN", "UI", "UR", "AE") or isinstance(element.value, bytes):
        return None
    else:
        length = MOST.get(element.VR)
        values = [known_words(str(each))[:length].strip() for each in _values(element)]
        if element.VR == "CS":
            values = [each.upper() for each in values]
    return DataElement(element.tag, element.VR, values) if any(values) else None


def _values(element: DataElement) -> list[object]:
    if element.value is None:
        return []
    return list(element.value) if isinstance(element.value, MultiValue) else [element.value]
