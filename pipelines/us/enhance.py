"""Ultrasound frames with less speckle where they show tissue; text and colour stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from scipy import ndimage

from pipelines.contract import Enhanced, RunContext, Source
from pipelines.ops.padding import restore_padding
from pipelines.ops.speckle import reduce_speckle
from pipelines.us.echoes import see_echoes

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
    echoes = see_echoes(frames)
    low, high = frames.array.min(), frames.array.max()
    enhanced = frames.array.copy()
    for index, plane in enumerate(echoes.grey):
        # A coloured pixel's neighbours hold its fringe; they are left alone with it.
        coloured = ndimage.binary_dilation(~echoes.colourless[index], iterations=2)
        region = echoes.field & ~coloured
        change = reduce_speckle(plane, region, iterations=int(run.parameters["iterations"])) - plane
        _add(enhanced, index, change, low, high)
        run.progress((index + 1) / len(echoes.grey))
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
