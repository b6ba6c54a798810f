"""Radiograph: body against direct exposure."""

from __future__ import annotations

from typing import cast

import numpy as np

from pipelines.contract import RunContext, Segmented, Source
from pipelines.errors import PipelineRefused
from pipelines.ops.components import fill_planes
from pipelines.ops.padding import fill_padding
from pipelines.ops.threshold import otsu
from pipelines.volume import Frames


def segment(source: Source, run: RunContext) -> Segmented:
    """3 where the body is."""
    frames = cast("Frames", source)
    array = fill_padding(frames.array, frames.padding)
    threshold = otsu(array)
    if threshold is None:
        raise PipelineRefused("no-contrast", "All pixels are alike; there is nothing to outline.")
    dark_is_high = str(frames.sources[0].get("PhotometricInterpretation", "")) == "MONOCHROME1"
    body = array < threshold if dark_is_high else array > threshold
    run.progress(1.0)
    return Segmented(fill_planes(body).astype(np.uint8) * np.uint8(3))
