"""No byte of a comment stays in compressed pixels, and every pixel does."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from dicom_node.research.comments import without_comments
from dicom_node.research.errors import Refused
from tests.builders import a_series

TEXT = b"Zzphi^Jane 19510702"


def compressed(syntax):
    image = a_series(slices=1)[0]
    image.PixelRepresentation = 0
    image.compress(syntax, generate_instance_uid=False)
    return image


def first_frame(image) -> bytes:
    return next(generate_frames(image.PixelData, number_of_frames=1))


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def with_segments(image, syntax) -> None:
    frame = first_frame(image)
    if syntax == JPEG2000Lossless:  # after SIZ, which must come first
        (length,) = struct.unpack_from(">H", frame, 4)
        at = 4 + length
        added = segment(0x64, b"\x00\x01" + TEXT)
        frame = frame[:at] + added + frame[at:]
    else:
        added = segment(0xFE, TEXT) + segment(0xE1, b"Exif\0\0" + TEXT)
        frame = frame[:2] + added + frame[2:]
    image.PixelData = encapsulate([frame])
    image["PixelData"].VR = "OB"


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless])
def test_comments_go_and_pixels_stay(deidentify, syntax):
    image = compressed(syntax)
    before = image.pixel_array.copy()
    with_segments(image, syntax)
    assert TEXT in image.PixelData

    made = deidentify(image)

    assert TEXT not in made.PixelData
    assert b"Exif" not in made.PixelData
    assert len(image.PixelData) == len(made.PixelData)
    assert syntax == made.file_meta.TransferSyntaxUID
    np.testing.assert_array_equal(before, made.pixel_array)


def test_a_comment_in_the_header_of_a_tile_goes_too():
    start = segment(0x51, b"\0" * 36)
    comment = segment(0x64, b"\x00\x01" + TEXT)
    data = b"\xff\x93" + b"coded Zzphi bytes"
    tile = b"\xff\x90" + struct.pack(">HHLBB", 10, 0, 12 + len(comment) + len(data), 0, 1)
    stream = b"\xff\x4f" + start + (tile + comment + data) * 2 + b"\xff\xd9"

    made = without_comments(encapsulate([stream]))

    assert TEXT not in made
    assert 2 == made.count(b"coded Zzphi bytes")


def test_coded_bytes_that_look_like_a_comment_are_none():
    coded = b"\xff\x00\xfe\x01\xff\xd0\xff\xfe"  # the last is cut off
    stream = b"\xff\xd8" + segment(0xDA, b"\0" * 6) + coded

    assert encapsulate([stream]) == without_comments(encapsulate([stream]))


def test_a_comment_between_two_scans_goes(deidentify):
    scan = segment(0xDA, b"\0" * 6) + b"\x01\xff\x00\x02"
    stream = b"\xff\xd8" + scan + segment(0xFE, TEXT) + scan + b"\xff\xd9"

    made = without_comments(encapsulate([stream]))

    assert TEXT not in made
    assert 2 == made.count(b"\x01\xff\x00\x02")


def test_what_has_no_comment_is_not_touched(deidentify):
    image = compressed(RLELossless)

    assert image.PixelData == deidentify(image).PixelData


def test_pixels_that_are_not_encapsulated_as_they_say_are_refused(deidentify):
    image = compressed(JPEGLSLossless)
    image.PixelData = image.PixelData[:60] + b"\0\0"

    with pytest.raises(Refused):
        deidentify(image)
