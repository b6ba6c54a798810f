"""The map of a segmentation's uncertainty: what the pipeline tells, at its place."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from pipelines.contract import Segmented
from pipelines.errors import PipelineFailed
from pipelines.run import check_result
from tests.builders import a_series
from tests.unit.pipelines.classical import a_volume
from tests.unit.pipelines.stand_ins import a_card, frames_card, run_card
from tests.unit.pipelines.test_pm import by_place

SPLIT = {"low": -24.0, "high": 10.0}


def outputs(folder, images=None, card=None, objects=("seg", "sr", "pm")):
    """The manifest, and kind and data set of each object."""
    card = card or a_card("doubtful", parameters=SPLIT)
    manifest, made = run_card(card, images or a_series(), folder, objects=list(objects))
    return manifest, [(each.kind, pydicom.dcmread(made / each.file)) for each in manifest.outputs]


def maps(*arguments, **keywords):
    return [image for kind, image in outputs(*arguments, **keywords)[1] if kind == "pm"]


def test_every_voxel_has_the_uncertainty_that_the_pipeline_tells(tmp_path):
    images = a_series()
    manifest, made = outputs(tmp_path, images)
    (image,) = (image for kind, image in made if kind == "pm")

    assert [] == manifest.conformance["findings"]
    found = by_place(image)
    wanted = np.linspace(0, 1, images[0].Columns, dtype=np.float32)
    for source in images:
        plane = found[tuple(source.ImagePositionPatient)]
        np.testing.assert_array_equal(np.broadcast_to(wanted, plane.shape), plane)


def test_it_says_what_it_is_by_a_private_code_that_it_declares(tmp_path):
    (image,) = maps(tmp_path)
    (mapping,) = image.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence
    quantity = mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0]

    assert ("LABEL-ENTROPY", "99DICOMNODE") == (
        quantity.CodeValue, quantity.CodingSchemeDesignator,
    )  # fmt: skip
    assert "1" == mapping.MeasurementUnitsCodeSequence[0].CodeValue
    (scheme,) = image.CodingSchemeIdentificationSequence
    assert "99DICOMNODE" == scheme.CodingSchemeDesignator
    assert ["DERIVED", "PRIMARY", "VOLUME", "QUANTITY"] == list(image.ImageType)
    assert "UNCERTAINTY" == image.ContentLabel


def test_there_is_none_where_nobody_asks_or_nothing_was_found_or_is_told(tmp_path):
    dark = a_card("doubtful", parameters={"low": 1e8, "high": 1e9})

    assert [] == maps(tmp_path / "a", objects=["seg", "sr"])
    assert [] == maps(tmp_path / "b", card=dark)
    assert [] == maps(tmp_path / "c", card=a_card("above", parameters=SPLIT))
    assert [] == maps(
        tmp_path / "d", a_series("CR", slices=1), frames_card("doubtful", parameters=SPLIT)
    )


def test_the_map_stands_before_the_reports(tmp_path):
    _, made = outputs(tmp_path)

    assert ["seg", "pm", "sr"] == [kind for kind, _ in made]


@pytest.mark.parametrize(
    "uncertainty",
    [
        np.zeros((2, 4, 5), np.float32),
        np.zeros((2, 4, 4), np.float64),
        np.full((2, 4, 4), 1.5, np.float32),
        np.full((2, 4, 4), -0.1, np.float32),
        np.full((2, 4, 4), np.nan, np.float32),
    ],
)
def test_an_uncertainty_that_breaks_the_contract_fails_the_run(uncertainty):
    volume = a_volume(np.zeros((2, 4, 4)), "CT")
    labels = np.zeros((2, 4, 4), np.uint8)

    with pytest.raises(PipelineFailed, match="uncertainty"):
        check_result(a_card("doubtful"), volume, Segmented(labels, uncertainty))
