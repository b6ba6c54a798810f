"""Files to headers: every element but the bulk of the pixels, of which the length is kept."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)  # Float, Double Float, and Pixel Data
UNDEFINED = 0xFFFFFFFF
_LONG = (b"OB", b"OW", b"OF", b"OD", b"UN")


def read_header(path: Path | str) -> Dataset:
    """The data set without pixels: their element has its VR and length, and no value."""
    with open(path, "rb") as file:  # noqa: PTH123 - a few hundred files within a second
        dataset: Dataset = pydicom.dcmread(file, stop_before_pixels=True)
        pixels = _pixel_element(file, dataset)
    if pixels is not None:
        dataset._dict[pixels.tag] = pixels  # a public setter would ask for its value
    return dataset


def _pixel_element(file: BinaryIO, dataset: Dataset) -> RawDataElement | None:
    """The element at which pydicom stopped."""
    implicit, little = dataset.original_encoding
    order = "<" if little else ">"
    head = file.read(12)
    if len(head) < 8:
        return None
    group, element = struct.unpack(f"{order}HH", head[:4])
    tag = group << 16 | element
    if tag not in PIXELS:
        return None
    vr = None if implicit else head[4:6]
    if vr is None:
        (length,) = struct.unpack(f"{order}L", head[4:8])
    elif vr in _LONG and len(head) == 12:
        (length,) = struct.unpack(f"{order}L", head[8:12])
    else:
        (length,) = struct.unpack(f"{order}H", head[6:8])
    name = vr.decode("latin-1") if vr else None
    return RawDataElement(Tag(tag), name, length, None, 0, bool(implicit), bool(little))
