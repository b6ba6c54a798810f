import numpy as np

from pipelines.ops.padding import clear_padding, fill_padding, restore_padding


def test_padding_is_filled_from_the_nearest_pixel_of_its_plane():
    array = np.array([[[-2000, 5, 7], [-2000, 6, 8]]], dtype=np.float32)
    filled = fill_padding(array, array == -2000)
    assert [[[5, 5, 7], [6, 6, 8]]] == filled.tolist()


def test_what_is_no_number_is_filled_too():
    array = np.array([[[np.nan, 3.0, np.inf]]], dtype=np.float32)
    assert [[[3.0, 3.0, 3.0]]] == fill_padding(array, None).tolist()


def test_a_plane_of_padding_and_an_array_of_padding_do_no_harm():
    array = np.stack([np.full((4, 4), -1000), np.full((4, 4), 9)]).astype(np.float32)
    assert 9.0 == fill_padding(array, array < 0).min()
    assert not fill_padding(array, np.ones(array.shape, dtype=bool)).any()


def test_without_padding_the_array_itself_comes_back():
    array = np.ones((1, 3, 3), dtype=np.float32)
    assert fill_padding(array, None) is array


def test_source_values_come_back_and_labels_leave():
    source = np.array([[[-2000.0, 1.0]]], dtype=np.float32)
    padding = source < 0
    restored = restore_padding(np.array([[[3.0, 4.0]]]), source, padding)
    assert [[[-2000.0, 4.0]]] == restored.tolist()
    assert [[[0, 2]]] == clear_padding(np.full((1, 1, 2), 2, dtype=np.uint8), padding).tolist()
