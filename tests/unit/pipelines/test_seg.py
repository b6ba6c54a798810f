"""SEG-01 to SEG-14: what a segmentation object says, and that it lies where it should."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    ExplicitVRLittleEndian,
    SegmentationStorage,
    UltrasoundMultiFrameImageStorage,
)

from pipelines.dicom_in import read_volume
from pipelines.dicom_out.attributes import STUDY_PRESENT
from pipelines.dicom_out.seg_check import check_segmentation
from pipelines.errors import PipelineFailed, PipelineRefused
from pipelines.run import NOTHING_FOUND
from tests.builders import a_series, write_series
from tests.unit.pipelines.stand_ins import a_card, frames_card, run_card
from tests.unit.pipelines.ultrasound import a_grey_loop

HALF_HU = -24.0  # 1000 stored, the middle of the builder's noise


def segment(tmp_path, images, card=None, **request):
    card = card or a_card("above", parameters={"low": HALF_HU, "high": 10.0})
    manifest, folder = run_card(card, images, tmp_path, **request)
    segs = [output for output in manifest.outputs if output.kind == "seg"]
    return manifest, [pydicom.dcmread(folder / output.file) for output in segs]


def test_seg_01_it_is_binary_uncompressed_and_without_empty_frames(tmp_path):
    pixels = np.full((5, 8, 8), 900, np.int16)
    pixels[2, 3, 4] = 1100
    _manifest, (seg,) = segment(tmp_path, a_series(pixels=pixels))

    assert SegmentationStorage == seg.SOPClassUID
    assert ExplicitVRLittleEndian == seg.file_meta.TransferSyntaxUID
    assert ("BINARY", 1) == (seg.SegmentationType, seg.NumberOfFrames)
    assert ["DERIVED", "PRIMARY"] == seg.ImageType


def test_seg_02_03_segments_carry_codes_colour_algorithm_and_tracking(tmp_path):
    _manifest, (seg,) = segment(tmp_path, a_series())

    one, two = seg.SegmentSequence
    assert [1, 2] == [one.SegmentNumber, two.SegmentNumber]
    assert ("Left lung", "AUTOMATIC") == (two.SegmentLabel, two.SegmentAlgorithmType)
    kind = two.SegmentedPropertyTypeCodeSequence[0]
    assert ("39607008", "7771000") == (
        kind.CodeValue, kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeValue,
    )  # fmt: skip
    assert "91723000" == two.SegmentedPropertyCategoryCodeSequence[0].CodeValue
    algorithm = two.SegmentationAlgorithmIdentificationSequence[0]
    assert ("test-above", "1.0") == (algorithm.AlgorithmName, algorithm.AlgorithmVersion)
    assert one.TrackingID and two.TrackingUID != one.TrackingUID
    assert 3 == len(two.RecommendedDisplayCIELabValue)
    assert "dicom-node" == seg.ContentCreatorName


def test_seg_04_texts_name_no_person(tmp_path):
    source = a_series()[0]
    _manifest, (seg,) = segment(tmp_path, a_series())

    texts = [seg.ContentLabel, seg.ContentDescription] + [
        text for item in seg.SegmentSequence
        for text in (item.SegmentLabel, item.TrackingID, item.SegmentAlgorithmName)
    ]  # fmt: skip
    for value in (str(source.PatientName), source.PatientID, source.AccessionNumber):
        assert not any(value in text for text in texts)


def test_seg_05_an_absent_patient_id_is_no_obstacle_and_an_absent_frame_of_reference_is_told(
    tmp_path,
):
    _manifest, (seg,) = segment(tmp_path / "a", a_series(PatientID=None))
    assert "" == seg.PatientID

    with pytest.raises(PipelineRefused) as caught:
        segment(tmp_path / "b", a_series(FrameOfReferenceUID=None))
    assert "no-frame-of-reference" == caught.value.code


def test_what_patient_and_study_must_have_is_there_and_empty_where_the_source_left_it_out(tmp_path):
    absent = dict.fromkeys(STUDY_PRESENT)
    _manifest, (seg,) = segment(tmp_path, a_series(**absent))

    assert {""} == {str(seg[keyword].value or "") for keyword in absent}


def test_seg_06_frames_lie_at_the_positions_of_their_slices(tmp_path):
    """Every voxel is put back by its frame's position alone, with the stack given backwards."""
    images = a_series(slices=7, rows=13, columns=11)
    _manifest, (seg,) = segment(tmp_path, images[::-1])

    masks = np.unpackbits(np.frombuffer(seg.PixelData, np.uint8), bitorder="little")
    masks = masks[: seg.NumberOfFrames * 13 * 11].reshape(-1, 13, 11)
    found = np.zeros((7, 13, 11), np.uint8)
    for mask, group in zip(masks, seg.PerFrameFunctionalGroupsSequence, strict=True):
        z = float(group.PlanePositionSequence[0].ImagePositionPatient[2]) / 2.0
        number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        found[int(z)][mask == 1] = {1: 1, 2: 3}[number]
    values = np.stack([image.pixel_array for image in images]) - 1024.0
    expected = (values > HALF_HU).astype(np.uint8)
    expected[values > 10.0] = 3
    np.testing.assert_array_equal(expected, found)


