import numpy as np
import pytest
from scipy import ndimage

from pipelines.ct.segment import BODY, BONE, LUNG, segment, tidy
from pipelines.errors import PipelineRefused


def overlap(found, truth):
    return 2 * np.count_nonzero(found & truth) / (np.count_nonzero(found) + np.count_nonzero(truth))


@pytest.fixture(scope="module")
def noisy(trunk):
    return trunk + np.random.default_rng(2).normal(0, 15, trunk.shape).astype(np.float32)


def test_body_and_lungs_are_found_and_the_table_is_not(trunk, noisy, run_of, volume_of):
    labels = segment(volume_of(noisy, (5.0, 1.6, 1.6)), run_of("ct-segment")).labels
    assert np.uint8 == labels.dtype
    assert overlap(labels == LUNG, trunk == -850) > 0.9
    assert overlap(labels > 0, (trunk > -1000) & (trunk != 100)) > 0.95
    assert not (labels[:, 216:] > 0).any()


def test_a_flipped_volume_gives_the_flipped_labels(noisy, run_of, volume_of):
    from dataclasses import replace

    plain = volume_of(noisy[:3], (5.0, 1.6, 1.6))
    turned = replace(
        plain,
        array=np.ascontiguousarray(plain.array[::-1, :, ::-1]),
        affine=plain.affine @ np.diag([-1.0, 1.0, -1.0, 1.0]),
    )
    run = replace(run_of("ct-segment"), wants_uncertainty=True)
    expected, found = segment(plain, run), segment(turned, run)
    assert np.array_equal(expected.labels[::-1, :, ::-1], found.labels)
    assert np.array_equal(expected.uncertainty[::-1, :, ::-1], found.uncertainty)


def test_the_network_is_unsure_at_borders_and_sure_inside_and_the_labels_stay(
    noisy, run_of, volume_of
):
    from dataclasses import replace

    volume, run = volume_of(noisy[:3], (5.0, 1.6, 1.6)), run_of("ct-segment")
    padding = np.zeros(volume.array.shape, bool)
    padding[:, :, :20] = True
    volume = replace(volume, padding=padding)
    plain, told = segment(volume, run), segment(volume, replace(run, wants_uncertainty=True))
    assert plain.uncertainty is None
    assert np.array_equal(plain.labels, told.labels)
    lungs = told.labels == LUNG
    inside, near = ndimage.binary_erosion(lungs[1], iterations=4), ndimage.binary_dilation(lungs[1])
    border = near & ~ndimage.binary_erosion(lungs[1])
    assert told.uncertainty[1][border].mean() > 3 * told.uncertainty[1][inside].mean()
    assert not told.uncertainty[padding].any()


def test_padding_belongs_to_nothing(noisy, run_of, volume_of):
    padding = np.zeros(noisy.shape, bool)
    padding[:, :, :110] = True
    padded = np.where(padding, np.float32(-2000), noisy)
    labels = segment(volume_of(padded, (5.0, 1.6, 1.6), padding), run_of("ct-segment")).labels
    assert not labels[padding].any()
    assert (labels[~padding] > 0).any()


def test_coronal_slices_are_refused(noisy, run_of, volume_of):
    from dataclasses import replace

    affine = np.eye(4)[[0, 2, 1, 3]]
    with pytest.raises(PipelineRefused) as refusal:
        segment(replace(volume_of(noisy), affine=affine), run_of("ct-segment"))
    assert "not-axial" == refusal.value.code


def test_specks_outside_and_inside_the_body_go():
    labels = np.zeros((4, 40, 40), np.uint8)
    labels[:, 5:35, 5:35] = BODY
    labels[:, 10:30, 10:20] = LUNG
    labels[1, 25, 30] = LUNG
    labels[2, 8, 30] = BONE
    labels[:, 12:18, 28:32] = BONE
    labels[0, 38, 38] = BODY
    labels[0, 33, 33] = 0
    tidy(labels, voxel_ml=0.01)
    assert BODY == labels[1, 25, 30]
    assert BODY == labels[2, 8, 30]
    assert BONE == labels[1, 14, 30]
    assert LUNG == labels[2, 20, 15]
    assert 0 == labels[0, 38, 38]
    assert BODY == labels[0, 33, 33]
