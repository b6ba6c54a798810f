"""Pixels of a series as a viewer shows them, read from its DICOM files with pydicom alone.

A stack with geometry is turned to the axes of the patient (`preview.axes`). Everything else is
frames in the order of InstanceNumber and of the file. Memory is bounded: a large series is thinned
out while it is read, a long loop is cut, and one file at a time is decoded.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.pixels import apply_color_lut, apply_modality_lut, iter_pixels

from dicom_node.preview.axes import ALONG, PLANES, Plane, acquired_plane, to_patient_axes
from dicom_node.preview.multi_frame import form_a_stack, frame_headers
from dicom_node.preview.window import choose_window

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

LONGEST_CINE = 60  # frames without a place that are kept; a preview is not a player
LARGEST_BYTES = 120_000_000  # of one series in memory; beyond it only each n-th pixel is kept
UNREADABLE = (
    AttributeError, EOFError, IndexError, InvalidDicomError, KeyError, NotImplementedError,
    OSError, RuntimeError, TypeError, ValueError, struct.error,
)  # fmt: skip
"""What pydicom and its decoders raise over files that are broken or beyond them."""


class PreviewUnavailable(Exception):
    """The files cannot be drawn; the message says why and names no value of theirs."""


@dataclass(frozen=True, slots=True)
class PreviewSeries:
    """One series ready to be drawn.

    Attributes
    ----------
    array : ndarray, (z, y, x) int16 or float32, or (frame, y, x, 3) uint8
        Output units of the Modality LUT; RGB.
    affine : ndarray (4, 4) or None
        Index ``(x, y, z, 1)`` to LPS millimetres; None for frames without a place in the patient.
    window : (float, float)
        Lowest and highest shown value.
    inverted : bool
        Low values are white (MONOCHROME1).
    pixel_mm : (float, float)
        Row and column distance of frames without a place; only their ratio is used.
    acquired : {"axial", "coronal", "sagittal"}
        The plane that the images were taken in; ``axial`` for frames.
    first_frames : mapping of str to int
        Of frames without a place: SOP Instance UID to the index of its first frame.
    """

    array: NDArray[Any]
    affine: NDArray[np.float64] | None
    window: tuple[float, float]
    inverted: bool = False
    pixel_mm: tuple[float, float] = (1.0, 1.0)
    acquired: Plane = "axial"
    first_frames: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_colour(self) -> bool:
        """Frames of RGB rather than of values."""
        return self.array.ndim == 4

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between samples along ``(z, y, x)``; frames have only their pixels' shape."""
        if self.affine is None:
            return (1.0, *self.pixel_mm)
        x, y, z = (float(np.linalg.norm(self.affine[:3, axis])) for axis in range(3))
        return z, y, x

    @property
    def planes(self) -> tuple[Plane, ...]:
        """The planes it can be cut in, the one it was taken in first."""
        if self.affine is None or self.array.shape[ALONG[self.acquired]] == 1:
            return (self.acquired,)
        return (self.acquired, *(plane for plane in PLANES if plane != self.acquired))


def read_series(paths: Sequence[Path], only: Collection[str] = ()) -> PreviewSeries:
    """The series in `paths`; of images of several sizes those of the most frequent one.

    Parameters
    ----------
    only : collection of str, optional
        SOP Instance UIDs of the images to read; all where empty.

    Raises
    ------
    PreviewUnavailable
        No images, no pixels, or a codec that is missing.
    """
    try:
        headers = {path: dcmread(path, stop_before_pixels=True) for path in paths}
        wanted = {
            path: header
            for path, header in headers.items()
            if header.get("Rows") and (not only or str(header.SOPInstanceUID) in only)
        }
        if not wanted:
            raise PreviewUnavailable("there are no images in it")
        headers = _of_one_size(wanted)
        if all(_has_place(header) for header in headers.values()):
            return _stack(headers)
        if len(headers) == 1 and (found := _stack_of_frames(*next(iter(headers.items())))):
            return found
        return _frames(headers)
    except UNREADABLE as error:
        raise PreviewUnavailable(f"it cannot be drawn ({type(error).__name__})") from None


def _of_one_size(headers: dict[Path, Dataset]) -> dict[Path, Dataset]:
    sizes = {
        path: (h.Rows, h.Columns, h.get("SamplesPerPixel") or 1) for path, h in headers.items()
    }
    numbers = Counter(sizes.values())
    usual = max(numbers, key=lambda size: (numbers[size], size))
    return {path: header for path, header in headers.items() if sizes[path] == usual}


def _has_place(header: Dataset) -> bool:
    return (
        bool(header.get("ImagePositionPatient") and header.get("ImageOrientationPatient"))
        and int(header.get("NumberOfFrames") or 1) == 1
        and header.get("SamplesPerPixel") == 1
    )


