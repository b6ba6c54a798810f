import numpy as np
import pytest

from pipelines.ops.icosphere import fill_mesh, icosphere, neighbour_table


def test_the_sphere_is_closed_and_its_faces_look_outward():
    vertices, faces = icosphere(2)
    assert (162, 320) == (len(vertices), len(faces))
    np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 1)
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    assert pytest.approx(4 / 3 * np.pi, rel=0.05) == volume


def test_every_vertex_has_its_neighbours():
    vertices, faces = icosphere(1)
    table = neighbour_table(faces, len(vertices))
    assert (42, 6) == table.shape
    apart = np.linalg.norm(vertices[table] - vertices[:, None], axis=2)
    assert 0 < apart.min()
    assert apart.max() < 0.7


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (5.0, 0.8, 0.8)])
def test_a_filled_sphere_has_its_volume_on_any_grid(spacing_mm):
    vertices, faces = icosphere(3)
    shape = tuple(int(120 / step) for step in spacing_mm)
    mask = fill_mesh(40 * vertices + 60, faces, shape, spacing_mm)
    assert pytest.approx(4 / 3 * np.pi * 40**3, rel=0.04) == mask.sum() * np.prod(spacing_mm)


def test_a_mesh_may_reach_beyond_the_volume():
    vertices, faces = icosphere(3)
    mask = fill_mesh(40 * vertices, faces, (50, 50, 50), (1.0, 1.0, 1.0))
    assert pytest.approx(4 / 3 * np.pi * 40**3 / 8, rel=0.08) == mask.sum()
