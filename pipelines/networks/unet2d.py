"""A small 2-D U-Net: the one backbone of the CT networks.

Ronneberger et al., U-Net, MICCAI 2015. A pixel's value depends on its neighbourhood alone and never
on how the image was cut into tiles: where layers are normalised, it is by the averages of training.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

SLOPE = 0.1  # of the leaky rectifier; keeps every filter alive in short trainings


def _two_convolutions(into: int, out: int, *, normalise: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (into, out):
        layers.append(nn.Conv2d(channels, out, 3, padding=1, bias=not normalise))
        if normalise:
            layers.append(nn.BatchNorm2d(out))
        layers.append(nn.LeakyReLU(SLOPE, inplace=True))
    return nn.Sequential(*layers)


class UNet2d(nn.Module):  # type: ignore[misc]  # mypy is told to skip torch
    """Maps (n, `channels`, y, x) to (n, `outputs`, y, x).

    Parameters
    ----------
    channels, outputs : int
    widths : sequence of int
        Filters of each level, finest first; `y` and `x` must be multiples of
        ``2 ** (len(widths) - 1)``.
    normalise : bool
        Batch normalisation after each convolution; right where the scale of the input says little.
    """

    def __init__(
        self, channels: int, outputs: int, widths: Sequence[int], *, normalise: bool = False
    ) -> None:
        super().__init__()
        self.multiple = 2 ** (len(widths) - 1)
        self.first = _two_convolutions(channels, widths[0], normalise=normalise)
        self.down = nn.ModuleList(
            _two_convolutions(a, b, normalise=normalise) for a, b in pairwise(widths)
        )
        self.up = nn.ModuleList(
            _two_convolutions(a + b, a, normalise=normalise)
            for a, b in reversed(list(pairwise(widths)))
        )
        self.last = nn.Conv2d(widths[0], outputs, 1)
        if normalise:
            self._start_evenly()

    def _start_evenly(self) -> None:
        """Give every layer's output the spread of its input (He et al., ICCV 2015)."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, a=SLOPE)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        nn.init.normal_(self.last.weight, std=0.01)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Give the filtered image; see the class for shapes."""
        here = self.first(image)
        passed = []
        for level in self.down:
            passed.append(here)
            here = level(nn.functional.avg_pool2d(here, 2))
        for level in self.up:
            wide = nn.functional.interpolate(here, scale_factor=2, mode="nearest")
            here = level(torch.cat([wide, passed.pop()], dim=1))
        return self.last(here)
