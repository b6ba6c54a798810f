"""PRV-04, PRV-05: what leaves, what is refused, and what an object says of itself."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.pixels import get_encoder
from pydicom.uid import RLELossless

from dicom_node.config.research import ResearchSection, parse_blank
from dicom_node.research.deidentify import Deidentifier
from dicom_node.research.errors import Refused
from dicom_node.research.stand_ins import StandIns
from dicom_node.research.words import known_words
from tests.builders import CANARY, a_series
from tests.judges import suv
from tests.unit.research.conftest import KEY


def an_image(modality="CT", **values):
    return a_series(modality, slices=1, **values)[0]


def maker() -> Deidentifier:
    return Deidentifier(ResearchSection(), StandIns("lung", KEY))


def test_an_object_says_that_how_and_by_what_it_was_deidentified(deidentify):
    made = deidentify(
        an_image(BodyPartExamined="HEAD"), dates="shift", patient_characteristics=True
    )

    assert ("YES", "MODIFIED") == (
        made.PatientIdentityRemoved, made.LongitudinalTemporalInformationModified,
    )  # fmt: skip
    assert ["113100", "113107", "113108"] == [
        item.CodeValue for item in made.DeidentificationMethodCodeSequence
    ]
    (equipment,) = made.ContributingEquipmentSequence
    assert "109104" == equipment.PurposeOfReferenceCodeSequence[0].CodeValue
    assert "no defacing" in str(made.DeidentificationMethod)
    assert "YES" == made.RecognizableVisualFeatures
    assert made.PatientID == str(made.PatientName)
    assert made.PatientID.startswith("lung-")
    assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID


def test_the_meta_and_the_preamble_are_our_own(deidentify):
    image = an_image()
    image.preamble = CANARY.encode().ljust(128, b"\0")
    image.file_meta.SourceApplicationEntityTitle = "ZZPHI"
    image.file_meta.PrivateInformationCreatorUID = "1.2.3"
    image.file_meta.PrivateInformation = b"Zzphi "

    made = deidentify(image)

    assert b"\0" * 128 == made.preamble
    assert "SourceApplicationEntityTitle" not in made.file_meta
    assert "PrivateInformation" not in made.file_meta


def test_pixels_and_what_describes_them_stay_to_the_bit(deidentify):
    image = an_image()

    made = deidentify(image)

    assert image.PixelData == made.PixelData
    for keyword in ("Rows", "PixelSpacing", "ImagePositionPatient", "RescaleIntercept", "KVP"):
        assert image[keyword] == made[keyword]


def test_values_that_no_writer_takes_are_kept_byte_by_byte(deidentify):
    image = an_image()
    image.add_new("KVP", "DS", "120")
    image["KVP"]._value = "120.00000000000000000001"

    assert "120.00000000000000000001" == str(deidentify(image)["KVP"].value.original_string)


def test_the_suv_stays_with_the_options_that_it_needs_and_goes_without(deidentify):
    image = an_image("PT")

    kept = deidentify(image, dates="shift", patient_characteristics=True)
    assert suv.factor(image) == pytest.approx(suv.factor(kept), abs=0)
    assert "PatientWeight" not in deidentify(image)


@pytest.mark.parametrize("modality", ["US", "CR"])
@pytest.mark.parametrize("said", [None, "", "YES"])
def test_text_that_may_be_burnt_in_is_refused_with_the_reason(deidentify, modality, said):
    image = an_image(modality)
    if said is not None:
        image.BurnedInAnnotation = said

    with pytest.raises(Refused, match=f"^{modality}: .*burnt into its pixels"):
        deidentify(image)


def test_a_reason_holds_no_value_of_the_file(deidentify):
    with pytest.raises(Refused, match=r"^an image: text may be burnt"):
        deidentify(an_image("US", Modality="ZZPHI"))


def test_an_image_that_says_no_text_is_burnt_in_leaves(deidentify):
    assert "NO" == deidentify(an_image("US", BurnedInAnnotation="NO")).BurnedInAnnotation


@pytest.mark.parametrize(
    "kind", [["DERIVED", "SECONDARY", "SCREEN SAVE"], ["DERIVED", "SECONDARY", "DOSE_INFO"]]
)
def test_a_picture_of_a_screen_among_ct_images_is_refused(deidentify, kind):
    with pytest.raises(Refused):
        deidentify(an_image(ImageType=kind))


def test_a_ct_that_says_yes_is_refused(deidentify):
    with pytest.raises(Refused):
        deidentify(an_image(BurnedInAnnotation="YES"))


@pytest.mark.parametrize("compressed", [False, True])
def test_the_regions_of_the_settings_are_made_black_and_no_other_pixel(deidentify, compressed):
    image = an_image("US", ManufacturerModelName="Vivid")
    before = image.pixel_array.copy()
    if compressed:
        assert get_encoder(RLELossless).is_available
        image.compress(RLELossless, generate_instance_uid=False)

    made = deidentify(image, blank=["US/Vivid: 0,0,48,4; 40,30,8,2", "MR: 0,0,9,9"])

    wanted = before.copy()
    wanted[:4] = 0
    wanted[30:32, 40:48] = 0
    np.testing.assert_array_equal(wanted, made.pixel_array)
    assert "NO" == made.BurnedInAnnotation
    assert "113101" in [item.CodeValue for item in made.DeidentificationMethodCodeSequence]


def test_regions_of_another_model_are_not_this_ones(deidentify):
    with pytest.raises(Refused):
        deidentify(an_image("US", ManufacturerModelName="Other"), blank=["US/Vivid: 0,0,48,4"])


def test_regions_in_colour_are_black_in_every_sample_and_frame(deidentify):
    image = an_image("US", SamplesPerPixel=3, PhotometricInterpretation="RGB",
                     PlanarConfiguration=1, BitsAllocated=8, BitsStored=8, HighBit=7,
                     PixelRepresentation=0, NumberOfFrames=2, Rows=4, Columns=6)  # fmt: skip
    image.PixelData = bytes([7]) * (2 * 3 * 4 * 6)

    pixels = deidentify(image, blank=["US: 0,0,6,1"]).pixel_array

    assert not pixels[:, 0].any()
    assert (pixels[:, 1:] == 7).all()


@pytest.mark.parametrize(
    "said", ["US", "US: ", "US: 1,2,3", "US: 1,2,0,4", ": 1,2,3,4", "US: a,b,c,d"]
)
def test_a_region_that_is_none_is_a_mistake_in_the_settings(said):
    with pytest.raises(ValueError, match="write MODALITY/MODEL"):
        parse_blank(said)


@pytest.mark.parametrize(
    ("sop_class", "reason"),
    [
        ("1.2.840.10008.5.1.4.1.1.104.1", "cannot be de-identified"),  # an encapsulated PDF
        ("1.2.840.10008.5.1.4.1.1.66", "cannot be de-identified"),  # raw data
        ("1.2.3.4", "cannot be de-identified"),
        ("1.2.840.10008.5.1.4.1.1.88.33", "structured_content is off"),
    ],
)
def test_classes_that_nobody_can_vouch_for_are_refused(deidentify, sop_class, reason):
    image = an_image()
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = sop_class

    with pytest.raises(Refused, match=reason):
        deidentify(image)


def test_big_endian_bytes_are_refused():
    big = Path(get_testdata_file("MR_small_bigendian.dcm", download=False))

    with pytest.raises(Refused, match="big endian"):
        maker().file(big)


@pytest.mark.parametrize("content", [b"", b"Zzphi", b"\0" * 128 + b"DICM" + b"Zzphi" * 40])
def test_what_cannot_be_read_is_refused_without_a_word_of_it(tmp_path, content):
    path = tmp_path / "broken.dcm"
    path.write_bytes(content)

    with pytest.raises(Refused, match=r"^it cannot be read whole$"):
        maker().file(path)


@pytest.mark.parametrize("keep", [400, 700, 1000, -5])
def test_a_file_that_was_cut_is_refused_or_clean(tmp_path, deidentify, keep):
    path = tmp_path / "cut.dcm"
    an_image().save_as(path, enforce_file_format=True)
    path.write_bytes(path.read_bytes()[:keep])

    with suppress(Refused):
        assert CANARY.encode() not in maker().file(path).content


def test_an_overlay_in_unused_bits_of_the_pixels_is_refused(deidentify):
    image = an_image()
    image.add_new(0x60000102, "US", 12)

    with pytest.raises(Refused, match="overlay"):
        deidentify(image)


def test_descriptions_keep_the_words_of_the_list_alone(deidentify):
    image = an_image(
        SeriesDescription="T1 AX BRAIN 5mm Mueller 19700101", StudyDescription="Dr. Smith 12"
    )

    made = deidentify(image, descriptors=True)

    assert "T1 AX BRAIN 5mm" == made.SeriesDescription
    assert "StudyDescription" not in made
    assert "SeriesDescription" not in deidentify(image)


@pytest.mark.parametrize(
    "name", ["Smith", "Young", "Hodgkin", "12", "1970", "Maria", "Ward 5", "99mmx"]
)
def test_names_and_bare_numbers_are_no_known_words(name):
    assert "" == known_words(name)


def test_safe_private_attributes_stay_where_the_project_says_so_and_no_others(deidentify):
    image = an_image("MR")
    image.add_new(0x00190010, "LO", "SIEMENS MR HEADER")
    image.add_new(0x0019100C, "IS", "1000")
    image.add_new(0x00191008, "CS", "ZZPHI")
    image.add_new(0x00290010, "LO", "Zzphi")
    image.add_new(0x00291010, "IS", "1")

    made = deidentify(image, safe_private=True)

    assert [0x00190010, 0x0019100C] == [int(tag) for tag in made.keys() if tag.is_private]  # noqa: SIM118
    assert not [tag for tag in deidentify(image).keys() if tag.is_private]  # noqa: SIM118


def test_a_code_of_a_cleaned_sequence_is_the_standards_or_says_nothing(deidentify):
    image = an_image()
    known, own = Dataset(), Dataset()
    known.CodeValue, known.CodingSchemeDesignator, known.CodeMeaning = "T-D3000", "SRT", "Zzphi"
    known.CodeValue, known.CodingSchemeDesignator = "51185008", "SCT"
    own.CodeValue, own.CodingSchemeDesignator, own.CodeMeaning = "ZZPHI1", "99WARD", "Zzphi"
    image.AdmittingDiagnosesCodeSequence = [known, own]

    sequence = deidentify(image, descriptors=True).AdmittingDiagnosesCodeSequence

    assert ["51185008", "REMOVED"] == [item.CodeValue for item in sequence]
    assert "Zzphi" not in str(sequence)


@pytest.mark.parametrize("text", ["of 2.25.31337", "tfl3d ZZPHI", "no ACCa1234 here", "Jane_1"])
def test_what_the_patient_is_called_is_in_no_text_that_the_table_keeps(deidentify, text):
    image = an_image(
        "MR", AccessionNumber="ACCa1234", PatientName="Zzphi^Jane", StudyInstanceUID="2.25.31337"
    )
    item = Dataset()
    item.SequenceName = image.SequenceName = text
    image.SharedFunctionalGroupsSequence = [item]

    made = deidentify(image)

    assert "REMOVED" == made.SequenceName
    assert "REMOVED" == made.SharedFunctionalGroupsSequence[0].SequenceName


def test_a_patient_who_is_called_as_a_part_of_the_body_takes_no_word_away(deidentify):
    image = an_image("MR", PatientName="Head^MR", SequenceName="HEAD 1", PatientID="1")

    assert "HEAD 1" == deidentify(image).SequenceName


def test_a_name_in_another_script_is_found_in_its_bytes(deidentify):
    image = an_image("MR", PatientName="Müller^Jörg", SequenceName="seq müller")

    assert "REMOVED" == deidentify(image).SequenceName
