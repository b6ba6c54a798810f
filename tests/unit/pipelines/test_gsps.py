"""Presentation states: window, outlines and names on the key images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from skimage.measure import points_in_poly

from tests.builders import CANARY, a_series
from tests.unit.pipelines.stand_ins import SEGMENTS, a_card, frames_card, run_card
from tests.unit.pipelines.ultrasound import a_colour_image, a_grey_loop


def states(folder: Path, images: list[Dataset], card=None, objects=("sr", "gsps"), **request):
    card = card or a_card("above", parameters={"low": 0.0, "high": 100.0})
    manifest, made = run_card(card, images, folder, objects=list(objects), **request)
    return [pydicom.dcmread(made / each.file) for each in manifest.outputs if each.kind == "gsps"]


def a_stack(modality: str = "CT", **changes) -> tuple[list[Dataset], np.ndarray]:
    """Three slices and the labels of them: a ring of tissue, and a square of lung beside it."""
    pixels = np.full((3, 40, 50), 900, np.int16)
    pixels[1, 5:25, 5:25] = 1074
    pixels[1, 10:15, 10:15] = 900
    pixels[2, 30:38, 30:48] = 1224
    labels = np.select([pixels > 1200, pixels > 1050], [3, 1], 0)
    return a_series(modality, pixels=pixels, **changes), labels


def annotations(state: Dataset) -> dict[str, list[Dataset]]:
    """Those with graphics by their layer."""
    found: dict[str, list[Dataset]] = {}
    for each in state.GraphicAnnotationSequence:
        found.setdefault(each.GraphicLayer, []).append(each)
    return found


def filled(annotation: Dataset, shape: tuple[int, int]) -> np.ndarray:
    """Pixels whose centres, half a pixel from their corners, an odd number of lines surround."""
    points = np.stack(np.indices(shape)[::-1], axis=-1).reshape(-1, 2) + 0.5
    inside = np.zeros(len(points), bool)
    for graphic in annotation.GraphicObjectSequence:
        assert ("POLYLINE", "PIXEL") == (graphic.GraphicType, graphic.GraphicAnnotationUnits)
        line = np.reshape(graphic.GraphicData, (-1, 2))
        assert list(line[0]) == list(line[-1])
        assert len(line) == graphic.NumberOfGraphicPoints
        inside ^= points_in_poly(points, line[:-1])
    return inside.reshape(shape)


def test_the_key_images_have_the_outlines_of_their_segments_in_a_layer_each(tmp_path):
    images, labels = a_stack()
    (state,) = states(tmp_path, images)

    shown = annotations(state)
    assert {"SEGMENT 1", "SEGMENT 3", "MARKING"} == set(shown)
    for name, number, index in (("SEGMENT 1", 1, 1), ("SEGMENT 3", 3, 2)):
        (annotation,) = shown[name]
        (image,) = annotation.ReferencedImageSequence
        assert images[index].SOPInstanceUID == image.ReferencedSOPInstanceUID
        np.testing.assert_array_equal(labels[index] == number, filled(annotation, (40, 50)))
    (series,) = state.ReferencedSeriesSequence
    assert [images[1].SOPInstanceUID, images[2].SOPInstanceUID] == [
        item.ReferencedSOPInstanceUID for item in series.ReferencedImageSequence
    ]


def test_names_and_layers_say_what_the_card_says_and_no_person(tmp_path):
    images, _ = a_stack()
    (state,) = states(tmp_path, images)

    assert [each["label"] for each in SEGMENTS] == [
        layer.GraphicLayerDescription for layer in state.GraphicLayerSequence[:2]
    ]
    texts = [
        text.UnformattedTextValue
        for each in state.GraphicAnnotationSequence for text in each.TextObjectSequence
    ]  # fmt: skip
    assert ["Tissue", "Left lung", "Research use only, not for diagnosis."] == texts
    assert CANARY not in str(state.GraphicAnnotationSequence)
    (silent,) = states(tmp_path / "b", images, research_use=False)
    assert {"SEGMENT 1", "SEGMENT 3"} == set(annotations(silent))


def test_the_state_has_the_rescale_and_window_of_the_image_and_its_pixels_size(tmp_path):
    images, _ = a_stack(WindowCenter=[40, 300], WindowWidth=[350, 1500], spacing_mm=(2, 0.8, 0.6))
    (state,) = states(tmp_path, images)

    assert (images[0].RescaleSlope, images[0].RescaleIntercept) == (
        state.RescaleSlope, state.RescaleIntercept,
    )  # fmt: skip
    (window,) = state.SoftcopyVOILUTSequence
    assert (40, 350) == (window.WindowCenter, window.WindowWidth)
    (area,) = state.DisplayedAreaSelectionSequence
    assert [0.8, 0.6] == list(area.PresentationPixelSpacing)
    assert [50, 40] == list(area.DisplayedAreaBottomRightHandCorner)


@pytest.mark.parametrize(
    ("interpretation", "shape"), [("MONOCHROME1", "INVERSE"), ("MONOCHROME2", "IDENTITY")]
)
def test_low_values_stay_white_where_they_are(tmp_path, interpretation, shape):
    images, _ = a_stack(PhotometricInterpretation=interpretation)
    (state,) = states(tmp_path, images)

    assert shape == state.PresentationLUTShape


def test_images_with_windows_of_their_own_have_states_of_their_own(tmp_path):
    images, _ = a_stack()
    for index, image in enumerate(images):
        image.WindowCenter, image.WindowWidth = 10 * index, 100
    found = states(tmp_path, images)

    assert [10, 20] == [state.SoftcopyVOILUTSequence[0].WindowCenter for state in found]
    assert [1, 2] == [state.InstanceNumber for state in found]
    assert 1 == len({state.SeriesInstanceUID for state in found})


def test_of_a_loop_the_key_frames_are_named(tmp_path):
    loop = a_grey_loop(frames=4)
    pixels = np.zeros((4, 24, 32), np.uint8)
    pixels[1, 3:6, 4:8] = 120
    pixels[3, 3:6, 4:8] = 250
    loop.PixelData = pixels.tobytes()
    card = frames_card("above", parameters={"low": 100.0, "high": 200.0})
    (state,) = states(tmp_path, [loop], card)

    (image,) = state.ReferencedSeriesSequence[0].ReferencedImageSequence
    assert [2, 4] == list(image.ReferencedFrameNumber)
    assert [2, 4] == [
        annotations(state)[name][0].ReferencedImageSequence[0].ReferencedFrameNumber
        for name in ("SEGMENT 1", "SEGMENT 3")
    ]


def test_colour_has_no_grey_state(tmp_path):
    image, _ = a_colour_image()
    card = frames_card("above", parameters={"low": 130.0, "high": 1e9})

    assert [] == states(tmp_path, [image], card)


def test_nothing_found_or_nobody_asking_gives_no_state(tmp_path):
    images, _ = a_stack()
    nothing = a_card("above", parameters={"low": 1e8, "high": 1e9})

    assert [] == states(tmp_path / "a", images, nothing)
    assert [] == states(tmp_path / "b", images, objects=["seg", "sr"])


def test_the_same_request_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        states(tmp_path / name, a_stack()[0], objects=["seg", "sr", "gsps", "ko"])
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "results").glob("*.dcm")}
        for name in ("a", "b")
    )

    assert 4 == len(first)
    assert first == second
