"""Every kind of object from one run: they stand beside one another, and the gate finds nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import get_args

import pydicom
import pytest
from pydicom import Dataset

from pipelines.dicom_out.seg_form import FORMS
from pipelines.manifest import Kind
from tests.builders import a_series, write_series
from tests.multi_frame import two_phases
from tests.unit.pipelines.stand_ins import a_card, run_card

EVERY_KIND = list(get_args(Kind))
OF_A_SEGMENTATION = set(EVERY_KIND) - {"enhanced", "pm"}
SPLIT = {"CT": {"low": -24.0, "high": 10.0}, "MR": {"low": 1000.0, "high": 1020.0}}


@pytest.fixture(scope="module")
def segmented(tmp_path_factory):
    """Manifest, and kind and data set of each object."""
    card = a_card("above", parameters={"low": -24.0, "high": 10.0})
    folder = tmp_path_factory.mktemp("run")
    manifest, made = run_card(card, a_series(SeriesNumber=3), folder, objects=EVERY_KIND)
    return manifest, [(each.kind, pydicom.dcmread(made / each.file)) for each in manifest.outputs]


def test_a_segmentation_gives_every_kind_that_it_can_and_reports_come_last(segmented):
    manifest, _ = segmented
    kinds = [output.kind for output in manifest.outputs]

    assert OF_A_SEGMENTATION == set(kinds)
    assert ["sr"] * len(FORMS) == kinds[-len(FORMS) :]
    assert [] == manifest.conformance["findings"]


def test_an_enhancement_gives_every_kind_that_it_can(tmp_path):
    manifest, _ = run_card(a_card("add"), a_series(), tmp_path, objects=EVERY_KIND)

    assert {"enhanced", "pm"} == {output.kind for output in manifest.outputs}


def test_every_series_has_a_number_of_its_own(segmented):
    _, made = segmented
    numbers = {image.SeriesInstanceUID: image.SeriesNumber for _, image in made}

    assert len(OF_A_SEGMENTATION) + len(FORMS) - 1 == len(numbers)  # a report for each form
    assert len(numbers) == len(set(numbers.values()))


def test_captures_name_the_binary_segmentation_alone(segmented):
    _, made = segmented
    (seg,) = (image for kind, image in made if kind == "seg")
    captures = [image for kind, image in made if kind == "sc"]

    assert captures
    for capture in captures:
        source, *drawn = capture.SourceImageSequence
        assert source.ReferencedSOPInstanceUID != seg.SOPInstanceUID
        assert [seg.SOPInstanceUID] == [item.ReferencedSOPInstanceUID for item in drawn]


@pytest.fixture(scope="module", params=SPLIT)
def phases(request, tmp_path_factory):
    """The source, the manifest, and kind and data set of each object of both card's runs."""
    source = two_phases(request.param)
    folder = tmp_path_factory.mktemp("phases")
    paths = write_series(folder / "source", [source])
    cards = [a_card("doubtful", parameters=SPLIT[request.param]), a_card("soften")]
    manifests, made = [], []
    for card in cards:
        manifest, there = run_card(card, paths, folder, objects=EVERY_KIND, results=card.name)
        manifests.append(manifest)
        made += [(each.kind, pydicom.dcmread(there / each.file)) for each in manifest.outputs]
    return pydicom.dcmread(paths[0]), manifests, made


def test_phases_of_an_enhanced_object_give_every_kind_and_the_gate_finds_nothing(phases):
    _, manifests, made = phases
    kinds = Counter(kind for kind, _ in made)

    assert set(EVERY_KIND) == set(kinds)
    assert [[], []] == [manifest.conformance["findings"] for manifest in manifests]
    assert (2, 4, 1) == (kinds["rtstruct"], kinds["pm"], kinds["ko"])
    assert len(made) == len({image.SOPInstanceUID for _, image in made})


def test_every_reference_to_an_enhanced_object_is_to_it_and_to_frames_that_it_has(phases):
    source, _, made = phases
    others = {image.SOPInstanceUID: image for _, image in made}
    for kind, image in made:
        named = [item for item in nested(image) if "ReferencedSOPInstanceUID" in item]
        ours = [item for item in named if item.ReferencedSOPInstanceUID == source.SOPInstanceUID]

        assert ours, kind
        assert {source.SOPClassUID} == {item.ReferencedSOPClassUID for item in ours}
        frames = {number for item in ours for number in numbers_of(item)}
        assert frames <= set(range(1, source.NumberOfFrames + 1))
        assert frames or kind == "sr"
        for item in named:
            is_known = item.ReferencedSOPInstanceUID in (*others, source.SOPInstanceUID)
            assert is_known or item.ReferencedSOPClassUID == "1.2.840.10008.3.1.2.3.1"


def test_contours_and_frames_of_a_map_name_the_frame_at_their_place(phases):
    source, _, made = phases
    depths = [
        float(groups.PlanePositionSequence[0].ImagePositionPatient[2])
        for groups in source.PerFrameFunctionalGroupsSequence
    ]
    structures = [image for kind, image in made if kind == "rtstruct"]
    for contour in (
        contour for image in structures for roi in image.ROIContourSequence
        for contour in roi.ContourSequence
    ):  # fmt: skip
        (item,) = contour.ContourImageSequence
        assert depths[item.ReferencedFrameNumber - 1] == contour.ContourData[2]
    frames = []
    for groups in (
        groups for kind, image in made if kind == "pm"
        for groups in image.PerFrameFunctionalGroupsSequence
    ):  # fmt: skip
        (item,) = groups.DerivationImageSequence[0].SourceImageSequence
        place = groups.PlanePositionSequence[0].ImagePositionPatient
        assert depths[item.ReferencedFrameNumber - 1] == place[2]
        frames.append(item.ReferencedFrameNumber)
    # Both maps of both phases: uncertainty and difference.
    assert sorted(2 * list(range(1, source.NumberOfFrames + 1))) == sorted(frames)


def test_each_instance_is_listed_once(phases):
    _, _, made = phases
    for kind, image in made:
        for item in (image, *nested(image)):
            for keyword in ("ReferencedInstanceSequence", "ReferencedImageSequence",
                            "ReferencedSOPSequence"):  # fmt: skip
                listed = [each.ReferencedSOPInstanceUID for each in item.get(keyword, [])]
                assert len(listed) == len(set(listed)), (kind, keyword)


def test_a_state_shows_frames_through_their_own_window(phases):
    source, _, made = phases
    groups = source.PerFrameFunctionalGroupsSequence
    states = [image for kind, image in made if kind == "gsps"]

    assert states
    for state in states:
        (window,) = state.SoftcopyVOILUTSequence
        (series,) = state.ReferencedSeriesSequence
        for item in series.ReferencedImageSequence:
            for number in numbers_of(item):
                (own,) = groups[number - 1].FrameVOILUTSequence
                assert (own.WindowCenter, own.WindowWidth) == (
                    window.WindowCenter, window.WindowWidth,
                )  # fmt: skip


def test_every_capture_of_a_series_has_a_number_of_its_own(phases):
    _, _, made = phases
    captures = [image for kind, image in made if kind == "sc"]

    assert len(captures) == len({image.InstanceNumber for image in captures}) > 5


def numbers_of(item: Dataset) -> list[int]:
    """The frames that a reference names."""
    found = item.get("ReferencedFrameNumber", [])
    return [found] if isinstance(found, int) else list(found)


def nested(image: Dataset) -> Iterator[Dataset]:
    """Every item at any depth."""
    for element in image:
        if element.VR == "SQ":
            for item in element.value:
                yield item
                yield from nested(item)
