"""Every kind of object from one run: they stand beside one another, and the gate finds nothing."""

from __future__ import annotations

from typing import get_args

import pydicom
import pytest

from pipelines.dicom_out.seg_form import FORMS
from pipelines.manifest import Kind
from tests.builders import a_series
from tests.unit.pipelines.stand_ins import a_card, run_card

EVERY_KIND = list(get_args(Kind))
OF_A_SEGMENTATION = set(EVERY_KIND) - {"enhanced", "pm"}


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
