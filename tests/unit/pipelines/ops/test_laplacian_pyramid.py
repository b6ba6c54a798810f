import numpy as np
import pytest

from pipelines.ops.laplacian_pyramid import put_together, take_apart


@pytest.mark.parametrize("shape", [(64, 64), (61, 47), (33, 128)])
def test_what_is_taken_apart_is_put_together_again(shape):
    plane = np.random.default_rng(0).normal(1000, 100, shape).astype(np.float32)
    bands = take_apart(plane, 4)
    assert 5 == len(bands)
    np.testing.assert_allclose(put_together(bands), plane, atol=1e-3)


def test_a_flat_image_has_no_detail():
    *bands, rest = take_apart(np.full((40, 40), 5.0, dtype=np.float32), 3)
    assert all(np.abs(band).max() < 1e-4 for band in bands)
    np.testing.assert_allclose(rest, 5.0, atol=1e-4)
