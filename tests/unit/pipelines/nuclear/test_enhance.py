import numpy as np
import pytest

from tests.unit.pipelines.classical import PET, a_volume, frames_of, run


def counts(shape=(6, 96, 96), scale=1.0):
    """A warm disc with a hot spot in a cold room: expected values and a Poisson draw of them."""
    _, y, x = np.indices(shape)
    expected = np.where((y - 48) ** 2 + (x - 48) ** 2 < 40**2, 30.0, 0.5)
    expected[:, 40:52, 60:72] = 150.0
    drawn = np.random.default_rng(5).poisson(expected)
    return expected.astype(np.float32) * scale, drawn.astype(np.float32) * scale


@pytest.mark.parametrize("scale", [1.0, 350.0])
def test_noise_falls_and_the_total_stays(scale):
    expected, drawn = counts(scale=scale)
    after = run("pet-enhance", a_volume(drawn, "PT", **PET)).array
    before = np.sqrt(np.mean((drawn - expected) ** 2))
    assert np.sqrt(np.mean((after - expected) ** 2)) < 0.6 * before
    assert pytest.approx(drawn.sum(dtype=np.float64), rel=1e-5) == after.sum(dtype=np.float64)


def test_the_mean_of_a_hot_spot_moves_less_than_one_percent():
    _expected, drawn = counts()
    after = run("pet-enhance", a_volume(drawn, "PT", **PET)).array
    spot = np.s_[:, 42:50, 62:70]
    assert pytest.approx(drawn[spot].mean(), rel=0.01) == after[spot].mean()


def test_frames_do_not_look_at_each_other():
    _expected, drawn = counts()
    both = run("nm-enhance", frames_of(drawn, "NM")).array
    swapped = run("nm-enhance", frames_of(drawn[::-1].copy(), "NM")).array
    np.testing.assert_allclose(both, swapped[::-1], rtol=1e-4)


def test_negative_values_stay_as_they_are():
    _expected, drawn = counts()
    drawn[:, :3] = -4
    assert (run("nm-enhance", frames_of(drawn, "NM")).array[:, :3] == -4).all()
