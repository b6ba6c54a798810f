import numpy as np
import pytest

from pipelines.ops.variance_stabilising import stabilise, unstabilise


@pytest.mark.parametrize("mean", [5, 20, 200])
def test_poisson_noise_has_unit_sd_after_the_root(mean):
    counts = np.random.default_rng(0).poisson(mean, 200_000).astype(np.float32)
    assert pytest.approx(1.0, abs=0.03) == float(stabilise(counts).std())


@pytest.mark.parametrize("mean", [1, 3, 10, 100])
def test_averaging_roots_and_going_back_is_unbiased(mean):
    counts = np.random.default_rng(1).poisson(mean, 400_000).astype(np.float32)
    back = unstabilise(np.array([stabilise(counts).mean(dtype=np.float64)], dtype=np.float32))
    assert pytest.approx(mean, rel=0.02) == float(back[0])


def test_the_root_of_nothing_is_nothing():
    back = unstabilise(np.array([0.0, 1.0, stabilise(np.float32(0))]))
    np.testing.assert_allclose(back, 0, atol=1e-6)
