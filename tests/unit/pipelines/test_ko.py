"""Key objects: the image on which each segment is largest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.uid import KeyObjectSelectionDocumentStorage

from tests.builders import CANARY, a_series
from tests.unit.pipelines.stand_ins import a_card, frames_card, run_card
from tests.unit.pipelines.ultrasound import a_grey_loop


def selections(folder: Path, images: list[Dataset], card=None, objects=("sr", "ko"), **request):
    card = card or a_card("above", parameters={"low": 0.0, "high": 100.0})
    manifest, made = run_card(card, images, folder, objects=list(objects), **request)
    return [pydicom.dcmread(made / each.file) for each in manifest.outputs if each.kind == "ko"]


def a_stack() -> list[Dataset]:
    """Six slices: segment 1 is largest on the third, 3 on the fifth; both are on the fourth."""
    pixels = np.full((6, 16, 16), 900, np.int16)
    for index, (tissue, lung) in enumerate([(0, 0), (2, 0), (9, 1), (4, 3), (4, 8), (0, 0)]):
        pixels[index, 2, :tissue] = 1074
        pixels[index, 5, :lung] = 1224
    return a_series(pixels=pixels)


def named(selection: Dataset) -> dict[str, list[int]]:
    """Frames of each image of the selection."""
    return {
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID: list(
            np.ravel(item.ReferencedSOPSequence[0].get("ReferencedFrameNumber", []))
        )
        for item in selection.ContentSequence
        if item.ValueType == "IMAGE"
    }


def text_of(selection: Dataset) -> str:
    (item,) = (
        item for item in selection.ContentSequence
        if item.ValueType != "IMAGE" and item.ConceptNameCodeSequence[0].CodeValue == "113012"
    )  # fmt: skip
    return item.TextValue


def test_the_image_on_which_each_segment_is_largest_is_selected(tmp_path):
    images = a_stack()
    (selection,) = selections(tmp_path, images)

    assert KeyObjectSelectionDocumentStorage == selection.SOPClassUID
    assert "113000" == selection.ConceptNameCodeSequence[0].CodeValue
    assert {images[2].SOPInstanceUID: [], images[4].SOPInstanceUID: []} == named(selection)
    (study,) = selection.CurrentRequestedProcedureEvidenceSequence
    listed = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert set(named(selection)) == {item.ReferencedSOPInstanceUID for item in listed}


def test_it_says_where_and_for_what_use_and_names_no_person(tmp_path):
    (selection,) = selections(tmp_path, a_stack())

    said = text_of(selection)
    assert said.startswith(
        "Where each segment is largest. Tissue: image 3. Left lung: image 5. Research use only"
    )
    assert CANARY not in said
    assert CANARY == selection.PatientName


def test_one_image_that_shows_two_segments_best_is_named_once(tmp_path):
    images = a_stack()
    card = a_card("above", parameters={"low": 0.0, "high": 1e9})
    (selection,) = selections(tmp_path, images, card)

    assert {images[4].SOPInstanceUID: []} == named(selection)


def test_of_a_loop_the_frames_are_named(tmp_path):
    loop = a_grey_loop(frames=4)
    pixels = np.zeros((4, 24, 32), np.uint8)
    pixels[1, 3, 4:8] = 120
    pixels[3, 3, 4:8] = 250
    loop.PixelData = pixels.tobytes()
    card = frames_card("above", parameters={"low": 100.0, "high": 200.0})
    (selection,) = selections(tmp_path, [loop], card)

    assert {loop.SOPInstanceUID: [2, 4]} == named(selection)
    assert "frame 2" in text_of(selection)


def test_of_several_images_the_best_of_all_is_selected(tmp_path):
    images = a_series("CR", slices=3)
    pixels = np.full((32, 48), 900, np.uint16)
    for image, size in zip(images, (3, 9, 5), strict=True):
        plane = pixels.copy()
        plane[4, :size] = 1100
        image.PixelData = plane.tobytes()
    card = frames_card("above", parameters={"low": 1000.0, "high": 1e9})
    (selection,) = selections(tmp_path, images, card)

    assert {images[1].SOPInstanceUID: []} == named(selection)


def test_nothing_found_or_nobody_asking_gives_no_selection(tmp_path):
    nothing = a_card("above", parameters={"low": 1e8, "high": 1e9})

    assert [] == selections(tmp_path / "a", a_stack(), nothing)
    assert [] == selections(tmp_path / "b", a_stack(), objects=["seg", "sr"])
