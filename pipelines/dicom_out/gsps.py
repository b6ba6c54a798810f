"""Presentation states: the source's own key images with window, outlines and names (PS3.3 A.33.1).

One state for all key images that share rescale and window, as a state has one of each; the images
themselves stay as they are. Colour images have none: the state is for grey ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import highdicom as hd
from highdicom.pr import GrayscaleSoftcopyPresentationState, SoftcopyVOILUTTransformation
from pydicom.valuerep import DSfloat

from pipelines.dicom_in.values import rescale_of
from pipelines.dicom_out.dates import da, tm
from pipelines.dicom_out.evidence import as_image
from pipelines.dicom_out.files import write
from pipelines.dicom_out.grey import Window, own_window, widest_window
from pipelines.dicom_out.gsps_graphics import graphics_of, name_frames
from pipelines.dicom_out.planes import key_planes
from pipelines.dicom_out.provenance import put
from pipelines.dicom_out.seg import CREATOR
from pipelines.dicom_out.study import into_study, side_of
from pipelines.stored_pixels import GREY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pydicom import Dataset

    from pipelines.dicom_out.planes import Plane, Result
    from pipelines.dicom_out.provenance import Origin
    from pipelines.manifest import OutputFile

GSPS_NUMBER_OFFSET = 675


class _Look(NamedTuple):
    """What all images of one state have in common."""

    rescale: tuple[float, float]
    rescale_type: str
    window: Window
    interpretation: str
    size: tuple[int, int]
    spacing_mm: tuple[float, float] | None


def write_presentation_states(
    results: Sequence[Result], origin: Origin, folder: Path
) -> Iterator[OutputFile]:
    """Write the states of a run's key images, which `pipelines.dicom_out.planes` chooses."""
    groups: dict[_Look, list[Plane]] = {}
    for _, plane, _ in key_planes(results, origin.card.segments):
        if str(plane.image.PhotometricInterpretation) in GREY:
            planes = groups.setdefault(_look_of(plane), [])
            if not any(_is_same(plane, other) for other in planes):
                planes.append(plane)
    for number, (look, planes) in enumerate(groups.items(), start=1):
        yield write(_build(number, look, planes, origin), folder, "gsps")


def _is_same(plane: Plane, other: Plane) -> bool:
    return plane.digest == other.digest and plane.frame == other.frame


def _look_of(plane: Plane) -> _Look:
    image, source = plane.header, plane.result.source
    spacing = source.spacing_mm
    return _Look(
        rescale=rescale_of(image),
        rescale_type=str(image.get("RescaleType", ""))
        or ("HU" if source.modality == "CT" else "US"),
        window=own_window(image) or widest_window(source.array, source.padding),
        interpretation=str(image.PhotometricInterpretation),
        size=(int(image.Rows), int(image.Columns)),
        spacing_mm=None if spacing is None else (spacing[-2], spacing[-1]),
    )


def _build(number: int, look: _Look, planes: Sequence[Plane], origin: Origin) -> Dataset:
    card = origin.card
    first = planes[0].header
    stubs = {str(plane.image.SOPInstanceUID): as_image(plane.image) for plane in planes}
    annotations, layers = graphics_of(planes, stubs, origin)
    equipment = origin.equipment()
    state = GrayscaleSoftcopyPresentationState(
        referenced_images=list(stubs.values()),
        series_instance_uid=origin.uid("presentation series"),
        series_number=origin.series_number(first, GSPS_NUMBER_OFFSET),
        sop_instance_uid=origin.uid(f"presentation {number}"),
        instance_number=number,
        manufacturer=equipment["Manufacturer"],
        manufacturer_model_name=equipment["ManufacturerModelName"],
        software_versions=list(equipment["SoftwareVersions"]),
        device_serial_number=equipment.get("DeviceSerialNumber", "0"),
        content_label="SEGMENTATION",
        content_description=card.title[:64],
        content_creator_name=CREATOR,
        graphic_annotations=annotations,
        graphic_layers=layers,
        # Said even where it changes nothing: else highdicom looks for it in functional groups.
        modality_lut_transformation=hd.ModalityLUTTransformation(
            rescale_slope=look.rescale[0],
            rescale_intercept=look.rescale[1],
            rescale_type=look.rescale_type,
        ),
        voi_lut_transformations=[
            SoftcopyVOILUTTransformation(
                look.window.centre, look.window.width, voi_lut_function=look.window.function
            )
        ],
        presentation_lut_transformation=hd.PresentationLUTTransformation(
            presentation_lut_shape=(
                "INVERSE" if look.interpretation == "MONOCHROME1" else "IDENTITY"
            )
        ),
        specific_character_set="ISO_IR 192",
    )
    for series in state.ReferencedSeriesSequence:
        name_frames(series.ReferencedImageSequence, planes)
    _keep_aspect(state, look)
    result = into_study(state, first, origin)
    moment = origin.moment(first)
    created = {"PresentationCreationDate": da(moment), "PresentationCreationTime": tm(moment)}
    put(result, {**created, **side_of(first)})
    del result.ContentDate, result.ContentTime  # of images, which a state is not
    return result


def _keep_aspect(state: Dataset, look: _Look) -> None:
    """Pixels as wide and high as they are, which highdicom takes for square (C.10.4)."""
    if look.spacing_mm is None:
        return
    (area,) = state.DisplayedAreaSelectionSequence
    del area.PresentationPixelAspectRatio
    area.PresentationPixelSpacing = [DSfloat(mm, auto_format=True) for mm in look.spacing_mm]
