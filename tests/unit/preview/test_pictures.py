from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dicom_node.preview import pictures
from dicom_node.preview.segmentation import (
    PreviewSegment,
    PreviewSegmentation,
    read_segmentation,
)
from dicom_node.preview.series import PreviewSeries, PreviewUnavailable, read_series
from tests.builders import a_series, write_series
from tests.unit.preview.scene import FRONT, HEAD, LEFT, ORIENTATIONS, SIZE, a_scene, a_seg, write

MIDDLE = SIZE // 2
# plane: which cube is where in the picture, as (value, row side, column side); 0 is the middle
SEEN = {
    "axial": [(LEFT, 0, +1), (FRONT, -1, 0)],
    "coronal": [(LEFT, 0, +1), (HEAD, -1, 0)],
    "sagittal": [(FRONT, 0, -1), (HEAD, -1, 0)],
}


@pytest.mark.parametrize("plane", SEEN)
@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS)
def test_left_is_right_front_is_up_and_head_is_up(tmp_path, orientation, plane):
    series = read_series(write(tmp_path, a_scene(orientation)))

    picture = np.asarray(pictures.source(series, MIDDLE, plane))

    for value, row_side, column_side in SEEN[plane]:
        rows, columns = np.nonzero(np.abs(picture.astype(int) - value * 255 // 800) <= 1)
        assert row_side == _side(rows)
        assert column_side == _side(columns)


def _side(indices: np.ndarray) -> int:
    offset = indices.mean() - MIDDLE
    return 0 if abs(offset) < 5 else int(np.sign(offset))  # the cubes lie 10 voxels off


@pytest.mark.parametrize("plane", SEEN)
def test_the_overlay_colours_the_segment_and_nothing_else(tmp_path, plane):
    images = a_scene(ORIENTATIONS["sagittal"])
    (path,) = write_series(tmp_path / "seg", [a_seg(images, (HEAD,), shuffled=True)])
    series = read_series(write(tmp_path / "images", images))
    seg = read_segmentation([path], series)
    index = pictures.best_index(seg, plane)

    grey = np.asarray(pictures.source(series, index, plane))
    drawn = np.asarray(pictures.overlay(series, seg, index, plane)).astype(int)

    coloured = (drawn.max(axis=-1) - drawn.min(axis=-1)) > 0
    assert np.array_equal(grey == 255, coloured)


def test_the_outline_has_the_full_colour_and_the_inside_shows_through():
    series = PreviewSeries(np.zeros((1, 9, 9), np.int16), None, (0, 1))
    labels = np.zeros((1, 9, 9), np.uint8)
    labels[0, 2:7, 2:7] = 3
    seg = PreviewSegmentation(labels, (PreviewSegment(3, "body", (200, 100, 50)),))

    drawn = np.asarray(pictures.overlay(series, seg, 0))

    assert [200, 100, 50] == drawn[2, 4].tolist()
    assert [56, 28, 14] == drawn[4, 4].tolist()
    assert [0, 0, 0] == drawn[0, 0].tolist()


def test_outlines_are_thin_across_thick_slices(tmp_path):
    images = a_scene(ORIENTATIONS["axial"], slice_mm=6.0)
    (path,) = write_series(tmp_path / "seg", [a_seg(images, (LEFT,))])
    series = read_series(write(tmp_path / "images", images))
    seg = read_segmentation([path], series)

    drawn = np.asarray(pictures.overlay(series, seg, MIDDLE, "coronal")).astype(int)

    full = (drawn == seg.segments[0].colour).all(axis=-1)
    column = full[:, np.nonzero(full.any(axis=0))[0][2]]
    assert 2 == column.sum()  # one pixel above and one below


def test_the_difference_is_grey_where_nothing_changed_and_symmetric():
    before = PreviewSeries(np.zeros((1, 4, 4), np.int16), None, (0, 100))
    after = replace(before, array=before.array.copy())
    after.array[0, 0, 0], after.array[0, 3, 3] = 50, -50

    drawn, scale = pictures.difference(before, after, 0)

    shown = np.asarray(drawn)
    assert (255, 127, 0) == (shown[0, 0], shown[1, 1], shown[3, 3])
    assert pytest.approx(50, rel=0.05) == scale


def test_there_is_no_difference_between_different_grids():
    before = PreviewSeries(np.zeros((1, 4, 4), np.int16), None, (0, 100))

    with pytest.raises(PreviewUnavailable):
        pictures.difference_scale(before, replace(before, array=np.zeros((2, 4, 4), np.int16)))


def test_enhanced_is_shown_in_the_window_of_its_source():
    before = PreviewSeries(np.zeros((1, 4, 4), np.int16), None, (0, 100))
    after = replace(before, array=np.full((1, 4, 4), 50, np.int16), window=(0, 50))

    assert 127 == np.asarray(pictures.enhanced(before, after, 0))[0, 0]


def test_monochrome1_shows_low_values_white(tmp_path):
    planes = np.zeros((1, 16, 16), np.uint16)
    planes[0, :8] = 1000
    images = a_series("CR", pixels=planes, PhotometricInterpretation="MONOCHROME1")
    series = read_series(write_series(tmp_path, images))

    picture = np.asarray(pictures.source(series, 0))

    assert (0, 255) == (picture[0, 0], picture[15, 0])


def test_pixels_keep_their_shape_in_the_patient(tmp_path):
    series = read_series(write(tmp_path, a_scene(ORIENTATIONS["axial"], slice_mm=6.0)))

    assert (SIZE, SIZE) == pictures.source(series, 0, "axial").size
    assert (SIZE, 3 * SIZE) == pictures.source(series, 0, "coronal").size
    assert (SIZE, 3 * SIZE) == pictures.source(series, 0, "sagittal").size


def test_a_window_that_shows_nothing_is_not_used(tmp_path):
    images = a_series("MR", WindowCenter=60000, WindowWidth=10)

    low, high = read_series(write_series(tmp_path, images)).window

    assert 900 < low < high < 1100


def test_ct_without_a_window_shows_soft_tissue(tmp_path):
    assert (-160, 240) == read_series(write_series(tmp_path, a_series("CT"))).window


def test_the_best_cut_shows_most_segments():
    labels = np.zeros((5, 6, 6), np.uint8)
    labels[1] = 1
    labels[3, 0, 0], labels[3, 1, 1] = 1, 2
    seg = PreviewSegmentation(
        labels, tuple(PreviewSegment(number, "", (1, 2, 3)) for number in (1, 2))
    )

    assert 3 == pictures.best_index(seg)
