"""Figures that people will read: noise, shift, edges, overlap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from pipelines.ops.homogeneous import homogeneous_region
from pipelines.ops.metrics import dice, edge_response, hd95, iou, mean_shift, noise_sd


def phantom(sd: float, seed: int = 0) -> np.ndarray:
    """A body with organs, shading and a bone, in HU with noise."""
    y, x = np.mgrid[:128, :128]
    body = np.where((y - 64) ** 2 + (x - 64) ** 2 < 55**2, 40.0 + 0.2 * x, -1000.0)
    body[30:60, 40:80] += 60
    body[90:96, 60:70] = 900
    noise = np.random.default_rng(seed).normal(0, sd, (3, 128, 128))
    return (body + noise).astype(np.float32)


def everywhere(array):
    return np.ones(array.shape, bool)


@pytest.mark.parametrize("sd", [2.0, 10.0, 40.0])
def test_noise_is_measured_in_flat_patches_whatever_else_is_there(sd):
    array = phantom(sd)
    region = homogeneous_region(array, everywhere(array), "CT")

    assert noise_sd(array, region) == pytest.approx(sd, rel=0.1)


def test_noise_that_a_filter_spreads_still_counts():
    """Blotches are noise too: a blur of white noise must not look as clean as its finest detail."""
    array = np.random.default_rng(1).normal(40, 20, (2, 512, 512)).astype(np.float32)
    region = homogeneous_region(array, everywhere(array), "CT")
    blurred = ndimage.gaussian_filter(array, (0, 1.5, 1.5))
    expected = 20 / (2 * np.sqrt(np.pi) * 1.5)

    assert noise_sd(blurred, region) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("modality", ["CT", "MR", "PT", "US", "CR"])
def test_the_region_lies_inside_the_body(modality):
    array = phantom(5.0)
    array = array if modality == "CT" else array + 1000
    region = homogeneous_region(array, everywhere(array), modality)
    y, x = np.mgrid[:128, :128]
    body = (y - 64) ** 2 + (x - 64) ** 2 < 55**2

    assert region.any()
    if modality != "CR":  # air is image in a radiograph
        assert body[np.nonzero(region)[1:]].all()


def test_where_nothing_is_valid_there_is_no_region_and_no_figure():
    array = phantom(5.0)
    region = homogeneous_region(array, np.zeros(array.shape, bool), "CT")

    assert not region.any()
    assert noise_sd(array, region) is None
    assert mean_shift(array, array, region) is None
    assert edge_response(array, array, region) is None


def test_a_constant_image_has_no_noise_region():
    flat = np.full((2, 64, 64), 40, np.float32)

    assert not homogeneous_region(flat, everywhere(flat), "CT").any()


def test_the_mean_shift_is_what_was_added():
    array = phantom(5.0)

    assert 3.0 == pytest.approx(mean_shift(array, array + 3, everywhere(array)), abs=1e-4)


def test_edges_that_are_kept_count_as_one_and_blurred_ones_as_less():
    array = phantom(5.0)
    valid = everywhere(array)
    clean = phantom(0.0)
    blurred = ndimage.gaussian_filter(array, (0, 1, 1))

    assert 1.0 == edge_response(array, array, valid)
    assert edge_response(array, clean, valid) == pytest.approx(1, abs=0.02)
    # The slope of a step at scale 1 after a blur of 1 is 1 / sqrt(2) of what it was.
    assert edge_response(array, blurred, valid) == pytest.approx(0.71, abs=0.05)
    assert edge_response(array, 1.2 * array, valid) == pytest.approx(1.2)


def test_overlap_of_masks():
    one, two = np.zeros((1, 4, 4), bool), np.zeros((1, 4, 4), bool)
    assert (1.0, 1.0, None) == (dice(one, two), iou(one, two), hd95(one, two, (1, 1, 1)))

    one[0, :2], two[0, 1:3] = True, True
    assert (0.5, 1 / 3) == (dice(one, two), iou(one, two))


def test_hd95_is_the_distance_of_surfaces_in_millimetres():
    one, two = np.zeros((3, 9, 9), bool), np.zeros((3, 9, 9), bool)
    one[1, 1, 1] = True
    two[1, 1, 5] = True

    assert 4 * 0.5 == hd95(one, two, (2.0, 1.0, 0.5))
