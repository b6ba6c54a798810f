"""Lets callers in and sees them out: who may (`admission`), how many and how fast (`limits`)."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom_node.net.admission import Caller, Refusal, recognise
from dicom_node.net.limits import Full, Limits, Pace, Places, limits_of

if TYPE_CHECKING:
    from dicom_node.config import Settings

# Result 2: rejected-transient; source 3: service-provider (presentation); diagnostic 2: local
# limit exceeded (PS3.8 table 9-21).
LOCAL_LIMIT = {"diagnostic": 2, "result": 2, "source": 3}


@dataclass(frozen=True, slots=True)
class Guest:
    """A caller that was let in.

    Attributes
    ----------
    owner : str
        Whose limits it shares: a peer's name, or the address of a caller that no peer is named for.
    limits : Limits
    pace : Pace or None
        None where any rate will do.
    """

    owner: str
    limits: Limits
    pace: Pace | None


class Porter:
    """Called in many threads at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._places = Places(settings.receive.max_associations)
        self._lock = threading.Lock()
        self._paces: dict[str, Pace] = {}

    def admit(self, caller: Caller) -> Guest | Refusal:
        """Let the caller in, until `see_out`, or say why not."""
        name = recognise(self._settings, caller)
        if isinstance(name, Refusal):
            return name
        owner, limits = name or caller.host, limits_of(self._settings, name)
        full = self._places.take(owner, limits.max_associations)
        if full is Full.FOR_OWNER:
            reason = "as many associations as one peer may have were open"
            return Refusal(reason=reason, **LOCAL_LIMIT)
        if full is Full.FOR_ALL:
            reason = "as many associations as [receive] max_associations allows were open"
            return Refusal(reason=reason, **LOCAL_LIMIT)
        return Guest(owner, limits, self._pace(owner, limits.max_mb_per_s))

    def see_out(self, guest: Guest) -> None:
        """The guest's association is over: its place is free."""
        self._places.give_back(guest.owner)

    def _pace(self, owner: str, mb_per_s: float) -> Pace | None:
        if not mb_per_s:
            return None
        with self._lock:
            return self._paces.setdefault(owner, Pace(mb_per_s))
