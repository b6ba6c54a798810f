"""Ultrasound speckle."""

from __future__ import annotations

from typing import cast

import numpy as np

from pipelines.contract import Enhanced, RunContext, Source
from pipelines.ops.white_noise import detail_sd
from pipelines.ops.nonlocal_means import smooth_planes
from pipelines.ops.padding import restore_padding
from pipelines.volume import Frames


def enhance(source: Source, run: RunContext) -> Enhanced:
    """The frames with less speckle."""
    frames = cast("Frames", source)
    grey = frames.array if frames.array.ndim == 3 else frames.array.mean(axis=-1)
    grey = grey.astype(np.float32)
    smooth = smooth_planes(grey, max(detail_sd(grey), 1.0), progress=run.progress)
    if frames.array.ndim == 4:
        return Enhanced(np.clip(frames.array + (smooth - grey)[..., None], 0, 255))
    return Enhanced(restore_padding(smooth, frames.array, frames.padding))
