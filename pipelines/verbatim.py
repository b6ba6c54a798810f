"""The elements of a received data set as Explicit VR Little Endian bytes, values untouched.

Real scanners write values that the standard does not allow. Decoding and encoding them again would
change or reject them, so what we copy or hash is taken as bytes.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as DicomSequence

from pipelines.header import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pydicom.tag import BaseTag

_SWAPPED_BYTES = {
    **dict.fromkeys(("US", "SS", "OW", "AT"), 2),
    **dict.fromkeys(("UL", "SL", "FL", "OL", "OF"), 4),
    **dict.fromkeys(("UV", "SV", "FD", "OD", "OV"), 8),
}
_PADDING = {"UI": b"\0", "OB": b"\0", "UN": b"\0"}
_BINARY = {"US": "H", "UL": "L"}
_TEXTS = {"AE", "AS", "CS", "DA", "DS", "IS", "LO", "SH", "TM", "UI"}
_SETTLED = {*_TEXTS, *_BINARY}
_LONG_HEADER = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
_PRIVATE = 0x00010000  # an odd group
_IMAGE_BYTES = 0x7FE00000  # (7FE0,0000) and up: pixel data and its offset tables


class Element(NamedTuple):
    """One element: a value of bytes, or of items where `vr` is SQ."""

    tag: BaseTag
    vr: str
    value: bytes | DicomSequence


def elements(
    dataset: Dataset, keep: Callable[[int], bool] = lambda _tag: True
) -> Iterator[Element]:
    """Every public element of `dataset` that `keep` accepts, in tag order.

    Group lengths and pixel data are passed over.
    """
    signed = whole_number(dataset, "PixelRepresentation") == 1
    for tag in _public_tags(dataset, keep):
        yield element(dataset, tag, signed=signed)


def _public_tags(dataset: Dataset, keep: Callable[[int], bool]) -> list[BaseTag]:
    found = [
        tag  # as int: comparing tags takes longer than all the rest
        for tag in dataset.keys()  # noqa: SIM118 - iterating a data set decodes its elements
        if int(tag) < _IMAGE_BYTES and not tag & _PRIVATE and tag & 0xFFFF and keep(int(tag))
    ]
    return sorted(found, key=int)


def element(dataset: Dataset, tag: BaseTag, *, signed: bool = False) -> Element:
    """The element `tag` of `dataset`; `signed` settles a VR of US or SS."""
    item = dataset.get_item(tag)
    vr = _settle_vr(tag, item.VR, signed=signed)
    if vr == "SQ":
        return Element(tag, vr, dataset[tag].value or DicomSequence())
    if not isinstance(item, RawDataElement):
        known = plain_value(vr, item.value) if vr == item.VR else None
        return Element(tag, vr, _encode(dataset, tag, vr) if known is None else known)
    value = item.value or b""
    if not item.is_little_endian:
        value = _swap(value, vr)
    return Element(tag, vr, value)


def copy_verbatim(dataset: Dataset, keep: Callable[[int], bool] = lambda _tag: True) -> Dataset:
    """A data set of raw elements equal to `dataset` in every public value whose tag `keep` accepts.

    Private elements, group lengths and pixel data stay behind on every level; `keep` is asked on
    the topmost alone. What is set on the copy afterwards is encoded in its Specific Character Set.
    """
    plain: dict[BaseTag, RawDataElement] = {}
    copy = Dataset(plain)  # of which the elements need no checks
    for each in elements(dataset, keep):
        if isinstance(each.value, DicomSequence):
            copy.add_new(each.tag, "SQ", [copy_verbatim(item) for item in each.value])
        else:
            plain[each.tag] = raw(each.tag, each.vr, each.value)
    return mark_encoded(copy)


def share(dataset: Dataset, keep: Callable[[int], bool] = lambda _tag: True) -> Dataset:
    """As `copy_verbatim`, but with the elements and items of `dataset` themselves.

    For a data set that nobody changes any more: a verbatim copy, or one that was made here.
    Private elements inside sequences are not looked for.
    """
    plain: dict[BaseTag, RawDataElement] = {}
    shared = Dataset(plain)
    signed = whole_number(dataset, "PixelRepresentation") == 1
    for tag in _public_tags(dataset, keep):
        item = _ready(dataset, tag, signed=signed)
        if isinstance(item, RawDataElement):
            plain[tag] = item
        else:
            shared[tag] = item
    return mark_encoded(shared)


def _ready(dataset: Dataset, tag: BaseTag, *, signed: bool) -> DataElement | RawDataElement:
    """The element as it can be written; items below it are marked, ambiguous VRs settled."""
    item = dataset.get_item(tag)
    if item.VR == "SQ":
        item = dataset[tag]
        for nested in item.value:
            if not nested.is_original_encoding:
                for below, found in list(nested.items()):
                    if found.VR not in _SETTLED:
                        nested[below] = _ready(nested, below, signed=signed)
                mark_encoded(nested)
    elif " or " in str(item.VR):
        return raw(*element(dataset, tag, signed=signed))
    return item


def raw(tag: BaseTag, vr: str, value: bytes) -> RawDataElement:
    """An element that is written as it stands."""
    if len(value) % 2:
        value += _PADDING.get(vr, b" ")
    if len(value) > 0xFFFE and vr not in _LONG_HEADER:
        vr = "UN"  # PS3.5 section 6.2.2 note 2
    return RawDataElement(tag, vr, len(value), value, 0, False, True)


def mark_encoded(dataset: Dataset) -> Dataset:
    """Tell pydicom that the raw elements are Explicit VR Little Endian in the set's own charset."""
    # pydicom compares the two at writing; equal means that raw elements are not decoded.
    dataset.set_original_encoding(False, True, dataset._character_set)
    return dataset


