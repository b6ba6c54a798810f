import numpy as np
import pytest

from tests.unit.pipelines.classical import frames_of, run


def radiograph(noise=1.0):
    """A patch of faint stripes of 8 pixels and a strong edge, with noise; values of 12 bits."""
    rng = np.random.default_rng(0)
    y, x = np.indices((256, 256))
    patch = (np.abs(y - 128) < 32) & (np.abs(x - 64) < 32)
    plane = 1500 + 900 * (x > 128) + 20 * ((x // 8) % 2) * patch
    return (plane + rng.normal(0, noise, plane.shape))[None].astype(np.float32)


def test_faint_detail_is_lifted_and_the_range_is_kept():
    array = radiograph()
    after = run("xr-enhance", frames_of(array, "CR")).array
    patch, plain = np.s_[:, 100:156, 36:92], np.s_[:, 20:80, 36:92]
    assert after[patch].std() > 1.2 * array[patch].std()
    assert after[plain].std() < array[plain].std()
    assert after.min() >= array.min()
    assert after.max() <= array.max()


def test_fine_noise_is_reduced():
    rng = np.random.default_rng(1)
    array = 2000 + rng.normal(0, 30, (1, 256, 256))
    after = run("xr-enhance", frames_of(array, "DX"), gain=1.0).array
    assert after.std() < 0.8 * array.std()


def test_monochrome1_is_treated_as_the_negative_of_monochrome2():
    array = radiograph()
    bright = run("xr-enhance", frames_of(array, "CR")).array
    dark = run("xr-enhance", frames_of(4095 - array, "CR")).array
    np.testing.assert_allclose(bright, 4095 - dark, atol=0.05)


@pytest.mark.parametrize("noise", [0.0, 5.0])
def test_a_gain_of_one_without_noise_reduction_changes_nothing(noise):
    array = radiograph(noise)
    after = run("xr-enhance", frames_of(array, "CR"), gain=1.0, noise=0.0).array
    np.testing.assert_allclose(after, array, atol=0.01)
