"""Loops and colour of every kind come as RGB or grey frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset, config
from pydicom.data import get_testdata_file

from pipelines.dicom_in import read_frames
from tests.unit.pipelines.ultrasound import a_colour_image, a_grey_loop, a_palette_loop, a_region


def written(image: Dataset, folder: Path) -> Path:
    path = folder / "image.dcm"
    image.save_as(path, enforce_file_format=True)
    return path


def test_a_grey_loop_has_a_plane_for_every_frame(tmp_path):
    loop = a_grey_loop(frames=5)

    frames = read_frames(written(loop, tmp_path))

    assert (5, 24, 32) == frames.array.shape
    np.testing.assert_array_equal(loop.pixel_array, frames.array)


@pytest.mark.parametrize("planar", [0, 1])
def test_rgb_comes_as_stored_in_either_planar_configuration(tmp_path, planar):
    image, rgb = a_colour_image(planar=planar)

    frames = read_frames(written(image, tmp_path))

    np.testing.assert_array_equal(rgb, frames.array[0])


def test_a_palette_becomes_rgb(tmp_path):
    loop, colours = a_palette_loop(frames=2)

    frames = read_frames(written(loop, tmp_path))

    assert (2, 24, 32, 3) == frames.array.shape
    expected = colours[np.frombuffer(loop.PixelData, np.uint8).reshape(2, 24, 32)]
    np.testing.assert_array_equal(expected, frames.array)


@pytest.mark.parametrize(
    "name", ["SC_ybr_full_422_uncompressed.dcm", "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_rle.dcm"]
)
def test_ybr_jpeg_and_rle_colour_decode_as_pydicom_shows_them(tmp_path, name):
    path = get_testdata_file(name)
    if path is None:
        pytest.fail(f"pydicom carries no {name}")
    image = pydicom.dcmread(path)
    image.SOPClassUID, image.Modality = "1.2.840.10008.5.1.4.1.1.6.1", "US"

    frames = read_frames(written(image, tmp_path))

    np.testing.assert_array_equal(image.pixel_array, frames.array[0])


def test_spacing_comes_from_the_one_region_in_centimetres(tmp_path):
    loop = a_grey_loop(frames=1)
    del loop.PixelSpacing
    loop.SequenceOfUltrasoundRegions = [a_region(0, 0, 31, 23, delta_cm=(0.02, 0.03))]

    assert (0.3, 0.2) == pytest.approx(read_frames(written(loop, tmp_path)).spacing_mm)


def test_reading_changes_no_setting_of_pydicom(tmp_path):
    before = config.settings.reading_validation_mode

    read_frames(written(a_grey_loop(frames=1), tmp_path))

    assert before == config.settings.reading_validation_mode
