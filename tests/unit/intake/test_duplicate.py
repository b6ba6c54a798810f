"""What a second instance under a known UID is."""

import io
from itertools import islice

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from dicom_node.intake.duplicate import Verdict, compare, is_same_bytes, versions_of
from dicom_node.intake.errors import Unreadable
from tests.builders import a_series
from tests.receiving import encode

PLAIN = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]


def an_image(**overrides) -> Dataset:
    """An image with values of many representations, a private block and a sequence."""
    (image,) = a_series(slices=1, **{"PatientName": "山田^太郎"} | overrides)
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3"
    item.ReferencedFrameNumber = 3
    image.ReferencedImageSequence = [item, item]
    image.RecommendedDisplayFrameRateInFloat = 2.5
    block = image.private_block(0x0011, "TEST", create=True)
    block.add_new(1, "LO", "private text")
    block.add_new(2, "OB", b"\1\2\3\4")
    return image


def verdict(first: Dataset, second: Dataset, syntax: str = ExplicitVRLittleEndian) -> Verdict:
    return compare((encode(first), ExplicitVRLittleEndian), (encode(second, syntax), syntax))


@pytest.mark.parametrize("syntax", PLAIN)
def test_another_plain_encoding_is_the_same(syntax):
    if syntax == ExplicitVRBigEndian:
        other = an_image()
        other.PixelData = np.frombuffer(other.PixelData, "<i2").astype(">i2").tobytes()
    else:
        other = an_image()
    assert verdict(an_image(), other, syntax) == Verdict.SAME


def test_length_encoding_group_lengths_and_padding_do_not_count():
    other = an_image()
    other["ReferencedImageSequence"].is_undefined_length = True
    encoded = b"\x08\0\0\0UL\4\0\1\0\0\0" + encode(other)
    found = compare((encode(an_image()), ExplicitVRLittleEndian), (encoded, ExplicitVRLittleEndian))
    assert found == Verdict.SAME


def test_lossless_compression_does_not_count():
    image, other = an_image(PatientName=None), an_image(PatientName=None)
    other.compress(RLELossless, generate_instance_uid=False)
    encoded = encode(other), RLELossless
    assert compare((encode(image), ExplicitVRLittleEndian), encoded) == Verdict.SAME
    image.PixelData = bytes(len(image.PixelData))
    assert compare((encode(image), ExplicitVRLittleEndian), encoded) == Verdict.CONFLICT


@pytest.mark.parametrize(
    "change",
    [
        {"PatientID": "other"},
        {"PatientBirthDate": "19700102"},
        {"AccessionNumber": "2"},
        {"SeriesDescription": "corrected"},
        {"InstitutionName": "added"},
        {"ReferringPhysicianName": None},
    ],
)
def test_other_demographics_are_a_correction(change):
    assert verdict(an_image(), an_image(**change)) == Verdict.CORRECTION


@pytest.mark.parametrize(
    "change",
    [
        {"PixelData": b"\0" * 3072},
        {"PixelData": None},
        {"Rows": 16},
        {"ImagePositionPatient": [0, 0, 1]},
        {"PixelSpacing": [1, 1]},
        {"RescaleIntercept": 0},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"},
        {"PatientID": "other", "Columns": 1},
    ],
)
def test_other_pixels_or_geometry_are_a_conflict(change):
    assert verdict(an_image(), an_image(**change)) == Verdict.CONFLICT


def test_a_difference_inside_a_sequence_or_a_private_element_counts():
    other = an_image()
    other.ReferencedImageSequence[1].ReferencedFrameNumber = 4
    assert verdict(an_image(), other) == Verdict.CORRECTION
    other = an_image()
    other.private_block(0x0011, "TEST")[1].value = "another text"
    assert verdict(an_image(), other, ImplicitVRLittleEndian) == Verdict.CORRECTION


def test_reports_differ_by_their_content():
    item = Dataset()
    item.TextValue = "a finding"
    first = an_image(PixelData=None, ContentSequence=[item])
    assert verdict(first, an_image(PixelData=None)) == Verdict.CONFLICT


def test_what_cannot_be_decoded_cannot_be_compared():
    with pytest.raises(Unreadable):
        compare(
            (encode(an_image()), ExplicitVRLittleEndian), (b"\1", DeflatedExplicitVRLittleEndian)
        )


def test_bytes_are_compared_to_the_end():
    encoded = bytes(range(256)) * 8192
    assert is_same_bytes(io.BytesIO(encoded), io.BytesIO(encoded))
    assert not is_same_bytes(io.BytesIO(encoded[:-1]), io.BytesIO(encoded))
    assert not is_same_bytes(io.BytesIO(encoded + b"\0"), io.BytesIO(encoded))
    assert not is_same_bytes(io.BytesIO(encoded[:-1] + b"\0"), io.BytesIO(encoded))


def test_versions_lie_beside_each_other():
    assert list(islice(versions_of("a/1.2.dcm"), 3)) == [
        "a/1.2.dcm",
        "a/1.2.v2.dcm",
        "a/1.2.v3.dcm",
    ]
