"""Ultrasound imaged region."""

from __future__ import annotations

from typing import cast

import numpy as np

from pipelines.contract import RunContext, Segmented, Source
from pipelines.errors import PipelineRefused
from pipelines.ops.components import fill_planes, keep_largest
from pipelines.volume import Frames


def segment(source: Source, run: RunContext) -> Segmented:
    """1 where echoes are drawn."""
    frames = cast("Frames", source)
    grey = frames.array if frames.array.ndim == 3 else frames.array.max(axis=-1)
    if not grey.max() > grey.min():
        raise PipelineRefused("no-contrast", "All pixels are alike; there is nothing to outline.")
    seen = keep_largest(grey.max(axis=0, keepdims=True) > 8)
    run.progress(1.0)
    return Segmented(np.broadcast_to(fill_planes(seen), grey.shape).astype(np.uint8))
