from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from pipelines.ops.sliding_window import places, slide


def picture(shape, seed=3):
    return np.random.default_rng(seed).normal(0, 100, shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(1, 70, 50), (2, 64, 64), (1, 33, 129), (3, 40, 41)])
def test_a_function_of_single_pixels_is_computed_as_in_one_pass(shape):
    image = picture(shape)
    windows = slide(image, (32, 32), (8, 8), lambda part: part * 2 + 1)
    np.testing.assert_allclose(image * 2 + 1, windows, rtol=1e-6, atol=1e-4)


def test_a_neighbourhood_smaller_than_the_overlap_leaves_no_seam():
    image = picture((1, 160, 160))

    def smooth(part):
        return ndimage.gaussian_filter(part, (0, 2, 2), truncate=2.0)

    windows = slide(image, (96, 96), (48, 48), smooth)
    whole = smooth(image)
    assert np.abs(windows - whole).max() < 0.2 * whole.std()
    assert np.sqrt(((windows - whole) ** 2).mean()) < 0.02 * whole.std()


def test_an_image_no_larger_than_the_window_passes_whole_and_once():
    seen = []

    def note(part):
        seen.append(part.shape)
        return part

    image = picture((1, 30, 32))
    assert np.array_equal(image, slide(image, (32, 32), (8, 8), note))
    assert [(1, 30, 32)] == seen


def test_three_dimensional_windows_join_and_may_change_the_channels():
    image = picture((1, 20, 24, 28))
    joined = slide(image, (12, 12, 12), (4, 4, 4), lambda part: np.concatenate([part, -part]))
    assert (2, 20, 24, 28) == joined.shape
    np.testing.assert_allclose(image[0], joined[0], rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(-image[0], joined[1], rtol=1e-6, atol=1e-4)


def test_turning_the_image_over_turns_the_result_over():
    image = picture((1, 90, 70))

    def smooth(part):
        return ndimage.uniform_filter(part, (0, 5, 5))

    there = slide(image, (40, 40), (16, 16), smooth)
    back = slide(image[:, ::-1].copy(), (40, 40), (16, 16), smooth)[:, ::-1]
    np.testing.assert_allclose(there, back, atol=1e-3)


def test_every_pixel_is_covered_and_neighbours_share_the_overlap():
    for length in range(1, 200, 7):
        spans = [place[0] for place in places((length,), (32,), (8,))]
        assert (0, length) == (spans[0].start, spans[-1].stop)
        for left, right in pairwise(spans):
            assert left.stop - right.start >= 8


def test_an_overlap_as_large_as_the_window_is_refused():
    with pytest.raises(ValueError, match="must be smaller"):
        slide(picture((1, 50, 50)), (16, 16), (16, 16), lambda part: part)
