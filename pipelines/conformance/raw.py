"""Elements as they stand in the file: bytes, texts and numbers, without pydicom's opinions."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydicom import Dataset
    from pydicom.dataelem import DataElement

_NUMBERS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d", "AT": "HH"}


def element_of(dataset: Dataset, keyword: str) -> DataElement | RawDataElement | None:
    """The element, undecoded where it has not been decoded yet."""
    tag = tag_for_keyword(keyword)
    return None if tag is None else dataset.get_item(tag, keep_deferred=True)


def has(dataset: Dataset, *keywords: str) -> bool:
    """Whether one of the elements is there, empty or not."""
    return any(element_of(dataset, keyword) is not None for keyword in keywords)


def bytes_of(element: DataElement | RawDataElement) -> bytes:
    """The value in bytes; of a decoded element that of its text, with backslashes."""
    value = element.value
    if isinstance(element, RawDataElement):
        return bytes(value or b"")
    if isinstance(value, bytes):
        return value
    values = value if isinstance(value, list | tuple | MultiValue) else [value]
    return "\\".join(_text(each) for each in values if each is not None).encode()


def texts(dataset: Dataset, keyword: str) -> list[str]:
    """The values of a text element of ASCII characters, without padding; [] where absent."""
    found = element_of(dataset, keyword)
    if found is None:
        return []
    text = bytes_of(found).decode("latin-1").strip(" \0")
    return [each.strip(" \0") for each in text.split("\\")] if text else []


def text(dataset: Dataset, keyword: str) -> str:
    """The first value of `texts`, or an empty text."""
    return next(iter(texts(dataset, keyword)), "")


def number(dataset: Dataset, keyword: str) -> int | None:
    """The first value of a binary or text element as an int; None where there is none."""
    found = element_of(dataset, keyword)
    if found is None:
        return None
    if isinstance(found, RawDataElement) and found.VR in (None, *_NUMBERS):
        return _binary(found)
    try:
        return int(float(text(dataset, keyword)))
    except (ValueError, OverflowError):
        return None


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; [] where it is absent or is none."""
    found = element_of(dataset, keyword)
    return [] if found is None else items_of(dataset, found)


def distinct_items(parents: Iterable[Dataset], keyword: str) -> Iterator[Dataset]:
    """The items of a sequence in every parent; parents that hold equal bytes count once.

    Thousands of frames repeat a few groups, and parsing is what takes the time.
    """
    seen: set[bytes] = set()
    for parent in parents:
        found = element_of(parent, keyword)
        if isinstance(found, RawDataElement):
            value = bytes_of(found)
            if value in seen:
                continue
            seen.add(value)
        if found is not None:
            yield from items_of(parent, found)


def items_of(dataset: Dataset, element: DataElement | RawDataElement) -> list[Dataset]:
    """The items of a sequence element, parsed if they have not been yet."""
    if not isinstance(element, RawDataElement) and element.VR != "SQ":
        return []
    value: Any = dataset[element.tag].value
    return list(value) if dataset[element.tag].VR == "SQ" and value else []


def _binary(element: RawDataElement) -> int | None:
    value = bytes(element.value or b"")
    form = _NUMBERS.get(element.VR or "")
    order = "<" if element.is_little_endian else ">"
    if form is None:  # implicit VR: what we ask for is US, unless it is text
        if len(value) != 2 or value.strip(b" 0123456789") == b"":
            return int(value) if value.strip().isdigit() else None
        form = "H"
    if len(value) < struct.calcsize(order + form):
        return None
    return int(struct.unpack_from(order + form, value)[0])


def _text(value: object) -> str:
    return str(getattr(value, "original_string", value))
