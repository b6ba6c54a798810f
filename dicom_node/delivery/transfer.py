"""The results on their way to one destination, and what the destination made of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dicom_node.net.errors import PeerError
from dicom_node.net.scu import send, taken_classes
from dicom_node.observe.logging import get_log
from dicom_node.observe.redact import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom_node.config import PeerSection
    from dicom_node.delivery.selection import Way

log = get_log(__name__)

DUPLICATE = 0x0111  # the peer holds this SOP instance already (PS3.7 C.5.6)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many of the files were accepted, and what stood in the way of the others.

    Attributes
    ----------
    accepted_classes, other_classes : Counter of str
        Of the files that were accepted, and of the others: the number of each SOP Class UID.
    note : str
        What is to be said of a success: what was left out, or sent in another form.
    is_final : bool
        Another try would end as this one.
    """

    files: int
    accepted: int
    reason: str = ""
    note: str = ""
    accepted_classes: Counter[str] = field(default_factory=Counter)
    other_classes: Counter[str] = field(default_factory=Counter)
    is_final: bool = False

    @property
    def is_complete(self) -> bool:
        """True when every file was accepted."""
        return self.accepted == self.files and not self.reason


def transfer(
    peer: PeerSection,
    our_aet: str,
    ways: Sequence[Way],
    timeout_s: float,
    preferred: Sequence[str] = (),
) -> Outcome:
    """Send the results and give the outcome; whatever goes wrong with the peer is one.

    Parameters
    ----------
    ways : sequence of Way
        The best first. With more than one the peer is asked what it takes, and gets the first of
        which it takes every class.
    preferred : sequence of str
        UIDs of transfer syntaxes, the best first.
    """
    way = ways[0]
    try:
        if len(ways) > 1:
            way = _taken_way(peer, our_aet, ways, timeout_s)
        statuses = send(peer, our_aet, way.files, timeout_s, preferred=preferred)
    except PeerError as error:
        return _failed(way, str(error))
    except Exception as error:  # noqa: BLE001 - a file that breaks a library must not end the loop
        log.error("sending broke", error=error)  # noqa: TRY400 - told by its kind and place
        return _failed(way, f"sending broke: {describe(error)}")
    declined = [status for status in statuses if not is_accepted(status)]
    told = ", ".join(f"0x{status:04X}" for status in sorted(set(declined)))
    reason = f"{len(declined)} of {len(way.files)} not accepted: status {told}" if declined else ""
    classes: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for file, status in zip(way.files, statuses, strict=True):
        classes[is_accepted(status)][file.sop_class_uid] += 1
    accepted = len(way.files) - len(declined)
    return Outcome(
        len(way.files), accepted, reason, _note(ways[0], way), classes[True], classes[False]
    )


def _failed(way: Way, reason: str) -> Outcome:
    classes = Counter(file.sop_class_uid for file in way.files)
    return Outcome(len(way.files), 0, reason, other_classes=classes)


def _taken_way(peer: PeerSection, our_aet: str, ways: Sequence[Way], timeout_s: float) -> Way:
    """The first way of which the peer takes every class; the best where it takes none whole."""
    taken = taken_classes(peer, our_aet, [file for way in ways for file in way.files], timeout_s)
    for way in ways:
        if {file.sop_class_uid for file in way.files} <= taken:
            return way
    return ways[0]


def _note(best: Way, way: Way) -> str:
    said = []
    if way is not best:
        said.append(f"it declines {best.shown_as} and got {way.shown_as}")
    if way.left_out:
        said.append(f"left out by its profile: {way.left_out}")
    return "; ".join(said)


def is_accepted(status: int) -> bool:
    """Whether the peer holds the object now: success, a 0xB000 warning, or a duplicate.

    PS3.4 B.2.3: warnings tell of coerced or discarded elements of an object that was stored.
    """
    return status in (0x0000, DUPLICATE) or status & 0xF000 == 0xB000
