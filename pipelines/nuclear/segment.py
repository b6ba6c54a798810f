"""Regions of high tracer uptake: by SUV in PET, by the histogram where there is no SUV."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from scipy import ndimage

from pipelines.contract import RunContext, Segmented, Source
from pipelines.errors import PipelineRefused
from pipelines.nuclear.suv import suv_per_unit
from pipelines.ops.components import keep_at_least
from pipelines.ops.padding import clear_padding, fill_padding
from pipelines.ops.threshold import otsu
from pipelines.ops.uptake import grow_uptake

if TYPE_CHECKING:
    from pipelines.volume import Frames, Volume


def segment_by_suv(source: Source, run: RunContext) -> Segmented:
    """Label 1 is uptake of SUV 4 and more with its surroundings, whatever takes it up.

    Regions at or above ``seed_suv`` of at least ``minimum_ml`` grow to ``contour_part`` of their
    own maximum, not below ``least_suv`` (`pipelines.ops.uptake`).

    Raises
    ------
    PipelineRefused
        ``no-suv``: the header does not allow SUV. ``no-uptake``: nothing reaches ``seed_suv``.
    """
    volume = cast("Volume", source)
    suv = fill_padding(volume.array, volume.padding) * np.float32(suv_per_unit(volume.sources))
    run.progress(0.2)
    mask = grow_uptake(
        suv,
        seed=float(run.parameters["seed_suv"]),
        part=float(run.parameters["contour_part"]),
        least=float(run.parameters["least_suv"]),
        pixels=1000 * float(run.parameters["minimum_ml"]) / float(np.prod(volume.spacing_mm)),
    )
    if not mask.any():
        raise PipelineRefused("no-uptake", "No region of 1 mL reaches the SUV threshold.")
    run.progress(1.0)
    return Segmented(clear_padding(mask.astype(np.uint8), volume.padding))


def segment_by_histogram(source: Source, run: RunContext) -> Segmented:
    """Label 1 is uptake that stands out from the rest of the body, on all frames by one threshold.

    The body is cut from the background by Otsu's threshold of the square roots (counts have the
    same noise there), then the uptake from the body by Otsu's threshold inside it. Parts under
    ``minimum_pixels`` are dropped.

    Raises
    ------
    PipelineRefused
        ``no-contrast``: all pixels are alike. ``no-uptake``: nothing stands out.
    """
    frames = cast("Frames", source)
    array = fill_padding(frames.array, frames.padding)
    root = np.sqrt(np.maximum(ndimage.gaussian_filter(array, (0, 1, 1)), 0))
    body_level = otsu(root)
    level = None if body_level is None else otsu(root[root > body_level])
    if level is None:
        raise PipelineRefused("no-contrast", "All pixels are alike; there is nothing to outline.")
    smallest = float(run.parameters["minimum_pixels"])
    mask = np.stack([keep_at_least(plane > level, smallest) for plane in root])
    if not mask.any():
        raise PipelineRefused("no-uptake", "No uptake stands out from the rest of the body.")
    run.progress(1.0)
    return Segmented(clear_padding(mask.astype(np.uint8), frames.padding))
