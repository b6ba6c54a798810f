"""A sphere of nearly equal triangles, and a mesh turned into voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray


def icosphere(subdivisions: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Unit vertices (n, 3) and outward faces (m, 3) of an icosahedron split `subdivisions` times.

    4 gives 2562 vertices and 5120 faces.
    """
    golden = (1 + 5**0.5) / 2
    corners = np.array([(0, a, b * golden) for a in (-1, 1) for b in (-1, 1)], dtype=np.float64)
    vertices = np.concatenate([np.roll(corners, turn, axis=1) for turn in range(3)])
    vertices /= np.linalg.norm(vertices, axis=1, keepdims=True)
    near = np.linalg.norm(vertices[:, None] - vertices[None], axis=2) < 1.1
    faces = np.array(
        [
            (a, b, c)
            for a in range(12)
            for b in range(a + 1, 12)
            for c in range(b + 1, 12)
            if near[a, b] and near[b, c] and near[a, c]
        ]
    )
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), a + b + c) < 0
    faces[inward] = faces[inward][:, ::-1]
    for _ in range(subdivisions):
        vertices, faces = _split(vertices, faces)
    return vertices, faces


def neighbour_table(faces: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The six neighbours of each of `count` vertices; five-fold vertices name one twice."""
    found: list[list[int]] = [[] for _ in range(count)]
    for a, b, c in faces.tolist():
        found[a].append(b)
        found[b].append(c)
        found[c].append(a)
    return np.array([(names + names)[:6] for names in found], dtype=np.int64)


def fill_mesh(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    *,
    grid_mm: float = 1.5,
) -> NDArray[np.bool_]:
    """The voxels of `shape` whose centres lie inside the closed mesh (millimetres, ``z, y, x``).

    The triangles are drawn on a grid of `grid_mm`, which is filled, thinned by half its wall and
    looked up for every voxel; the mesh may reach beyond the volume.
    """
    low = vertices.min(axis=0) - 3 * grid_mm
    extent = np.ceil((vertices.max(axis=0) - low) / grid_mm).astype(int) + 4
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    longest = max(
        float(np.linalg.norm(b - a, axis=1).max()), float(np.linalg.norm(c - a, axis=1).max())
    )
    steps = int(np.ceil(2 * longest / grid_mm)) + 1
    wall = np.zeros(extent, dtype=bool)
    for i in range(steps + 1):
        for j in range(steps + 1 - i):
            points = a + (b - a) * (i / steps) + (c - a) * (j / steps)
            index = np.rint((points - low) / grid_mm).astype(np.intp)
            wall[index[:, 0], index[:, 1], index[:, 2]] = True
    solid = ndimage.binary_fill_holes(wall)
    depth = ndimage.distance_transform_edt(solid)
    filled = depth > 0.5 + 0.5  # the wall's outer half lies outside the mesh
    axes = [
        np.rint((np.arange(length) * step - start) / grid_mm).astype(np.intp)
        for length, step, start in zip(shape, spacing_mm, low, strict=True)
    ]
    valid = [(axis >= 0) & (axis < size) for axis, size in zip(axes, extent.tolist(), strict=True)]
    mask = np.zeros(shape, dtype=bool)
    mask[np.ix_(*valid)] = filled[np.ix_(*(axis[ok] for axis, ok in zip(axes, valid, strict=True)))]
    return mask


def _split(
    vertices: NDArray[np.float64], faces: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    unique, inverse = np.unique(edges, axis=0, return_inverse=True)
    middles = vertices[unique].mean(axis=1)
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    ab, bc, ca = inverse.reshape(3, -1) + len(vertices)
    a, b, c = faces.T
    smaller = [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
    return np.concatenate([vertices, middles]), np.concatenate(
        [np.stack(corners, axis=1) for corners in smaller]
    )
