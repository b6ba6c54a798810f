"""What a job's destinations want of it, together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from pipelines.manifest import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom_node.config import Settings

ALWAYS: tuple[Kind, ...] = ("enhanced", "seg", "sr")
"""Made of every job that can, for its pages, and for destinations that it may get later."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """The kinds of objects, and the smallest number of frames that a segmentation may have; 0: any.

    See `pipelines.request.RunRequest`.
    """

    objects: list[Kind]
    max_frames: int


def wishes_of(destinations: Iterable[str], settings: Settings) -> Wishes:
    """All that the profiles of the destinations name, and what is always made."""
    profiles = [settings.profile_of(destination) for destination in destinations]
    wanted = set(ALWAYS).union(*(profile.asks_for for profile in profiles))
    caps = [profile.max_frames for profile in profiles if "seg" in profile.kinds]
    return Wishes(
        objects=[kind for kind in get_args(Kind) if kind in wanted],
        max_frames=min((cap for cap in caps if cap), default=0),
    )
