"""SEG-12, SEG-14 and IHE AIR: what the report of a segmentation run says."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import Comprehensive3DSRStorage

from dicom_node.intake.header import scan
from tests.builders import CANARY, a_series
from tests.unit.pipelines.stand_ins import a_card, frames_card, run_card
from tests.unit.pipelines.ultrasound import a_grey_loop, a_region

MEAN, SD = "373098007", "386136009"


def segmenting(low: float = -24.0, high: float = 10.0):
    return a_card("above", parameters={"low": low, "high": high})


def report_of(folder, images, card=None, **request) -> tuple[Dataset, list[Dataset]]:
    """The run's report, and its segmentations."""
    manifest, made = run_card(card or segmenting(), images, folder, **request)
    assert "sr" == manifest.outputs[-1].kind
    found = [pydicom.dcmread(made / output.file) for output in manifest.outputs]
    return found[-1], found[:-1]


def items(node: Dataset, code: str) -> Iterator[Dataset]:
    """The content items below `node` whose concept is `code`, in document order."""
    for item in node.get("ContentSequence", []):
        name = item.get("ConceptNameCodeSequence")
        if name and name[0].CodeValue == code:
            yield item
        yield from items(item, code)


def numbers(group: Dataset) -> dict[tuple[str, str], float]:
    """Values of a group by the code of the quantity and of its derivation."""
    return {
        (
            item.ConceptNameCodeSequence[0].CodeValue,
            next((d.ConceptCodeSequence[0].CodeValue for d in items(item, "121401")), ""),
        ): float(item.MeasuredValueSequence[0].NumericValue)
        for item in group.ContentSequence
        if item.ValueType == "NUM"
    }


def test_air_one_complete_unverified_report_refers_to_all_that_the_run_read_and_wrote(tmp_path):
    images = a_series()
    report, segs = report_of(tmp_path, images)

    assert Comprehensive3DSRStorage == report.SOPClassUID
    assert ("COMPLETE", "UNVERIFIED") == (report.CompletionFlag, report.VerificationFlag)
    assert ("126000", "1500") == (
        report.ConceptNameCodeSequence[0].CodeValue,
        report.ContentTemplateSequence[0].TemplateIdentifier,
    )
    referenced = {
        instance.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }
    assert {made.SOPInstanceUID for made in (*images, *segs)} == referenced


def test_air_the_observer_is_the_device_of_general_equipment(tmp_path):
    report, _ = report_of(tmp_path, a_series())

    (observer,) = items(report, "121012")
    assert report.DeviceUID == observer.UID == "2.25.77"


def test_air_a_group_tracks_what_its_segment_tracks(tmp_path):
    report, (seg,) = report_of(tmp_path, a_series())

    groups = list(items(report, "125007"))
    for group, segment in zip(groups, seg.SegmentSequence, strict=True):
        (tracked,) = items(group, "112040")
        (named,) = items(group, "112039")
        (reference,) = items(group, "121191")
        assert (segment.TrackingUID, segment.TrackingID) == (tracked.UID, named.TextValue)
        sop = reference.ReferencedSOPSequence[0]
        assert (seg.SOPInstanceUID, segment.SegmentNumber) == (
            sop.ReferencedSOPInstanceUID, sop.ReferencedSegmentNumber,
        )  # fmt: skip
    (side,) = items(groups[1], "272741003")
    assert "7771000" == side.ConceptCodeSequence[0].CodeValue


def test_a_ct_measures_volume_diameter_and_hounsfield_units(tmp_path):
    pixels = np.full((3, 8, 8), 900, np.int16)
    pixels[0, 0, :4] = [1010, 1020, 1040, 1050]
    report, _ = report_of(tmp_path, a_series(pixels=pixels))

    tissue, lung = (numbers(group) for group in items(report, "125007"))
    assert {
        ("118565006", ""): pytest.approx(2 * 2.0 * 0.8 * 0.8 / 1000),
        ("L0JK", ""): pytest.approx(
            np.hypot(2.0, 0.8)
        ),  # from the foot of one voxel to the head of the next
        ("112031", MEAN): -9.0,
        ("112031", SD): 5.0,
    } == tissue
    assert 21.0 == lung["112031", MEAN]


