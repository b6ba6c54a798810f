"""SEG-01, SEG-11: a mask as LABELMAP and segment by segment, beside BINARY or instead of it."""

from __future__ import annotations

from typing import get_args

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from pipelines.dicom_out.seg_form import LABELMAP, SINGLE
from pipelines.manifest import Kind
from tests.builders import a_series
from tests.multi_frame import an_enhanced
from tests.unit.pipelines.segmented import a_mask, a_stack, sided_card, write_mask
from tests.unit.pipelines.stand_ins import a_card, frames_card, run_card
from tests.unit.pipelines.ultrasound import a_grey_loop

LABEL_MAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"
SPLIT = {"low": -24.0, "high": 10.0}
BOTH = ["enhanced", "seg", "labelmap", "sr"]


@pytest.fixture
def volume(tmp_path):
    return a_stack(tmp_path / "source")


def segment(folder, images=None, card=None, **request):
    """The manifest's outputs and their data sets."""
    card = card or a_card("above", parameters=SPLIT)
    manifest, results = run_card(card, images or a_series(), folder, **request)
    assert 0 == manifest.conformance["errors"], manifest.conformance
    return manifest.outputs, [pydicom.dcmread(results / one.file) for one in manifest.outputs]


def kinds(outputs):
    return [output.kind for output in outputs]


def named_in(report: Dataset) -> set[str]:
    """The instances of segmentations that a report lists as its evidence."""
    return {
        str(item.ReferencedSOPInstanceUID)
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
        if str(item.ReferencedSOPClassUID).startswith("1.2.840.10008.5.1.4.1.1.66.")
    }


def test_without_a_wish_there_are_binary_objects_and_one_report(tmp_path):
    outputs, _ = segment(tmp_path)

    assert ["seg", "sr"] == kinds(outputs)
    assert ["", "seg"] == [output.names for output in outputs]


def test_every_form_names_the_frames_of_an_enhanced_object_at_their_places(tmp_path):
    images = a_series()
    source = an_enhanced("CT", [images[index] for index in (3, 0, 4, 1, 2)])
    places = [
        list(groups.PlanePositionSequence[0].ImagePositionPatient)
        for groups in source.PerFrameFunctionalGroupsSequence
    ]
    outputs, made = segment(tmp_path, [source], objects=["seg", "labelmap", "segment", "sr"])
    forms = [each for each in made if each.Modality == "SEG"]

    assert ["seg", "labelmap", "segment", "segment"] == kinds(outputs)[: len(forms)]
    for form in forms:
        for groups in form.PerFrameFunctionalGroupsSequence:
            (named,) = groups.DerivationImageSequence[0].SourceImageSequence
            assert source.SOPInstanceUID == named.ReferencedSOPInstanceUID
            place = places[named.ReferencedFrameNumber - 1]
            assert place == groups.PlanePositionSequence[0].ImagePositionPatient
    assert len(forms) == len({form.SOPInstanceUID for form in forms})


def test_a_label_map_is_8_bit_explicit_with_its_background_described(volume, tmp_path):
    (path,) = write_mask(volume, a_mask(volume), tmp_path / "results", LABELMAP)
    made = pydicom.dcmread(path)

    assert (LABEL_MAP_STORAGE, ExplicitVRLittleEndian) == (
        made.SOPClassUID, made.file_meta.TransferSyntaxUID,
    )  # fmt: skip
    assert ("LABELMAP", 8, "MONOCHROME2", 0) == (
        made.SegmentationType, made.BitsAllocated, made.PhotometricInterpretation,
        made.PixelPaddingValue,
    )  # fmt: skip
    background, *segments = made.SegmentSequence
    code = background.SegmentedPropertyTypeCodeSequence[0]
    assert (0, "125040", "DCM") == (
        background.SegmentNumber, code.CodeValue, code.CodingSchemeDesignator,
    )  # fmt: skip
    assert [1, 2, 3] == [item.SegmentNumber for item in segments]
    assert volume.array.shape[0] == made.NumberOfFrames
    assert not [g for g in made.PerFrameFunctionalGroupsSequence
                if "SegmentIdentificationSequence" in g]  # fmt: skip
    assert ["DERIVED", "PRIMARY"] == made.ImageType


@pytest.mark.parametrize("form", [LABELMAP, SINGLE], ids=lambda form: form.kind)
def test_the_library_reads_the_voxels_of_the_mask(volume, tmp_path, form):
    labels = a_mask(volume)
    sources = [str(image.SOPInstanceUID) for image in volume.sources]
    found = np.zeros_like(labels)
    numbers = [segment.number for segment in sided_card().segments]
    for place, path in enumerate(write_mask(volume, labels, tmp_path / "results", form)):
        seg = hd.seg.segread(path)
        read = seg.get_pixels_by_source_instance(
            sources, combine_segments=True, ignore_spatial_locations=False,
            assert_missing_frames_are_empty=True,
        )  # fmt: skip
        for number in seg.segment_numbers:  # number_of_segments is one short of a label map's
            found[read == number] = numbers[place if form is SINGLE else number - 1]

    np.testing.assert_array_equal(labels, found)


