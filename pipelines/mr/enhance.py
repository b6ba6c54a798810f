"""Less noise in MR magnitude images, with an even field where the rule asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from pipelines.contract import Enhanced, RunContext, Source
from pipelines.errors import PipelineRefused
from pipelines.ops.bias_field import estimate_bias_field
from pipelines.ops.nonlocal_means import smooth_planes
from pipelines.ops.padding import fill_padding, restore_padding
from pipelines.ops.rician import air_noise_sd, subtract_noise_floor
from pipelines.ops.threshold import otsu
from pipelines.ops.white_noise import detail_sd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.volume import Volume

# ImageType values of images whose pixels are angles, not magnitudes (PS3.3 C.8.3.1.1.1).
PHASE = {"P", "PHASE", "PHASE MAP", "VELOCITY MAP", "R", "REAL", "I", "IMAGINARY"}
AIR_PART = 0.5  # of Otsu's threshold: below is air, above is tissue


def enhance(source: Source, run: RunContext) -> Enhanced:
    """Give the volume with less noise, in its own intensity scale.

    Non-local means in every plane with the noise measured in tissue, then the Rician floor
    measured in air is taken off. Parameters: ``strength`` (filtering in units of the noise),
    ``rician_floor`` (original magnitude images only), ``bias_correction`` with ``bias_shrink``
    (N4 on a coarser grid; its mean over tissue is 1, so the scale stays).

    Raises
    ------
    PipelineRefused
        ``phase-image``: neighbouring angles cannot be averaged.
    """
    volume = cast("Volume", source)
    header = volume.sources[0]
    kind = {str(value).upper() for value in header.get("ImageType", [])}
    kind.add(str(header.get("ComplexImageComponent", "")).upper())  # of Enhanced MR (C.8.13.3.1.1)
    if kind & PHASE:
        raise PipelineRefused("phase-image", "The images hold phase; magnitude is wanted.")
    array = fill_padding(volume.array, volume.padding)
    threshold = otsu(array[array > 0])
    if threshold is None:
        return Enhanced(volume.array.copy())
    tissue = array > AIR_PART * threshold
    clean = smooth_planes(
        array,
        detail_sd(array, tissue),
        strength=float(run.parameters["strength"]),
        progress=lambda part: run.progress(0.9 * part),
    )
    if run.parameters["rician_floor"] and "ORIGINAL" in kind and array.min() >= 0:
        clean = subtract_noise_floor(clean, air_noise_sd(array, ~tissue))
    if run.parameters["bias_correction"]:
        clean = _flatten(clean, tissue, volume, int(run.parameters["bias_shrink"]))
    run.progress(1.0)
    return Enhanced(restore_padding(clean, volume.array, volume.padding))


def _flatten(
    clean: NDArray[np.float32], tissue: NDArray[np.bool_], volume: Volume, shrink: int
) -> NDArray[np.float32]:
    field = estimate_bias_field(clean, tissue, volume.spacing_mm, shrink=shrink)
    flat = clean / field
    return np.asarray(flat * (clean[tissue].mean() / flat[tissue].mean()), dtype=np.float32)
