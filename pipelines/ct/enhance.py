"""CT with less noise: a network names the noise of every slice, and a part of it is taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from pipelines.contract import Enhanced, RunContext, Source
from pipelines.ct.hounsfield import require_hounsfield
from pipelines.networks.apply import apply_network, fixed_threads
from pipelines.ops.padding import fill_padding, restore_padding
from pipelines.ops.sliding_window import slide
from pipelines.ops.tissue_noise import noise_levels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.networks.noise_unet import NoiseUNet
    from pipelines.volume import Volume

WINDOW = (1024, 1024)  # a usual slice passes whole; larger ones keep memory bounded
OVERLAP = (128, 128)


def denoise(source: Source, run: RunContext) -> Enhanced:
    """Give the volume in HU with less quantum noise; padding stays as it came.

    Parameter ``strength``: the part of the named noise that is taken away, 0 to 1.
    """
    volume = cast("Volume", source)
    strength = float(run.parameters["strength"])
    network = run.network()
    require_hounsfield(volume.array, volume.padding)
    filled = fill_padding(volume.array, volume.padding)
    levels = noise_levels(filled)
    clean = np.empty_like(filled)
    with fixed_threads():
        for index, (plane, level) in enumerate(zip(filled, levels, strict=True)):
            clean[index] = plane - strength * noise_of(plane, float(level), network, run.device)
            run.progress((index + 1) / len(filled))
    return Enhanced(restore_padding(clean, volume.array, volume.padding))


def noise_of(
    plane: NDArray[np.float32], level: float, network: NoiseUNet, device: str
) -> NDArray[np.float32]:
    """Give the noise of one slice (y, x) in HU, `level` being its strength."""
    strength = torch.full((1, 1, 1, 1), level, device=device)

    def name_noise(window: NDArray[np.float32]) -> NDArray[np.float32]:
        return apply_network(lambda t: network(t, strength), window, network.multiple, device)

    return np.asarray(slide(plane[None], WINDOW, OVERLAP, name_noise)[0])
