import numpy as np
import pytest
from scipy import ndimage

from tests.unit.pipelines.classical import frames_of, run


def a_chest():
    """A bright trunk before a dark room with two dark lungs; and the lungs on left and right."""
    y, x = np.indices((360, 320)).astype(float)
    trunk = (np.abs(x - 160) < 140) & (y > 20)
    on_left = ((x - 95) / 48) ** 2 + ((y - 170) / 105) ** 2 < 1
    on_right = ((x - 228) / 45) ** 2 + ((y - 165) / 100) ** 2 < 1
    density = np.where(trunk, 3000.0, 50.0)
    density[on_left | on_right] = 1400
    density += 150 * np.sin(y / 7) * (on_left | on_right)
    rng = np.random.default_rng(6)
    return ndimage.gaussian_filter(density, 2) + rng.normal(0, 20, y.shape), on_left, on_right


def overlap(one, two):
    return 2 * np.count_nonzero(one & two) / (np.count_nonzero(one) + np.count_nonzero(two))


CHEST = {"BodyPartExamined": "CHEST", "PhotometricInterpretation": "MONOCHROME2"}


def test_the_left_lung_is_on_the_right_of_the_image():
    density, on_left, on_right = a_chest()
    labels = run("xr-segment", frames_of(density[None], "DX", **CHEST)).labels[0]
    assert overlap(labels == 2, on_left) > 0.9
    assert overlap(labels == 1, on_right) > 0.9
    assert not labels[:, :10].any()
    assert 3 == labels[200, 160]


def test_monochrome1_gives_the_same_outline():
    density, _left, _right = a_chest()
    plain = run("xr-segment", frames_of(density[None], "CR", **CHEST)).labels
    inverted = {**CHEST, "PhotometricInterpretation": "MONOCHROME1"}
    negative = run("xr-segment", frames_of(4095 - density[None], "CR", **inverted)).labels
    assert np.mean(plain == negative) > 0.999


def test_a_mirrored_image_is_read_by_its_patient_orientation():
    density, on_left, _right = a_chest()
    source = frames_of(density[None], "DX", **CHEST, PatientOrientation=["R", "F"])
    labels = run("xr-segment", source).labels[0]
    assert overlap(labels == 1, on_left) > 0.9


@pytest.mark.parametrize(
    "changes", [{"BodyPartExamined": "HAND"}, {"ViewPosition": "LL"}, {"Modality": "MG"}]
)
def test_other_parts_and_views_have_no_lungs(changes):
    density = a_chest()[0][None]
    labels = run("xr-segment", frames_of(density, "CR", **{**CHEST, **changes})).labels
    assert {0, 3} == set(np.unique(labels).tolist())


def test_one_lung_alone_is_not_given():
    density, on_left, _right = a_chest()
    density[ndimage.binary_dilation(on_left, iterations=8)] = 3000
    labels = run("xr-segment", frames_of(density[None], "CR", **CHEST)).labels
    assert {0, 3} == set(np.unique(labels).tolist())


def test_what_lies_behind_the_collimator_is_not_the_patient():
    x = np.indices((200, 200))[1].astype(float)
    density = np.where(np.abs(x - 100) < 30, 2000.0, 100.0)
    density[(x < 25) | (x > 174)] = 4000
    density = ndimage.gaussian_filter(density, 3) + np.random.default_rng(0).normal(0, 1, x.shape)
    density[(x < 15) | (x > 184)] = 4000
    labels = run("xr-segment", frames_of(density[None], "DX", BodyPartExamined="LEG")).labels[0]
    assert (labels[:, 75:125] == 3).all()
    assert not labels[:, :50].any()
