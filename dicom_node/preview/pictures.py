"""Draws what a person judges a result by: source, enhanced, difference and overlay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from dicom_node.preview.axes import ALONG, PLANES, Plane
from dicom_node.preview.series import PreviewUnavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicom_node.preview.segmentation import PreviewSegmentation
    from dicom_node.preview.series import PreviewSeries

__all__ = [
    "PLANES", "Plane", "best_index", "depth", "difference", "difference_scale", "enhanced",
    "overlay", "source",
]  # fmt: skip

FILL = 0.28
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def depth(series: PreviewSeries, plane: Plane = "axial") -> int:
    """How many pictures there are along `plane`."""
    return int(series.array.shape[ALONG[plane]])


def source(series: PreviewSeries, index: int, plane: Plane = "axial") -> Image.Image:
    """The series itself in its window; low values white where it says so."""
    return _image(_shown(series, index, plane, series.window), series, plane)


def enhanced(
    before: PreviewSeries, after: PreviewSeries, index: int, plane: Plane = "axial"
) -> Image.Image:
    """The enhanced series in the window of its source, so that both can be compared."""
    return _image(_shown(after, index, plane, before.window), after, plane)


def difference(
    before: PreviewSeries,
    after: PreviewSeries,
    index: int,
    plane: Plane = "axial",
    scale: float | None = None,
) -> tuple[Image.Image, float]:
    """Enhanced minus source, mid-grey where nothing changed; and the change shown as white.

    The scale is symmetric: minus as much is black. `scale` is that of `difference_scale`, which
    is the same for every cut.

    Raises
    ------
    PreviewUnavailable
        The two series have different grids.
    """
    scale = scale or difference_scale(before, after)
    change = _luma(_cut(after.array, index, plane)) - _luma(_cut(before.array, index, plane))
    grey = np.clip(127.5 + 127.5 * change / scale, 0, 255).astype(np.uint8)
    return _image(grey, before, plane), scale


def difference_scale(before: PreviewSeries, after: PreviewSeries) -> float:
    """The change that all but the strongest half percent of the pixels stay below.

    Raises
    ------
    PreviewUnavailable
        The two series have different grids.
    """
    if before.array.shape[:3] != after.array.shape[:3]:
        raise PreviewUnavailable("source and result have different grids: no difference is drawn")
    some = range(0, len(before.array), max(1, len(before.array) // 16))
    changes = [np.abs(_luma(after.array[z]) - _luma(before.array[z])) for z in some]
    return max(float(np.percentile(np.stack(changes), 99.5)), 1e-6)


def overlay(
    series: PreviewSeries, seg: PreviewSegmentation, index: int, plane: Plane = "axial"
) -> Image.Image:
    """The series with each segment's outline and a light fill in its colour."""
    under = source(series, index, plane).convert("RGB")
    picture = np.asarray(under).astype(float)
    cut = Image.fromarray(np.ascontiguousarray(_cut(seg.labels, index, plane)))
    # Scaled first, so that outlines are as thin across thick slices as along them.
    labels = np.asarray(cut.resize(under.size, Image.Resampling.NEAREST))
    for segment in seg.segments:
        mask = labels == segment.number
        colour = np.array(segment.colour, float)
        picture[mask] = (1 - FILL) * picture[mask] + FILL * colour
        picture[_edge(mask)] = colour
    return Image.fromarray(picture.round().astype(np.uint8))


def best_index(seg: PreviewSegmentation, plane: Plane = "axial") -> int:
    """The cut that shows most of the segmentation: most labels first, then most voxels."""
    along = ALONG[plane]
    others = tuple(axis for axis in range(3) if axis != along)
    voxels = (seg.labels > 0).sum(axis=others)
    if not voxels.any():
        return int(seg.labels.shape[along] // 2)
    present = sum((seg.labels == segment.number).any(axis=others) for segment in seg.segments)
    return int(np.argmax(present * (voxels.max() + 1.0) + voxels))


def _cut(array: NDArray[Any], index: int, plane: Plane) -> NDArray[Any]:
    """One plane as it is looked at: from the feet, from the front, from the left; the head up."""
    index = min(max(index, 0), array.shape[ALONG[plane]] - 1)
    if plane == "axial":
        return np.asarray(array[index])
    return np.asarray(array[:, index] if plane == "coronal" else array[:, :, index])[::-1]


def _shown(
    series: PreviewSeries, index: int, plane: Plane, window: tuple[float, float]
) -> NDArray[np.uint8]:
    cut = _cut(series.array, index, plane)
    if series.is_colour:
        return cut.astype(np.uint8)
    low, high = window
    part = np.clip((cut.astype(np.float32) - low) / (high - low), 0, 1)
    grey: NDArray[np.uint8] = ((1 - part if series.inverted else part) * 255).astype(np.uint8)
    return grey


def _luma(cut: NDArray[Any]) -> NDArray[np.float32]:
    values = cut.astype(np.float32)
    return np.asarray(values @ _LUMA) if values.ndim == 3 else values


def _edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of the mask that touch one outside it; beyond the picture is outside."""
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(mask & ~inner)


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
