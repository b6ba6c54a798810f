"""Whether the image's description fits itself and the length of its pixels (C.7.6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import UID

from pipelines.conformance.raw import number, text
from pipelines.conformance.read import UNDEFINED
from pipelines.conformance.report import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

_ELEMENTS = (("PixelData", 0x7FE00010), ("FloatPixelData", 0x7FE00008),
             ("DoubleFloatPixelData", 0x7FE00009))  # fmt: skip
_COLOURS = {
    **dict.fromkeys(
        ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT"), 3
    ),
    **dict.fromkeys(("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"), 1),
}


def pixel_faults(dataset: Dataset) -> Iterator[Finding]:
    """Bits, samples and colour that contradict one another; native pixels of another length."""
    held = [(name, dataset.get_item(tag, keep_deferred=True)) for name, tag in _ELEMENTS]
    there = [(name, element) for name, element in held if element is not None]
    if not there:
        return
    name, element = there[0]
    if len(there) > 1:
        yield Finding("error", name, "is not the only kind of pixels")
    allocated, stored = number(dataset, "BitsAllocated"), number(dataset, "BitsStored")
    high, samples = number(dataset, "HighBit"), number(dataset, "SamplesPerPixel")
    if allocated and stored and stored > allocated:
        yield Finding("error", "BitsStored", "is more than Bits Allocated")
    if stored and high is not None and high != stored - 1:
        yield Finding("error", "HighBit", "is not one less than Bits Stored")
    colour = text(dataset, "PhotometricInterpretation")
    if colour in _COLOURS and samples and samples != _COLOURS[colour]:
        yield Finding("error", "SamplesPerPixel", "contradicts Photometric Interpretation")
    for keyword in ("Rows", "Columns"):
        if number(dataset, keyword) == 0:
            yield Finding("error", keyword, "is zero")
    wanted = _native_bytes(dataset)
    length = element.length if hasattr(element, "length") else len(element.value or b"")
    if wanted and length not in (wanted + wanted % 2, UNDEFINED):
        yield Finding("error", name, "has another length than its rows, columns and frames need")


def _native_bytes(dataset: Dataset) -> int | None:
    """How long native pixels are; None for encapsulated and for sub-sampled ones."""
    syntax = UID(str(getattr(dataset, "file_meta", {}).get("TransferSyntaxUID", "")))
    if not syntax.is_transfer_syntax or syntax.is_encapsulated or syntax.is_deflated:
        return None
    if text(dataset, "PhotometricInterpretation") in ("YBR_FULL_422", "YBR_PARTIAL_420"):
        return None
    named = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")
    bits = 1
    for keyword in named:
        value = number(dataset, keyword)
        if not value:
            return None
        bits *= value
    frames = number(dataset, "NumberOfFrames") or 1
    return -(-bits * frames // 8)
