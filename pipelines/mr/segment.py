"""Tissue against air in any MR volume, and the brain where it shows a head."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy import ndimage

from pipelines.contract import RunContext, Segmented, Source
from pipelines.errors import PipelineRefused
from pipelines.mr.brain import extract_brain, looks_like_head
from pipelines.ops.components import fill_planes, keep_largest
from pipelines.ops.padding import clear_padding, fill_padding
from pipelines.ops.threshold import otsu

if TYPE_CHECKING:
    from pipelines.volume import Volume

TISSUE, BRAIN = 1, 2


def segment(source: Source, run: RunContext) -> Segmented:
    """Label 1 is tissue without the brain, 2 the brain where the volume shows a plausible head.

    Raises
    ------
    PipelineRefused
        ``no-contrast``: all voxels are alike. ``no-body``: nothing stands out from air.
    """
    volume = cast("Volume", source)
    volume = replace(volume, array=fill_padding(volume.array, volume.padding))
    threshold = otsu(volume.array[volume.array > 0])
    if threshold is None:
        raise PipelineRefused("no-contrast", "All voxels are alike; there is nothing to outline.")
    smooth = ndimage.gaussian_filter(volume.array, (0, 1, 1))
    tissue = fill_planes(keep_largest(smooth > threshold * 0.4))
    run.progress(0.3)
    labels = tissue.astype(np.uint8) * np.uint8(TISSUE)
    if looks_like_head(volume, tissue):
        brain = extract_brain(volume, tissue, float(run.parameters["brain_threshold"]))
        if brain is not None:
            labels[brain] = BRAIN
    run.progress(1.0)
    return Segmented(clear_padding(labels, volume.padding))
