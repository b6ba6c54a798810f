"""Pixels of a series as a viewer shows them, read from its DICOM files with pydicom alone.

A stack with geometry is turned to the axes of the patient - array ``[z, y, x]`` with z to the head,
y to the back, x to the patient's left (LPS) - by permuting and flipping whole axes, never by
interpolation. Everything else is frames in the order of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydicom import dcmread
from pydicom.pixels import apply_color_lut, apply_modality_lut, convert_color_space

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

LONGEST_CINE = 60  # frames of a loop that are kept; a preview is not a player


class PreviewUnavailable(Exception):
    """The files cannot be drawn; the message says why and names no value of theirs."""


@dataclass(frozen=True, slots=True)
class PreviewSeries:
    """One series ready to be drawn.

    Attributes
    ----------
    array : ndarray, (z, y, x) float32 or (frame, y, x, 3) uint8
    affine : ndarray (4, 4) or None
        Index ``(x, y, z, 1)`` to LPS millimetres; None for frames without a place in the patient.
    window : (float, float)
        Lowest and highest shown value.
    inverted : bool
        Low values are white (MONOCHROME1).
    """

    array: NDArray[np.float32] | NDArray[np.uint8]
    affine: NDArray[np.float64] | None
    window: tuple[float, float]
    inverted: bool = False

    @property
    def is_colour(self) -> bool:
        """Frames of RGB rather than of values."""
        return self.array.ndim == 4

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between samples along ``(z, y, x)``; ones where unknown."""
        if self.affine is None:
            return (1.0, 1.0, 1.0)
        x, y, z = (float(np.linalg.norm(self.affine[:3, axis])) for axis in range(3))
        return z, y, x


def read_series(paths: Sequence[Path]) -> PreviewSeries:
    """The series in `paths`.

    Raises
    ------
    PreviewUnavailable
        No pixels, a codec that is missing, or images of different sizes.
    """
    try:
        images = [dcmread(path) for path in paths]
        if len(images) > 1 or _has_place(images[0]):
            return _stack(images)
        return _frames(images[0])
    except (AttributeError, NotImplementedError, OSError, RuntimeError, ValueError) as error:
        raise PreviewUnavailable(f"cannot be drawn ({type(error).__name__})") from None


def _has_place(image: Dataset) -> bool:
    return bool(image.get("ImagePositionPatient") and image.get("ImageOrientationPatient"))


def _stack(images: list[Dataset]) -> PreviewSeries:
    if all(_has_place(image) for image in images):
        rows = np.array(images[0].ImageOrientationPatient, float)
        normal = np.cross(rows[:3], rows[3:])
        images.sort(key=lambda image: float(np.dot(image.ImagePositionPatient, normal)))
        affine = _affine(images, rows, normal)
    else:
        images.sort(key=lambda image: int(image.get("InstanceNumber") or 0))
        affine = None
    array = np.stack([_values(image) for image in images]).astype(np.float32)
    if affine is not None:
        array, affine = to_patient_axes(array, affine)
    inverted = images[0].PhotometricInterpretation == "MONOCHROME1"
    return PreviewSeries(array, affine, _window(images[0], array), inverted)


def _affine(
    images: list[Dataset], rows: NDArray[np.float64], normal: NDArray[np.float64]
) -> NDArray[np.float64]:
    first = np.array(images[0].ImagePositionPatient, float)
    row_mm, column_mm = (float(value) for value in images[0].PixelSpacing)
    affine = np.eye(4)
    affine[:3, 0] = rows[:3] * column_mm
    affine[:3, 1] = rows[3:] * row_mm
    if len(images) > 1:
        last = np.array(images[-1].ImagePositionPatient, float)
        affine[:3, 2] = (last - first) / (len(images) - 1)
    else:
        affine[:3, 2] = normal * float(images[0].get("SliceThickness") or 1)
    affine[:3, 3] = first
    return affine


def to_patient_axes(
    array: NDArray[np.float32], affine: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Both with axes along left, back and head, as near as whole axes of the array go."""
    order = _nearest_axes(affine[:3, :3])  # patient axis -> index axis, both as (x, y, z)
    array = array.transpose([2 - axis for axis in order[::-1]])
    affine = affine.copy()
    affine[:3, :3] = affine[:3, order]
    for axis in range(3):
        if affine[axis, axis] < 0:
            along = 2 - axis
            affine[:3, 3] += affine[:3, axis] * (array.shape[along] - 1)
            affine[:3, axis] *= -1
            array = np.flip(array, along)
    return array, affine


def _nearest_axes(directions: NDArray[np.float64]) -> list[int]:
    weight = np.abs(directions / np.linalg.norm(directions, axis=0))
    order = [0, 0, 0]
    for _ in range(3):
        patient, index = np.unravel_index(np.argmax(weight), weight.shape)
        order[int(patient)] = int(index)
        weight[patient, :] = -1
        weight[:, index] = -1
    return order


def _frames(image: Dataset) -> PreviewSeries:
    pixels = image.pixel_array
    kind = image.PhotometricInterpretation
    if kind == "PALETTE COLOR":
        pixels = (apply_color_lut(pixels, image) >> 8).astype(np.uint8)
    if int(image.get("SamplesPerPixel", 1)) == 3 or kind == "PALETTE COLOR":
        frames = pixels if pixels.ndim == 4 else pixels[np.newaxis]
        if kind.startswith("YBR_FULL") and not image.file_meta.TransferSyntaxUID.is_compressed:
            frames = convert_color_space(frames, kind, "RGB")
        return PreviewSeries(frames[:LONGEST_CINE].astype(np.uint8), None, (0.0, 255.0))
    values = _values(image)
    array = (values if values.ndim == 3 else values[np.newaxis])[:LONGEST_CINE]
    return PreviewSeries(array, None, _window(image, array), kind == "MONOCHROME1")


def _values(image: Dataset) -> NDArray[np.float32]:
    values: NDArray[np.float32] = apply_modality_lut(image.pixel_array, image).astype(np.float32)
    return values


def _window(image: Dataset, array: NDArray[np.float32]) -> tuple[float, float]:
    """The file's own window (PS3.3 C.11.2) or, where it has none, all but the outer half percent.

    MR, PT and NM write a window of its own into every slice, which would flicker through a stack.
    """
    own = image.Modality not in {"MR", "PT", "NM"}
    centre, width = image.get("WindowCenter"), image.get("WindowWidth")
    if own and centre not in (None, "") and width not in (None, ""):
        centre = float(centre if isinstance(centre, int | float | str) else centre[0])
        width = float(width if isinstance(width, int | float | str) else width[0])
        if width > 1:
            return centre - width / 2, centre + width / 2
    if image.Modality == "CT":
        return -160.0, 240.0
    step = max(1, array.size // 1_000_000)
    low, high = np.percentile(array.ravel()[::step], (0.5, 99.5))
    return float(low), float(max(high, low + 1e-6))
