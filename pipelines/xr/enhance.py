"""Radiograph contrast and noise."""

from __future__ import annotations

from typing import cast

import numpy as np
from skimage.exposure import equalize_adapthist

from pipelines.contract import Enhanced, RunContext, Source
from pipelines.ops.padding import fill_padding, restore_padding
from pipelines.volume import Frames


def enhance(source: Source, run: RunContext) -> Enhanced:
    """The image with more local contrast, inside its own range of values."""
    frames = cast("Frames", source)
    array = fill_padding(frames.array, frames.padding)
    low, high = float(array.min()), float(array.max())
    if not high > low:
        return Enhanced(frames.array.copy())
    out = np.stack([equalize_adapthist((f - low) / (high - low), clip_limit=0.01) for f in array])
    run.progress(1.0)
    return Enhanced(restore_padding(out * (high - low) + low, frames.array, frames.padding))
