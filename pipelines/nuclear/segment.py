"""Uptake."""

from __future__ import annotations

import numpy as np

from pipelines.contract import RunContext, Segmented, Source
from pipelines.errors import PipelineRefused
from pipelines.ops.padding import fill_padding
from pipelines.ops.threshold import otsu


def segment(source: Source, run: RunContext) -> Segmented:
    """1 where uptake is high."""
    array = fill_padding(source.array, source.padding)
    threshold = otsu(array[array > 0])
    if threshold is None:
        raise PipelineRefused("no-contrast", "All pixels are alike; there is nothing to outline.")
    run.progress(1.0)
    return Segmented((array > threshold).astype(np.uint8))
