"""What each destination gets of a job, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from dicom_node.config import ProfileSection
from dicom_node.config.profiles import Taken, shipped_profiles
from dicom_node.delivery.selection import _NAMES, Made, select
from dicom_node.net.scu import OutgoingFile
from dicom_node.web.words import KINDS, OBJECTS
from pipelines.manifest import Kind

CLASSES = {"seg": "1.2.840.10008.5.1.4.1.1.66.4", "labelmap": "1.2.840.10008.5.1.4.1.1.66.7"}
EXPLICIT = "1.2.840.10008.1.2.1"


def made(name: str, frames: int = 1) -> Made:
    """``seg``, or ``sr of labelmap``; the path is the name."""
    kind, _, names = name.partition(" of ")
    base = kind.rstrip("123456789")
    sop_class = CLASSES.get("seg" if base == "segment" else base, f"1.2.{len(base)}")
    file = OutgoingFile(Path(name), sop_class, name, EXPLICIT)
    return Made(file, base, frames, names)


EVERYTHING = [
    made("seg", 300), made("labelmap", 120), made("segment1", 180), made("segment2", 120),
    made("sr of seg"), made("sr of labelmap"), made("sr of segment"), made("pm", 120),
    made("sc1"), made("sc2"),
]  # fmt: skip


def ways(results: list[Made] = EVERYTHING, **profile):
    return [
        ([str(file.path) for file in way.files], way.left_out)
        for way in select(results, ProfileSection(**profile))
    ]


def test_the_default_gets_what_was_sent_before_there_were_profiles():
    results = [made("seg", 300), made("sr of seg")]

    assert [(["seg", "sr of seg"], "")] == ways(results)
    assert [(["enhanced1", "enhanced2"], "")] == ways([made("enhanced1"), made("enhanced2")])


def test_what_the_profile_does_not_take_is_left_out_and_said():
    assert [(["seg", "sr of seg"], "1 parametric map, 2 secondary captures")] == ways()
    assert [(["pm", "sc1", "sc2"], "1 segmentation, 1 report")] == ways(kinds=["pm", "sc"])


def test_the_first_of_two_forms_is_sent_with_its_report_and_the_second_stands_by():
    rest = "1 parametric map, 2 secondary captures"

    assert [
        (["labelmap", "sr of labelmap"], rest), (["seg", "sr of seg"], rest),
    ] == ways(kinds=["labelmap", "seg", "sr"])  # fmt: skip
    assert ["seg", "labelmap"] == [files[0] for files, _ in ways(kinds=["seg", "labelmap", "sr"])]


def test_split_segments_come_one_by_one_with_the_report_that_names_them():
    (way,) = ways(kinds=["seg", "sr", "pm", "sc"], split_segments=True)

    assert (["segment1", "segment2", "sr of segment", "pm", "sc1", "sc2"], "") == way


@pytest.mark.parametrize(
    ("most", "form"), [(0, "seg"), (300, "seg"), (299, "segment1"), (180, "segment1")]
)
def test_a_segmentation_of_too_many_frames_goes_segment_by_segment(most, form):
    ((files, said),) = ways(kinds=["seg", "sr", "pm", "sc"], max_frames=most)

    assert form == files[0]
    assert "" == said


def test_a_segment_of_too_many_frames_is_refused_with_the_reason():
    ((files, said),) = ways(kinds=["seg", "sr", "sc"], max_frames=150)

    assert ["segment2", "sr of segment", "sc1", "sc2"] == files
    assert "1 parametric map, 1 segmentation of a single segment of more than 150 frames" == said


def test_a_form_that_fits_whole_goes_before_one_that_fits_in_part():
    found = ways(kinds=["seg", "labelmap", "sr", "pm", "sc"], max_frames=150)

    assert [["labelmap"], ["segment2"]] == [
        [file for file in files if file.startswith(("labelmap", "seg"))] for files, _ in found
    ]


def test_other_objects_of_too_many_frames_are_refused_too():
    ((files, said),) = ways([made("pm", 120), made("ko")], kinds=["pm", "ko"], max_frames=100)

    assert (["ko"], "1 parametric map of more than 100 frames") == (files, said)


def test_pictures_stand_in_where_no_segmentation_is_taken():
    assert [(["sr of seg", "sc1", "sc2"], "1 segmentation, 1 parametric map")] == ways(
        kinds=["enhanced", "sr"], sc_fallback=True
    )


def test_pictures_stand_by_where_the_peer_may_decline_segmentations():
    with_seg, with_pictures = ways(kinds=["seg", "sr", "pm"], sc_fallback=True)

    assert (["seg", "sr of seg", "pm"], "2 secondary captures") == with_seg
    assert (["sr of seg", "pm", "sc1", "sc2"], "1 segmentation") == with_pictures


def test_pictures_go_before_a_part_of_the_segmentation():
    found = ways(kinds=["seg"], sc_fallback=True, max_frames=150)

    assert [["sc1", "sc2"], ["segment2"]] == [files for files, _ in found]


def test_a_class_that_is_not_taken_is_left_out_and_another_form_is_tried():
    taken = {"kinds": ["labelmap", "seg"], "leave_out_classes": [CLASSES["labelmap"]]}

    assert [["seg"]] == [files for files, _ in ways(**taken)]
    assert [([], "1 label map, 1 report")] == ways(
        [made("labelmap"), made("sr of labelmap")], **taken
    )


def test_nothing_found_gives_its_report_and_no_picture():
    assert [(["sr of seg"], "")] == ways([made("sr of seg")], sc_fallback=True)
    assert [(["sr"], "")] == ways([made("sr")])  # of a job of an earlier version


def test_a_selection_of_nothing_says_of_what():
    assert [([], "1 report")] == ways([made("sr of seg")], kinds=["enhanced"])
    assert [([], "")] == ways([])


def test_the_words_know_every_kind():
    every = set(get_args(Kind))

    assert every == set(get_args(Taken)) | {"segment"} == set(_NAMES)
    assert every == set(KINDS) == set(OBJECTS)


@pytest.mark.parametrize("name", shipped_profiles())
def test_a_shipped_profile_takes_a_segmentation_and_its_report(name):
    best, *_ = select(EVERYTHING, shipped_profiles()[name])

    assert {"seg", "sr of seg"} <= {str(file.path) for file in best.files}
