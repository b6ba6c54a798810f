"""A network that labels a CT plane, given the planes round it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from pipelines.networks.unet2d import UNet2d

if TYPE_CHECKING:
    from collections.abc import Sequence

OFFSETS_MM = (-12.0, -5.0, 0.0, 5.0, 12.0)
"""Where the planes lie along the slice axis; the middle one is labelled."""
PIXEL_MM = 1.5
"""Pixel size of the planes."""


class PlaneUNet(nn.Module):  # type: ignore[misc]  # mypy is told to skip torch
    """Gives class scores (n, `classes`, y, x) of HU planes (n, 5, y, x) on a 1.5 mm grid.

    The middle plane enters twice, in a wide window and in a soft-tissue one. All are folded 2 x 2
    into channels, so that the network works at 3 mm, with a whole body in its reach, and the
    scores unfold to 1.5 mm.

    Parameters
    ----------
    classes : int
    widths : sequence of int
        Filters per level of the U-Net, finest first.
    """

    def __init__(self, classes: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.unet = UNet2d(4 * (len(OFFSETS_MM) + 1), 4 * classes, widths, normalise=True)
        self.multiple = 2 * self.unet.multiple

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Give the scores; y and x must be multiples of `multiple`."""
        middle = planes[:, len(OFFSETS_MM) // 2, None]
        wide = planes.clamp(-1024.0, 1024.0) / 500.0
        soft = middle.clamp(-160.0, 340.0) / 125.0
        folded = nn.functional.pixel_unshuffle(torch.cat([wide, soft], dim=1), 2)
        return nn.functional.pixel_shuffle(self.unet(folded), 2)
