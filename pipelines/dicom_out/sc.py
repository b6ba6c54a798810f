"""Secondary captures: the overlay burnt in, for destinations that cannot show a segmentation.

One True Color image of the Secondary Capture Image class for each plane that is shown, not a
multi-frame one: an archive too old for segmentations knows the single-frame class, and a viewer
scrolls through its series as through the source's. The IOD has no place in the patient (PS3.3
A.8.1), so nothing but Pixel Spacing and Patient Orientation is said of it; viewers that can build a
volume must use the source and the SEG, which each image names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage
from pydicom.valuerep import DSfloat

from pipelines.dicom_out.dates import da, tm
from pipelines.dicom_out.enhanced import put_pixels
from pipelines.dicom_out.files import write
from pipelines.dicom_out.grey import to_grey, widest_window
from pipelines.dicom_out.lossy import lossy_compression
from pipelines.dicom_out.planes import Plane, areas
from pipelines.dicom_out.provenance import (
    dcm_code,
    put,
    referenced_instance,
    referenced_series,
    source_reference,
)
from pipelines.dicom_out.sc_picture import below, draw, enlargement, key, marking, note
from pipelines.dicom_out.study import into_study, side_of
from pipelines.header import numbers
from pipelines.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pipelines.dicom_out.grey import Window
    from pipelines.dicom_out.planes import Result
    from pipelines.dicom_out.provenance import Origin
    from pipelines.manifest import OutputFile
    from pipelines.models.card import Segment

SC_NUMBER_OFFSET = 625
MOST_IMAGES = 100
"""Of more planes that show anything, those on which a segment is largest and an even choice."""
_LEAST_PART = 0.0872  # sine of 5 degrees: less of a direction is not named


def write_captures(
    result: Result, origin: Origin, folder: Path, before: int = 0
) -> Iterator[OutputFile]:
    """Write an image of every plane that shows a segment, at most `MOST_IMAGES`; often none.

    Parameters
    ----------
    before : int
        Planes of the run's earlier results: Instance Numbers count on from them.
    """
    counted = areas(result.labels)
    chosen = choose(counted[:, [segment.number for segment in origin.card.segments]])
    if not len(chosen):
        return
    source = result.source
    colour = source.array.ndim == 4
    window = None if colour else widest_window(source.array, source.padding)
    segs = [
        pydicom.dcmread(folder / file.file, stop_before_pixels=True)
        for file in result.segs
        if file.kind == result.segs[0].kind  # every form shows the same
    ]
    shown = _frames_by_source(segs)
    # All of them in every legend, so that all pictures have one size.
    found = [each for each in origin.card.segments if counted[:, each.number].any()]
    for index in chosen.tolist():
        plane = Plane(result, index)
        capture = _header(plane, origin)
        put(capture, {"InstanceNumber": before + index + 1})
        _put_references(capture, plane, segs, shown)
        picture = _picture(plane, window, found, origin)
        put(capture, {"Rows": picture.shape[0], "Columns": picture.shape[1]})
        put_pixels(capture, picture)
        yield write(capture, folder, "sc")


def choose(pixels: NDArray[np.intp]) -> NDArray[np.intp]:
    """The planes to show, ascending.

    Parameters
    ----------
    pixels : ndarray of int, shape (planes, segments)
        How much of each segment there is on each plane.
    """
    shown = np.flatnonzero(pixels.any(axis=1))
    if len(shown) <= MOST_IMAGES:
        return shown
    largest = set(pixels.argmax(axis=0)[pixels.any(axis=0)].tolist())
    # The largest of 255 segments may be more than there is room for.
    largest = set(sorted(largest)[:MOST_IMAGES])
    others = np.array([index for index in shown.tolist() if index not in largest], np.intp)
    room = MOST_IMAGES - len(largest)
    even = np.linspace(0, len(others) - 1, room).round().astype(np.intp)
    return np.array(sorted(largest | set(others[even].tolist())), np.intp)


def _picture(
    plane: Plane, window: Window | None, found: Sequence[Segment], origin: Origin
) -> NDArray[np.uint8]:
    source = plane.result.source
    values = source.array[plane.at]
    if window is None:  # colour, 0 to 255 already
        grey = np.rint(values).clip(0, 255).astype(np.uint8)
    else:
        padding = None if source.padding is None else source.padding[plane.at]
        grey = to_grey(plane.header, values, padding, window)
    name = note(f"{origin.card.name} {origin.card.version}")
    lines = [*map(key, found), name, *[marking()] * origin.request.research_use]
    return below(draw(grey, plane.labels, found), lines)


def _header(plane: Plane, origin: Origin) -> Dataset:
    """Everything but pixels and references (PS3.3 table A.8-1)."""
    image = plane.header
    moment = origin.moment(image)
    factor = enlargement(*plane.labels.shape)
    made = Dataset()
    put(
        made,
        {
            "SOPClassUID": SecondaryCaptureImageStorage,
            "SOPInstanceUID": origin.uid(f"capture {plane.digest} frame {plane.frame or 0}"),
            "SeriesInstanceUID": origin.uid("capture series"),
            "SeriesNumber": origin.series_number(image, SC_NUMBER_OFFSET),
            "Modality": "OT",
            "ConversionType": "WSD",
            "DateOfSecondaryCapture": da(moment),
            "TimeOfSecondaryCapture": tm(moment),
            "ImageType": ["DERIVED", "SECONDARY"],
            "DerivationDescription": origin.description(),
            # Whether the text could identify a patient is not for a reader to guess: there is some.
            "BurnedInAnnotation": "YES",
            "PatientOrientation": _orientation(plane),
            "SamplesPerPixel": 3,
            "PhotometricInterpretation": "RGB",
            "PlanarConfiguration": 0,
            "BitsAllocated": 8,
            "BitsStored": 8,
            "HighBit": 7,
            "PixelRepresentation": 0,
            **_spacing(plane, factor),
            **lossy_compression(plane.image),
        },
    )
    made.DerivationCodeSequence = [dcm_code("113076", "Segmentation")]
    placed = into_study(made, image, origin)
    put(placed, side_of(image))
    return placed


def _orientation(plane: Plane) -> list[str] | str:
    """The source's Patient Orientation, or that which its directions mean (C.7.6.1.1.1)."""
    stated = plane.header.get("PatientOrientation")
    if stated and not isinstance(stated, str):
        return [str(value) for value in stated]
    source = plane.result.source
    if not isinstance(source, Volume):
        return ""
    return [_letters(source.affine[:3, axis]) for axis in range(2)]


