"""Outlines of masks: their polygons hold the mask's pixels and no others."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import points_in_poly

from pipelines.dicom_out.outlines import bounds, keyhole, outlines, signed_area


def a_mask(smooth: float) -> np.ndarray:
    noise = np.random.default_rng(4).standard_normal((60, 80))
    return ndimage.gaussian_filter(noise, smooth) > 0.02


def crossings(polygon: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which pixel centres a ray to the right of them crosses an odd number of edges."""
    inside = np.zeros(shape, bool)
    y, x = np.indices(shape)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y0 != y1:
            beside = (y0 > y) != (y1 > y)
            inside ^= beside & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside


def windings(polygon: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """How often the polygon winds round each pixel centre."""
    turns = np.zeros(shape, int)
    y, x = np.indices(shape)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y0 != y1:
            beside = (y0 > y) != (y1 > y)
            turns += np.sign(y1 - y0).astype(int) * (
                beside & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
            )
    return turns


@pytest.mark.parametrize("smooth", [0.0, 0.6, 1.5, 4.0])
def test_a_keyhole_holds_the_pixels_of_the_mask_whatever_rule_fills_it(smooth):
    mask = a_mask(smooth)
    odd = np.zeros(mask.shape, int)
    wound = np.zeros(mask.shape, int)
    library = np.zeros(mask.size, int)
    points = np.stack(np.indices(mask.shape)[::-1], axis=-1).reshape(-1, 2)
    for outline in outlines(mask):
        polygon = keyhole(outline)
        odd += crossings(polygon, mask.shape)
        wound += windings(polygon, mask.shape) != 0
        library += points_in_poly(points, polygon)

    np.testing.assert_array_equal(mask.astype(int), odd)
    np.testing.assert_array_equal(mask.astype(int), wound)
    np.testing.assert_array_equal(mask.astype(int), library.reshape(mask.shape))


def test_every_component_has_one_outline_with_its_own_holes():
    mask = np.zeros((20, 20), bool)
    mask[1:10, 1:10] = True
    mask[3:5, 3:5] = mask[7, 7] = False
    mask[12:15, 12:15] = True
    mask[15, 15] = True  # touches a corner alone
    first, second, third = outlines(mask)

    assert [2, 0, 0] == [len(each.holes) for each in (first, second, third)]
    assert [[0.5, 0.5], [9.5, 9.5]] == bounds([first.outer]).tolist()
    assert signed_area(first.outer) > 0 > signed_area(first.holes[0])
    assert [[14.5, 14.5], [15.5, 15.5]] == bounds([third.outer]).tolist()


def test_a_ring_in_a_ring_is_three_outlines():
    y, x = np.indices((41, 41)) - 20
    radius = np.hypot(x, y)
    mask = (radius < 3) | ((radius > 6) & (radius < 9)) | ((radius > 12) & (radius < 18))

    assert [1, 1, 0] == [len(each.holes) for each in outlines(mask)]


def test_a_mask_that_touches_the_border_is_closed_and_straight_lines_have_no_middle_points():
    (whole,) = outlines(np.ones((5, 7), bool))

    assert 8 == len(whole.outer)
    assert [] == outlines(np.zeros((5, 7), bool))
