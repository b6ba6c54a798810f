"""What a person should look at, told in one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dicom_node.web.words import DISK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dicom_node.audit.backlog import Untold
    from dicom_node.observe.health import DiskSpace
    from dicom_node.observe.trail import TrailGauge


class Trouble(NamedTuple):
    """One thing to look at and the page where it is."""

    text: str
    path: str


WATCHED = (
    ("job", "failed", "Failed jobs", "/jobs?state=failed"),
    ("delivery", "failed", "Failed deliveries", "/deliveries?state=failed"),
    ("delivery", "held", "Held deliveries", "/deliveries?state=held"),
    ("study", "quarantined", "Quarantined studies", "/studies"),
)


def troubles_of(
    disk: DiskSpace,
    counts: Mapping[str, Mapping[str, int]],
    trail: TrailGauge,
    repositories: Sequence[Untold],
) -> list[Trouble]:
    """The troubles of the node; `counts` is rows by state as of `work_lists.count_states`."""
    found = []
    if disk.verdict != "ok":
        word = DISK[disk.verdict]
        found.append(Trouble(f"{word.label}, {_gb(disk.free_mb)} free: {word.meaning}.", "/node"))
    if trail.fault:
        found.append(Trouble(f"The audit trail does not verify: {trail.fault}.", "/audit"))
    if trail.unanchored:
        why = trail.unanchored
        found.append(Trouble(f"The audit trail is not anchored outside: {why}.", "/audit"))
    if trail.unarchived:
        why = trail.unarchived
        found.append(Trouble(f"Old audit rows are not archived: {why}.", "/audit"))
    for kind, state, told, path in WATCHED:
        if number := counts.get(kind, {}).get(state, 0):
            found.append(Trouble(f"{told}: {number:,}.", path))
    for one in repositories:
        if one.is_late:
            told = f"Audit messages for {one.repository} wait: {one.rows:,}."
            found.append(Trouble(told, "/audit"))
    return found


def _gb(mb: int) -> str:
    return f"{mb / 1024:.1f} GB"
