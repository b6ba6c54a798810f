"""ENH-01 to ENH-29: what an enhanced image keeps, replaces and drops."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import JPEG2000, UID, ExplicitVRLittleEndian

from pipelines.dicom_out.attributes import DROPPED, STUDY_PRESENT
from pipelines.request import Equipment
from tests.builders import CANARY, a_series
from tests.unit.pipelines.stand_ins import a_card, frames_card, run_card
from tests.unit.pipelines.ultrasound import (
    a_colour_image,
    a_grey_loop,
    a_palette_loop,
    a_region,
)


def enhance(tmp_path, images, card=None, **request) -> list[Dataset]:
    """The enhanced images of `images`, in the order of their sources."""
    manifest, folder = run_card(card or a_card(), images, tmp_path, **request)
    found = [pydicom.dcmread(folder / output.file) for output in manifest.outputs]
    return sorted(found, key=lambda image: image.InstanceNumber)


def one(tmp_path, modality="CT", card=None, request=None, **attributes) -> tuple[Dataset, Dataset]:
    """A source image with `attributes`, and the enhanced image made from it."""
    images = a_series(modality, slices=3, **attributes)
    return images[0], enhance(tmp_path, images, card, **(request or {}))[0]


def test_enh_01_the_class_stays_and_the_syntax_is_explicit_little_endian(tmp_path):
    source, derived = one(tmp_path)

    assert source.SOPClassUID == derived.SOPClassUID
    assert ExplicitVRLittleEndian == derived.file_meta.TransferSyntaxUID
    assert derived.SOPInstanceUID == derived.file_meta.MediaStorageSOPInstanceUID


def test_enh_02_03_uids_are_new_valid_and_of_one_series(tmp_path):
    images = a_series(slices=3)
    derived = enhance(tmp_path, images)

    assert 3 == len({image.SOPInstanceUID for image in derived})
    assert 1 == len({image.SeriesInstanceUID for image in derived})
    assert all(UID(image.SOPInstanceUID).is_valid for image in derived)
    assert not {image.SOPInstanceUID for image in images} & {i.SOPInstanceUID for i in derived}


@pytest.mark.parametrize(("taken", "expected"), [([], 9004), ([9004, 9005], 9006)])
def test_enh_03_the_series_number_is_base_plus_source_and_free(tmp_path, taken, expected):
    request = {"series_number_base": 9000, "taken_series_numbers": taken}
    _source, derived = one(tmp_path, request=request, SeriesNumber=4)

    assert expected == derived.SeriesNumber


def test_enh_03_a_source_number_that_is_none_counts_as_zero(tmp_path):
    _source, derived = one(tmp_path, SeriesNumber=None)

    assert 9000 == derived.SeriesNumber


def test_enh_04_patient_and_study_are_copied_verbatim(tmp_path):
    source, derived = one(
        tmp_path, IssuerOfPatientID="Clinic", TimezoneOffsetFromUTC="+0200", OtherPatientIDs="7",
        StudyDescription="Thorax",
    )  # fmt: skip

    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID",
                    "AccessionNumber", "StudyDate", "StudyTime", "StudyInstanceUID",
                    "ReferringPhysicianName", "SpecificCharacterSet", "IssuerOfPatientID",
                    "TimezoneOffsetFromUTC", "OtherPatientIDs", "StudyDescription"):  # fmt: skip
        assert source[keyword].value == derived[keyword].value, keyword


@pytest.mark.parametrize(
    ("modality", "before", "policy", "expected"),
    [
        ("CT", ["ORIGINAL", "PRIMARY", "AXIAL"], "SECONDARY", ["DERIVED", "SECONDARY", "AXIAL"]),
        ("CT", ["ORIGINAL", "PRIMARY", "AXIAL"], "SOURCE", ["DERIVED", "PRIMARY", "AXIAL"]),
        ("MR", ["DERIVED", "SECONDARY", "ADC", "X"], "SECONDARY",
         ["DERIVED", "SECONDARY", "ADC", "X"]),
        ("PT", ["ORIGINAL", "PRIMARY"], "SECONDARY", ["DERIVED", "PRIMARY"]),
        ("MR", None, "SOURCE", ["DERIVED", "SECONDARY"]),
    ],
)  # fmt: skip
def test_enh_05_06_07_image_type_is_derived_and_keeps_its_later_values(
    tmp_path, modality, before, policy, expected
):
    _source, derived = one(tmp_path, modality, request={"image_type_2": policy}, ImageType=before)

    assert expected == derived.ImageType


def test_what_patient_and_study_must_have_is_there_and_empty_where_the_source_left_it_out(tmp_path):
    absent = dict.fromkeys(STUDY_PRESENT)
    _source, derived = one(tmp_path, **absent)

    assert {""} == {str(derived[keyword].value or "") for keyword in absent}


def test_enh_08_the_description_says_what_was_made_and_by_what(tmp_path):
    card = a_card("add", parameters={"step": 2.5})
    _source, derived = one(tmp_path, card=card, SeriesDescription="Thorax 5.0")

    assert "Thorax 5.0 made" == derived.SeriesDescription
    assert (
        "Research use only, not for diagnosis. dicom-node test-add 1.0 (step: 2.5)."
        == derived.DerivationDescription
    )


def test_enh_08_a_site_that_has_cleared_its_use_leaves_the_warning_out(tmp_path):
    _source, derived = one(tmp_path, request={"research_use": False})

    assert "dicom-node test-identity 1.0." == derived.DerivationDescription


def test_enh_08_a_long_description_is_cut_by_characters(tmp_path):
    _source, derived = one(tmp_path, SeriesDescription="肺" * 64)

    assert "肺" * 59 + " made" == derived.SeriesDescription


def test_a_result_of_a_later_revision_names_the_series_it_replaces(tmp_path):
    _source, derived = one(tmp_path, request={"replaces_series_uid": "2.25.4711"})

    assert "replaces series 2.25.4711" in derived.DerivationDescription


def test_enh_09_our_step_follows_the_sources_steps(tmp_path):
    earlier = Dataset()
    earlier.CodeValue, earlier.CodingSchemeDesignator = "113085", "DCM"
    earlier.CodeMeaning = "Spatial resampling"
    _source, derived = one(tmp_path, DerivationCodeSequence=[earlier])

    assert ["113085", "DENOISE"] == [item.CodeValue for item in derived.DerivationCodeSequence]
    scheme = derived.CodingSchemeIdentificationSequence[0]
    assert "99DICOMNODE" == scheme.CodingSchemeDesignator
    assert scheme.CodingSchemeResponsibleOrganization


def test_enh_10_the_equipment_is_ours(tmp_path):
    _source, derived = one(tmp_path, StationName="CT1", DeviceSerialNumber="77")

    assert ("dicom-node", "dicom-node") == (derived.Manufacturer, derived.ManufacturerModelName)
    assert ["9.9", "test-identity 1.0"] == derived.SoftwareVersions
    assert ("2.25.77", "S1", "NODE1") == (
        derived.DeviceUID, derived.DeviceSerialNumber, derived.StationName,
    )  # fmt: skip


@pytest.mark.parametrize(("first", "expected"), [("ORIGINAL", "109101"), ("DERIVED", "109102")])
def test_enh_11_the_scanner_is_contributing_equipment(tmp_path, first, expected):
    _source, derived = one(
        tmp_path, ImageType=[first, "PRIMARY", "AXIAL"], InstitutionName="Clinic",
        StationName="CT1",
    )  # fmt: skip

    item = derived.ContributingEquipmentSequence[-1]
    assert ("Test Scanners", "One", "7", "CT1", "Clinic") == (
        item.Manufacturer, item.ManufacturerModelName, item.SoftwareVersions, item.StationName,
        item.InstitutionName,
    )  # fmt: skip
    assert expected == item.PurposeOfReferenceCodeSequence[0].CodeValue


def test_enh_11_earlier_devices_stay_and_a_nameless_scanner_is_unknown(tmp_path):
    earlier = Dataset()
    earlier.Manufacturer = "Before"
    _source, derived = one(tmp_path, Manufacturer="", ContributingEquipmentSequence=[earlier])

    found = [item.Manufacturer for item in derived.ContributingEquipmentSequence]
    assert ["Before", "UNKNOWN"] == found


def test_enh_12_14_the_source_instance_is_referenced(tmp_path):
    source, derived = one(tmp_path)

    item = derived.SourceImageSequence[0]
    assert [source.SOPInstanceUID] == [
        i.ReferencedSOPInstanceUID for i in derived.SourceImageSequence
    ]
    assert ("121322", "YES") == (
        item.PurposeOfReferenceCodeSequence[0].CodeValue, item.SpatialLocationsPreserved,
    )  # fmt: skip
    series = derived.ReferencedSeriesSequence[0]
    assert source.SeriesInstanceUID == series.SeriesInstanceUID
    listed = [i.ReferencedSOPInstanceUID for i in series.ReferencedInstanceSequence]
    assert [source.SOPInstanceUID] == listed


def test_enh_13_15_20_references_geometry_and_window_stay(tmp_path):
    localizer = Dataset()
    localizer.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    localizer.ReferencedSOPInstanceUID = "1.2.3"
    source, derived = one(
        tmp_path, ReferencedImageSequence=[localizer], WindowCenter=[40, 300],
        WindowWidth=[400, 2000], WindowCenterWidthExplanation=["SOFT", "BONE"],
        SliceLocation="0.5",
    )  # fmt: skip

    for keyword in ("ReferencedImageSequence", "WindowCenter", "WindowWidth", "SliceLocation",
                    "WindowCenterWidthExplanation", "FrameOfReferenceUID", "InstanceNumber",
                    "PositionReferenceIndicator", "ImagePositionPatient", "PixelSpacing",
                    "ImageOrientationPatient", "SliceThickness", "PatientPosition", "KVP",
                    "RescaleSlope", "RescaleIntercept", "RescaleType", "BitsStored"):  # fmt: skip
        assert source[keyword].value == derived[keyword].value, keyword


def test_enh_16_decimal_strings_that_the_scanner_wrote_too_long_do_not_stop_us(tmp_path):
    images = a_series(slices=3)
    for image in images:
        with pydicom.config.disable_value_validation():
            image.KVP = "120.000000000000000001"
            image.PatientBirthDate = "no date"
    derived = enhance(tmp_path, images)[0]

    assert b"120.000000000000000001" in bytes(derived.get_item("KVP").value)
    assert "no date" == derived.PatientBirthDate


def test_enh_16_our_own_values_must_obey_the_standard(tmp_path):
    equipment = Equipment(station_name="longer than sixteen characters")

    with pytest.raises(ValueError, match="exceeds the maximum length"):
        one(tmp_path, request={"equipment": equipment})


def test_enh_17_values_beyond_bits_stored_are_clipped_and_counted(tmp_path):
    pixels = np.full((3, 4, 4), 2040, np.int16)
    pixels[:, 0, 0] = 0
    images = a_series(pixels=pixels, BitsStored=12, HighBit=11, RescaleIntercept=0)
    card = a_card("add", parameters={"step": 10.0})
    manifest, folder = run_card(card, images, tmp_path)
    derived = pydicom.dcmread(folder / manifest.outputs[0].file)

    assert {10, 2047} == set(np.unique(derived.pixel_array).tolist())
    assert 3 * 15 == manifest.measurements["clipped"]


@pytest.mark.parametrize("bits", [(12, 1), (12, 0), (16, 1), (16, 0)])
@pytest.mark.parametrize("step", [-1e6, 1e6])
def test_enh_17_nothing_wraps_around_whatever_the_bits(tmp_path, bits, step):
    stored, signed = bits
    pixels = np.full((3, 8, 8), 1000, np.int16 if signed else np.uint16)
    images = a_series(
        pixels=pixels, BitsStored=stored, HighBit=stored - 1, PixelRepresentation=signed
    )
    derived = enhance(tmp_path, images, a_card("add", parameters={"step": step}))[0]

    low, high = (-(1 << stored - 1), (1 << stored - 1) - 1) if signed else (0, (1 << stored) - 1)
    assert {high if step > 0 else low} == set(np.unique(derived.pixel_array).tolist())
    assert (1, -1024) == (derived.RescaleSlope, derived.RescaleIntercept)


def test_enh_19_stale_extremes_are_dropped(tmp_path):
    _source, derived = one(tmp_path, SmallestImagePixelValue=0, LargestImagePixelValue=4000)

    assert "SmallestImagePixelValue" not in derived
    assert "LargestImagePixelValue" not in derived


def test_enh_21_lossy_compression_is_never_reset(tmp_path):
    _source, derived = one(
        tmp_path, LossyImageCompression="01", LossyImageCompressionRatio=["8", "2"],
        LossyImageCompressionMethod=["ISO_10918_1", "ISO_15444_1"],
    )  # fmt: skip

    assert ("01", [8, 2], ["ISO_10918_1", "ISO_15444_1"]) == (
        derived.LossyImageCompression, derived.LossyImageCompressionRatio,
        derived.LossyImageCompressionMethod,
    )  # fmt: skip


def test_enh_21_a_lossy_transfer_syntax_is_told_where_the_header_keeps_silent(tmp_path):
    images = a_series("CT", slices=1, rows=64, columns=64)
    images[0].compress(JPEG2000, j2k_cr=[4], generate_instance_uid=False)
    for keyword in ("LossyImageCompression", "LossyImageCompressionRatio",
                    "LossyImageCompressionMethod"):  # fmt: skip
        images[0].pop(keyword, None)
    derived = enhance(tmp_path, images)[0]

    assert ("01", "ISO_15444_1") == (
        derived.LossyImageCompression, derived.LossyImageCompressionMethod,
    )  # fmt: skip
    assert derived.LossyImageCompressionRatio > 1


@pytest.mark.parametrize("value", ["YES", "NO", None])
def test_enh_22_burned_in_annotation_is_copied_and_never_claimed(tmp_path, value):
    attributes = {} if value is None else {"BurnedInAnnotation": value}
    _source, derived = one(tmp_path, **attributes)

    assert value == derived.get("BurnedInAnnotation")


@pytest.mark.parametrize(
    ("modality", "offset", "series_date", "content"),
    [
        ("CT", "-0500", "20261123", ("20261123", "173000.000000")),
        ("CT", None, "20261123", ("20261123", "233000.000000")),  # Berlin in winter
        ("PT", "+0200", "20260102", ("20261124", "003000.000000")),  # ENH-25: PET keeps its clock
    ],
)
def test_enh_25_dates_are_the_jobs_in_the_sources_time_zone(
    tmp_path, modality, offset, series_date, content
):
    attributes = {"TimezoneOffsetFromUTC": offset} if offset else {}
    source, derived = one(tmp_path, modality, **attributes)

    assert series_date == derived.SeriesDate
    assert content == (derived.ContentDate, derived.ContentTime)
    assert content == (derived.InstanceCreationDate, derived.InstanceCreationTime)
    assert (source.AcquisitionDate, source.StudyDate) == (
        derived.AcquisitionDate, derived.StudyDate,
    )  # fmt: skip


def test_enh_26_27_what_describes_the_source_device_and_bytes_is_dropped(tmp_path):
    images = a_series(slices=3)
    for image in images:
        image.GantryID = "G1"
        image.PerformedProcedureStepID = "P1"
        image.IconImageSequence = [Dataset()]
        image.SeriesDescriptionCodeSequence = [Dataset()]
        image.add_new(0x60000010, "US", 4)
        image.add_new(0x60003000, "OW", b"\1\0")
        block = image.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        block.add_new(0x10, "OB", b"secret")
    derived = enhance(tmp_path, images)[0]

    dropped = {word for words in DROPPED.values() for word in words}
    assert set() == {word for word in dropped if word in derived}
    left = [each.tag for each in derived]
    assert [] == [tag for tag in left if tag.is_private or tag.group == 0x6000]


def test_private_elements_are_dropped_inside_sequences_too(tmp_path):
    item = Dataset()
    item.private_block(0x0029, "SOMEBODY", create=True).add_new(1, "LO", "secret")
    item.CodeMeaning = "kept"
    _source, derived = one(tmp_path, ProcedureCodeSequence=[item])

    assert ["CodeMeaning"] == [each.keyword for each in derived.ProcedureCodeSequence[0]]


@pytest.mark.parametrize("bits", [(12, 1), (12, 0), (16, 1), (16, 0)])
@pytest.mark.parametrize("padding", [-2000, -1024])
def test_enh_18_padding_keeps_every_bit_and_no_other_pixel_takes_its_value(tmp_path, bits, padding):
    stored, signed = bits
    value = padding if signed else padding & ((1 << stored) - 1)
    kind = np.int16 if signed else np.uint16
    rng = np.random.default_rng(3)
    pixels = rng.integers(value - 3, value + 4, (3, 16, 16)).astype(kind)
    images = a_series(
        pixels=pixels, BitsStored=stored, HighBit=stored - 1, PixelRepresentation=signed,
        PixelPaddingValue=value,
    )  # fmt: skip
    images[0]["PixelPaddingValue"].VR = "SS" if signed else "US"
    derived = enhance(tmp_path, images, a_card("add", parameters={"step": 1.0}))

    found = np.stack([image.pixel_array for image in derived])
    was = pixels == value
    np.testing.assert_array_equal(was, found == value)
    # One more than before; value - 1 would have become padding and goes to the nearer side.
    expected = pixels.astype(int)[~was] + 1
    expected[expected == value] = value - 1 if value - 1 >= pixels.min() else value + 1
    assert np.abs(found.astype(int)[~was] - expected).max() <= 2


@pytest.mark.parametrize(("first", "wanted"), [("CT", "HU"), ("MR", None)])
def test_an_identity_gives_the_sources_bits(tmp_path, first, wanted):
    images = a_series(first, slices=4, rows=31, columns=17)
    derived = enhance(tmp_path, images)

    assert [image.PixelData for image in images] == [image.PixelData for image in derived]


def test_pet_activity_is_equal_after_an_identity_and_suv_keeps_its_inputs(tmp_path):
    images = a_series("PT", slices=3)
    images[1].RescaleSlope = "0.731234"
    derived = enhance(tmp_path, images)

    for source, result in zip(images, derived, strict=True):
        before = source.pixel_array * float(source.RescaleSlope)
        np.testing.assert_array_equal(before, result.pixel_array * float(result.RescaleSlope))
        assert 0 == result.RescaleIntercept
        for keyword in ("RadiopharmaceuticalInformationSequence", "DecayCorrection", "Units",
                        "SeriesDate", "SeriesTime", "AcquisitionDate", "AcquisitionTime",
                        "FrameReferenceTime", "ActualFrameDuration", "DecayFactor",
                        "PatientWeight", "CorrectedImage", "CountsSource", "SeriesType",
                        "NumberOfSlices", "ImageIndex"):  # fmt: skip
            assert source[keyword].value == result[keyword].value, keyword


def test_ultrasound_changes_inside_tissue_regions_only(tmp_path):
    loop = a_grey_loop(frames=3)
    loop.SequenceOfUltrasoundRegions = [
        a_region(0, 0, 31, 23, kind=(0, 0)),
        a_region(4, 6, 20, 15),
        a_region(10, 6, 12, 8, kind=(1, 2)),
        a_region(0, 20, 31, 23, kind=(3, 3)),
    ]
    derived = enhance(tmp_path, [loop], frames_card("add", parameters={"step": 5.0}))[0]

    changed = derived.pixel_array != loop.pixel_array
    expected = np.zeros((24, 32), bool)
    expected[6:16, 4:21] = True
    expected[6:9, 10:13] = False
    np.testing.assert_array_equal(np.broadcast_to(expected, changed.shape), changed)
    for keyword in ("NumberOfFrames", "FrameTime", "FrameIncrementPointer",
                    "SequenceOfUltrasoundRegions"):  # fmt: skip
        assert loop[keyword].value == derived[keyword].value


def test_an_image_without_a_tissue_region_is_refused(tmp_path):
    from pipelines.errors import PipelineRefused

    loop = a_grey_loop(frames=2)
    loop.SequenceOfUltrasoundRegions = [a_region(0, 0, 31, 23, kind=(3, 3))]

    with pytest.raises(PipelineRefused) as caught:
        enhance(tmp_path, [loop], frames_card())

    assert "no-tissue-region" == caught.value.code


def test_colour_is_written_as_rgb_and_palettes_are_dropped(tmp_path):
    loop, colours = a_palette_loop()
    derived = enhance(tmp_path, [loop], frames_card())[0]

    assert ("RGB", 3, 0) == (
        derived.PhotometricInterpretation, derived.SamplesPerPixel, derived.PlanarConfiguration,
    )  # fmt: skip
    assert "RedPaletteColorLookupTableData" not in derived
    indices = np.frombuffer(loop.PixelData, np.uint8).reshape(2, 24, 32)
    np.testing.assert_array_equal(colours[indices], derived.pixel_array)


def test_rgb_of_odd_size_is_written_with_even_length(tmp_path):
    image, rgb = a_colour_image()
    image.Rows, image.Columns = 3, 5
    image.PixelData = rgb[:3, :5].tobytes() + b"\0"
    derived = enhance(tmp_path, [image], frames_card())[0]

    assert 46 == len(derived.PixelData)
    np.testing.assert_array_equal(rgb[:3, :5], derived.pixel_array)


def test_monochrome1_stays_monochrome1(tmp_path):
    images = a_series("CR", slices=1, PhotometricInterpretation="MONOCHROME1",
                      PresentationLUTShape="INVERSE")  # fmt: skip
    derived = enhance(tmp_path, images, frames_card())[0]

    assert ("MONOCHROME1", "INVERSE") == (
        derived.PhotometricInterpretation, derived.PresentationLUTShape,
    )  # fmt: skip


def test_the_canary_is_in_the_image_and_nowhere_else(tmp_path):
    manifest, folder = run_card(a_card(), a_series(slices=3), tmp_path)

    assert CANARY in str(pydicom.dcmread(folder / manifest.outputs[0].file).PatientName)
    assert CANARY not in manifest.to_json()
    assert [] == [path.name for path in folder.iterdir() if CANARY in path.name]
