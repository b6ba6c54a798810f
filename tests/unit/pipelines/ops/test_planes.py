import numpy as np
import pytest

from pipelines.ops.planes import planes_round, resize, to_grid


def test_planes_lie_at_millimetres_whatever_the_slice_distance():
    ramp = np.arange(10, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    assert [2.5, 4.0, 5.5] == planes_round(ramp, 4, 2.0, (-3.0, 0.0, 3.0))[:, 0, 0].tolist()
    assert [3.4, 4.0, 4.6] == pytest.approx(
        planes_round(ramp, 4, 5.0, (-3.0, 0.0, 3.0))[:, 0, 0].tolist()
    )


def test_beyond_the_ends_the_last_slice_stands():
    ramp = np.arange(3, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    assert [0.0, 0.0, 2.0] == planes_round(ramp, 0, 5.0, (-12.0, 0.0, 12.0))[:, 0, 0].tolist()


def test_a_grid_and_back_keeps_every_place():
    y, x = np.mgrid[:96, :128].astype(np.float32)
    plane = (3 * y + x)[None]
    grid = to_grid(plane, (0.8, 0.6), 1.6)
    assert (1, 48, 48) == grid.shape
    inner = np.s_[0, 8:-8, 8:-8]
    np.testing.assert_allclose(plane[inner], resize(grid, (96, 128))[inner], atol=0.05)


def test_coarser_pixels_are_averages_not_samples():
    noise = np.random.default_rng(0).normal(0, 10, (1, 256, 256)).astype(np.float32)
    assert to_grid(noise, (0.5, 0.5), 2.0).std() < 4.0
