"""Series that show the same places several times: contrast phases, echoes, repetitions.

Such a series is split only by an attribute that the scanner wrote for the purpose, and only if it
leaves stacks at the very same places; otherwise nothing tells which slices belong together.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from pipelines.dicom_in.geometry import SAME_PLACE_MM
from pipelines.header import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

# What may tell phases apart, the most specific first.
PHASE_KEYWORDS = (
    "TemporalPositionIdentifier", "EchoNumbers", "EchoTime", "InversionTime", "DiffusionBValue",
    "TriggerTime", "FrameReferenceTime", "ImageType", "AcquisitionNumber", "AcquisitionTime",
    "ContentTime",
)  # fmt: skip


def split_phases(
    images: Sequence[Dataset], keywords: Sequence[str] = PHASE_KEYWORDS
) -> list[list[Dataset]]:
    """The stacks that the series holds, in the order of what tells them apart.

    One list with all images where no place occurs twice, or where no attribute parts them.
    """
    if _distinct(images):
        return [list(images)]
    for keyword in keywords:
        groups: dict[tuple[tuple[float, ...], str], list[Dataset]] = defaultdict(list)
        for image in images:
            groups[_key(image, keyword)].append(image)
        if (
            len(groups) > 1
            and all(map(_distinct, groups.values()))
            and _alike(list(groups.values()))
        ):
            return [groups[key] for key in sorted(groups)]
    return [list(images)]


def _key(image: Dataset, keyword: str) -> tuple[tuple[float, ...], str]:
    """The attribute's value, in an order in which 10 follows 9."""
    return tuple(numbers(image, keyword)), str(image.get(keyword, ""))


def _places(images: Sequence[Dataset]) -> set[tuple[int, ...]]:
    """Positions in steps of the smallest distance that tells two apart."""
    found = (numbers(image, "ImagePositionPatient") for image in images)
    return {tuple(int(step) for step in np.rint(np.divide(one, SAME_PLACE_MM))) for one in found}


def _distinct(images: Sequence[Dataset]) -> bool:
    return len(_places(images)) == len(images)


def _alike(groups: Sequence[Sequence[Dataset]]) -> bool:
    return len({frozenset(_places(group)) for group in groups}) == 1
