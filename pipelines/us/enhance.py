"""Ultrasound frames with less speckle where they show tissue; text and colour stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from scipy import ndimage

from pipelines.contract import Enhanced, RunContext, Source
from pipelines.ops.echo_field import find_echo_field
from pipelines.ops.padding import restore_padding
from pipelines.ops.speckle import reduce_speckle
from pipelines.us.tissue_region import is_grey, luminance, tissue_rectangles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.volume import Frames


def enhance(source: Source, run: RunContext) -> Enhanced:
    """Give every frame with its speckle reduced inside the imaged tissue.

    Only grey pixels inside the 2D tissue regions and inside the area where echoes are seen
    change; in RGB frames all three channels move by the same amount, so grey stays grey. Values
    stay between the smallest and the largest of the source. Parameter ``iterations``: how long
    the diffusion runs.
    """
    frames = cast("Frames", source)
    array = np.nan_to_num(frames.array)
    grey, colourless = luminance(array), is_grey(array)
    field = find_echo_field(grey, tissue_rectangles(frames.sources[0], grey.shape[1:]))
    low, high = array.min(), array.max()
    enhanced = array.copy()
    for index, plane in enumerate(grey):
        # A coloured pixel's neighbours hold its fringe; they are left alone with it.
        coloured = ndimage.binary_dilation(~colourless[index], iterations=2)
        region = field & ~coloured
        change = reduce_speckle(plane, region, iterations=int(run.parameters["iterations"])) - plane
        _add(enhanced, index, change, low, high)
        run.progress((index + 1) / len(grey))
    if frames.array.ndim == 4:
        return Enhanced(enhanced)
    return Enhanced(restore_padding(enhanced, frames.array, frames.padding))


def _add(
    enhanced: NDArray[np.float32],
    index: int,
    change: NDArray[np.float32],
    low: np.float32,
    high: np.float32,
) -> None:
    moved = change != 0
    added = change[moved] if enhanced.ndim == 3 else change[moved][:, None]
    enhanced[index][moved] = np.clip(enhanced[index][moved] + added, low, high)
