"""The two lungs on a frontal chest radiograph, or None where they cannot be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage.exposure import equalize_adapthist
from skimage.measure import regionprops
from skimage.morphology import disk
from skimage.transform import resize

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from skimage.measure._regionprops import RegionProperties

HEIGHT = 256  # working rows; a lung's outline needs no more
LEVELS = np.arange(0.08, 0.66, 0.02)  # parts of the pixels darker than each tried threshold
AREA = (0.03, 0.32)  # of one lung, as part of the image
LUNG_RATIO = (0.4, 2.5)  # left to right area; beyond, one of them is not a lung
CONTRAST = 0.12  # of the evened range, between a lung and what lies round it
MARGIN = 32  # pixels round the image while it is closed


@dataclass(frozen=True, slots=True)
class _Candidate:
    score: float
    middle: float
    mask: NDArray[np.bool_]


def find_lungs(density: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """The lung on the image's left and the one on its right, or None.

    Every threshold between the 8th and the 64th percentile of the evened image is tried; of all
    dark parts, the one with the best outline on each side wins: a large area, a compact shape and
    a strong gradient along its edge (the idea of maximally stable regions, Matas et al., Image
    Vision Comput. 22:761, 2004). The winner is closed, which takes back vessels and part of the
    heart's border.

    Parameters
    ----------
    density : ndarray, shape (y, x)
        Dense is bright, whatever the photometric interpretation was.
    """
    even = _even_out(density)
    best = _best_of_each_side(even)
    if best is None:
        return None
    left, right = (_close(one.mask) for one in best)
    right &= ~left
    ratio = left.sum() / max(1, right.sum())
    if not LUNG_RATIO[0] <= ratio <= LUNG_RATIO[1]:
        return None
    return _full_size(left, density.shape), _full_size(right, density.shape)


def _even_out(density: NDArray[np.float32]) -> NDArray[np.float32]:
    width = max(32, round(density.shape[1] * HEIGHT / density.shape[0]))
    small = resize(density, (HEIGHT, width), order=1, anti_aliasing=True, preserve_range=True)
    low, high = np.percentile(small, [1, 99])
    unit = np.clip((small - low) / max(high - low, 1e-6), 0, 1)
    even = equalize_adapthist(unit, kernel_size=HEIGHT // 2, clip_limit=0.01)
    return np.asarray(ndimage.gaussian_filter(even, 2), dtype=np.float32)


def _best_of_each_side(even: NDArray[np.float32]) -> tuple[_Candidate, _Candidate] | None:
    slope = np.hypot(ndimage.sobel(even, 0), ndimage.sobel(even, 1))
    best: dict[bool, _Candidate] = {}
    for level in np.quantile(even, LEVELS):
        labels, _found = ndimage.label(ndimage.binary_opening(even < level, iterations=3))
        for part in regionprops(labels):
            candidate = _judge(part, even, slope)
            if candidate is None or abs(candidate.middle - 0.5) < 0.06:
                continue
            side = candidate.middle > 0.5
            if side not in best or candidate.score > best[side].score:
                best[side] = candidate
    return (best[False], best[True]) if len(best) == 2 else None


def _judge(
    part: RegionProperties, even: NDArray[np.float32], slope: NDArray[np.float32]
) -> _Candidate | None:
    rows, columns = slope.shape
    top, start, bottom, end = part.bbox
    area = part.area / slope.size
    y, x = part.centroid
    if not AREA[0] < area < AREA[1] or not 0.25 < y / rows < 0.75:
        return None
    if bottom - top < 0.3 * rows or end - start > 0.58 * columns:
        return None
    mask = np.zeros(slope.shape, dtype=bool)
    mask[tuple(part.coords.T)] = True
    border = int(mask[0].sum() + mask[-1].sum() + mask[:, 0].sum() + mask[:, -1].sum())
    if border > 0.25 * (bottom - top):
        return None
    mask = ndimage.binary_fill_holes(mask)
    edge = mask & ~ndimage.binary_erosion(mask)
    inside = 1 - border / (bottom - top)
    around = ndimage.binary_dilation(mask, iterations=5) & ~mask
    if even[around].mean() - even[mask].mean() < CONTRAST:
        return None
    score = area**0.5 * part.solidity * float(slope[edge].mean()) * inside
    return _Candidate(score, x / columns, mask)


def _close(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    wide = np.pad(mask, MARGIN)
    closed = ndimage.binary_closing(wide, disk(20))
    grown = ndimage.binary_dilation(closed, disk(3))  # the blur and the opening took this much
    return np.asarray(grown[MARGIN:-MARGIN, MARGIN:-MARGIN])


def _full_size(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.asarray(resize(mask.astype(np.float32), shape, order=1) > 0.5)
