import math

import numpy as np
import pytest

from pipelines.evaluation.baselines import DENOISERS
from pipelines.evaluation.fidelity import psnr, ssim


@pytest.fixture
def truth():
    y, x = np.mgrid[:64, :64]
    return np.where(np.hypot(y - 32, x - 32) < 20, 100.0, 0.0).astype(np.float32)


@pytest.fixture
def noisy(truth):
    return truth + np.random.default_rng(0).normal(0, 10, truth.shape).astype(np.float32)


def test_equal_images_are_perfect(truth):
    assert math.inf == psnr(truth, truth, 100.0)
    assert 1.0 == pytest.approx(ssim(truth, truth, 100.0))


def test_psnr_follows_its_definition(truth):
    assert 20.0 == pytest.approx(psnr(truth + 10.0, truth, 100.0))


def test_only_the_region_counts(truth, noisy):
    region = truth > 0
    wrong_outside = np.where(region, truth, noisy)
    assert math.inf == psnr(wrong_outside, truth, 100.0, region)
    assert ssim(wrong_outside, truth, 100.0, region) > ssim(wrong_outside, truth, 100.0)


@pytest.mark.parametrize("name", DENOISERS)
def test_every_baseline_brings_a_noisy_image_nearer_to_the_truth(name, truth, noisy):
    method, strengths = DENOISERS[name]
    best = max(psnr(method(noisy, 10.0, strength), truth, 100.0) for strength in strengths)
    assert best > psnr(noisy, truth, 100.0) + 2.0
