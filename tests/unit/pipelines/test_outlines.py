"""Outlines of masks: their polygons hold the mask's pixels and no others."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import points_in_poly

from pipelines.dicom_out.outlines import keyhole, outlines, signed_area, without_middle_points


def a_mask(smooth: float) -> np.ndarray:
    noise = np.random.default_rng(4).standard_normal((60, 80))
    return ndimage.gaussian_filter(noise, smooth) > 0.02


def crossings(polygon: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which pixel centres a ray to the right of them crosses an odd number of edges."""
    return windings(polygon, shape)[0]


def windings(polygon: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Whether edges to the right of each pixel centre are odd in number, and the sum of turns."""
    turns, edges = np.zeros(shape, int), np.zeros(shape, int)
    x = np.arange(shape[1])
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        for y in range(max(ceil(min(y0, y1)), 0), min(ceil(max(y0, y1)), shape[0])):
            beside = x < x0 + (y - y0) * (x1 - x0) / (y1 - y0)
            edges[y] += beside
            turns[y] += beside * (1 if y1 > y0 else -1)
    return edges % 2 == 1, turns


def bounds(polygon: np.ndarray) -> np.ndarray:
    return np.stack([polygon.min(axis=0), polygon.max(axis=0)])


@pytest.mark.parametrize("smooth", [0.0, 0.6, 1.5, 4.0])
def test_a_keyhole_holds_the_pixels_of_the_mask_whatever_rule_fills_it(smooth):
    mask = a_mask(smooth)
    odd = np.zeros(mask.shape, int)
    wound = np.zeros(mask.shape, int)
    library = np.zeros(mask.size, int)
    points = np.stack(np.indices(mask.shape)[::-1], axis=-1).reshape(-1, 2)
    for outline in outlines(mask):
        polygon = keyhole(outline, mask)
        odd += crossings(polygon, mask.shape)
        wound += windings(polygon, mask.shape)[1] != 0
        library += points_in_poly(points, polygon)

    np.testing.assert_array_equal(mask.astype(int), odd)
    np.testing.assert_array_equal(mask.astype(int), wound)
    np.testing.assert_array_equal(mask.astype(int), library.reshape(mask.shape))


def test_no_channel_meets_the_centre_of_a_pixel_or_leaves_the_mask():
    """Where a way is gone twice, rounding may count a centre on it once."""
    mask = a_mask(1.0)
    for outline in outlines(mask):
        polygon = keyhole(outline, mask)
        for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            for part in np.linspace(0, 1, 41):
                x, y = start + part * (end - start)
                assert not (x.is_integer() and y.is_integer())
                near = mask[max(int(np.floor(y)), 0) : int(np.ceil(y)) + 1,
                            max(int(np.floor(x)), 0) : int(np.ceil(x)) + 1]  # fmt: skip
                assert near.any()


def test_a_sieve_of_many_holes_is_one_polygon_within_a_second():
    y, x = np.indices((200, 200))
    mask = ((x % 3 != 1) | (y % 2 != 1)) & (x > 1) & (y < 190)
    (outline,) = outlines(mask)
    assert 6000 < len(outline.holes)
    polygon = keyhole(outline, mask)

    np.testing.assert_array_equal(mask, crossings(polygon, mask.shape))


def test_every_component_has_one_outline_with_its_own_holes():
    mask = np.zeros((20, 20), bool)
    mask[1:10, 1:10] = True
    mask[3:5, 3:5] = mask[7, 7] = False
    mask[12:15, 12:15] = True
    mask[15, 15] = True  # touches a corner alone
    first, second, third = outlines(mask)

    assert [2, 0, 0] == [len(each.holes) for each in (first, second, third)]
    assert [[0.5, 0.5], [9.5, 9.5]] == bounds(first.outer).tolist()
    assert signed_area(first.outer) > 0 > signed_area(first.holes[0])
    assert [[14.5, 14.5], [15.5, 15.5]] == bounds(third.outer).tolist()


def test_a_ring_in_a_ring_is_three_outlines():
    y, x = np.indices((41, 41)) - 20
    radius = np.hypot(x, y)
    mask = (radius < 3) | ((radius > 6) & (radius < 9)) | ((radius > 12) & (radius < 18))

    assert [1, 1, 0] == [len(each.holes) for each in outlines(mask)]


def test_a_mask_that_touches_the_border_is_closed_and_straight_lines_have_no_middle_points():
    (whole,) = outlines(np.ones((5, 7), bool))

    assert 24 == len(whole.outer)
    assert 8 == len(without_middle_points(whole.outer))
    assert [] == outlines(np.zeros((5, 7), bool))
