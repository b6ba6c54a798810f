import numpy as np

from pipelines.ops.uptake import grow_uptake


def cone(shape, middle, top):
    z, y, x = np.indices(shape)
    far = np.sqrt((z - middle[0]) ** 2 + (y - middle[1]) ** 2 + (x - middle[2]) ** 2)
    return np.clip(top - far, 0, None).astype(np.float32)


def test_a_hot_region_grows_to_its_part_of_the_maximum_but_not_above_the_seed_level():
    array = cone((21, 41, 41), (10, 20, 20), 20.0)
    mask = grow_uptake(array, seed=4.0, part=0.41, least=2.5, pixels=10)
    np.testing.assert_array_equal(array >= 4.0, mask)


def test_a_faint_region_grows_down_to_the_least_level():
    array = cone((21, 41, 41), (10, 20, 20), 5.0)
    mask = grow_uptake(array, seed=4.0, part=0.41, least=2.5, pixels=5)
    np.testing.assert_array_equal(array >= 2.5, mask)


def test_small_regions_and_regions_below_the_seed_are_left_out():
    array = cone((21, 41, 41), (10, 20, 20), 4.5)
    assert not grow_uptake(array, seed=4.0, part=0.41, least=2.5, pixels=100).any()
    assert not grow_uptake(array, seed=5.0, part=0.41, least=2.5, pixels=1).any()


def test_two_regions_are_each_cut_at_their_own_level():
    array = cone((21, 41, 81), (10, 20, 20), 12.0) + cone((21, 41, 81), (10, 20, 60), 5.0)
    mask = grow_uptake(array, seed=4.0, part=0.41, least=2.5, pixels=1)
    np.testing.assert_array_equal(array[..., :40] >= 4.0, mask[..., :40])
    np.testing.assert_array_equal(array[..., 40:] >= 2.5, mask[..., 40:])


def test_a_cold_middle_is_filled_in_its_plane():
    array = np.zeros((5, 21, 21), dtype=np.float32)
    array[1:4, 4:17, 4:17] = 8
    array[1:4, 9:12, 9:12] = 1
    assert 3 * 13 * 13 == grow_uptake(array, seed=4, part=0.41, least=2.5, pixels=1).sum()
