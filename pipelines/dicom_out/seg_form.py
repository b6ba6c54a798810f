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

    from pipelines.manifest import Kind, OutputFile
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


def forms_of(objects: Collection[Kind]) -> list[Form]:
    """Those that are asked for, the one that a report names first; BINARY where none is."""
    return [form for form in (BINARY, LABELMAP, SINGLE) if form.kind in objects] or [BINARY]


def exceeds(written: Sequence[OutputFile], max_frames: int) -> bool:
    """Whether an object has more frames than somebody takes; 0 is any number."""
    return bool(max_frames) and any(file.frames > max_frames for file in written)
