import numpy as np
import pytest

from pipelines.errors import PipelineRefused
from tests.unit.pipelines.classical import PET, a_volume, frames_of, run

SUV_1 = 3.5e8 * 2 ** (-3600 / 6586.2) / 70_000  # Bq/mL of SUV 1 by the made-up header


def test_uptake_is_outlined_by_suv_and_not_by_activity():
    array = np.full((10, 40, 40), SUV_1)
    array[3:8, 10:20, 10:20] = 8 * SUV_1
    array[3:8, 25:35, 25:35] = 3 * SUV_1
    labels = run("pet-segment", a_volume(array, "PT", **PET)).labels
    np.testing.assert_array_equal(array > 7 * SUV_1, labels == 1)


def test_a_scan_without_high_uptake_is_refused_and_says_so():
    with pytest.raises(PipelineRefused) as refusal:
        run("pet-segment", a_volume(np.full((5, 20, 20), SUV_1), "PT", **PET))
    assert "no-uptake" == refusal.value.code


def test_uptake_in_gamma_camera_frames_is_outlined_by_the_histogram():
    rng = np.random.default_rng(1)
    expected = np.full((2, 64, 64), 0.2)
    expected[:, 10:54, 10:54] = 12.0
    expected[:, 25:35, 30:40] = 120.0
    labels = run("nm-segment", frames_of(rng.poisson(expected), "NM")).labels
    assert labels[:, 27:33, 32:38].all()
    assert not labels[:, 12:20].any()
