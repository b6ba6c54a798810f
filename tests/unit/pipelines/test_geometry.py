"""A stack is sorted by position; what is no regular stack is refused with a code and a reason."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.dicom_in import read_volume, read_volumes
from pipelines.errors import PipelineRefused
from tests.builders import CANARY, a_series, write_series


def read(tmp_path, images):
    return read_volume(write_series(tmp_path, images))


def refusal(tmp_path, images) -> PipelineRefused:
    with pytest.raises(PipelineRefused) as caught:
        read(tmp_path, images)
    assert CANARY not in str(caught.value)
    return caught.value


def moved(images, positions):
    for image, position in zip(images, positions, strict=True):
        image.ImagePositionPatient = list(position)
    return images


def test_slices_ascend_along_the_normal_whatever_the_order_of_the_files(tmp_path):
    images = a_series(slices=5)
    pixels = [image.PixelData for image in images]

    volume = read(tmp_path, images[::-1])

    assert pixels == [source.PixelData for source in volume.sources]
    assert [0, 2, 4, 6, 8] == [source.ImagePositionPatient[2] for source in volume.sources]


def test_the_affine_takes_column_row_slice_to_the_patient(tmp_path):
    images = a_series(slices=3, spacing_mm=(2.0, 0.5, 0.8))

    affine = read(tmp_path, images).affine

    expected = [[0.8, 0, 0, -10], [0, 0.5, 0, -20], [0, 0, 2, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(expected, affine)


def test_a_sagittal_stack_that_runs_to_the_right_is_turned_to_ascend(tmp_path):
    images = a_series(slices=4, ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    moved(images, [(10 - 3 * k, 0, 0) for k in range(4)])

    volume = read(tmp_path, images)

    # row x column = (0,1,0) x (0,0,-1) = (-1,0,0): ascending means from left to right.
    assert [10, 7, 4, 1] == [source.ImagePositionPatient[0] for source in volume.sources]
    np.testing.assert_allclose([-3, 0, 0], volume.affine[:3, 2])
    assert pytest.approx(3.0) == volume.spacing_mm[0]


def test_a_missing_slice_is_refused_with_the_count(tmp_path):
    images = a_series(slices=8)
    del images[3:5]

    found = refusal(tmp_path, images)

    assert "missing-slices" == found.code
    assert "2 of 8 slices" in found.reason


def test_uneven_spacing_is_refused(tmp_path):
    images = moved(a_series(slices=4), [(0, 0, z) for z in (0, 2, 4.6, 6.1)])

    assert "irregular-spacing" == refusal(tmp_path, images).code


@pytest.mark.parametrize("step", [0.625, 3.27])
def test_positions_rounded_to_a_tenth_of_a_millimetre_pass(tmp_path, step):
    images = moved(a_series(slices=40), [(0, 0, round(step * k, 1)) for k in range(40)])

    np.testing.assert_allclose(step, read(tmp_path, images).spacing_mm[0], rtol=2e-3)


def test_a_tilted_gantry_is_refused_with_its_angle(tmp_path):
    shift = np.tan(np.radians(12))
    images = moved(a_series(slices=6), [(0, 5 * k * shift, 5 * k) for k in range(6)])

    found = refusal(tmp_path, images)

    assert "gantry-tilt" == found.code
    assert "12.0 degrees" in found.reason


def test_mixed_orientation_is_refused(tmp_path):
    images = a_series(slices=4)
    images[2].ImageOrientationPatient = [0, 1, 0, 0, 0, -1]

    assert "mixed-orientation" == refusal(tmp_path, images).code


def test_several_phases_at_the_same_places_are_refused_with_both_counts(tmp_path):
    images = a_series(slices=6)
    moved(images, [(0, 0, z) for z in (0, 2, 4, 0, 2, 4)])

    found = refusal(tmp_path, images)

    assert "duplicate-positions" == found.code
    assert "6 slices lie at 3 places" in found.reason


@pytest.mark.parametrize(
    ("keyword", "value", "code"),
    [
        ("ImagePositionPatient", None, "no-geometry"),
        ("ImageOrientationPatient", None, "no-geometry"),
        ("PixelSpacing", None, "no-geometry"),
        ("PixelSpacing", [0.8, 0.9], "mixed-spacing"),
        ("FrameOfReferenceUID", "1.2.3", "mixed-frame-of-reference"),
        ("StudyInstanceUID", "1.2.3", "several-studies"),
        ("SeriesInstanceUID", "1.2.3", "several-series"),
        ("RescaleType", "US", "mixed-units"),
        ("BitsStored", 12, "mixed-pixel-format"),
    ],
)
def test_one_slice_that_differs_is_refused(tmp_path, keyword, value, code):
    images = a_series(slices=4)
    if value is None:
        del images[1][keyword]
    else:
        setattr(images[1], keyword, value)
        images[1].HighBit = images[1].BitsStored - 1

    assert code == refusal(tmp_path, images).code


def test_another_matrix_size_is_refused(tmp_path):
    images = a_series(slices=3)
    images[1].Rows, images[1].Columns = 24, 64

    assert "mixed-size" == refusal(tmp_path, images).code


def test_a_single_slice_has_its_thickness_as_spacing(tmp_path):
    assert (2.0, 0.8, 0.8) == read(tmp_path, a_series(slices=1)).spacing_mm


def two_phases(**second):
    """Two stacks at the same three places; `second` is set on the slices of the later one."""
    images = moved(a_series(slices=6), [(0, 0, z) for z in (0, 2, 4, 0, 2, 4)])
    for image in images[3:]:
        for keyword, value in second.items():
            setattr(image, keyword, value)
    return images


@pytest.mark.parametrize(
    "second", [{"AcquisitionNumber": 2}, {"ContentTime": "030500"}, {"EchoTime": 8.5}]
)
def test_phases_are_parted_by_what_the_scanner_wrote(tmp_path, second):
    images = two_phases(**second)
    first, later = read_volumes(write_series(tmp_path, images[::-1]))

    assert [image.PixelData for image in images[:3]] == [s.PixelData for s in first.sources]
    assert [image.PixelData for image in images[3:]] == [s.PixelData for s in later.sources]


def test_a_series_of_one_phase_is_one_volume(tmp_path):
    assert 1 == len(read_volumes(write_series(tmp_path, a_series(slices=3))))


@pytest.mark.parametrize("fault", ["nothing parts them", "a slice is missing"])
def test_phases_that_are_not_whole_are_refused(tmp_path, fault):
    images = two_phases()
    if fault == "a slice is missing":
        images = two_phases(AcquisitionNumber=2)[:-1]

    with pytest.raises(PipelineRefused) as caught:
        read_volumes(write_series(tmp_path, images))

    assert "duplicate-positions" == caught.value.code
