"""RT structure sets: contours that hold the voxels of the mask, at their places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import RTStructureSetStorage

from pipelines.conformance import check, read_header
from pipelines.dicom_out.planes import Result
from pipelines.dicom_out.provenance import Origin
from pipelines.dicom_out.rt_contours import LONGEST_DS, contours_of
from pipelines.dicom_out.rtstruct import write_structure_set
from pipelines.volume import Volume
from tests.builders import CANARY, a_series
from tests.unit.pipelines.segmented import STACKS, a_mask, a_stack, sided_card
from tests.unit.pipelines.stand_ins import SEGMENTS, a_card, a_request, frames_card, run_card
from tests.unit.pipelines.test_outlines import crossings


def structures(folder: Path, images: list[Dataset], card=None, objects=("sr", "rtstruct"), **more):
    card = card or a_card("above", parameters={"low": -24.0, "high": 10.0})
    manifest, made = run_card(card, images, folder, objects=list(objects), **more)
    found = [each for each in manifest.outputs if each.kind == "rtstruct"]
    return [pydicom.dcmread(made / each.file) for each in found]


def written(volume: Volume, labels: np.ndarray, folder: Path) -> Dataset:
    """The structure set of `labels`."""
    folder.mkdir(parents=True, exist_ok=True)
    card = sided_card()
    origin = Origin(a_request(card, [], folder), card, {}, volume.digests)
    (output,) = write_structure_set(Result(volume, labels, []), origin, folder)
    return pydicom.dcmread(folder / output.file)


def filled(contours: list[Dataset], volume: Volume) -> np.ndarray:
    """The voxels whose centres lie in an odd number of contours of their slice, by the affine."""
    mask = np.zeros(volume.array.shape, bool)
    frames = [frame.number for frame in volume.frames] or [None] * len(volume.sources)
    named = [image.SOPInstanceUID for image in volume.sources]
    slices = {place: index for index, place in enumerate(zip(named, frames, strict=True))}
    inverse = np.linalg.inv(volume.affine)
    for contour in contours:
        points = np.array(contour.ContourData, float).reshape(-1, 3)
        assert ("CLOSED_PLANAR", len(points)) == (
            contour.ContourGeometricType, contour.NumberOfContourPoints,
        )  # fmt: skip
        places = points @ inverse[:3, :3].T + inverse[:3, 3]
        (image,) = contour.ContourImageSequence
        index = slices[image.ReferencedSOPInstanceUID, image.get("ReferencedFrameNumber")]
        assert np.abs(places[:, 2] - index).max() < 0.01
        mask[index] ^= crossings(places[:, :2], mask.shape[1:])
    return mask


# The odd size is there for bits that are packed, and has contours by the thousand.
@pytest.mark.parametrize("case", [case for case in STACKS if case != "125x127"])
def test_contours_hold_every_voxel_of_the_mask_and_no_other(tmp_path, case):
    volume = a_stack(tmp_path / "source", **STACKS[case])
    labels = a_mask(volume)
    made = written(volume, labels, tmp_path / "made")

    for item in made.ROIContourSequence:
        mask = filled(item.ContourSequence, volume)
        np.testing.assert_array_equal(labels == item.ReferencedROINumber, mask)


def test_a_hole_is_reached_by_a_keyhole(tmp_path):
    volume = a_stack(tmp_path / "source")
    labels = np.zeros(volume.array.shape, np.uint8)
    labels[1, 2:15, 3:20] = 5
    labels[1, 5:8, 6:9] = labels[1, 10:12, 12:15] = 0
    made = written(volume, labels, tmp_path / "made")

    (item,) = made.ROIContourSequence
    assert 1 == len(item.ContourSequence)
    np.testing.assert_array_equal(labels == 5, filled(item.ContourSequence, volume))


def test_a_contour_that_would_not_fit_its_element_is_cut_in_two(tmp_path):
    volume = a_stack(tmp_path / "source", slices=1, rows=200, columns=200, corner=(-999, -999, 9))
    y, x = np.indices((200, 200))
    mask = (((x % 3 != 1) | (y % 2 != 1)) & (x > 1) & (y < 190))[None]  # a sieve in one piece
    contours = list(contours_of(volume, mask))

    assert 1 < len(contours) < 20
    np.testing.assert_array_equal(mask, filled(contours, volume))
    for contour in contours:
        assert "DS" == contour["ContourData"].VR
        assert len("\\".join(map(str, contour.ContourData))) <= LONGEST_DS


def test_rois_are_the_segments_of_the_card_and_say_what_they_are(tmp_path):
    (made,) = structures(tmp_path, a_series())

    assert RTStructureSetStorage == made.SOPClassUID
    assert [(each["number"], each["label"]) for each in SEGMENTS] == [
        (item.ROINumber, item.ROIName) for item in made.StructureSetROISequence
    ]
    assert [each["colour"] for each in SEGMENTS] == [
        list(item.ROIDisplayColor) for item in made.ROIContourSequence
    ]
    tissue, lung = (item.RTROIIdentificationCodeSequence[0]
                    for item in made.RTROIObservationsSequence)  # fmt: skip
    assert "39607008" == lung.CodeValue
    assert "7771000" == lung.SegmentedPropertyTypeModifierCodeSequence[0].CodeValue
    assert "SegmentedPropertyTypeModifierCodeSequence" not in tissue
    assert {"AUTOMATIC"} == {item.ROIGenerationAlgorithm for item in made.StructureSetROISequence}
    assert "UNAPPROVED" == made.ApprovalStatus
    assert "Research use only" in made.StructureSetDescription


def test_every_image_of_the_series_is_listed_in_its_frame_of_reference(tmp_path):
    images = a_series()
    (made,) = structures(tmp_path, images)

    (frame,) = made.ReferencedFrameOfReferenceSequence
    (study,) = frame.RTReferencedStudySequence
    (series,) = study.RTReferencedSeriesSequence
    assert images[0].FrameOfReferenceUID == frame.FrameOfReferenceUID == made.FrameOfReferenceUID
    assert images[0].StudyInstanceUID == study.ReferencedSOPInstanceUID
    assert {image.SOPInstanceUID for image in images} == {
        item.ReferencedSOPInstanceUID for item in series.ContourImageSequence
    }


def test_no_text_names_the_patient(tmp_path):
    (made,) = structures(tmp_path, a_series())

    assert CANARY == made.PatientName
    del made.PatientName
    assert CANARY not in str(made)


def test_the_gate_sees_a_contour_on_an_image_that_is_not_listed(tmp_path):
    (made,) = structures(tmp_path, a_series())
    path = tmp_path / "broken.dcm"
    frame = made.ReferencedFrameOfReferenceSequence[0]
    del frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0].ContourImageSequence[0]
    made.save_as(path)

    (found,) = check(read_header(path)).errors
    assert "does not list an instance that the object names" == found.what


@pytest.mark.parametrize(
    "place",
    [
        "StructureSetROISequence/ROIName",
        "StructureSetROISequence/ReferencedFrameOfReferenceUID",
        "ROIContourSequence/ReferencedROINumber",
        "RTROIObservationsSequence/RTROIInterpretedType",
    ],
)
def test_the_gate_sees_a_structure_without_what_it_needs(tmp_path, place):
    (made,) = structures(tmp_path, a_series())
    path = tmp_path / "broken.dcm"
    sequence, keyword = place.split("/")
    del made[sequence].value[0][keyword]
    made.save_as(path)

    assert [place] == [each.where for each in check(read_header(path)).errors]


def test_frames_nothing_found_and_who_did_not_ask_get_no_structures(tmp_path):
    low = {"low": 1000.0, "high": 1e9}
    nothing = a_card("above", parameters={"low": 1e8, "high": 1e9})
    radiograph = a_series("CR", slices=1)

    assert [] == structures(tmp_path / "a", radiograph, frames_card("above", parameters=low))
    assert [] == structures(tmp_path / "b", a_series(), nothing)
    assert [] == structures(tmp_path / "c", a_series(), objects=["seg", "sr"])


def test_the_same_request_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        structures(tmp_path / name, a_series())
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "results").glob("*.dcm")}
        for name in ("a", "b")
    )

    assert first == second
