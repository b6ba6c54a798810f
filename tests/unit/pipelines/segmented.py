"""Stacks of every kind of geometry with a mask on them, and the SEG that is written of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset

from pipelines.contract import Segmented, Source
from pipelines.dicom_in import read_volume
from pipelines.dicom_out.provenance import Origin
from pipelines.dicom_out.seg import write_segmentations
from pipelines.dicom_out.seg_form import BINARY, Form
from pipelines.models.card import ModelCard
from pipelines.volume import Volume
from tests.builders import a_series, write_series
from tests.multi_frame import an_enhanced
from tests.unit.pipelines.stand_ins import SEGMENTS, a_card, a_request

_AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
_SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
_OBLIQUE = ((0.8, 0.36, 0.48), (-0.6, 0.48, 0.64))

STACKS: dict[str, dict[str, Any]] = {
    "axial": {},
    "oblique": {"directions": _OBLIQUE},
    "sagittal": {"directions": _SAGITTAL},
    "files in reverse": {"directions": _OBLIQUE, "backwards": True},
    "125x127": {"slices": 3, "rows": 125, "columns": 127},
    "one slice": {"slices": 1},
    "anisotropic": {"spacing_mm": (3.0, 0.7, 1.3)},
    "frames of an object": {"whole": True},
    "frames in reverse": {"whole": True, "directions": _OBLIQUE, "backwards": True},
    "anisotropic square": {"spacing_mm": (0.5, 1.25, 0.8), "rows": 24, "columns": 24},
}

RIGHT_LUNG, LEFT_LUNG, TISSUE = 1, 2, 5


def sided_card() -> ModelCard:
    """A card with a right and a left lung, and tissue that has no side."""
    tissue, left = SEGMENTS
    right_side = {"value": "24028007", "scheme": "SCT", "meaning": "Right"}
    right = left | {"label": "Right lung", "modifier": right_side}
    return a_card(
        "above",
        segments=[
            right | {"number": RIGHT_LUNG},
            left | {"number": LEFT_LUNG},
            tissue | {"number": TISSUE},
        ],
    )


def a_stack(  # noqa: PLR0913 - a builder: every argument has a default and is named by the caller
    folder: Path,
    *,
    directions: tuple[tuple[float, ...], tuple[float, ...]] = _AXIAL,
    backwards: bool = False,
    whole: bool = False,
    slices: int = 4,
    rows: int = 20,
    columns: int = 28,
    spacing_mm: tuple[float, float, float] = (2.0, 0.8, 0.8),
    corner: tuple[float, float, float] = (-10.0, -20.0, 5.0),
) -> Volume:
    """The volume of a stack along the normal of `directions`, its files in either order.

    The slices are the frames of one object where it is `whole`.
    """
    images = place(
        a_series(slices=slices, rows=rows, columns=columns, spacing_mm=spacing_mm),
        directions, spacing_mm[0], corner,
    )  # fmt: skip
    images = images[::-1] if backwards else images
    return read_volume(write_series(folder, [an_enhanced("CT", images)] if whole else images))


def place(
    images: list[Dataset],
    directions: tuple[tuple[float, ...], tuple[float, ...]],
    step_mm: float,
    corner: tuple[float, float, float] = (-10.0, -20.0, 5.0),
) -> list[Dataset]:
    """The images stacked along the normal of `directions`, from `corner` on."""
    normal = np.cross(*directions)
    for index, image in enumerate(images):
        image.ImageOrientationPatient = [value for each in directions for value in each]
        at = np.array(corner) + normal * step_mm * index
        image.ImagePositionPatient = [round(float(value), 9) for value in at]
    return images


def a_mask(volume: Volume) -> np.ndarray:
    """Scattered voxels, like themselves under no flip or shift: each lung on its own side."""
    chance = np.random.default_rng(7).random(volume.array.shape)
    z, y, x = np.indices(volume.array.shape)
    lefts = volume.affine[0, 0] * x + volume.affine[0, 1] * y + volume.affine[0, 2] * z
    labels = np.where(lefts > np.median(lefts), LEFT_LUNG, RIGHT_LUNG).astype(np.uint8)
    labels[chance > 0.4] = 0
    labels[chance > 0.9] = TISSUE
    return labels


def write_mask(
    source: Source, labels: np.ndarray, folder: Path, form: Form = BINARY, **request: Any
) -> list[Path]:
    """The files of the SEG objects of `labels`."""
    folder.mkdir(parents=True, exist_ok=True)
    card = sided_card()
    origin = Origin(a_request(card, [], folder, **request), card, {}, source.digests)
    return [
        folder / written.file
        for written in write_segmentations(source, Segmented(labels), origin, folder, form)
    ]
