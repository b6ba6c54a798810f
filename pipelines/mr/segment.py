"""MR tissue against air."""

from __future__ import annotations

from typing import cast

import numpy as np
from scipy import ndimage

from pipelines.contract import RunContext, Segmented, Source
from pipelines.errors import PipelineRefused
from pipelines.ops.components import fill_planes, keep_largest
from pipelines.ops.padding import fill_padding
from pipelines.ops.threshold import otsu
from pipelines.volume import Volume


def segment(source: Source, run: RunContext) -> Segmented:
    """1 where there is tissue."""
    volume = cast("Volume", source)
    array = fill_padding(volume.array, volume.padding)
    threshold = otsu(array[array > 0])
    if threshold is None:
        raise PipelineRefused("no-contrast", "All pixels are alike; there is nothing to outline.")
    smooth = ndimage.gaussian_filter(array, (0, 1, 1))
    body = fill_planes(keep_largest(smooth > threshold * 0.4))
    run.progress(1.0)
    return Segmented(body.astype(np.uint8))