def test_seg_07_a_loop_gives_an_object_for_every_frame_that_shows_something(tmp_path):
    loop = a_grey_loop(frames=4)
    pixels = np.frombuffer(loop.PixelData, np.uint8).reshape(4, 24, 32).copy()
    pixels[1] = 0
    loop.PixelData = pixels.tobytes()
    card = frames_card("above", parameters={"low": 100.0, "high": 1e9})
    manifest, segs = segment(tmp_path, [loop], card)

    assert [1, 3, 4] == [seg.InstanceNumber for seg in segs]
    assert 1 == len({seg.SeriesInstanceUID for seg in segs})
    for seg in segs:
        item = seg.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
        reference = item.SourceImageSequence[0]
        assert (loop.SOPInstanceUID, UltrasoundMultiFrameImageStorage, seg.InstanceNumber) == (
            reference.ReferencedSOPInstanceUID, reference.ReferencedSOPClassUID,
            reference.ReferencedFrameNumber,
        )  # fmt: skip
        (series,) = seg.ReferencedSeriesSequence
        (listed,) = series.ReferencedInstanceSequence
        assert ["ReferencedSOPClassUID", "ReferencedSOPInstanceUID"] == [e.keyword for e in listed]
    assert int((pixels > 100).sum()) == manifest.measurements["segments"][0]["voxels"]
    assert manifest.measurements["segments"][0]["ml"] is None


def test_seg_12_segments_that_are_not_there_are_not_described(tmp_path):
    card = a_card("above", parameters={"low": 1e8, "high": 10.0})
    _manifest, (seg,) = segment(tmp_path, a_series(), card)

    assert ["Left lung"] == [item.SegmentLabel for item in seg.SegmentSequence]
    assert [1] == [item.SegmentNumber for item in seg.SegmentSequence]


def test_seg_12_an_empty_mask_gives_no_segmentation_but_a_word(tmp_path):
    card = a_card("above", parameters={"low": 1e8, "high": 1e9})
    manifest, segs = segment(tmp_path, a_series(), card)

    assert ([], [], [NOTHING_FOUND]) == (
        segs, manifest.measurements["segments"], manifest.warnings,
    )  # fmt: skip


def test_seg_14_its_dates_and_equipment_are_the_jobs(tmp_path):
    _manifest, (seg,) = segment(tmp_path, a_series())

    assert ("20261123", "233000.000000") == (seg.ContentDate, seg.ContentTime)
    assert ("20261123", "233000.000000") == (seg.InstanceCreationDate, seg.InstanceCreationTime)
    assert ("dicom-node", "2.25.77", "NODE1") == (
        seg.ManufacturerModelName, seg.DeviceUID, seg.StationName,
    )  # fmt: skip
    assert "Research use only" in seg.DerivationDescription
    assert "CT test made" == seg.SeriesDescription


