"""A data set is taken only when all of it is there."""

import io
import zlib

import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from dicom_node.intake.encoded import read_elements
from dicom_node.intake.errors import Unreadable
from tests.builders import a_series
from tests.receiving import encode

PLAIN = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]


def read(encoded: bytes, transfer_syntax_uid: str = ExplicitVRLittleEndian) -> Dataset:
    return read_elements(io.BytesIO(encoded), len(encoded), transfer_syntax_uid)


@pytest.fixture
def image() -> Dataset:
    """An image with a sequence of undefined length in it."""
    (image,) = a_series(slices=1)
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3"
    image.ReferencedImageSequence = [item]
    image["ReferencedImageSequence"].is_undefined_length = True
    return image


@pytest.mark.parametrize("syntax", PLAIN)
def test_a_whole_data_set_is_read_in_every_plain_syntax(image, syntax):
    assert read(encode(image, syntax), syntax).StudyInstanceUID == image.StudyInstanceUID


def test_a_deflated_data_set_is_read(image):
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = engine.compress(encode(image)) + engine.flush()
    found = read(deflated, DeflatedExplicitVRLittleEndian)
    assert found.StudyInstanceUID == image.StudyInstanceUID
    for cut in (1, len(deflated) // 2, len(deflated) - 1):
        with pytest.raises(Unreadable):
            read(deflated[:cut], DeflatedExplicitVRLittleEndian)


@pytest.mark.parametrize("syntax", PLAIN)
def test_a_data_set_that_is_cut_off_anywhere_in_an_element_is_refused(image, syntax):
    whole = encode(image, syntax)
    ends = element_ends(image, syntax)
    for cut in range(len(whole) - 1, 0, -7):
        if cut not in ends:
            with pytest.raises(Unreadable):
                read(whole[:cut], syntax)


def element_ends(image: Dataset, syntax: str) -> set[int]:
    """Where the data set might end without anybody noticing: between two elements."""
    ends = {0}
    so_far = Dataset()
    for element in image:
        so_far[element.tag] = element
        ends.add(len(encode(so_far, syntax)))
    return ends


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_encapsulated_pixels_are_walked_to_their_end(image, syntax):
    image.PixelData = encapsulate([b"\xfe\xff\xdd\xe0" * 100, b"\1\2" * 50_000])
    image["PixelData"].VR = "OB"
    image["PixelData"].is_undefined_length = True
    whole = encode(image)
    assert read(whole, syntax).Rows == image.Rows
    for cut in (8, 9, 1000, 90_000):
        with pytest.raises(Unreadable):
            read(whole[:-cut], syntax)


@pytest.mark.parametrize(
    "rubbish", [b"", b"\0", b"not a data set at all", b"\xff" * 1000, b"GET / HTTP/1.1\r\n"]
)
@pytest.mark.parametrize("syntax", [*PLAIN, DeflatedExplicitVRLittleEndian])
def test_rubbish_is_refused(rubbish, syntax):
    with pytest.raises(Unreadable):
        read(rubbish, syntax)


def test_padding_after_the_last_element_is_let_through_and_anything_else_is_not(image):
    whole = encode(image)
    assert read(whole + b"\0" * 6).Rows == image.Rows
    with pytest.raises(Unreadable):
        read(whole + b"\0\1\2\3")


def test_a_refusal_quotes_no_value(image):
    with pytest.raises(Unreadable) as refusal:
        read(encode(image)[:-1])
    assert str(refusal.value) == "the data set is truncated"
