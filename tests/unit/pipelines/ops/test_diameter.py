"""The largest diameter against every pair of face centres, counted one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pipelines.ops import diameter
from pipelines.ops.diameter import largest_diameter

STEPS = np.array([[0.0, 0.1, 0.7], [0.2, 0.9, 0.0], [2.5, 0.0, 0.0]])  # turned and uneven


def every_pair(mask, to_mm) -> float:
    """The farthest two centres of faces between a voxel inside and one outside."""
    padded = np.pad(mask, 1)
    faces = []
    for index in np.argwhere(padded):
        for axis, side in itertools.product(range(mask.ndim), (-1, 1)):
            step = np.zeros(mask.ndim, int)
            step[axis] = side
            if not padded[tuple(index + step)]:
                faces.append(index + step / 2)
    points = np.array(faces) @ to_mm.T
    return float(np.linalg.norm(points[:, None] - points[None], axis=-1).max())


@pytest.mark.parametrize("few", [2000, 10])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_distance_of_the_farthest_two_faces(monkeypatch, seed, few):
    monkeypatch.setattr(diameter, "FEW", few)
    rng = np.random.default_rng(seed)
    mask = rng.random((5, 6, 7)) > 0.85

    assert every_pair(mask, STEPS) == pytest.approx(largest_diameter(mask, STEPS), abs=1e-9)


def test_in_a_plane_it_is_the_distance_of_the_farthest_two_edges():
    mask = np.random.default_rng(5).random((9, 11)) > 0.8
    steps = np.diag([0.4, 1.5])

    assert every_pair(mask, steps) == pytest.approx(largest_diameter(mask, steps), abs=1e-9)


def test_one_voxel_is_as_long_as_its_longest_side():
    mask = np.zeros((3, 4, 5), bool)
    mask[1, 2, 3] = True

    assert 3.0 == pytest.approx(largest_diameter(mask, np.diag([3.0, 0.5, 0.5])))


def test_a_large_ball_is_as_wide_as_it_is():
    grid = np.indices((81, 81, 81)) - 40
    ball = (grid**2).sum(axis=0) <= 38**2

    assert 77.0 == pytest.approx(largest_diameter(ball, np.eye(3)), abs=0.5)
