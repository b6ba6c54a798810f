"""MR noise reduction for Rician magnitude images, with bias field correction."""

from __future__ import annotations

from typing import cast

from pipelines.contract import Enhanced, RunContext, Source
from pipelines.ops.bias_field import estimate_bias_field
from pipelines.ops.white_noise import detail_sd
from pipelines.ops.nonlocal_means import smooth_planes
from pipelines.ops.padding import fill_padding, restore_padding
from pipelines.ops.threshold import otsu
from pipelines.volume import Volume


def enhance(source: Source, run: RunContext) -> Enhanced:
    """The volume with less noise and a flatter field, in its own intensity scale."""
    volume = cast("Volume", source)
    array = fill_padding(volume.array, volume.padding)
    threshold = otsu(array[array > 0])
    if threshold is None:
        return Enhanced(volume.array.copy())
    tissue = array > threshold * 0.5
    sd = detail_sd(array, tissue)
    clean = smooth_planes(
        array, sd, strength=float(run.parameters["strength"]), progress=run.progress
    )
    if run.parameters["bias_correction"]:
        clean = clean / estimate_bias_field(
            clean, tissue, volume.spacing_mm, shrink=int(run.parameters["bias_shrink"])
        )
    return Enhanced(restore_padding(clean, volume.array, volume.padding))
