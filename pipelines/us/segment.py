"""The area of an ultrasound image that shows tissue, and hypoechoic structures in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from pipelines.contract import RunContext, Segmented, Source
from pipelines.errors import PipelineRefused
from pipelines.ops.echo_field import find_dark_structures
from pipelines.ops.padding import clear_padding
from pipelines.us.echoes import see_echoes

if TYPE_CHECKING:
    from pipelines.volume import Frames

FIELD, DARK = 1, 2


def segment(source: Source, run: RunContext) -> Segmented:
    """Label 1 is the imaged field, 2 what is far darker than the echoes at its depth.

    Label 2 may be a vessel, a cyst, a chamber or muscle: darkness is all that it says. Coloured
    pixels (Doppler) are never dark. Parameters ``least_part`` and ``most_part``: size limits of
    one structure as parts of the field.

    Raises
    ------
    PipelineRefused
        ``no-echoes``: no area with echoes was found in a 2D tissue region.
    """
    frames = cast("Frames", source)
    echoes = see_echoes(frames)
    if not echoes.field.any():
        raise PipelineRefused("no-echoes", "No area with echoes was found in a 2D tissue region.")
    labels = np.repeat(
        echoes.field[None].astype(np.uint8) * np.uint8(FIELD), len(echoes.grey), axis=0
    )
    for index, plane in enumerate(echoes.grey):
        dark = find_dark_structures(
            plane,
            echoes.field & echoes.colourless[index],
            least_part=float(run.parameters["least_part"]),
            most_part=float(run.parameters["most_part"]),
        )
        labels[index][dark] = DARK
        run.progress((index + 1) / len(echoes.grey))
    return Segmented(clear_padding(labels, frames.padding))
