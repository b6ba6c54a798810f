"""What a soak hit and what became of it, and the same as text for a terminal."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field

from tests.soak.place import IN_MESSAGE, Place

BAR = 40
# What stands has left its system calls; only what runs can die inside a write. So some of the
# processes go on after the look and are killed a moment later.
RUNNING_SHARE = 0.2
LONGEST_RUN_S = 0.01


@dataclass
class Report:
    """What was hit, and what became of it."""

    kills: Counter[str] = field(default_factory=Counter)
    places: Counter[Place] = field(default_factory=Counter)
    in_message: int = 0  # kills of what stood still: it is certain
    answer_due: int = 0
    in_message_before: int = 0  # kills of what ran on for a moment after the look
    unanswered: int = 0  # kills that left a sender without the answer to what it had begun to send
    in_message_bytes: list[int] = field(default_factory=list)
    unseen: int = 0
    in_flight: int = 0  # kills of a running process, a moment after it was looked at
    acknowledged: int = 0
    kept_unacknowledged: int = 0
    lost_unacknowledged: int = 0

    @property
    def deaths(self) -> int:
        return self.kills.total()


def histogram(report: Report) -> str:
    """Where the kills hit, one line a place, and what became of the images."""
    most = max(report.places.values(), default=1)
    lines = [
        f"{report.deaths} kills: "
        + ", ".join(f"{number} of {what}" for what, number in sorted(report.kills.items())),
        f"killed while standing, just looked at: {report.deaths - report.in_flight}, of them "
        f"{report.in_message} with an association inside a message and {report.answer_due} with "
        "one between its last byte and the answer",
        f"killed while running on, up to {LONGEST_RUN_S * 1000:.0f} ms after the look: "
        f"{report.in_flight}, of them {report.in_message_before} inside a message at the look",
        f"kills that left a sender without an answer: {report.unanswered}; "
        f"that could not be looked at: {report.unseen}",
        "associations at the last look:",
    ]
    for place in Place:
        number = report.places[place]
        lines.append(f"  {place:52}{number:5} {'#' * round(BAR * number / most)}")
    if report.in_message_bytes:
        lines.append(
            f"bytes of the message read, where inside one ({len(IN_MESSAGE)} places above): "
            f"least {min(report.in_message_bytes)}, "
            f"median {statistics.median_low(report.in_message_bytes)}, "
            f"most {max(report.in_message_bytes)}"
        )
    lines += [
        f"acknowledged images: {report.acknowledged}, every one there, as sent, and indexed",
        f"not acknowledged: {report.kept_unacknowledged} there and whole, "
        f"{report.lost_unacknowledged} not there",
        "no other file is in the store, none is left in .parts, the audit trail is verified",
    ]
    return "\n".join(lines)
