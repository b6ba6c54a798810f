"""One run: the same request gives the same bytes, and what breaks the contract fails."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest

from pipelines.contract import Enhanced, Segmented
from pipelines.errors import PipelineFailed, PipelineRefused
from pipelines.manifest import MANIFEST_NAME, Manifest
from pipelines.run import RunRequest, check_result, merge_parameters, run
from pipelines.volume import Frames
from tests.builders import a_series, write_series
from tests.unit.pipelines.stand_ins import a_card, a_request, frames_card, run_card


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.dcm")}


def segmenting(low: float = -24.0):
    return a_card("above", parameters={"low": low, "high": 10.0})


@pytest.mark.parametrize("card", [a_card("soften"), segmenting()], ids=["enhance", "segment"])
def test_the_same_request_gives_the_same_bytes(tmp_path, card):
    images = a_series(slices=4)
    _, one = run_card(card, images, tmp_path, results="one")
    _, two = run_card(card, images[::-1], tmp_path, results="two")

    assert files(one) == files(two)
    assert files(one)


@pytest.mark.parametrize("card", [a_card("soften"), segmenting()], ids=["enhance", "segment"])
def test_a_changed_instance_gives_a_new_series_with_new_instances(tmp_path, card):
    images = a_series(slices=4)
    first, _ = run_card(card, images, tmp_path / "a")
    images[0].PatientName = "Corrected"
    second, _ = run_card(card, images, tmp_path / "b")

    old, new = ({o.sop_uid for o in m.outputs} | {o.series_uid for o in m.outputs}
                for m in (first, second))  # fmt: skip
    assert set() == old & new


@pytest.mark.parametrize("card", [a_card("soften"), segmenting()], ids=["enhance", "segment"])
def test_a_source_is_named_by_its_uid_even_where_that_has_leading_zeros(tmp_path, card):
    images = a_series(slices=3)
    for index, image in enumerate(images):
        image.SOPInstanceUID = f"1.2.826.0.1.03.{index}.07"
        image.SeriesInstanceUID = "1.2.826.0.1.04"
    manifest, folder = run_card(card, images, tmp_path)

    made = pydicom.dcmread(folder / manifest.outputs[0].file)
    (series,) = made.ReferencedSeriesSequence
    named = [item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence]
    assert "1.2.826.0.1.04" == series.SeriesInstanceUID
    assert set(named) <= {image.SOPInstanceUID for image in images}


def test_the_manifest_in_the_folder_is_the_one_that_is_returned(tmp_path):
    manifest, folder = run_card(a_card("soften"), a_series(slices=4), tmp_path)

    assert manifest == Manifest.from_json((folder / MANIFEST_NAME).read_text())
    assert (4, "test-soften", "1.0") == (manifest.sources, manifest.pipeline, manifest.version)
    assert {output.file for output in manifest.outputs} == set(files(folder))
    for output in manifest.outputs:
        assert (folder / output.file).stat().st_size == output.size


def test_a_request_survives_json(tmp_path):
    request = a_request(a_card(), [tmp_path / "a"], tmp_path, parameters={"x": 1.5, "y": True})

    assert request == RunRequest.from_json(request.to_json())
    assert {"pipeline", "inputs", "equipment", "created_at"} <= set(json.loads(request.to_json()))


def test_measurements_of_an_enhancement(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.normal(1000, 30, (3, 96, 96))
    pixels[:, :, 48:] += 400
    images = a_series("MR", pixels=pixels.astype(np.int16))
    manifest, _ = run_card(a_card("soften"), images, tmp_path)

    told = manifest.measurements
    assert told["noise_sd_before"] == pytest.approx(30, rel=0.1)
    assert told["noise_sd_after"] == pytest.approx(30 / np.sqrt(2), rel=0.1)
    assert abs(told["mean_shift"]) < 2
    assert 0.7 < told["edge_response"] < 1
    assert told["max_abs_change"] > 100
    assert 0 == told["clipped"]


def test_measurements_of_a_segmentation(tmp_path):
    pixels = np.full((3, 8, 8), 900, np.int16)
    pixels[0, 0, :4] = [1010, 1020, 1040, 1050]
    manifest, _ = run_card(segmenting(), a_series(pixels=pixels), tmp_path)

    tissue, lung = manifest.measurements["segments"]
    assert ("Tissue", 2, -9.0) == (tissue["label"], tissue["voxels"], tissue["mean"])
    assert ("Left lung", 2, 21.0) == (lung["label"], lung["voxels"], lung["mean"])
    assert 2 * 2.0 * 0.8 * 0.8 / 1000 == pytest.approx(tissue["ml"])
    assert 5.0 == tissue["sd"]


def test_every_image_of_a_radiograph_series_is_processed_by_itself(tmp_path):
    images = a_series("CR", slices=3)
    images[1].Rows = 1
    manifest, folder = run_card(frames_card("soften"), images, tmp_path)

    assert 2 == len(manifest.outputs) == len(files(folder))
    assert 1 == len({output.series_uid for output in manifest.outputs})
    (warning,) = manifest.warnings
    assert warning.startswith("1 of 3 images left out: ")


def test_a_series_without_any_fitting_image_is_refused(tmp_path):
    with pytest.raises(PipelineRefused) as caught:
        run_card(frames_card(), a_series("CR", slices=2, PixelData=None), tmp_path)

    assert "no-pixel-data" == caught.value.code


def test_progress_rises_to_one(tmp_path):
    told: list[float] = []
    images = write_series(tmp_path / "source", a_series(slices=3))
    (tmp_path / "out").mkdir()
    card = a_card()
    run(a_request(card, images, tmp_path / "out"), told.append, {card.name: card})

    assert sorted(told) == told
    assert 1.0 == told[-1]


def test_no_warning_of_a_library_leaves_a_run(tmp_path):
    """PRV-02: pydicom quotes values in its warnings."""
    images = a_series(slices=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for image in images:
            image.PatientBirthDate = "Zzphi"
        caught.clear()
        run_card(segmenting(), images, tmp_path)

    assert [] == [str(each.message) for each in caught if "Zzphi" in str(each.message)]


def test_an_unknown_pipeline_fails(tmp_path):
    with pytest.raises(PipelineFailed, match="no pipeline is called"):
        run(a_request(a_card(), [], tmp_path), cards={})


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"nothing": 1}, "unknown-parameter"), ({"step": "two"}, "bad-parameter"),
        ({"step": True}, "bad-parameter"),
    ],
)  # fmt: skip
def test_parameters_that_the_card_does_not_take_are_refused(given, code):
    with pytest.raises(PipelineRefused) as caught:
        merge_parameters(a_card("add"), given)

    assert code == caught.value.code


def test_a_whole_number_is_the_same_parameter_as_its_float():
    assert "2.0" == str(merge_parameters(a_card("add"), {"step": 2})["step"])
    assert "1.0" == str(merge_parameters(a_card("add"), {})["step"])


def frames_of(shape=(1, 4, 4)) -> Frames:
    return Frames(np.zeros(shape, np.float32), None, [], [])


@pytest.mark.parametrize(
    "result",
    [
        Enhanced(np.zeros((1, 4, 5), np.float32)),
        Enhanced(np.zeros((1, 4, 4), np.float64)),
        Enhanced(np.full((1, 4, 4), np.nan, np.float32)),
        Segmented(np.zeros((1, 4, 4), np.uint8)),
    ],
)
def test_an_enhancement_that_breaks_the_contract_fails(result):
    with pytest.raises(PipelineFailed):
        check_result(a_card(), frames_of(), result)


@pytest.mark.parametrize(
    "result",
    [
        Segmented(np.zeros((1, 4, 5), np.uint8)),
        Segmented(np.zeros((1, 4, 4), np.int64)),
        Segmented(np.full((1, 4, 4), 2, np.uint8)),
        Enhanced(np.zeros((1, 4, 4), np.float32)),
    ],
)
def test_a_segmentation_that_breaks_the_contract_fails(result):
    with pytest.raises(PipelineFailed):
        check_result(a_card("above"), frames_of(), result)