def test_seg_10_the_scanner_and_the_library_are_each_named_once(tmp_path):
    _manifest, (seg,) = segment(tmp_path, a_series())

    told = [
        (item.Manufacturer, item.PurposeOfReferenceCodeSequence[0].CodeValue)
        for item in seg.ContributingEquipmentSequence
    ]
    assert ("Test Scanners", "109101") == told[0]
    assert [item[1] for item in told] == ["109101", "109102"]


def test_enh_04_the_side_of_a_paired_part_is_kept(tmp_path):
    images = a_series("MR", BodyPartExamined="BREAST", Laterality="L")
    manifest, (seg,) = segment(tmp_path, images)

    assert ("BREAST", "L") == (seg.BodyPartExamined, seg.Laterality)
    assert [] == manifest.conformance["findings"]


@pytest.mark.parametrize(
    ("part", "side", "kept"),
    [("BREAST", "R", True), ("BREAST", "", True), (None, "R", True), (None, "", False),
     ("ABDOMEN", "", False)],
)  # fmt: skip
def test_an_empty_side_is_kept_of_paired_parts_alone(tmp_path, part, side, kept):
    parts = {"BodyPartExamined": part} if part else {}
    _manifest, (seg,) = segment(tmp_path, a_series("MR", Laterality=side, **parts))

    assert kept == ("Laterality" in seg)


def test_enh_21_a_segmentation_of_a_lossy_image_says_so(tmp_path):
    images = a_series(slices=3)
    images[2].LossyImageCompression = "01"
    images[2].LossyImageCompressionRatio = 9.5
    images[2].LossyImageCompressionMethod = "ISO_10918_1"
    _manifest, (seg,) = segment(tmp_path, images)

    assert ("01", 9.5) == (seg.LossyImageCompression, seg.LossyImageCompressionRatio)


def test_the_series_number_stands_apart_from_enhanced_series(tmp_path):
    _manifest, (seg,) = segment(tmp_path, a_series(SeriesNumber=4))

    assert 9504 == seg.SeriesNumber


@pytest.mark.parametrize("fault", ["moved", "voxel", "label", "turned"])
def test_a_file_that_reads_back_as_another_mask_fails_the_run(tmp_path, fault):
    images = a_series(slices=4)
    card = a_card("above", parameters={"low": HALF_HU, "high": 1e9})
    manifest, folder = run_card(card, images, tmp_path)
    path = folder / manifest.outputs[0].file
    volume = read_volume(write_series(tmp_path / "again", images))
    labels = (volume.array > HALF_HU).astype(np.uint8)
    segments = [card.segments[0]]
    check_segmentation(path, volume, labels, segments)

    seg = pydicom.dcmread(path)
    if fault == "moved":
        for group in seg.PerFrameFunctionalGroupsSequence:
            group.PlanePositionSequence[0].ImagePositionPatient[0] += 1
    elif fault == "voxel":
        seg.PixelData = bytes([seg.PixelData[0] ^ 1]) + seg.PixelData[1:]
    elif fault == "label":
        seg.SegmentSequence[0].SegmentLabel = "Liver"
    else:
        shared = seg.SharedFunctionalGroupsSequence[0]
        shared.PlaneOrientationSequence[0].ImageOrientationPatient = [0, 1, 0, 1, 0, 0]
    seg.save_as(path)

    with pytest.raises(PipelineFailed):
        check_segmentation(path, volume, labels, segments)


def test_every_phase_of_a_series_has_its_own_object(tmp_path):
    images = a_series(slices=6)
    for index, image in enumerate(images):
        image.ImagePositionPatient = [0, 0, 2 * (index % 3)]
        image.AcquisitionNumber = 1 + index // 3
    manifest, segs = segment(tmp_path, images)

    assert 2 == len({seg.SOPInstanceUID for seg in segs}) == len(segs)
    referenced = [{i.ReferencedSOPInstanceUID for i in seg.SourceImageSequence} for seg in segs]
    assert {image.SOPInstanceUID for image in images} == referenced[0] | referenced[1]
    assert set() == referenced[0] & referenced[1]
    assert [1, 1, 2, 2] == [row["phase"] for row in manifest.measurements["segments"]]
