"""Radiographs with even local contrast and less noise, inside their own range of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from pipelines.contract import Enhanced, RunContext, Source
from pipelines.ops.laplacian_pyramid import put_together, take_apart
from pipelines.ops.padding import fill_padding, restore_padding
from pipelines.ops.white_noise import NORMAL_MAD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.volume import Frames

FINE_SIDE = 1024  # rows or columns from which two bands hold more noise than anatomy, else one
COMMON = 1.5  # times the typical detail of a band: below is not lifted
SMALLEST_SIDE = 32  # pixels of what is left as it is: the broad shading of the body


def enhance(source: Source, run: RunContext) -> Enhanced:
    """Give every frame with faint detail lifted, strong detail held and fine noise cored.

    Multi-scale contrast amplification: detail ``d`` of each pyramid band moves towards
    ``sign(d) m (|d| / m)**power``, at most ``gain`` times itself, with ``m`` the strongest detail
    of that band (Vuylsteke and Schoeters, Proc. SPIE 2167:551, 1994), unless it is as small as
    most of its band, which is noise; in the finest bands, detail within ``noise`` times the noise
    is shrunk instead (soft coring). The rule is odd in ``d``, so MONOCHROME1 and MONOCHROME2 are
    treated alike and nothing is inverted. Values stay between the smallest and the largest of the
    source.
    """
    frames = cast("Frames", source)
    array = fill_padding(frames.array, frames.padding)
    settings = {name: float(run.parameters[name]) for name in ("power", "gain", "noise")}
    enhanced = np.empty_like(array)
    for index, plane in enumerate(array):
        enhanced[index] = _enhance_plane(plane, **settings)
        run.progress((index + 1) / len(array))
    return Enhanced(restore_padding(enhanced, frames.array, frames.padding))


def _enhance_plane(
    plane: NDArray[np.float32], *, power: float, gain: float, noise: float
) -> NDArray[np.float32]:
    levels = max(0, int(np.log2(min(plane.shape) / SMALLEST_SIDE)))
    *bands, rest = take_apart(plane, levels)
    noisy = 2 if min(plane.shape) >= FINE_SIDE else 1
    for level, band in enumerate(bands):
        if level < noisy:
            bands[level] = _core(band, noise)
        else:
            bands[level] = _amplify(band, power, gain)
    return np.clip(put_together([*bands, rest]), plane.min(), plane.max()).astype(np.float32)


def _core(band: NDArray[np.float32], noise: float) -> NDArray[np.float32]:
    """Detail shrunk towards zero by an empirical Wiener rule; edges far above the noise stay."""
    return band * _certainty(band, noise)


def _amplify(band: NDArray[np.float32], power: float, gain: float) -> NDArray[np.float32]:
    """Detail lifted the more the fainter it is, as long as it stands out from its band's own."""
    strongest = np.percentile(np.abs(band), 99.9)
    if not strongest > 0:
        return band
    relative = np.maximum(np.abs(band) / strongest, 1e-6)
    lift = np.clip(relative ** (power - 1), 1, gain) - 1
    return np.asarray(band * (1 + lift * _certainty(band, COMMON)), dtype=np.float32)


def _certainty(band: NDArray[np.float32], limit: float) -> NDArray[np.float32]:
    """0 for detail far below `limit` times the band's typical detail, 1 far above."""
    power = np.square(band)
    usual = np.float32(limit * np.median(np.abs(band)) / NORMAL_MAD)
    return np.asarray(power / np.maximum(power + usual * usual, 1e-12), dtype=np.float32)
