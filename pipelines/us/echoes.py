"""The echoes of an ultrasound object: their grey values, and which pixels hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.ops.echo_field import find_echo_field
from pipelines.ops.ultrasound_regions import tissue_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.volume import Frames

GREY_SPREAD = 24  # of 255 between channels; lossy YBR moves grey pixels apart by less
BT_601 = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Echoes:
    """What both ultrasound pipelines look at.

    Attributes
    ----------
    grey : ndarray of float32, shape (frame, y, x)
    colourless : ndarray of bool, shape (frame, y, x)
        False where Doppler or graphics are drawn in colour.
    field : ndarray of bool, shape (y, x)
        Inside the 2D tissue regions (anywhere, where the object states none), the area in which
        echoes are seen; may be empty.
    """

    grey: NDArray[np.float32]
    colourless: NDArray[np.bool_]
    field: NDArray[np.bool_]


def see_echoes(frames: Frames) -> Echoes:
    """The echoes of a grey or RGB object."""
    if frames.array.ndim == 3:
        grey, colourless = frames.array, np.ones(frames.array.shape, dtype=bool)
    else:
        grey = frames.array @ BT_601
        colourless = np.ptp(frames.array, axis=-1) <= GREY_SPREAD
    allowed = tissue_mask(frames.sources[0])
    if allowed is None:
        allowed = np.ones(grey.shape[1:], dtype=bool)
    return Echoes(grey, colourless, find_echo_field(grey, allowed))
