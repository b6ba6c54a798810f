"""Body, lungs and bone of a training scan by rules, the shape of which was looked at.

The public series have no manual organ labels. Body and lungs stand out by their CT values. For
bone, TotalSegmentator's label maps, where there are any, say which bright structure is bone; where
there are none, named boxes take out what else is bright (swallowed contrast, kidneys).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pipelines.training.samples import Scan

    Mask = NDArray[np.bool_]

BODY, LUNG, BONE = 1, 2, 3
LOBES = range(10, 15)  # TotalSegmentator class numbers, version 2
BONES = (*range(25, 51), *range(69, 79), *range(91, 117))
VESSELS = (51, 52, 53, 63, 64, 65, 66)  # heart, aorta, pulmonary vein, caval veins, iliac arteries
"""Sacrum, vertebrae; humeri, scapulae, clavicles, femurs, hips; skull, ribs, sternum."""


def label_scan(scan: Scan) -> NDArray[np.uint8]:
    """Give 0 background, 1 body, 2 lung, 3 bone for each voxel."""
    body = body_mask(scan.hu, scan.spacing_mm)
    labels = body.astype(np.uint8) * BODY
    labels[lung_mask(scan, body)] = LUNG
    labels[bone_mask(scan) & body] = BONE
    return labels


def body_mask(hu: NDArray[np.float32], spacing_mm: tuple[float, float, float]) -> Mask:
    """Give trunk, head and limbs with all they hold; table and clothes are too thin to stay."""
    solid = hu > -350.0
    core = _per_slice(ndimage.binary_opening, solid, _disc(5.0 / spacing_mm[1]))
    near = _per_slice(ndimage.binary_dilation, core, _disc(3.0 / spacing_mm[1]))
    solid &= near
    parts, count = ndimage.label(solid)
    sizes = ndimage.sum_labels(solid, parts, np.arange(1, count + 1))
    kept = np.flatnonzero(sizes > 0.02 * sizes.max()) + 1
    whole = np.isin(parts, kept)
    closed = _per_slice(ndimage.binary_closing, whole, _disc(4.0 / spacing_mm[1]))
    return np.stack([ndimage.binary_fill_holes(plane) for plane in closed])


def lung_mask(scan: Scan, body: Mask) -> Mask:
    """Give both lungs with the vessels in them, without trachea and bowel gas."""
    if scan.labels is not None:
        return np.isin(scan.labels, LOBES) & body
    pixel = scan.spacing_mm[1]
    airy = (ndimage.gaussian_filter(scan.hu, (0, 1, 1)) < -400.0) & body
    airy &= ~_windpipe(airy, body, pixel)
    core = _per_slice(ndimage.binary_opening, airy, _disc(4.0 / pixel))
    parts, count = ndimage.label(core)
    found = np.zeros_like(body)
    millilitre = float(np.prod(scan.spacing_mm)) / 1000.0
    for number in range(1, count + 1):
        part = parts == number
        size = np.count_nonzero(part) * millilitre
        if size > 80.0 and -920.0 < scan.hu[part].mean() < -550.0:
            found |= part
    found = _per_slice(ndimage.binary_dilation, found, _disc(12.0 / pixel)) & airy
    closed = _per_slice(ndimage.binary_closing, found, _disc(6.0 / pixel))
    return np.stack([ndimage.binary_fill_holes(plane) for plane in closed]) & body


def _windpipe(airy: Mask, body: Mask, pixel_mm: float) -> Mask:
    """Give the round holes of 0.4 to 8 square centimetres near the middle of the body."""
    found = np.zeros_like(airy)
    for index, plane in enumerate(airy):
        parts, count = ndimage.label(plane)
        columns = np.flatnonzero(body[index].any(axis=0))
        if count == 0 or columns.size == 0:
            continue
        middle = (columns[0] + columns[-1]) / 2
        for number, (y, x) in enumerate(ndimage.find_objects(parts), start=1):
            area = np.count_nonzero(parts[y, x] == number) * pixel_mm**2
            off = abs((x.start + x.stop) / 2 - middle) * pixel_mm
            if 40.0 < area < 800.0 and off < 35.0:
                found[index] |= parts == number
    return found


def bone_mask(scan: Scan) -> Mask:
    """Give bones with their marrow, without brain and spinal cord."""
    smooth = ndimage.gaussian_filter(scan.hu, (0, 0.7, 0.7) if scan.spacing_mm[1] < 2.0 else 0)
    parts, count = ndimage.label(smooth > 180.0)
    numbers = np.arange(1, count + 1)
    peaks = ndimage.maximum(smooth, parts, numbers)
    sizes = np.bincount(parts.ravel())[1:] * float(np.prod(scan.spacing_mm)) / 1000.0
    bright = (peaks > 300.0) & (sizes > 0.25)
    centres = ndimage.center_of_mass(parts > 0, parts, numbers[bright])
    bones = [
        number
        for number, centre in zip(numbers[bright], centres, strict=True)
        if not _is_excluded(scan.name, centre)
    ]
    kept = np.isin(parts, bones)
    if scan.labels is not None:
        pseudo = np.isin(scan.labels, BONES)
        kept &= ndimage.distance_transform_edt(~pseudo, scan.spacing_mm) < 7.0
        kept &= ~np.isin(scan.labels, VESSELS)
        kept |= pseudo & (smooth > 100.0)
    closed = _per_slice(ndimage.binary_closing, kept, _disc(3.0 / scan.spacing_mm[1]))
    return np.stack(
        [
            _fill_marrow(plane, hu, scan.spacing_mm[1])
            for plane, hu in zip(closed, scan.hu, strict=True)
        ]
    )


EXCLUDED = {
    "lung1": (((5, 260, 260), (31, 430, 345)), ((40, 200, 140), (48, 300, 320))),
    "crlm-ct-1004": (((0, 130, 100), (24, 300, 378)),),
}
"""Boxes (z, y, x) from and to: a bright part whose centre lies in one is calcium in vessels, a
kidney, swallowed contrast or a line on the skin. Chosen by looking."""


def _is_excluded(name: str, centre: tuple[float, float, float]) -> bool:
    return any(
        all(low <= here < high for low, here, high in zip(start, centre, stop, strict=True))
        for start, stop in EXCLUDED.get(name, ())
    )


def _disc(radius: float) -> Mask:
    reach = max(1, round(radius))
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    return np.asarray(x * x + y * y <= max(1.0, radius) ** 2)


def _per_slice(operation: Callable[[Mask, Mask], Mask], mask: Mask, element: Mask) -> Mask:
    return np.stack([operation(plane, element) for plane in mask])


def _fill_marrow(plane: Mask, hu: NDArray[np.float32], pixel_mm: float) -> Mask:
    """Fill the holes of a bone, but not those with the values of brain and cord, nor air."""
    filled = plane.copy()
    holes, count = ndimage.label(ndimage.binary_fill_holes(plane) & ~plane)
    for number in range(1, count + 1):
        hole = holes == number
        area, value = np.count_nonzero(hole) * pixel_mm**2, float(hu[hole].mean())
        nervous = area > 100.0 and 5.0 < value < 75.0
        if not nervous and value > -200.0 and area < 3000.0:
            filled |= hole
    return filled