def _settle_vr(tag: BaseTag, vr: str | None, *, signed: bool) -> str:
    """The one VR to write: the source's own, else the dictionary's, made unambiguous."""
    if vr in (None, "UN"):
        try:
            vr = str(dictionary_VR(tag))
        except KeyError:
            return "UN"
    if vr == "US or SS":
        return "SS" if signed else "US"
    return "OW" if " or " in str(vr) else str(vr)


def _swap(value: bytes, vr: str) -> bytes:
    size = _SWAPPED_BYTES.get(vr, 1)
    if size == 1 or len(value) % size:
        return value
    return np.frombuffer(value, f"u{size}").byteswap().tobytes()


def plain_value(vr: str, value: object) -> bytes | None:
    """The bytes of a decoded value of a frequent kind, as pydicom writes them; None of others."""
    values: Sequence[object] = value if isinstance(value, MultiValue) else [value]
    if vr in _BINARY:
        with suppress(struct.error):  # pydicom tells what is wrong
            return struct.pack(f"<{len(values)}{_BINARY[vr]}", *values)
    if vr in _TEXTS:
        texts = [getattr(each, "original_string", each) for each in values]
        if vr in ("DS", "IS"):
            texts = [str(each) for each in texts if each is not None]
        if all(isinstance(each, str) and each.isascii() for each in texts):
            text = "\\".join(map(str, texts)).encode("ascii")
            return text + _PADDING.get(vr, b" ") if len(text) % 2 else text
    return None


def _encode(dataset: Dataset, tag: BaseTag, vr: str) -> bytes:
    """The bytes of an element that was set or already decoded."""
    decoded = dataset[tag]
    if " or " in str(decoded.VR):
        decoded = type(decoded)(tag, vr, decoded.value)
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, True
    # No public name gives the encoding that an item of a sequence inherits from its parent.
    write_data_element(buffer, decoded, dataset._character_set)
    return bytes(buffer.getvalue()[8:])  # after tag and 4-byte length
