"""CT planes on a grid of fixed size in millimetres, whatever the scanner's, and labels back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def planes_round(
    volume: NDArray[np.float32], index: float, slice_mm: float, offsets_mm: Sequence[float]
) -> NDArray[np.float32]:
    """Give the planes (offset, y, x) at distances from slice `index`.

    Between slices they are interpolated linearly; beyond the first or last slice that one stands.
    """
    planes = []
    for offset in offsets_mm:
        place = min(max(index + offset / slice_mm, 0.0), len(volume) - 1.0)
        low = int(place)
        high, part = min(low + 1, len(volume) - 1), np.float32(place - low)
        planes.append(volume[low] if part == 0 else (1 - part) * volume[low] + part * volume[high])
    return np.stack(planes)


def to_grid(
    planes: NDArray[np.float32], spacing_mm: tuple[float, float], pixel_mm: float
) -> NDArray[np.float32]:
    """Give (plane, y, x) with square pixels of `pixel_mm`, averaged where that is coarser."""
    rows, columns = (
        max(1, round(length * step / pixel_mm))
        for length, step in zip(planes.shape[1:], spacing_mm, strict=True)
    )
    return resize(planes, (rows, columns))


def resize(planes: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Give (plane, y, x) stretched to `shape`, outer edges on outer edges, linearly."""
    given = torch.from_numpy(np.ascontiguousarray(planes))[None]
    stretched: NDArray[np.float32] = torch.nn.functional.interpolate(
        given, size=shape, mode="bilinear", align_corners=False, antialias=True
    )[0].numpy()
    return stretched
