"""Draws what a person judges a result by: source, enhanced, difference and overlay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicom_node.preview.segmentation import PreviewSegmentation
    from dicom_node.preview.series import PreviewSeries

Plane = Literal["axial", "coronal", "sagittal"]
PLANES: tuple[Plane, ...] = ("axial", "coronal", "sagittal")
_AXIS = {"axial": 0, "coronal": 1, "sagittal": 2}
FILL = 0.28
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def depth(series: PreviewSeries, plane: Plane = "axial") -> int:
    """How many pictures there are along `plane`."""
    return int(series.array.shape[_AXIS[plane]])


def source(series: PreviewSeries, index: int, plane: Plane = "axial") -> Image.Image:
    """The series itself in its window."""
    return _image(_grey(series, _cut(series.array, index, plane)), series, plane)


def difference(
    before: PreviewSeries, after: PreviewSeries, index: int, plane: Plane = "axial"
) -> tuple[Image.Image, float]:
    """What was taken away or added, grey where nothing changed; and the value shown as white."""
    change = _luminance(_cut(after.array, index, plane)) - _luminance(
        _cut(before.array, index, plane)
    )
    scale = max(float(np.percentile(np.abs(change), 99.5)), 1e-6)
    grey = np.clip(127.5 + 127.5 * change / scale, 0, 255).astype(np.uint8)
    return _image(grey, before, plane), scale


def overlay(
    series: PreviewSeries, seg: PreviewSegmentation, index: int, plane: Plane = "axial"
) -> Image.Image:
    """The series with each segment's outline and a light fill in its colour."""
    grey = _grey(series, _cut(series.array, index, plane))
    picture = (grey if grey.ndim == 3 else np.repeat(grey[..., np.newaxis], 3, axis=2)).astype(
        float
    )
    labels = _cut(seg.labels, index, plane)
    for segment in seg.segments:
        mask = labels == segment.number
        edge = mask & ~binary_erosion(mask)
        colour = np.array(segment.colour, float)
        picture[mask] = (1 - FILL) * picture[mask] + FILL * colour
        picture[edge] = colour
    return _image(picture.round().astype(np.uint8), series, plane)


def best_index(seg: PreviewSegmentation, plane: Plane = "axial") -> int:
    """The cut that shows most of the segmentation: most labels first, then most voxels."""
    along = _AXIS[plane]
    others = tuple(axis for axis in range(3) if axis != along)
    present = sum((seg.labels == segment.number).any(axis=others) for segment in seg.segments)
    voxels = (seg.labels > 0).sum(axis=others)
    if not voxels.any():
        return int(seg.labels.shape[along] // 2)
    return int(np.argmax(present * (voxels.max() + 1.0) + voxels))


def _cut(array: NDArray[Any], index: int, plane: Plane) -> NDArray[Any]:
    index = min(max(index, 0), array.shape[_AXIS[plane]] - 1)
    cut: NDArray[Any] = array.take(index, _AXIS[plane])
    return cut if plane == "axial" else cut[::-1]  # the head is up


def _grey(series: PreviewSeries, cut: NDArray[Any]) -> NDArray[np.uint8]:
    if series.is_colour:
        return cut.astype(np.uint8)
    low, high = series.window
    part = np.clip((cut.astype(np.float32) - low) / (high - low), 0, 1)
    grey: NDArray[np.uint8] = ((1 - part if series.inverted else part) * 255).round().astype("u1")
    return grey


def _luminance(cut: NDArray[Any]) -> NDArray[np.float32]:
    values = cut.astype(np.float32)
    return values @ LUMINANCE if values.ndim == 3 else values


def _image(pixels: NDArray[np.uint8], series: PreviewSeries, plane: Plane) -> Image.Image:
    """Pixels with the aspect that they have in the patient."""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    z, y, x = series.spacing_mm
    down, across = {"axial": (y, x), "coronal": (z, x), "sagittal": (z, y)}[plane]
    if abs(down / across - 1) < 0.01:
        return picture
    finest = min(down, across)
    size = (round(picture.width * across / finest), round(picture.height * down / finest))
    return picture.resize(size, Image.Resampling.BILINEAR)
