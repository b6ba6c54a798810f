"""The brain in a head MR volume, or None where it cannot be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from pipelines.ops.brain_surface import Levels, grow_to_skull, skull_share
from pipelines.ops.components import fill_planes, keep_largest
from pipelines.ops.icosphere import fill_mesh

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.volume import Volume

HEAD_PARTS = {"", "BRAIN", "HEAD", "SKULL", "HEADNECK", "HEAD_NECK", "NEURO"}
HEAD_WIDTH_MM = (100.0, 260.0)  # of the tissue, across the head, newborn to large adult
BRAIN_ML = (500.0, 2200.0)
HEAD_HEIGHT_MM = 150.0  # crown to skull base; what lies lower is neck
SKULL_SHARE = 0.6
NECK_MM, CLOSE_MM = 4.5, 5.0
WORKING_MM = 1.8  # grid on which the outline is cleaned
BRIGHT = 1.7  # times the brain's median: fat and marrow on T1


def looks_like_head(volume: Volume, tissue: NDArray[np.bool_]) -> bool:
    """Whether Body Part Examined allows a head and the tissue is as wide as one."""
    part = str(volume.sources[0].get("BodyPartExamined", "") or "").upper()
    if part not in HEAD_PARTS:
        return False
    head = tissue & above_neck(volume, tissue)
    return all(HEAD_WIDTH_MM[0] <= width <= HEAD_WIDTH_MM[1] for width in _widths_mm(volume, head))


def above_neck(volume: Volume, tissue: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The voxels less than 150 mm below the crown, the highest well filled level."""
    z, y, x = _indices(tissue.shape)
    height = volume.affine[2, 2] * z + volume.affine[2, 1] * y + volume.affine[2, 0] * x
    level = np.floor(height / 5).astype(np.int64)
    level -= level.min()
    filled = np.bincount(level.ravel(), tissue.ravel())
    crown = int(np.flatnonzero(filled > 0.1 * filled.max()).max()) if filled.any() else 0
    return np.asarray(level >= crown - HEAD_HEIGHT_MM / 5)


def extract_brain(
    volume: Volume, tissue: NDArray[np.bool_], threshold_part: float
) -> NDArray[np.bool_] | None:
    """The brain as a mask ``(z, y, x)``, or None where the outline is not plausible.

    Plausible means 500 to 2200 mL, and something dark (skull, CSF) outside most of it.
    """
    spacing = volume.spacing_mm
    skull = above_neck(volume, tissue)
    array = volume.array
    start = _starting_sphere(
        array, tissue & skull, spacing, bright=float(np.percentile(array[skull], 98))
    )
    if start is None:
        return None
    centre, radius, levels = start
    surface = grow_to_skull(
        array,
        spacing,
        centre_mm=centre,
        radius_mm=radius,
        levels=levels,
        threshold_part=threshold_part,
    )
    if skull_share(array, spacing, surface, levels) < SKULL_SHARE:
        return None
    step = tuple(max(1, round(WORKING_MM / distance)) for distance in spacing)
    coarse = array[tuple(slice(None, None, skip) for skip in step)]
    apart = (step[0] * spacing[0], step[1] * spacing[1], step[2] * spacing[2])
    balloon = fill_mesh(surface.vertices, surface.faces, coarse.shape, apart)
    brain = _drop_marrow(coarse, balloon, apart, levels)
    ml = float(brain.sum() * np.prod(apart) / 1000)
    if not BRAIN_ML[0] <= ml <= BRAIN_ML[1]:
        return None
    fine = ndimage.affine_transform(
        brain.astype(np.float32), 1 / np.array(step), output_shape=array.shape, order=1
    )
    return fill_planes(fine > 0.5)


def _starting_sphere(
    array: NDArray[np.float32],
    head: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
    *,
    bright: float,
) -> tuple[NDArray[np.float64], float, Levels] | None:
    """Centre and radius of the head without its neck in millimetres, and its intensities."""
    dark = float(np.percentile(array, 2))
    spacing = np.array(spacing_mm)
    centre = np.array(ndimage.center_of_mass(np.where(head, np.clip(array, 0, bright), 0)))
    radius = float((3 * head.sum() * spacing.prod() / (4 * np.pi)) ** (1 / 3))
    if not np.isfinite(centre).all():
        return None
    far = sum(
        ((axis - middle) * step) ** 2
        for axis, step, middle in zip(_indices(array.shape), spacing, centre, strict=True)
    )
    near = array[head & (far < radius**2) & (array > dark) & (array < bright)]
    if not near.size:
        return None
    levels = Levels(dark, dark + 0.1 * (bright - dark), float(np.median(near)))
    return centre * spacing, radius, levels


def _drop_marrow(
    array: NDArray[np.float32],
    balloon: NDArray[np.bool_],
    spacing_mm: tuple[float, ...],
    levels: Levels,
) -> NDArray[np.bool_]:
    """`balloon` without marrow, fat and vessels: too bright, or hanging on by a thin neck.

    What is not too bright (fluid stays in, or shrunken folds would fall apart) is opened by
    4.5 mm, its largest part grown back, and gaps up to 10 mm wide are closed.
    """
    soft = balloon & (array < BRIGHT * levels.brain)
    core = keep_largest(_depth_mm(soft, spacing_mm) > NECK_MM)
    grown = (_depth_mm(~core, spacing_mm) <= NECK_MM + 0.5) & soft
    near = _depth_mm(~grown, spacing_mm) <= CLOSE_MM
    return fill_planes(keep_largest(balloon & (_depth_mm(near, spacing_mm) > CLOSE_MM)))


def _indices(shape: tuple[int, ...]) -> tuple[NDArray[np.float32], ...]:
    """The voxel numbers along each axis, shaped to broadcast over `shape`."""
    lines = (np.arange(length, dtype=np.float32) for length in shape)
    return tuple(np.meshgrid(*lines, indexing="ij", sparse=True))


def _depth_mm(mask: NDArray[np.bool_], spacing_mm: tuple[float, ...]) -> NDArray[np.float32]:
    """Distance of every voxel of `mask` from the nearest outside it."""
    depth = ndimage.distance_transform_edt(mask, sampling=spacing_mm)
    return np.asarray(depth, dtype=np.float32)


def _widths_mm(volume: Volume, mask: NDArray[np.bool_]) -> tuple[float, float]:
    """Extent of `mask` to the left and to the back, 1st to 99th percentile."""
    z, y, x = np.nonzero(mask)
    if not z.size:
        return 0.0, 0.0
    points = volume.affine[:2, :3] @ np.stack([x, y, z])
    low, high = np.percentile(points, [1, 99], axis=1)
    return float(high[0] - low[0]), float(high[1] - low[1])