def test_both_forms_are_series_of_their_own_with_a_report_each(tmp_path):
    outputs, (binary, label_map, report, other) = segment(tmp_path, objects=BOTH)

    assert ["seg", "labelmap", "sr", "sr"] == kinds(outputs)
    assert ["seg", "labelmap"] == [output.names for output in outputs[2:]]
    assert {binary.SOPInstanceUID} == named_in(report)
    assert {label_map.SOPInstanceUID} == named_in(other)
    sets = [binary, label_map, report, other]
    assert (
        4 == len({one.SeriesInstanceUID for one in sets}) == len({one.SeriesNumber for one in sets})
    )


def test_what_others_want_changes_no_byte_of_an_object(tmp_path):
    """A UID names one content: who asked for what must not show in it."""
    alone, _ = segment(tmp_path / "a")
    among, _ = segment(tmp_path / "b", objects=[*BOTH, "segment"])
    third, _ = segment(tmp_path / "c", objects=["labelmap", "sr"])
    by_uid = {output.sop_uid: output.sha256 for output in among}

    assert ["labelmap", "sr"] == kinds(third)
    for output in (*alone, *third):
        assert output.sha256 == by_uid[output.sop_uid]


def test_a_segment_has_the_same_tracking_uid_in_every_form(tmp_path):
    outputs, made = segment(tmp_path, objects=[*BOTH, "segment"])

    def tracked(kind):
        return {
            item.SegmentLabel: item.TrackingUID
            for output, one in zip(outputs, made, strict=True) if output.kind == kind
            for item in one.SegmentSequence if item.SegmentNumber
        }  # fmt: skip

    assert ["seg", "labelmap", "segment", "segment", "sr", "sr", "sr"] == kinds(outputs)
    assert tracked("seg") == tracked("labelmap") == tracked("segment")
    assert {"Tissue", "Left lung"} == set(tracked("seg"))


def test_split_objects_have_one_segment_each_and_differ_in_uid_and_number(tmp_path):
    outputs, made = segment(tmp_path, objects=["segment", "sr"])
    one, two, report = made

    assert ["segment", "segment", "sr"] == kinds(outputs)
    assert [["Tissue"], ["Left lung"]] == [
        [item.SegmentLabel for item in seg.SegmentSequence] for seg in (one, two)
    ]
    assert one.SeriesInstanceUID == two.SeriesInstanceUID
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert one.InstanceNumber != two.InstanceNumber
    assert {one.SOPInstanceUID, two.SOPInstanceUID} == named_in(report)


@pytest.mark.parametrize(
    ("max_frames", "wanted"),
    [(0, ["seg", "sr"]), (12, ["seg", "sr"]), (11, ["seg", "segment", "segment", "sr", "sr"])],
)
def test_a_segmentation_of_more_frames_than_somebody_takes_is_written_in_parts_too(
    tmp_path, max_frames, wanted
):
    outputs, _ = segment(tmp_path, a_series(slices=6), max_frames=max_frames)

    assert wanted == kinds(outputs)
    assert 12 == outputs[0].frames
    assert all(6 == output.frames for output in outputs if output.kind == "segment")


def test_every_phase_is_split_where_one_is_too_large(tmp_path):
    images = a_series(slices=6)
    for index, image in enumerate(images):
        image.ImagePositionPatient = [0, 0, 2 * (index % 3)]
        image.AcquisitionNumber = 1 + index // 3
    images[0].PixelData = images[0].PixelData[:0] + bytes(len(images[0].PixelData))  # no segment
    outputs, _ = segment(tmp_path, images, max_frames=5)

    assert [4, 6] == sorted(output.frames for output in outputs if output.kind == "seg")
    assert 4 == kinds(outputs).count("segment")


def test_frames_without_a_place_give_a_label_map_each(tmp_path):
    card = frames_card("above", parameters={"low": 100.0, "high": 1e9})
    outputs, made = segment(tmp_path, [a_grey_loop(frames=3)], card, objects=["labelmap", "sr"])

    assert ["labelmap"] * 3 + ["sr"] == kinds(outputs)
    assert [1, 2, 3] == [one.InstanceNumber for one in made[:3]]
    assert {one.SOPInstanceUID for one in made[:3]} == named_in(made[3])


def test_seg_12_nothing_found_gives_one_report_and_no_form(tmp_path):
    card = a_card("above", parameters={"low": 1e8, "high": 1e9})
    outputs, _ = segment(tmp_path, card=card, objects=[*BOTH, "segment"], max_frames=1)

    assert ["sr"] == kinds(outputs)


def test_a_report_that_nobody_wants_is_not_written(tmp_path):
    outputs, _ = segment(tmp_path, objects=["seg"])

    assert ["seg"] == kinds(outputs)


def test_who_wants_every_kind_of_object_gets_those_that_there_are(tmp_path):
    every = list(get_args(Kind))
    outputs, _ = segment(tmp_path / "segmented", objects=every)
    enhanced, _ = segment(tmp_path / "enhanced", card=a_card(), objects=every)

    assert {"seg", "labelmap", "segment", "sr"} <= set(kinds(outputs)) <= set(every)
    assert "enhanced" in kinds(enhanced)
    assert {"seg", "labelmap", "segment"}.isdisjoint(kinds(enhanced))
