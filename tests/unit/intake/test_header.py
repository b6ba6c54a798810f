"""What rules and the index get to see of a data set."""

import io

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_node.intake.errors import LacksIdentity
from dicom_node.intake.header import HEADER_KEYWORDS, ROUTING_KEYWORDS, Header, scan, scan_buffer
from dicom_node.routing.attributes import is_attribute
from tests.builders import CANARY, a_series
from tests.receiving import encode

# Encoded by Python's codecs or copied byte for byte from PS3.5 annexes H, I, J and K.
NAMES = {
    "Japanese, ISO 2022": (
        ["", "ISO 2022 IR 87"],
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    "Japanese, katakana first": (
        ["ISO 2022 IR 13", "ISO 2022 IR 87"],
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J"
        b"=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    "Korean": (
        ["", "ISO 2022 IR 149"],
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    "Chinese, GB18030": (
        ["GB18030"],
        "Wang^XiaoDong=王^小东".encode("gb18030"),
        "Wang^XiaoDong=王^小东",
    ),
    "Chinese, GBK": (["GBK"], "Zhang^XiaoDong=张^小东".encode("gbk"), "Zhang^XiaoDong=张^小东"),
    "Chinese, ISO 2022": (
        ["", "ISO 2022 IR 58"],
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        "Zhang^XiaoDong=张^小东",
    ),
    "UTF-8": (["ISO_IR 192"], "Wang^XiaoDong=王^小東".encode(), "Wang^XiaoDong=王^小東"),
    "Latin-1": (["ISO_IR 100"], "Buc^Jérôme".encode("latin-1"), "Buc^Jérôme"),
}


def header(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> Header:
    encoded = encode(dataset, syntax)
    return scan(io.BytesIO(encoded), len(encoded), syntax)


@pytest.fixture
def image() -> Dataset:
    (image,) = a_series(slices=1)
    return image


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_the_header_is_the_same_in_every_plain_syntax(image, syntax):
    found = header(image, syntax)
    assert (found.study_uid, found.series_uid, found.sop_uid, found.sop_class_uid) == (
        image.StudyInstanceUID,
        image.SeriesInstanceUID,
        image.SOPInstanceUID,
        image.SOPClassUID,
    )
    assert found.patient.id == "ZZ-a"
    assert found.patient.birth_date == "19700101"
    assert found.series_number == 1
    assert found.values["Rows"] == "32"
    assert found.values["ImageType"] == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert found.values["PixelSpacing"] == ["0.8", "0.8"]
    assert found.values["KVP"] == "120.0"
    assert "EchoTime" not in found.values


@pytest.mark.parametrize(("character_sets", "encoded", "expected"), NAMES.values(), ids=NAMES)
def test_names_are_decoded_in_their_character_set(character_sets, encoded, expected):
    (image,) = a_series(slices=1, PatientName=None, SpecificCharacterSet=character_sets)
    placeholder = b"N" * (len(encoded) + len(encoded) % 2)
    image.PatientName = placeholder.decode()
    whole = encode(image).replace(placeholder, encoded.ljust(len(placeholder)))
    found = scan(io.BytesIO(whole), len(whole), ExplicitVRLittleEndian)
    assert expected == found.patient.name


@pytest.mark.parametrize("codec", ["hex", "rot13", "punycode", "unicode_escape", "ISO_IR 999"])
def test_a_character_set_that_dicom_does_not_have_stands_for_the_default(image, codec):
    """pydicom takes every codec of Python's, some of which give no text."""
    whole = encode(image).replace(
        b"CS\x0a\0ISO_IR 192", b"CS\x0a\0" + codec.encode().ljust(10)[:10]
    )
    found = scan(io.BytesIO(whole), len(whole), ExplicitVRLittleEndian)
    assert CANARY == found.patient.name


def test_a_character_set_of_another_vr_is_one_all_the_same(image):
    image.SeriesDescription = "胸部"
    whole = encode(image).replace(b"CS\x0a\0ISO_IR 192", b"LO\x0a\0ISO_IR 192")
    found = scan(io.BytesIO(whole), len(whole), ExplicitVRLittleEndian)
    assert "胸部" == found.series_description


def test_a_further_instance_of_a_series_has_a_uid_of_its_own():
    encoded = [encode(image) for image in a_series(slices=3)]
    found = [scan_buffer(memoryview(one), ExplicitVRLittleEndian) for one in encoded]
    assert 3 == len({header.sop_uid for header in found})
    assert 1 == len({header.series_uid for header in found})


def test_descriptions_are_decoded_too(image):
    image.SeriesDescription = "胸部 CT"
    assert header(image).values["SeriesDescription"] == "胸部 CT"


def test_values_that_break_their_representation_are_still_text(image):
    whole = encode(image).replace(b"120.0 ", b"abc   ")
    found = scan(io.BytesIO(whole), len(whole), ExplicitVRLittleEndian)
    assert found.values["KVP"] == "abc"


def test_control_characters_are_left_out(image):
    image.PatientID = "A\0B\nC"
    assert header(image).patient.id == "ABC"


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
@pytest.mark.parametrize("value", [None, "", "../../etc", "1.2\\1.3", "1..2"])
def test_a_data_set_without_a_usable_uid_is_refused(image, keyword, value):
    if value is None:
        del image[keyword]
    else:
        image[keyword]._value = value  # past pydicom's own check
    with pytest.raises(LacksIdentity) as refusal:
        header(image)
    assert keyword in str(refusal.value)


def test_a_padded_uid_is_read_without_its_padding(image):
    image.StudyInstanceUID = "1.2.3"
    whole = encode(image).replace(b"1.2.3\0", b"1.2.3 ")
    assert scan(io.BytesIO(whole), len(whole), ExplicitVRLittleEndian).study_uid == "1.2.3"


@pytest.mark.parametrize(
    ("asked", "priority"), [("STAT", 100), ("HIGH", 50), ("ROUTINE", 0), ("", 0)]
)
def test_requested_priority_is_the_study_s(image, asked, priority):
    image.RequestedProcedurePriority = asked
    assert header(image).priority == priority


def test_enh_28_what_this_product_made_is_known_by_its_model_name(image):
    assert not header(image).is_own
    image.ManufacturerModelName = "dicom-node"
    assert header(image).is_own


def test_an_object_without_pixels_is_fine():
    (image,) = a_series(slices=1, PixelData=None, Modality="SR")
    assert header(image).modality == "SR"


def test_every_routing_keyword_can_be_named_in_a_rule():
    assert [word for word in ROUTING_KEYWORDS if not is_attribute(word)] == []
    assert len(set(HEADER_KEYWORDS)) == len(HEADER_KEYWORDS)
