"""The enhanced image of an Enhanced source is an object of its class, frame for frame."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import JPEGLSNearLossless

from pipelines.conformance.check import check
from pipelines.conformance.read import read_header
from pipelines.dicom_out.frame_groups import frame_type
from pipelines.errors import PipelineRefused
from pipelines.request import Equipment
from tests.builders import a_series
from tests.multi_frame import an_enhanced, group, stored
from tests.unit.pipelines.stand_ins import a_card, run_card

FRAME_TYPES = {"CT": "CTImageFrameTypeSequence", "MR": "MRImageFrameTypeSequence"}


def derived(
    tmp_path, images: list[Dataset], function: str = "identity", **request
) -> list[Dataset]:
    manifest, results = run_card(a_card(function), images, tmp_path, **request)
    assert {"errors": 0} == {"errors": manifest.conformance["errors"]}
    return [pydicom.dcmread(results / output.file) for output in manifest.outputs]


def plain(groups: Dataset, *without: str) -> dict[str, object]:
    """What a frame's groups say."""
    return {
        key: value for key, value in groups.to_json_dict().items()
        if pydicom.datadict.keyword_for_tag(key) not in without
    }  # fmt: skip


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_identity_keeps_class_pixels_and_groups(tmp_path, modality):
    shuffled = [a_series(modality)[index] for index in (3, 0, 4, 1, 2)]
    source = an_enhanced(modality, shuffled, PixelPaddingValue=0)
    (result,) = derived(tmp_path, [source])

    assert source.SOPClassUID == result.SOPClassUID == result.file_meta.MediaStorageSOPClassUID
    assert source.PixelData == result.PixelData
    assert 5 == result.NumberOfFrames
    assert (source.SOPInstanceUID, source.SeriesInstanceUID) != (
        result.SOPInstanceUID, result.SeriesInstanceUID,
    )  # fmt: skip
    before, after = (
        source.SharedFunctionalGroupsSequence[0],
        result.SharedFunctionalGroupsSequence[0],
    )
    assert plain(before, FRAME_TYPES[modality]) == plain(after, FRAME_TYPES[modality])
    frames = zip(
        source.PerFrameFunctionalGroupsSequence,
        result.PerFrameFunctionalGroupsSequence,
        strict=True,
    )
    assert all(plain(one) == plain(other, "DerivationImageSequence") for one, other in frames)
    for keyword in ("PixelPaddingValue", "DimensionIndexSequence", "AcquisitionDateTime",
                    "PatientName", "StudyInstanceUID", "VolumetricProperties"):  # fmt: skip
        assert source[keyword].value == result[keyword].value, keyword


def test_enh_05_enh_06_image_type_and_frame_type_say_derived_primary(tmp_path):
    source = an_enhanced("CT")
    (result,) = derived(tmp_path, [source], image_type_2="SECONDARY")

    wanted = ["DERIVED", "PRIMARY", "VOLUME", "FILTERED"]
    assert wanted == list(result.ImageType)
    kind = result.SharedFunctionalGroupsSequence[0].CTImageFrameTypeSequence[0]
    assert wanted == list(kind.FrameType)
    assert "MONOCHROME" == kind.PixelPresentation


def test_image_type_is_mixed_where_the_frames_contrasts_differ(tmp_path):
    def kinds(groups, index):
        kind = ["DERIVED", "PRIMARY", "VOLUME", "NONE" if index else "SUBTRACTION"]
        groups.MRImageFrameTypeSequence = group(FrameType=kind)

    source = an_enhanced(each=kinds)
    del source.SharedFunctionalGroupsSequence[0].MRImageFrameTypeSequence
    manifest, results = run_card(a_card(), [source], tmp_path)
    result = pydicom.dcmread(results / manifest.outputs[0].file)

    assert ["DERIVED", "PRIMARY", "VOLUME", "MIXED"] == list(result.ImageType)
    found = [g.MRImageFrameTypeSequence[0].FrameType[3]
             for g in result.PerFrameFunctionalGroupsSequence]  # fmt: skip
    assert ["SUBTRACTION", "FILTERED"] == found[:2]


def test_a_type_of_fewer_values_is_completed():
    assert ["DERIVED", "PRIMARY", "VOLUME", "FILTERED"] == frame_type([])
    assert ["DERIVED", "PRIMARY", "M", "FILTERED"] == frame_type(["ORIGINAL", "PRIMARY", "M"])


