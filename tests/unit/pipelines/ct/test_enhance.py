import numpy as np
import pytest
import torch

from pipelines.ct.enhance import denoise
from pipelines.errors import PipelineRefused
from pipelines.training.ct_noise import soften, unit_noise


@pytest.fixture(scope="module")
def pair(trunk):
    """Three slices: truth as a standard kernel shows it, and the same with 25 HU of noise."""
    rng = np.random.default_rng(11)
    truth = np.stack([soften(plane, 0.45) for plane in trunk[:3]])
    noise = np.stack([unit_noise(plane, 1.5, 0.45, rng) for plane in truth])
    return truth, truth + 25.0 * noise


def test_noise_falls_and_the_truth_comes_nearer(pair, run_of, volume_of):
    truth, noisy = pair
    result = denoise(volume_of(noisy), run_of("ct-denoise", strength=1.0)).array
    body = truth > -200
    before, after = ((a - truth)[body].std() for a in (noisy, result))
    assert after < 0.5 * before
    assert np.float32 == result.dtype


def test_the_mean_of_every_tissue_stays_within_one_hounsfield_unit(pair, run_of, volume_of):
    truth, noisy = pair
    result = denoise(volume_of(noisy), run_of("ct-denoise")).array
    for low, high in ((-130, -70), (0, 80), (250, 400)):
        region = (truth > low) & (truth < high)
        assert abs((result - noisy)[region].mean()) < 1.0


def test_a_noiseless_image_is_hardly_touched(pair, run_of, volume_of):
    truth, _noisy = pair
    result = denoise(volume_of(truth), run_of("ct-denoise")).array
    assert np.abs(result - truth)[truth > -900].mean() < 1.0


def test_strength_is_the_part_of_the_noise_taken_away(pair, run_of, volume_of):
    _truth, noisy = pair
    full, half, none = (
        denoise(volume_of(noisy), run_of("ct-denoise", strength=s)).array for s in (1.0, 0.5, 0.0)
    )
    assert np.array_equal(noisy, none)
    np.testing.assert_allclose((full + noisy) / 2, half, atol=0.01)


def test_enh_18_padding_comes_back_bit_for_bit_and_does_not_leak(pair, run_of, volume_of):
    _truth, noisy = pair
    padding = np.zeros(noisy.shape, bool)
    padding[:, :30] = True
    padded = np.where(padding, np.float32(-3024), noisy)
    result = denoise(volume_of(padded, padding=padding), run_of("ct-denoise")).array
    assert (result[padding] == -3024).all()
    plain = denoise(volume_of(noisy), run_of("ct-denoise")).array
    assert np.abs(result - plain)[:, 70:].mean() < 1.0


def test_the_same_volume_gives_the_same_bytes_on_any_number_of_threads(pair, run_of, volume_of):
    _truth, noisy = pair
    before = torch.get_num_threads()
    try:
        results = set()
        for threads in (1, 2, 4, 1):
            torch.set_num_threads(threads)
            results.add(denoise(volume_of(noisy), run_of("ct-denoise")).array.tobytes())
    finally:
        torch.set_num_threads(before)
    assert 1 == len(results)


@pytest.mark.parametrize("shape", [(2, 16, 16), (2, 33, 70), (2, 40, 1100)])
def test_any_size_within_the_limits_comes_back_in_its_own_shape(shape, run_of, volume_of):
    array = np.random.default_rng(0).normal(40, 20, shape)
    assert shape == denoise(volume_of(array), run_of("ct-denoise")).array.shape


def test_values_that_cannot_be_hounsfield_units_are_refused(run_of, volume_of):
    with pytest.raises(PipelineRefused) as refusal:
        denoise(volume_of(np.full((3, 32, 32), 20000)), run_of("ct-denoise"))
    assert "not-hounsfield" == refusal.value.code


def test_values_that_are_no_numbers_are_refused(run_of, volume_of):
    array = np.full((3, 32, 32), 40.0)
    array[1, 5, 5] = np.nan
    with pytest.raises(PipelineRefused) as refusal:
        denoise(volume_of(array), run_of("ct-denoise"))
    assert "not-finite" == refusal.value.code


def test_progress_grows_to_the_end(pair, run_of, volume_of):
    from dataclasses import replace

    parts = []
    denoise(volume_of(pair[1]), replace(run_of("ct-denoise"), progress=parts.append))
    assert sorted(parts) == parts
    assert 1.0 == parts[-1]
