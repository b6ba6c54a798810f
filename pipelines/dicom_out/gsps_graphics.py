"""What is drawn over the images of a presentation state: outlines, names, the marking (C.10.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from highdicom.color import CIELabColor
from highdicom.pr import GraphicAnnotation, GraphicLayer, GraphicObject, TextObject

from pipelines.dicom_out.outlines import outlines, without_middle_points
from pipelines.dicom_out.planes import frames_by_image
from pipelines.dicom_out.provenance import NOT_FOR_DIAGNOSIS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydicom import Dataset

    from pipelines.dicom_out.planes import Plane
    from pipelines.dicom_out.provenance import Origin
    from pipelines.models.card import Segment

_MARKING = "MARKING"
_MARKING_BOX = (0.02, 0.02, 0.6, 0.06)  # of the displayed area: left, top, right, bottom


def graphics_of(
    planes: Sequence[Plane], stubs: Mapping[str, Dataset], origin: Origin
) -> tuple[list[GraphicAnnotation], list[GraphicLayer]]:
    """Annotations of all segments on all `planes`, and the layers that they belong to.

    Parameters
    ----------
    stubs : mapping of str to Dataset
        `pipelines.dicom_out.evidence.as_image` of the planes' images by SOP Instance UID.
    """
    found = [
        (plane, segment) for plane in planes for segment in _shown_on(plane, origin.card.segments)
    ]
    layers = _layers([segment for _, segment in found], origin)
    annotations = [
        _annotation(plane, segment, stubs, layers[_layer_name(segment)]) for plane, segment in found
    ]
    if origin.request.research_use:
        annotations.append(_marking(list(stubs.values()), layers[_MARKING], planes))
    return annotations, list(layers.values())


def name_frames(references: Sequence[Dataset], planes: Sequence[Plane]) -> None:
    """Of an image with several frames the key frames alone are shown (C.11.11).

    highdicom would look for functional groups, which loops do not have.
    """
    frames = frames_by_image(planes)
    for item in references:
        numbers = frames[str(item.ReferencedSOPInstanceUID)]
        if numbers:
            item.ReferencedFrameNumber = numbers


def _shown_on(plane: Plane, segments: Sequence[Segment]) -> list[Segment]:
    numbers = set(np.unique(plane.labels).tolist())
    return [segment for segment in segments if segment.number in numbers]


def _layer_name(segment: Segment) -> str:
    return f"SEGMENT {segment.number}"


def _layers(segments: Sequence[Segment], origin: Origin) -> dict[str, GraphicLayer]:
    """A layer for each segment in its colour, so that a viewer can hide it; one for the marking."""
    once = {_layer_name(segment): segment for segment in segments}
    layers = {
        name: GraphicLayer(
            name,
            order=order,
            description=segment.label,
            display_color=CIELabColor.from_rgb(*segment.colour),
        )
        for order, (name, segment) in enumerate(once.items(), start=1)
    }
    if origin.request.research_use:
        layers[_MARKING] = GraphicLayer(_MARKING, order=len(layers) + 1)
    return layers


def _annotation(
    plane: Plane, segment: Segment, stubs: Mapping[str, Dataset], layer: GraphicLayer
) -> GraphicAnnotation:
    """The outlines of one segment on one image, and its name at the topmost point."""
    found = outlines(plane.labels == segment.number)
    # PIXEL counts from the corner of the first pixel, not from its centre (C.10.5.1.2).
    polygons = [
        without_middle_points(polygon) + 0.5
        for each in found
        for polygon in (each.outer, *each.holes)
    ]
    largest = polygons[0]
    top = largest[largest[:, 1].argmin()]
    annotation = GraphicAnnotation(
        referenced_images=[stubs[str(plane.image.SOPInstanceUID)]],
        graphic_layer=layer,
        graphic_objects=[
            GraphicObject("POLYLINE", np.vstack([polygon, polygon[:1]]), "PIXEL")
            for polygon in polygons
        ],
        text_objects=[TextObject(segment.label, "PIXEL", anchor_point=tuple(top.tolist()))],
    )
    name_frames(annotation.ReferencedImageSequence, [plane])
    return annotation


def _marking(
    stubs: Sequence[Dataset], layer: GraphicLayer, planes: Sequence[Plane]
) -> GraphicAnnotation:
    annotation = GraphicAnnotation(
        referenced_images=stubs,
        graphic_layer=layer,
        text_objects=[
            TextObject(
                NOT_FOR_DIAGNOSIS, "DISPLAY", bounding_box=_MARKING_BOX, text_justification="LEFT"
            )
        ],
    )
    name_frames(annotation.ReferencedImageSequence, planes)
    return annotation