def test_enh_09_enh_12_every_frame_names_the_frame_that_it_comes_from(tmp_path):
    source = an_enhanced("CT")
    (result,) = derived(tmp_path, [source])

    for number, groups in enumerate(result.PerFrameFunctionalGroupsSequence, start=1):
        (step,) = groups.DerivationImageSequence
        (image,) = step.SourceImageSequence
        assert (source.SOPClassUID, source.SOPInstanceUID, number, "YES") == (
            image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID,
            image.ReferencedFrameNumber, image.SpatialLocationsPreserved,
        )  # fmt: skip
        assert "121322" == image.PurposeOfReferenceCodeSequence[0].CodeValue
        assert "DENOISE" == step.DerivationCodeSequence[0].CodeValue
        assert "Research use only" in step.DerivationDescription
    (study,) = result.SourceImageEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    assert (source.StudyInstanceUID, source.SeriesInstanceUID, source.SOPInstanceUID) == (
        study.StudyInstanceUID, series.SeriesInstanceUID,
        series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID,
    )  # fmt: skip
    assert not {"SourceImageSequence", "DerivationDescription"} & set(result.dir())


@pytest.mark.parametrize("shared", [True, False])
def test_enh_09_earlier_steps_stay_before_ours(tmp_path, shared):
    source = an_enhanced("CT")
    earlier = group(DerivationDescription="subtracted", SourceImageSequence=[])
    holders = (source.SharedFunctionalGroupsSequence if shared
               else source.PerFrameFunctionalGroupsSequence)  # fmt: skip
    for groups in holders:
        groups.DerivationImageSequence = earlier
    manifest, results = run_card(a_card(), [source], tmp_path)
    result = pydicom.dcmread(results / manifest.outputs[0].file)

    assert "DerivationImageSequence" not in result.SharedFunctionalGroupsSequence[0]
    for groups in result.PerFrameFunctionalGroupsSequence:
        first, second = groups.DerivationImageSequence
        assert "subtracted" == first.DerivationDescription
        assert "test-identity" in second.DerivationDescription


def test_enh_10_enh_11_the_scanner_contributed_and_we_made(tmp_path):
    (result,) = derived(tmp_path, [an_enhanced()])

    assert "dicom-node" == result.ManufacturerModelName
    (device,) = result.ContributingEquipmentSequence
    assert ("Test Scanners", "109101") == (
        device.Manufacturer, device.PurposeOfReferenceCodeSequence[0].CodeValue,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("research", "before", "after"),
    [(True, "PRODUCT", "RESEARCH"), (True, None, "RESEARCH"), (True, "SERVICE", "SERVICE"),
     (False, "PRODUCT", "PRODUCT"), (False, "RESEARCH", "RESEARCH")],
)  # fmt: skip
def test_enh_23_content_of_research_is_called_so(tmp_path, research, before, after):
    source = an_enhanced("CT", ContentQualification=before)
    manifest, results = run_card(a_card(), [source], tmp_path, research_use=research)
    result = pydicom.dcmread(results / manifest.outputs[0].file)

    assert after == result.ContentQualification


def test_enh_17_enh_18_each_frame_is_written_in_its_own_rescale_beside_padding(tmp_path):
    def rescaled(groups, index):
        groups.PixelValueTransformationSequence[0].RescaleSlope = index + 1

    images = a_series("CT", slices=4, pixels=np.full((4, 8, 8), 1000, np.int16))
    for image in images:
        pixels = np.frombuffer(image.PixelData, np.int16).copy()
        pixels[:3] = -2000
        image.PixelData = pixels.tobytes()
    source = an_enhanced("CT", images, each=rescaled, PixelPaddingValue=-2000)
    manifest, results = run_card(a_card("add", parameters={"step": 12.0}), [source], tmp_path)
    result = stored(pydicom.dcmread(results / manifest.outputs[0].file))

    assert [1012, 1006, 1004, 1003] == result[:, 4, 4].tolist()
    assert (result.reshape(4, -1)[:, :3] == -2000).all()


