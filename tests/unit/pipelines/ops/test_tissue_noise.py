import numpy as np
import pytest

from pipelines.ops.tissue_noise import noise_level, noise_levels


def body(noise, size=128, seed=1):
    y, x = np.mgrid[:size, :size] - size / 2
    plane = np.where(np.hypot(y, x) < size * 0.4, 40.0, -1000.0)
    plane[np.hypot(y, x) < size * 0.05] = 900.0
    return (plane + np.random.default_rng(seed).normal(0, noise, plane.shape)).astype(np.float32)


@pytest.mark.parametrize("noise", [5.0, 20.0, 60.0])
def test_the_level_is_that_of_flat_tissue_whatever_its_edges(noise):
    assert noise_level(body(noise)) == pytest.approx(noise, rel=0.15)


def test_a_slice_without_soft_tissue_has_no_level():
    assert np.isnan(noise_level(np.full((64, 64), -1000, np.float32)))


def test_slices_without_tissue_take_the_volumes_level():
    volume = np.stack([body(20.0, seed=n) for n in range(4)] + [np.full((128, 128), -1000.0)])
    levels = noise_levels(volume.astype(np.float32))
    np.testing.assert_allclose(levels, 20.0, rtol=0.15)
    assert np.float32 == levels.dtype


def test_a_volume_of_air_has_no_noise_to_take_away():
    assert [0.0, 0.0] == noise_levels(np.full((2, 64, 64), -1000, np.float32)).tolist()
