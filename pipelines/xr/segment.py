"""The patient on any radiograph, and both lungs on a frontal chest radiograph."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from pipelines.contract import RunContext, Segmented, Source
from pipelines.errors import PipelineRefused
from pipelines.ops.exposed_field import find_patient
from pipelines.ops.padding import clear_padding, fill_padding
from pipelines.xr.lung_field import find_lungs

if TYPE_CHECKING:
    from pydicom import Dataset

    from pipelines.volume import Frames

LEFT_LUNG, RIGHT_LUNG, PATIENT = 1, 2, 3
CHEST = {"", "CHEST", "THORAX", "LUNG", "LUNGS", "CHESTABDPELVIS"}
FRONTAL = {"", "AP", "PA"}


def segment(source: Source, run: RunContext) -> Segmented:
    """Labels 1 and 2 are the patient's left and right lung, 3 the rest of the patient.

    Lungs are looked for when Body Part Examined and View Position allow a frontal chest image or
    are empty, and given when both are found and of similar size.

    Raises
    ------
    PipelineRefused
        ``no-contrast``: no patient can be told from the background.
    """
    frames = cast("Frames", source)
    array = fill_padding(frames.array, frames.padding)
    header = frames.sources[0]
    if str(header.get("PhotometricInterpretation", "")) == "MONOCHROME1":
        array = -array
    labels = np.zeros(array.shape, dtype=np.uint8)
    for index, density in enumerate(array):
        labels[index][find_patient(density)] = PATIENT
        lungs = find_lungs(density) if _may_show_lungs(header) and labels[index].any() else None
        if lungs is not None:
            on_left, on_right = lungs[::-1] if _is_mirrored(header) else lungs
            labels[index][on_left] = RIGHT_LUNG  # the patient faces the reader
            labels[index][on_right] = LEFT_LUNG
        run.progress((index + 1) / len(array))
    if not labels.any():
        raise PipelineRefused("no-contrast", "No patient can be told from the background.")
    return Segmented(clear_padding(labels, frames.padding))


def _may_show_lungs(header: Dataset) -> bool:
    part = str(header.get("BodyPartExamined", "") or "").upper()
    view = str(header.get("ViewPosition", "") or "").upper()
    return header.get("Modality", "") != "MG" and part in CHEST and view in FRONTAL


def _is_mirrored(header: Dataset) -> bool:
    """Whether columns run to the patient's right (PS3.3 C.7.6.1.1.1), which is unusual."""
    orientation = header.get("PatientOrientation", None) or [""]
    return str(orientation[0]).upper().startswith("R")
