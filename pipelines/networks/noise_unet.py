"""A network that names the noise in a CT slice, given how strong it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from pipelines.networks.unet2d import UNet2d

if TYPE_CHECKING:
    from collections.abc import Sequence

LOWEST_HU, HIGHEST_HU = -1024.0, 2000.0
SCALE_HU = 500.0


class NoiseUNet(nn.Module):  # type: ignore[misc]  # mypy is told to skip torch
    """Gives the noise of slices in HU: ``clean = noisy - network(noisy, level)``.

    The image is folded 2 x 2 into channels first (Zhang et al., FFDNet, TIP 2018): a quarter of
    the work and twice the reach, which correlated CT noise needs. What comes out is scaled by
    the noise level, so a noiseless image passes unchanged.

    Parameters
    ----------
    widths : sequence of int
        Filters per level of the U-Net, finest first.
    """

    def __init__(self, widths: Sequence[int] = (48, 64, 96)) -> None:
        super().__init__()
        self.unet = UNet2d(5, 4, widths)
        self.multiple = 2 * self.unet.multiple

    def forward(self, image: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Give the noise in HU.

        Parameters
        ----------
        image : tensor (n, 1, y, x)
            HU; y and x multiples of `multiple`.
        level : tensor (n, 1, 1, 1)
            Noise level of each image in HU (`pipelines.ops.tissue_noise`).
        """
        folded = nn.functional.pixel_unshuffle(image.clamp(LOWEST_HU, HIGHEST_HU) / SCALE_HU, 2)
        strength = (level / 50.0).expand(-1, 1, *folded.shape[2:])
        noise = self.unet(torch.cat([folded, strength], dim=1))
        return nn.functional.pixel_shuffle(noise, 2) * level
