import numpy as np
import pytest

from pipelines.ops.axial import axes_to_flip


@pytest.mark.parametrize(
    ("diagonal", "flips"),
    [((1, 1, 1), ()), ((-1, 1, 1), (2,)), ((1, -1, 1), (1,)), ((-0.7, -0.7, -5), (2, 1, 0))],
)
def test_reversed_axes_are_named_by_their_place_in_the_array(diagonal, flips):
    assert flips == axes_to_flip(np.diag([*diagonal, 1.0]))


def test_a_slightly_turned_head_is_axial():
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
    assert axes_to_flip(turn) == ()


@pytest.mark.parametrize("order", [(0, 2, 1), (1, 2, 0), (1, 0, 2)])
def test_coronal_sagittal_and_turned_slices_are_not_axial(order):
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[list(order)]
    assert axes_to_flip(affine) is None
