"""What stands for a patient, a UID and a date in a project, derived from the project's key.

Nothing is kept: the same key gives the same stand-ins in every run and every process, and without
it they cannot be traced back. Projects have keys of their own, so theirs cannot be joined.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass

WELL_KNOWN = "1.2.840.10008."
"""The root of the standard's own UIDs, which identify nobody."""
LEAST_SHIFT, MOST_SHIFT = 30, 3650  # days


@dataclass(frozen=True, slots=True)
class Subject:
    """A patient as the project knows them; dates go back by `shift_days`."""

    pseudonym: str
    shift_days: int


@dataclass(frozen=True, slots=True)
class StandIns:
    """The stand-ins of one project."""

    project: str
    key: bytes

    def subject(self, patient_id: str, study_uid: str) -> Subject:
        """Who the patient is in the project.

        By the Patient ID alone, as the node's index knows patients. Where it is empty nothing says
        that two studies are of one patient, so each study has a subject of its own.
        """
        identity = f"id:{patient_id.strip()}" if patient_id.strip() else f"study:{study_uid}"
        digest = self._digest("subject", identity)
        name = base64.b32encode(digest[:10]).decode("ascii")
        span = MOST_SHIFT - LEAST_SHIFT + 1
        days = LEAST_SHIFT + int.from_bytes(self._digest("days", identity)[:8], "big") % span
        return Subject(f"{self.project[:40]}-{name}", days)

    def uid(self, uid: str) -> str:
        """The UID that stands for `uid` (PS3.5 B.2, ``2.25.``); the standard's own stay."""
        if not uid or uid.startswith(WELL_KNOWN):
            return uid
        return f"2.25.{int.from_bytes(self._digest('uid', uid)[:16], 'big')}"

    def _digest(self, purpose: str, value: str) -> bytes:
        return hmac.digest(self.key, f"{purpose}\0{value}".encode(), "sha256")
