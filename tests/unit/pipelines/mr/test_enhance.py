import numpy as np
import pytest

from pipelines.errors import PipelineRefused
from tests.unit.pipelines.classical import a_volume, run

MAGNITUDE = {"ImageType": ["ORIGINAL", "PRIMARY", "M"]}


def slab(sd=20.0):
    """Three tissues in air: signal without noise, and as a Rician magnitude."""
    signal = np.zeros((4, 96, 96))
    signal[:, 16:80, 16:80] = 400
    signal[:, 30:60, 30:50] = 700
    rng = np.random.default_rng(2)
    real, imaginary = (rng.normal(0, sd, signal.shape) for _ in range(2))
    return signal, np.hypot(signal + real, imaginary)


def test_rician_noise_falls_and_tissue_keeps_its_intensity():
    _signal, noisy = slab()
    after = run("mr-enhance", a_volume(noisy, "MR", **MAGNITUDE)).array
    inside = np.s_[:, 34:56, 34:46]
    assert after[inside].std() < 0.4 * noisy[inside].std()
    assert pytest.approx(700, rel=0.01) == after[inside].mean()
    assert pytest.approx(400, rel=0.01) == after[:, 65:75, 20:70].mean()


def test_the_noise_floor_of_air_is_taken_off_original_magnitudes_only():
    noisy = slab()[1]
    air = np.s_[:, :10]
    original = run("mr-enhance", a_volume(noisy, "MR", **MAGNITUDE)).array
    derived = run("mr-enhance", a_volume(noisy, "MR", ImageType=["DERIVED", "SECONDARY"])).array
    assert original[air].mean() < 0.3 * noisy[air].mean()
    assert pytest.approx(noisy[air].mean(), rel=0.1) == derived[air].mean()


def test_bias_correction_flattens_tissue_and_keeps_its_mean():
    signal, noisy = slab(sd=4.0)
    noisy = noisy * np.linspace(0.7, 1.3, 96)
    volume = a_volume(noisy, "MR", spacing_mm=(3.0, 1.0, 1.0), **MAGNITUDE)
    plain = run("mr-enhance", volume).array
    flat = run("mr-enhance", volume, bias_correction=True, bias_shrink=2).array
    left, right = np.s_[:, 64:78, 20:32], np.s_[:, 64:78, 64:76]
    drift = plain[right].mean() / plain[left].mean()
    assert flat[right].mean() / flat[left].mean() < 1 + 0.6 * (drift - 1)
    tissue = signal > 0
    assert pytest.approx(plain[tissue].mean(), rel=0.01) == flat[tissue].mean()


@pytest.mark.parametrize("kind", ["P", "PHASE MAP", "IMAGINARY"])
def test_phase_images_are_refused(kind):
    with pytest.raises(PipelineRefused) as refusal:
        run("mr-enhance", a_volume(slab()[1], "MR", ImageType=["ORIGINAL", "PRIMARY", kind]))
    assert "phase-image" == refusal.value.code


def test_the_phase_of_an_enhanced_object_is_refused():
    phase = a_volume(slab()[1], "MR", ComplexImageComponent="PHASE", **MAGNITUDE)
    with pytest.raises(PipelineRefused) as caught:
        run("mr-enhance", phase)
    assert "phase-image" == caught.value.code
