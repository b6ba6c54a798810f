"""The axes of the patient: which way an array has to be turned so that its planes can be named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Plane = Literal["axial", "coronal", "sagittal"]
PLANES: tuple[Plane, ...] = ("axial", "coronal", "sagittal")
ALONG: dict[Plane, int] = {"axial": 0, "coronal": 1, "sagittal": 2}
"""The array axis that a plane is a cut across; also the index of the plane in `PLANES`."""


def to_patient_axes(
    array: NDArray[Any], affine: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """`array` ``[z, y, x]`` and `affine` turned so that z goes to the head, y back, x left (LPS).

    Whole axes are permuted and flipped, nothing is interpolated: an oblique stack stays oblique.
    """
    order = nearest_axes(affine[:3, :3])
    array = array.transpose([2 - axis for axis in order[::-1]])
    affine = affine.copy()
    affine[:3, :3] = affine[:3, order]
    for axis in range(3):
        if affine[axis, axis] < 0:
            along = 2 - axis
            affine[:3, 3] += affine[:3, axis] * (array.shape[along] - 1)
            affine[:3, axis] *= -1
            array = np.flip(array, along)
    return array, affine


def nearest_axes(directions: NDArray[np.float64]) -> list[int]:
    """For each patient axis x, y, z the column of `directions` that runs most along it."""
    weight = np.abs(directions / np.linalg.norm(directions, axis=0))
    order = [0, 0, 0]
    for _ in range(3):
        patient, column = np.unravel_index(np.argmax(weight), weight.shape)
        order[int(patient)] = int(column)
        weight[patient, :] = -1
        weight[:, column] = -1
    return order


def acquired_plane(affine: NDArray[np.float64]) -> Plane:
    """The plane that the stack was taken in; `affine` is that of the untouched stack."""
    along = nearest_axes(affine[:3, :3]).index(2)  # the patient axis that slices follow
    return PLANES[2 - along]
