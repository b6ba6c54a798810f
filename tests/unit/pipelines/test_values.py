"""Stored bits to output units: sign, unused bits, rescale, padding, colour."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.dicom_in import read_frames, read_volume
from tests.builders import a_series, an_image, write_series


def volume_of(tmp_path, words, **attributes):
    """A volume of one slice that stores the 16-bit `words`."""
    image = an_image("CT", 0, np.array([words] * 4, np.uint16), **attributes)
    return read_volume(write_series(tmp_path, [image]))


def test_the_rescale_of_every_slice_is_its_own(tmp_path):
    images = a_series("PT", slices=2, pixels=np.full((2, 4, 4), 10, np.int16))
    images[0].RescaleSlope, images[1].RescaleSlope = "2.5", "0.25"

    volume = read_volume(write_series(tmp_path, images))

    assert np.float32 == volume.array.dtype
    assert [25.0, 2.5] == [float(plane.mean()) for plane in volume.array]


def test_without_a_rescale_values_are_as_stored(tmp_path):
    images = a_series("MR", slices=2, pixels=np.full((2, 4, 4), 7, np.int16))

    assert 7.0 == read_volume(write_series(tmp_path, images)).array.max()


@pytest.mark.parametrize(
    ("signed", "expected"), [(0, [0, 0x7FF, 0x800, 0xFFF]), (1, [0, 2047, -2048, -1])]
)
def test_bits_above_bits_stored_are_ignored(tmp_path, signed, expected):
    words = [0xF000, 0x07FF, 0xA800, 0x0FFF]
    volume = volume_of(
        tmp_path, words, BitsStored=12, HighBit=11, PixelRepresentation=signed,
        RescaleIntercept=0,
    )  # fmt: skip

    assert expected == volume.array[0, 0].tolist()


def test_sixteen_bits_without_sign_reach_their_top(tmp_path):
    volume = volume_of(tmp_path, [0, 32768, 65535, 1], PixelRepresentation=0)

    assert [-1024, 31744, 64511, -1023] == volume.array[0, 0].tolist()


@pytest.mark.parametrize(
    ("signed", "padding", "limit", "expected"),
    [
        (1, -2000, None, [True, False, False, False]),
        (0, 63536, None, [True, False, False, False]),  # the same bits as -2000
        (1, -2000, -1024, [True, True, False, False]),
        (1, -1024, -2000, [True, True, False, False]),  # given the other way round
        (1, 5, None, [False, False, False, False]),
    ],
)
def test_enh_18_padding_is_told_from_values(tmp_path, signed, padding, limit, expected):
    words = np.array([-2000, -1024, 0, 1000], np.int16).view(np.uint16)
    attributes = {"PixelPaddingValue": padding, "PixelRepresentation": signed}
    if limit is not None:
        attributes["PixelPaddingRangeLimit"] = limit
    volume = volume_of(tmp_path, words, **attributes)

    found = [False] * 4 if volume.padding is None else volume.padding[0, 0].tolist()
    assert expected == found


def test_padding_beyond_bits_stored_is_found_in_the_unused_bits(tmp_path):
    words = [0xF830, 0x0830, 0x0001, 0x0002]  # -2000 in 16 bits, and its lower 12 bits
    volume = volume_of(
        tmp_path, words, BitsStored=12, HighBit=11, PixelRepresentation=0,
        PixelPaddingValue=0xF830,
    )  # fmt: skip

    assert volume.padding is not None
    assert [True, False, False, False] == volume.padding[0, 0].tolist()


def test_monochrome1_is_kept_as_it_is(tmp_path):
    image = a_series(
        "CR", slices=1, pixels=np.array([[[0, 900]] * 4], np.uint16),
        PhotometricInterpretation="MONOCHROME1",
    )  # fmt: skip

    assert [0.0, 900.0] == read_frames(write_series(tmp_path, image)[0]).array[0, 0].tolist()


def test_frames_know_the_spacing_at_the_imager(tmp_path):
    image = a_series("CR", slices=1, PixelSpacing=None, ImagerPixelSpacing=[0.2, 0.1])

    assert (0.2, 0.1) == read_frames(write_series(tmp_path, image)[0]).spacing_mm
