"""What ITK's own DICOM reader sees: the grid of a series and its values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk


def read_series(paths: Sequence[Path]) -> sitk.Image:
    """The one series of a folder, its files sorted by ITK; a single file by itself.

    Raises
    ------
    RuntimeError
        ITK cannot read it.
    """
    if len(paths) == 1:
        return sitk.ReadImage(str(paths[0]))
    reader = sitk.ImageSeriesReader()
    folder = str(paths[0].parent)
    (uid,) = reader.GetGDCMSeriesIDs(folder)
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder, uid))
    return reader.Execute()


def grid_differences(before: sitk.Image, after: sitk.Image) -> list[str]:
    """In what the grids of two images differ; nothing is rounded."""
    grids = {
        "size": (before.GetSize(), after.GetSize()),
        "origin": (before.GetOrigin(), after.GetOrigin()),
        "spacing": (before.GetSpacing(), after.GetSpacing()),
        "direction": (before.GetDirection(), after.GetDirection()),
    }
    return [f"{name} differs" for name, (first, second) in grids.items() if first != second]


def value_differences(before: sitk.Image, after: sitk.Image) -> list[str]:
    """Whether two images of one grid differ in any value."""
    first, second = sitk.GetArrayViewFromImage(before), sitk.GetArrayViewFromImage(after)
    count = int((first != second).sum()) if first.shape == second.shape else first.size
    return [f"{count} values differ"] if count else []


def place_on(segment: sitk.Image, origin: np.ndarray, affine: np.ndarray, shape: Sequence[int]):
    """`segment` on another grid by geometry alone, as a mask ``(z, y, x)``.

    `affine` holds the steps of ``x, y, z`` in its columns, `origin` the first voxel's place, both
    in LPS millimetres.
    """
    grid = sitk.Image([int(size) for size in shape[::-1]], sitk.sitkUInt8)
    steps = np.linalg.norm(affine, axis=0)
    grid.SetOrigin([float(value) for value in origin])
    grid.SetSpacing([float(value) for value in steps])
    grid.SetDirection((affine / steps).ravel().tolist())
    placed = sitk.Resample(segment, grid, sitk.Transform(), sitk.sitkNearestNeighbor)
    return sitk.GetArrayFromImage(placed) > 0
