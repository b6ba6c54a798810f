"""What a card is not for is refused with the number that was found."""

from __future__ import annotations

import pytest

from pipelines.dicom_in import read_frames, read_volume
from pipelines.errors import PipelineRefused
from pipelines.limits import check
from tests.builders import a_series, write_series
from tests.unit.pipelines.stand_ins import a_card, frames_card
from tests.unit.pipelines.ultrasound import a_colour_image


def refusal(card, tmp_path, images) -> PipelineRefused:
    paths = write_series(tmp_path, images)
    source = read_frames(paths[0]) if card.limits.input == "frames" else read_volume(paths)
    with pytest.raises(PipelineRefused) as caught:
        check(card, source)
    return caught.value


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"modalities": ["MR"]}, "modality"),
        ({"slices": [6, 9]}, "slices"),
        ({"rows": [64, 128]}, "size"),
        ({"columns": [2, 47]}, "size"),
        ({"slice_spacing_mm": [3.0, 5.0]}, "spacing"),
        ({"pixel_spacing_mm": [0.1, 0.5]}, "spacing"),
        ({"rescale_type": "OD"}, "units"),
        ({"units": ["BQML"]}, "units"),
    ],
)
def test_a_volume_beyond_a_limit_is_refused(tmp_path, limits, code):
    assert code == refusal(a_card(limits=limits), tmp_path, a_series(slices=5)).code


def test_a_single_slice_is_refused_where_a_volume_is_wanted(tmp_path):
    found = refusal(a_card(limits={"slices": [3, 99]}), tmp_path, a_series(slices=1))

    assert ("slices", "1 slices; 3 to 99 are wanted.") == (found.code, found.reason)


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_a_slice_by_itself_is_refused_where_it_would_be_segmented(tmp_path, modality):
    assert "no-volume" == refusal(frames_card("above"), tmp_path, a_series(modality, slices=1)).code


def test_a_slice_by_itself_may_be_enhanced(tmp_path):
    (path,) = write_series(tmp_path, a_series("CT", slices=1))
    check(frames_card("add"), read_frames(path))


def test_colour_is_refused_where_grey_is_wanted(tmp_path):
    card = frames_card(limits={"colour": False})

    assert "colour" == refusal(card, tmp_path, [a_colour_image()[0]]).code


def test_an_image_that_keeps_silent_about_its_spacing_is_refused_where_it_counts(tmp_path):
    card = frames_card(limits={"pixel_spacing_mm": [0.1, 1.0]})
    images = a_series("CR", slices=1, PixelSpacing=None)

    assert "spacing" == refusal(card, tmp_path, images).code


def test_limits_are_met_at_their_ends_and_a_rounding_beyond(tmp_path):
    limits = {"slices": [5, 5], "slice_spacing_mm": [2.001, 3], "pixel_spacing_mm": [0.8, 0.8]}
    source = read_volume(write_series(tmp_path, a_series(slices=5)))

    assert check(a_card(limits=limits), source) is None