def _stack(headers: dict[Path, Dataset]) -> PreviewSeries:
    orientation = np.array(next(iter(headers.values())).ImageOrientationPatient, float)
    normal = np.cross(orientation[:3], orientation[3:])
    order = sorted(
        headers, key=lambda path: float(np.dot(headers[path].ImagePositionPatient, normal))
    )
    ordered = [headers[path] for path in order]
    taken = _affine(ordered, orientation, normal)
    values, step = _decode(order, headers, limit=len(order))
    taken[:3, :2] *= step
    array, affine = to_patient_axes(values, taken)
    return PreviewSeries(
        array,
        affine,
        choose_window(ordered[len(ordered) // 2], array),
        ordered[0].PhotometricInterpretation == "MONOCHROME1",
        acquired=acquired_plane(taken),
    )


def _stack_of_frames(path: Path, header: Dataset) -> PreviewSeries | None:
    """The one stack that the frames of an Enhanced object form; None where they form none."""
    frames = frame_headers(header)
    if not form_a_stack(frames):
        return None
    orientation = np.array(frames[0].ImageOrientationPatient, float)
    normal = np.cross(orientation[:3], orientation[3:])
    depths = [float(np.dot(frame.ImagePositionPatient, normal)) for frame in frames]
    order = [int(index) for index in np.argsort(depths)]
    ordered = [frames[index] for index in order]
    taken = _affine(ordered, orientation, normal)
    values, step = _empty(ordered, len(ordered))
    for index, frame in enumerate(iter_pixels(path)):
        _put(values, order.index(index), apply_modality_lut(frame, frames[index]), step)
    taken[:3, :2] *= step
    array, affine = to_patient_axes(values, taken)
    middle = ordered[len(ordered) // 2]
    inverted = header.PhotometricInterpretation == "MONOCHROME1"
    return PreviewSeries(
        array, affine, choose_window(middle, array), inverted, acquired=acquired_plane(taken)
    )


def _affine(
    headers: list[Dataset], orientation: NDArray[np.float64], normal: NDArray[np.float64]
) -> NDArray[np.float64]:
    first = np.array(headers[0].ImagePositionPatient, float)
    row_mm, column_mm = (float(value) for value in headers[0].PixelSpacing)
    affine = np.eye(4)
    affine[:3, 0] = orientation[:3] * column_mm
    affine[:3, 1] = orientation[3:] * row_mm
    affine[:3, 2] = normal * float(headers[0].get("SliceThickness") or 1)
    if len(headers) > 1:
        step = (np.array(headers[-1].ImagePositionPatient, float) - first) / (len(headers) - 1)
        if np.linalg.norm(step) > 0:
            affine[:3, 2] = step
    affine[:3, 3] = first
    return affine


def _frames(headers: dict[Path, Dataset]) -> PreviewSeries:
    order = sorted(headers, key=lambda path: int(headers[path].get("InstanceNumber") or 0))
    array, _step = _decode(order, headers, limit=LONGEST_CINE)
    first = headers[order[0]]
    window = (0.0, 255.0) if array.ndim == 4 else choose_window(first, array)
    inverted = first.PhotometricInterpretation == "MONOCHROME1"
    first_frames: dict[str, int] = {}
    count = 0
    for path in order:
        first_frames[str(headers[path].SOPInstanceUID)] = count
        count += int(headers[path].get("NumberOfFrames") or 1)
    return PreviewSeries(array, None, window, inverted, _pixel_mm(first), first_frames=first_frames)


def _pixel_mm(header: Dataset) -> tuple[float, float]:
    """Row and column distance, or at least their ratio (PS3.3 C.7.6.3.1.7)."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"):
        values = header.get(keyword)
        if values and len(values) == 2 and min(map(float, values)) > 0:
            return float(values[0]), float(values[1])
    return 1.0, 1.0


def _decode(
    order: Sequence[Path], headers: dict[Path, Dataset], limit: int
) -> tuple[NDArray[Any], int]:
    """At most `limit` frames as one array, and of how many pixels each way one was kept."""
    shown = min(limit, sum(int(headers[path].get("NumberOfFrames") or 1) for path in order))
    array, step = _empty([headers[path] for path in order], shown)
    for index, frame in enumerate(_each_frame(order, headers, shown)):
        _put(array, index, frame, step)
    return array, step


def _empty(headers: Sequence[Dataset], shown: int) -> tuple[NDArray[Any], int]:
    """Room for `shown` frames that is not too large, and of how many pixels each way it has one."""
    first = headers[0]
    kind = _kind(headers)
    samples = 3 if kind == np.uint8 else 1
    size = shown * int(first.Rows) * int(first.Columns) * samples * np.dtype(kind).itemsize
    step = max(1, int(np.ceil(np.sqrt(size / LARGEST_BYTES))))
    rows, columns = (len(range(0, int(side), step)) for side in (first.Rows, first.Columns))
    shape = (shown, rows, columns, 3) if samples == 3 else (shown, rows, columns)
    return np.zeros(shape, kind), step


def _put(array: NDArray[Any], index: int, frame: NDArray[Any], step: int) -> None:
    part = frame[::step, ::step]
    if array.dtype == np.int16:
        part = np.clip(np.rint(part), -32768, 32767)
    array[index] = part


def _each_frame(
    order: Sequence[Path], headers: dict[Path, Dataset], limit: int
) -> Iterator[NDArray[Any]]:
    """The first `limit` frames in output units or RGB."""
    left = limit
    for path in order:
        header = headers[path]
        count = min(left, int(header.get("NumberOfFrames") or 1))
        for frame in iter_pixels(path, indices=range(count)):
            if header.PhotometricInterpretation == "PALETTE COLOR":
                yield apply_color_lut(frame, header) >> 8
            elif frame.ndim == 3:
                yield frame if frame.dtype == np.uint8 else frame >> (int(header.BitsStored) - 8)
            else:
                yield apply_modality_lut(frame, header)
        left -= count
        if not left:
            return


def _kind(headers: Sequence[Dataset]) -> type[np.generic]:
    """The smallest kind of number that holds every value as a viewer needs it."""
    first = headers[0]
    if first.get("SamplesPerPixel") == 3 or first.PhotometricInterpretation == "PALETTE COLOR":
        return np.uint8
    whole = all(
        float(h.get("RescaleSlope") or 1) == 1
        and float(h.get("RescaleIntercept") or 0).is_integer()
        and "ModalityLUTSequence" not in h
        for h in headers
    )
    signed = int(first.get("PixelRepresentation") or 0) == 1
    return np.int16 if whole and (signed or int(first.BitsStored) < 16) else np.float32
