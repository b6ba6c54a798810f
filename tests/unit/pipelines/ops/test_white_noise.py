import numpy as np
import pytest

from pipelines.ops.white_noise import detail_sd, variance_per_mean


def test_the_sd_of_white_noise_is_found_under_shading_and_edges():
    rows, columns = np.mgrid[:200, :200].astype(np.float32)
    anatomy = rows + 300 * (columns > 100)
    noisy = anatomy + np.random.default_rng(0).normal(0, 12, anatomy.shape)
    assert pytest.approx(12, rel=0.05) == detail_sd(noisy[None].astype(np.float32))


def test_only_the_region_counts_and_too_few_blocks_give_nothing():
    array = np.random.default_rng(0).normal(0, 5, (1, 64, 64)).astype(np.float32)
    array[:, :, 32:] *= 10
    region = np.zeros(array.shape, dtype=bool)
    region[:, :, :32] = True
    assert pytest.approx(5, rel=0.1) == detail_sd(array, region)
    assert 0.0 == detail_sd(array, np.zeros_like(region))


@pytest.mark.parametrize("scale", [1.0, 40.0])
def test_counts_times_a_scale_have_that_variance_per_mean(scale):
    counts = np.random.default_rng(1).poisson(50, (2, 256, 256)).astype(np.float32)
    assert pytest.approx(scale, rel=0.05) == variance_per_mean(counts * np.float32(scale))


def test_nothing_to_measure_gives_zero():
    assert 0.0 == variance_per_mean(np.zeros((1, 32, 32), dtype=np.float32))
    assert 0.0 == variance_per_mean(np.full((1, 32, 32), 9.0, dtype=np.float32))
