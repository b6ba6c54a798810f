import numpy as np
import torch

from pipelines.training.ct_noise import back_project, project, soften, transfer, unit_noise
from pipelines.training.phantoms import draw_slice


def disc(size=64, radius=0.3, value=40.0):
    y, x = np.mgrid[:size, :size] / size - 0.5 + 0.5 / size
    return np.where(np.hypot(y, x) < radius, value, -1000.0).astype(np.float32)


def test_line_sums_keep_the_mass_of_the_image_in_every_view():
    image = torch.from_numpy(disc() + 1000.0)
    sums = project(image).sum(dim=1)
    np.testing.assert_allclose(sums.numpy(), float(image.sum()), rtol=0.01)


def test_filtered_back_projection_gives_the_image_again():
    image = (disc(128) + 1000.0) / 1000.0
    sinogram = project(torch.from_numpy(image)).numpy()
    ramp = np.fft.rfftfreq(256)
    filtered = np.fft.irfft(np.fft.rfft(sinogram, 256, axis=1) * ramp, 256, axis=1)[:, :128]
    again = back_project(torch.from_numpy(filtered.astype(np.float32))).numpy()
    centre = np.s_[44:84, 44:84]
    np.testing.assert_allclose(image[centre].mean(), again[centre].mean(), rtol=0.1)
    assert np.corrcoef(image.ravel(), again.ravel())[0, 1] > 0.97


def test_noise_is_one_strong_in_the_body_strongest_where_rays_are_longest_and_mean_free():
    clean = disc(128)
    noise = unit_noise(clean, 3.0, 0.5, np.random.default_rng(0))
    y, x = np.mgrid[:128, :128] - 63.5
    radius = np.hypot(y, x)
    assert np.isclose(noise[clean > -500].std(), 1.0, rtol=1e-3)
    assert noise[radius < 15].std() > 1.15 * noise[(radius > 30) & (radius < 38)].std()
    assert abs(noise[clean > -500].mean()) < 0.05


def test_a_soft_kernel_makes_coarse_noise():
    clean, rng = disc(128), np.random.default_rng(0)
    steps = [
        np.abs(np.diff(unit_noise(clean, 1.0, cutoff, rng)[40:88, 40:88])).mean()
        for cutoff in (0.15, 0.6)
    ]
    assert 2 * steps[0] < steps[1]


def test_a_kernel_keeps_the_mean_and_stops_at_its_cutoff():
    assert [1.0, 0.0, 0.0] == transfer(np.array([0.0, 0.3, 0.5]), 0.3).tolist()
    image = disc(64)
    np.testing.assert_allclose(image.mean(), soften(image, 0.3).mean(), rtol=1e-4)


def test_phantoms_hold_air_tissue_and_bone_and_repeat_with_the_seed():
    first = draw_slice(96, np.random.default_rng(5))
    assert np.array_equal(first, draw_slice(96, np.random.default_rng(5)))
    assert first.min() < -950
    assert first.max() > 150
    assert 0.2 < ((first > -200) & (first < 200)).mean() < 0.8
