"""Whether what is coded left or right lies on that side of the patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import PipelineFailed
from pipelines.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pipelines.contract import Source
    from pipelines.models.card import Segment

RIGHT, LEFT = "24028007", "7771000"  # SNOMED CT, CID 244
_SIGN = {RIGHT: -1.0, LEFT: 1.0}  # of x in LPS, which grows towards the patient's left
# One segment alone is measured against the middle of the picture, which is the patient's middle
# only where the picture is centred and holds both sides of a head or a trunk.
BOTH_SIDES_MM, OFF_CENTRE = 200.0, 0.1


def check_sides(
    source: Source,
    centroids: Mapping[int, NDArray[np.float64]],
    segments: Sequence[Segment],
) -> None:
    """Raise PipelineFailed where a segment lies on the other side than its code says.

    A segment is compared with its counterpart where both are present, else with the middle of the
    source, unless that middle says nothing about the patient's.

    Parameters
    ----------
    centroids : mapping of int to ndarray
        Mean index ``(x, y, z)`` of each segment present, by its number.
    """
    step = towards_left(source)
    if step is None:
        return
    places = {number: float(centroid @ step) for number, centroid in centroids.items()}
    sided = [each for each in segments if each.number in places and _side(each)]
    for segment in sided:
        sign = _SIGN[_side(segment)]
        others = [
            places[other.number]
            for other in sided
            if other.type == segment.type and _side(other) != _side(segment)
        ]
        if others:
            wrong = any(sign * (places[segment.number] - other) < 0 for other in others)
        else:
            wrong = _is_beyond_the_middle(source, places[segment.number], sign)
        if wrong:
            raise PipelineFailed(f"{segment.label} lies on the other side of the patient")


def towards_left(source: Source) -> NDArray[np.float64] | None:
    """How far to the patient's left a step along ``(x, y, z)`` leads; None where nothing tells.

    Millimetres in a volume, pixels in a single image, whose Patient Orientation names the
    directions of its rows and columns (PS3.3 C.7.6.1.1.1).
    """
    if isinstance(source, Volume):
        return source.affine[0, :3]
    stated = source.sources[0].get("PatientOrientation") or ""
    if isinstance(stated, str):  # empty, or one direction alone
        return None
    named = {"L": 1.0, "R": -1.0}
    across, down = (named.get(str(value)[:1].upper(), 0.0) for value in (*stated, "", "")[:2])
    return np.array([across, down, 0.0]) if across or down else None


def _side(segment: Segment) -> str:
    code = segment.modifier
    return code.value if code and code.scheme == "SCT" and code.value in _SIGN else ""


def _is_beyond_the_middle(source: Source, place: float, sign: float) -> bool:
    """Whether a lone segment's middle lies clearly on the other side of the source's."""
    if not isinstance(source, Volume):
        return False  # a single image may show one side only
    depth, rows, columns = source.array.shape[:3]
    reach = source.affine[0, :3] * (columns - 1, rows - 1, depth - 1)
    width = float(np.abs(reach).sum())
    middle = float(reach.sum()) / 2
    centred = abs(middle + float(source.affine[0, 3])) <= OFF_CENTRE * width
    return width >= BOTH_SIDES_MM and centred and sign * (place - middle) < -OFF_CENTRE * width
