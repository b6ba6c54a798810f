"""The forms in which a label map leaves: BINARY, BINARY segment by segment, or LABELMAP (SEG-01).

All show the same voxels with the same codes and tracking UIDs. Each is a series of its own, so that
a destination gets one of them, and a derived UID never names two objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from highdicom.seg.enum import SegmentationTypeValues

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pipelines.manifest import Kind
    from pipelines.models.card import Segment


@dataclass(frozen=True, slots=True)
class Form:
    """One way to lay a label map down.

    Attributes
    ----------
    name : str
        What its UIDs are derived from.
    number_offset : int
        Added to the series number. Segmentations are numbered above enhanced series, so two jobs
        at one time rarely collide.
    """

    kind: Literal["seg", "segment", "labelmap"]
    type: SegmentationTypeValues
    name: str
    number_offset: int

    def objects(self, found: Sequence[Segment]) -> list[list[Segment]]:
        """The segments of each object that shows `found`."""
        return [[segment] for segment in found] if self is SINGLE else [list(found)]


BINARY = Form("seg", SegmentationTypeValues.BINARY, "segmentation", 500)
LABELMAP = Form("labelmap", SegmentationTypeValues.LABELMAP, "label map", 600)
SINGLE = Form("segment", SegmentationTypeValues.BINARY, "single segment", 650)
FORMS = (BINARY, LABELMAP, SINGLE)


def forms_of(objects: Collection[Kind]) -> list[Form]:
    """Those that are asked for; BINARY where none is, as a report has to name one."""
    return [form for form in FORMS if form.kind in objects] or [BINARY]