def _letters(direction: NDArray[np.float64]) -> str:
    """The directions in the patient that a step leads to, most of it first, such as ``LF``."""
    parts = direction / np.linalg.norm(direction)
    named = [(abs(part), "LPH"[axis] if part > 0 else "RAF"[axis])
             for axis, part in enumerate(parts.tolist()) if abs(part) >= _LEAST_PART]  # fmt: skip
    return "".join(letter for _, letter in sorted(named, key=lambda each: -each[0]))


def _spacing(plane: Plane, factor: int) -> dict[str, object]:
    """Pixel Spacing of an enlarged picture, where the source has one in the patient."""
    source = plane.result.source
    spacing = source.spacing_mm[1:] if isinstance(source, Volume) else tuple(
        numbers(plane.header, "PixelSpacing")
    )  # fmt: skip
    if len(spacing) != 2 or min(spacing) <= 0:
        return {}
    return {"PixelSpacing": [DSfloat(value / factor, auto_format=True) for value in spacing]}


def _frames_by_source(
    segs: Sequence[Dataset],
) -> dict[tuple[str, int | None], list[tuple[int, int]]]:
    """By source instance and its frame: which SEG, and the number of its frame that lies there."""
    shown: dict[tuple[str, int | None], list[tuple[int, int]]] = {}
    for place, seg in enumerate(segs):
        for number, group in enumerate(seg.PerFrameFunctionalGroupsSequence, start=1):
            for derivation in group.get("DerivationImageSequence", []):
                for item in derivation.SourceImageSequence:
                    frame = item.get("ReferencedFrameNumber")
                    at = str(item.ReferencedSOPInstanceUID), None if frame is None else int(frame)
                    shown.setdefault(at, []).append((place, number))
    return shown


def _put_references(
    capture: Dataset,
    plane: Plane,
    segs: Sequence[Dataset],
    shown: Mapping[tuple[str, int | None], Sequence[tuple[int, int]]],
) -> None:
    """The source image, and the frames of the SEG that are drawn on it."""
    image = plane.image
    used: dict[int, list[int]] = {}
    for place, number in shown.get((str(image.SOPInstanceUID), plane.frame), []):
        used.setdefault(place, []).append(number)
    drawn = []
    for place, frames in used.items():
        item = referenced_instance(segs[place])
        if len(frames) < int(segs[place].NumberOfFrames):
            put(item, {"ReferencedFrameNumber": frames})
        item.PurposeOfReferenceCodeSequence = [
            dcm_code("121322", "Source image for image processing operation")
        ]
        drawn.append(item)
    source = source_reference(image, plane.frame)
    if enlargement(*plane.labels.shape) > 1:
        source.SpatialLocationsPreserved = "NO"  # of pixels (PS3.3 C.12.4)
    capture.SourceImageSequence = [source, *drawn]
    capture.ReferencedSeriesSequence = [referenced_series(image, [image])]
    if used:
        named = [segs[place] for place in used]
        capture.ReferencedSeriesSequence.append(referenced_series(named[0], named))
