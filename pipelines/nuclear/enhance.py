"""Low-count emission images."""

from __future__ import annotations

import numpy as np

from pipelines.contract import Enhanced, RunContext, Source
from pipelines.ops.white_noise import detail_sd
from pipelines.ops.nonlocal_means import smooth_planes
from pipelines.ops.padding import fill_padding, restore_padding
from pipelines.ops.variance_stabilising import stabilise, unstabilise


def enhance(source: Source, run: RunContext) -> Enhanced:
    """The source with less counting noise, its total activity kept."""
    array = fill_padding(source.array, source.padding)
    root = stabilise(array)
    clean = unstabilise(smooth_planes(root, detail_sd(root, array > 0), progress=run.progress))
    total = clean.sum(dtype=np.float64)
    if total > 0:
        clean = clean * np.float32(np.maximum(array, 0).sum(dtype=np.float64) / total)
    return Enhanced(restore_padding(clean, source.array, source.padding))
