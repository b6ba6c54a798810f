"""What a second instance with a known SOP Instance UID is: the same, a correction, or a conflict.

Nothing is ever overwritten (docs/adr/0010): the same is not written again, anything else is kept
beside the first under a key of its own.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING, BinaryIO

from pydicom.tag import Tag

from dicom_node.intake.content import PIXEL_DATA, content_of, swap
from dicom_node.intake.encoded import BROKEN, DEFLATED, Encoded, decode
from dicom_node.intake.errors import Unreadable
from dicom_node.intake.images import have_same_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset
    from pydicom.tag import BaseTag

CHUNK_BYTES = 1 << 20
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
PLAIN = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", EXPLICIT_BIG_ENDIAN}) | DEFLATED


class Verdict(StrEnum):
    """What a received instance is to what the store holds already."""

    NEW = "new"
    SAME = "same"
    CORRECTION = "correction"
    CONFLICT = "conflict"


# What an image shows and where it lies: a difference here is another object, not a correction.
_SUBSTANCE = set(map(Tag, (
    "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID",
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "ImagerPixelSpacing",
    "SliceThickness", "SpacingBetweenSlices", "GridFrameOffsetVector", "Rows", "Columns",
    "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue",
    "RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData", "SequenceOfUltrasoundRegions", "Units", "DecayCorrection",
    "ContentSequence", "EncapsulatedDocument",
)))  # fmt: skip
# Segments, surfaces, presentation states, radiotherapy, waveforms, pixels: whole groups.
_SUBSTANCE_GROUPS = {0x0062, 0x0066, 0x0070, *range(0x3002, 0x3010, 2), 0x5400, 0x7FE0}
# Only how pixels are laid out: decoded arrays decide in their place where the encoding differs.
_LAYOUT = {Tag("PhotometricInterpretation"), Tag("PlanarConfiguration")}


def versions_of(key: str) -> Iterator[str]:
    """Where the versions of an instance lie: ``a.dcm``, ``a.v2.dcm``, ``a.v3.dcm``, ..."""
    yield key
    stem = key.removesuffix(".dcm")
    for number in count(2):
        yield f"{stem}.v{number}.dcm"


def is_same_bytes(stored: BinaryIO, sent: BinaryIO) -> bool:
    """Tell whether the rest of one stream is that of the other, byte for byte."""
    while True:
        first, second = stored.read(CHUNK_BYTES), sent.read(CHUNK_BYTES)
        if first != second:
            return False
        if not first:
            return True


def compare(stored: Encoded, sent: Encoded) -> Verdict:
    """What the data set `sent` is to `stored`; each with its transfer syntax UID.

    Raises
    ------
    Unreadable
        One of them cannot be decoded.
    """
    try:
        first, second = decode(*stored), decode(*sent)
        different = _differing(content_of(first), content_of(second))
        if _has_same_pixels(first, stored, second, sent):
            if stored[1] != sent[1]:
                different -= _LAYOUT
        else:
            different.add(PIXEL_DATA)
    except BROKEN as error:
        raise Unreadable(f"cannot be compared: {type(error).__name__}") from None
    if not different:
        return Verdict.SAME
    return Verdict.CONFLICT if any(map(_is_substance, different)) else Verdict.CORRECTION


def _differing(first: dict[BaseTag, object], second: dict[BaseTag, object]) -> set[BaseTag]:
    return {tag for tag in first.keys() | second.keys() if first.get(tag) != second.get(tag)}


def _is_substance(tag: BaseTag) -> bool:
    return tag in _SUBSTANCE or tag.group in _SUBSTANCE_GROUPS


def _has_same_pixels(first: Dataset, stored: Encoded, second: Dataset, sent: Encoded) -> bool:
    if (PIXEL_DATA in first) != (PIXEL_DATA in second):
        return False
    if PIXEL_DATA not in first:
        return True
    if stored[1] in PLAIN and sent[1] in PLAIN:
        return _plain_pixels(first, stored[1]) == _plain_pixels(second, sent[1])
    if stored[1] == sent[1] and first[PIXEL_DATA].value == second[PIXEL_DATA].value:
        return True
    return have_same_images(stored, sent)


def _plain_pixels(dataset: Dataset, transfer_syntax_uid: str) -> bytes:
    element = dataset[PIXEL_DATA]
    value = bytes(element.value)
    return (
        swap(value, 2)
        if transfer_syntax_uid == EXPLICIT_BIG_ENDIAN and element.VR == "OW"
        else value
    )