@pytest.mark.parametrize(
    ("modality", "header"),
    [("MR", {}), ("PT", {"PatientWeight": None}), ("CT", {"RescaleType": "US"})],
)
def test_what_is_in_no_unit_that_all_share_has_no_mean(tmp_path, modality, header):
    low = {"CT": -24.0, "MR": 1000.0, "PT": 2500.0}[modality]
    images = a_series(modality, **header)
    report, _ = report_of(tmp_path, images, segmenting(low, 1e9))

    (group,) = items(report, "125007")
    assert {("118565006", ""), ("L0JK", "")} == set(numbers(group))


def test_frames_without_a_place_are_planar_and_name_their_frame(tmp_path):
    loop = a_grey_loop(frames=3)
    pixels = np.frombuffer(loop.PixelData, np.uint8).reshape(3, 24, 32).copy()
    pixels[:] = 0
    pixels[2, 3, 4:8] = 200
    loop.PixelData = pixels.tobytes()
    del loop.PixelSpacing
    loop.SequenceOfUltrasoundRegions = [a_region(0, 0, 31, 23, delta_cm=(0.05, 0.02))]
    card = frames_card("above", parameters={"low": 100.0, "high": 1e9})
    report, (seg,) = report_of(tmp_path, [loop], card)

    (group,) = items(report, "125007")
    (reference,) = items(group, "121214")
    (source,) = items(group, "121233")
    assert seg.SOPInstanceUID == reference.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    assert 3 == source.ReferencedSOPSequence[0].ReferencedFrameNumber
    found = numbers(group)
    assert {("42798000", ""), ("81827009", "56851009")} == set(found)
    assert 4 * 0.5 * 0.2 == pytest.approx(found["42798000", ""])
    assert "99DICOMNODE" == report.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator


def test_millimetres_at_the_detector_are_not_measured(tmp_path):
    images = a_series("CR", slices=1)
    images[0].ImagerPixelSpacing = [0.2, 0.2]
    del images[0].PixelSpacing
    card = frames_card("above", parameters={"low": 1000.0, "high": 1e9})
    report, _ = report_of(tmp_path, images, card)

    (group,) = items(report, "125007")
    assert {} == numbers(group)


def test_seg_12_a_report_alone_says_that_nothing_was_found(tmp_path):
    report, segs = report_of(tmp_path, a_series(), segmenting(1e8, 1e9))

    assert [] == segs
    (said,) = items(report, "111017")
    assert "111241" == said.ConceptCodeSequence[0].CodeValue


def test_every_phase_of_a_series_and_every_segment_is_in_the_one_report(tmp_path):
    images = a_series(slices=6)
    for index, image in enumerate(images):
        image.ImagePositionPatient = [0, 0, 2 * (index % 3)]
        image.AcquisitionNumber = 1 + index // 3
    report, segs = report_of(tmp_path, images)

    referenced = [
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in items(report, "121191")
    ]
    assert [seg.SOPInstanceUID for seg in segs for _ in seg.SegmentSequence] == referenced
    assert 2 == len(segs)


def test_seg_14_dates_and_equipment_are_the_runs(tmp_path):
    report, _ = report_of(tmp_path, a_series(SeriesNumber=4))

    for name in ("InstanceCreation", "Content", "Series"):
        dated = report[f"{name}Date"].value, report[f"{name}Time"].value
        assert ("20261123", "233000.000000") == dated
    assert ("dicom-node", "NODE1", 9754) == (
        report.ManufacturerModelName, report.StationName, report.SeriesNumber,
    )  # fmt: skip


def test_the_report_says_that_it_is_for_research(tmp_path):
    report, (seg,) = report_of(tmp_path, a_series())

    (comment,) = items(report, "121106")
    assert comment.TextValue == seg.DerivationDescription
    assert "Research use only" in comment.TextValue


def test_seg_04_the_tree_names_no_person(tmp_path):
    images = a_series()
    report, _ = report_of(tmp_path, images)

    tree = str(report.ContentSequence)
    for value in (CANARY, images[0].PatientID, images[0].AccessionNumber):
        assert value not in tree
    assert CANARY == report.PatientName


def test_enh_28_a_report_that_comes_back_is_known_as_our_own(tmp_path):
    manifest, made = run_card(segmenting(), a_series(), tmp_path)

    path = made / manifest.outputs[-1].file
    report = pydicom.dcmread(path)
    with path.open("rb") as stream:
        stream.seek(144 + report.file_meta.FileMetaInformationGroupLength)
        size = path.stat().st_size - stream.tell()
        assert scan(stream, size, report.file_meta.TransferSyntaxUID).is_own
