"""One association with one destination, and what the destination made of the files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom_node.net.errors import PeerError
from dicom_node.net.scu import OutgoingFile, send
from dicom_node.observe.logging import get_log
from dicom_node.observe.redact import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom_node.config import PeerSection

log = get_log(__name__)

DUPLICATE = 0x0111  # the peer holds this SOP instance already (PS3.7 C.5.6)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many of the files were accepted, and what stood in the way of the others."""

    files: int
    accepted: int
    reason: str = ""

    @property
    def is_complete(self) -> bool:
        """True when every file was accepted."""
        return self.accepted == self.files and not self.reason


def transfer(
    peer: PeerSection, our_aet: str, files: Sequence[OutgoingFile], timeout_s: float
) -> Outcome:
    """Send the files and give the outcome; whatever goes wrong with the peer is one."""
    try:
        statuses = send(peer, our_aet, files, timeout_s)
    except PeerError as error:
        return Outcome(len(files), 0, str(error))
    except Exception as error:  # noqa: BLE001 - a file that breaks a library must not end the loop
        log.error("sending broke", error=error)  # noqa: TRY400 - told by its kind and place
        return Outcome(len(files), 0, f"sending broke: {describe(error)}")
    declined = [status for status in statuses if not is_accepted(status)]
    told = ", ".join(f"0x{status:04X}" for status in sorted(set(declined)))
    reason = f"{len(declined)} of {len(files)} not accepted: status {told}" if declined else ""
    return Outcome(len(files), len(files) - len(declined), reason)


def is_accepted(status: int) -> bool:
    """Whether the peer holds the object now: success, a 0xB000 warning, or a duplicate.

    PS3.4 B.2.3: warnings tell of coerced or discarded elements of an object that was stored.
    """
    return status in (0x0000, DUPLICATE) or status & 0xF000 == 0xB000
