"""Recommended display colours of segments: from CIELab in DICOM to sRGB on screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

Colour = tuple[int, int, int]
UNNAMED: Colour = (255, 200, 0)  # a segment whose writer recommends nothing

_D50 = np.array([0.9642, 1.0, 0.8249])  # white of the profile connection space
_D50_TO_LINEAR_SRGB = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)  # Bradford adaptation to D65 included


def colour_of(cielab: Sequence[int] | None) -> Colour:
    """The sRGB of a RecommendedDisplayCIELabValue (0062,000D), 16 bit each (PS3.3 C.10.7.1.1)."""
    if cielab is None or len(cielab) != 3:
        return UNNAMED
    scaled = np.array(cielab, float) / 65535
    lightness, a, b = scaled * [100, 255, 255] - [0, 128, 128]
    y = (lightness + 16) / 116
    xyz = _D50 * _inverse(np.array([y + a / 500, y, y - b / 200]))
    linear = np.clip(_D50_TO_LINEAR_SRGB @ xyz, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (round(value) for value in (encoded * 255).tolist())
    return red, green, blue


def _inverse(t: np.ndarray) -> np.ndarray:
    return np.where(t > 6 / 29, t**3, 3 * (6 / 29) ** 2 * (t - 4 / 29))