def test_volumes_of_one_object_come_back_as_one_object(tmp_path):
    def two_echoes(groups, index):
        groups.PlanePositionSequence[0].ImagePositionPatient = [0, 0, float(index // 2)]
        groups.MREchoSequence = group(EffectiveEchoTime=float(5 + index % 2))

    source = an_enhanced(images=a_series("MR", slices=6), each=two_echoes)
    del source.SharedFunctionalGroupsSequence[0].MREchoSequence
    (result,) = derived(tmp_path, [source], "add")

    assert np.array_equal(stored(source) + 1, stored(result))


def test_objects_of_a_series_come_back_as_objects_of_one_series(tmp_path):
    results = derived(tmp_path, [an_enhanced(number=1), an_enhanced(number=2)])

    assert (2, 1) == (
        len({each.SOPInstanceUID for each in results}),
        len({each.SeriesInstanceUID for each in results}),
    )


def test_enh_21_lossy_compression_stays_in_the_history(tmp_path):
    images = a_series(slices=3, pixels=np.full((3, 16, 16), 90, np.uint8),
                      BitsAllocated=8, BitsStored=8, HighBit=7)  # fmt: skip
    source = an_enhanced("CT", images)
    source.compress(JPEGLSNearLossless, jls_error=2, generate_instance_uid=False)
    source.LossyImageCompression = "00"  # a header that does not tell
    (result,) = derived(tmp_path, [source])

    assert ("01", "ISO_14495_1") == (
        result.LossyImageCompression, result.LossyImageCompressionMethod,
    )  # fmt: skip


def test_texts_of_frames_are_written_anew_where_ours_need_another_character_set(tmp_path):
    def comment(groups, _index):
        groups.FrameContentSequence[0].FrameComments = "Größe"

    source = an_enhanced("CT", each=comment, SpecificCharacterSet="ISO_IR 100")
    ours = Equipment(institution_name="Łódź")
    manifest, results = run_card(a_card(), [source], tmp_path, equipment=ours)
    result = pydicom.dcmread(results / manifest.outputs[0].file)

    assert "ISO_IR 192" == result.SpecificCharacterSet
    groups = result.PerFrameFunctionalGroupsSequence[4]
    assert "Größe" == groups.FrameContentSequence[0].FrameComments


def test_the_same_object_gives_the_same_bytes_twice(tmp_path):
    for name in ("one", "two"):
        run_card(a_card("noise"), [an_enhanced()], tmp_path / name)
    first, second = (
        next((tmp_path / name / "results").glob("*.dcm")).read_bytes() for name in ("one", "two")
    )

    assert first == second


def test_private_groups_stay_behind(tmp_path):
    def private(groups, _index):
        groups.add_new(0x00210010, "LO", "MAKER")
        groups.add_new(0x00211001, "LO", "secret")

    manifest, results = run_card(a_card(), [an_enhanced(each=private)], tmp_path)
    content = (results / manifest.outputs[0].file).read_bytes()

    assert b"secret" not in content


def test_a_result_is_no_source_again(tmp_path):
    manifest, results = run_card(a_card(), [an_enhanced()], tmp_path)
    with pytest.raises(PipelineRefused) as caught:
        run_card(a_card(), [results / manifest.outputs[0].file], tmp_path / "again")
    assert "own-result" == caught.value.code


def test_the_gate_finds_a_wrong_count_of_frames(tmp_path):
    manifest, results = run_card(a_card(), [an_enhanced()], tmp_path)
    path = results / manifest.outputs[0].file
    image = pydicom.dcmread(path)
    del image.PerFrameFunctionalGroupsSequence[0]
    image.save_as(path)

    assert any(
        "another number of items" in found.what for found in check(read_header(path)).findings
    )


def test_enh_29_what_only_an_original_image_may_say_is_left_out(tmp_path):
    source = an_enhanced(EchoPulseSequence="GRADIENT", MRAcquisitionType="3D")
    modifier = group(Spoiling="RF", InversionRecovery="NO")
    source.SharedFunctionalGroupsSequence[0].MRModifierSequence = modifier
    (result,) = derived(tmp_path, [source])

    assert not {"EchoPulseSequence", "MRAcquisitionType"} & set(result.dir())
    kept = result.SharedFunctionalGroupsSequence[0].MRModifierSequence[0]
    assert ["InversionRecovery"] == kept.dir()
