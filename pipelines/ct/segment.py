"""Body, lungs and bone in CT: a network labels each slice, seeing 12 mm to either side."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from scipy import ndimage

from pipelines.contract import RunContext, Segmented, Source
from pipelines.ct.hounsfield import require_hounsfield
from pipelines.errors import PipelineRefused
from pipelines.networks.apply import apply_network, fixed_threads
from pipelines.networks.plane_unet import OFFSETS_MM, PIXEL_MM
from pipelines.ops.axial import axes_to_flip
from pipelines.ops.entropy import normalised_entropy
from pipelines.ops.padding import fill_padding
from pipelines.ops.planes import planes_round, resize, to_grid
from pipelines.ops.sliding_window import slide

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pipelines.networks.plane_unet import PlaneUNet
    from pipelines.volume import Volume

BODY, LUNG, BONE = 1, 2, 3
WINDOW = (512, 512)  # 768 mm: every usual field of view passes whole
OVERLAP = (128, 128)
SMALLEST_ML = {LUNG: 5.0, BONE: 0.3}
SMALLEST_PART = 0.01  # of the largest piece of body: less is table, wire or noise


def segment(source: Source, run: RunContext) -> Segmented:
    """Give 1 body, 2 lung, 3 bone; each voxel has one label, so body is what is left of it.

    Raises
    ------
    PipelineRefused
        ``not-axial``: coronal, sagittal or strongly oblique slices.
    """
    volume = cast("Volume", source)
    require_hounsfield(volume.array, volume.padding)
    flips = axes_to_flip(volume.affine)
    if flips is None:
        raise PipelineRefused("not-axial", "The slices are not axial; axial slices are wanted.")
    upright = np.flip(fill_padding(volume.array, volume.padding), flips)
    doubt = np.zeros(upright.shape, np.float32) if run.wants_uncertainty else None
    with fixed_threads():
        found = label_volume(
            upright, volume.spacing_mm, run.network(), run.device, run.progress, doubt
        )
    labels = np.ascontiguousarray(np.flip(found, flips))
    uncertainty = None if doubt is None else np.ascontiguousarray(np.flip(doubt, flips))
    if volume.padding is not None:
        labels[volume.padding] = 0
        if uncertainty is not None:
            uncertainty[volume.padding] = 0
    return Segmented(labels, uncertainty)


def label_volume(
    hu: NDArray[np.float32],
    spacing_mm: tuple[float, float, float],
    network: PlaneUNet,
    device: str,
    progress: Callable[[float], None] = lambda _part: None,
    doubt: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """Give the label of each voxel of a volume (z, y, x) in HU.

    `doubt`, where given, is filled with the entropy of the labels as the network gives them.
    """
    coarse = to_grid(np.clip(hu, -1024.0, 3000.0), spacing_mm[1:], PIXEL_MM)
    labels = np.empty(hu.shape, dtype=np.uint8)
    for index in range(len(hu)):
        planes = planes_round(coarse, index, spacing_mm[0], OFFSETS_MM)
        scores = slide(
            planes,
            WINDOW,
            OVERLAP,
            lambda window: apply_network(network, window, network.multiple, device),
        )
        fine = resize(scores, hu.shape[1:])
        labels[index] = fine.argmax(axis=0)
        if doubt is not None:
            doubt[index] = normalised_entropy(fine)
        progress(0.9 * (index + 1) / len(hu))
    tidy(labels, float(np.prod(spacing_mm)) / 1000.0)
    progress(1.0)
    return labels


def tidy(labels: NDArray[np.uint8], voxel_ml: float) -> None:
    """Drop specks in place: loose ones outside the body, small lungs and bones inside it."""
    inside = labels > 0
    parts, count = ndimage.label(inside)
    if count == 0:
        return
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    labels[sizes[parts] < SMALLEST_PART * sizes.max()] = 0
    for number, least_ml in SMALLEST_ML.items():
        parts, count = ndimage.label(labels == number)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        sizes[0] = labels.size
        labels[sizes[parts] * voxel_ml < least_ml] = BODY
    for plane in labels:
        plane[ndimage.binary_fill_holes(plane > 0) & (plane == 0)] = BODY
