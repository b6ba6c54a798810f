"""How much callers may have at one time, and how fast: counting and pacing, without a socket.

All limits count within one receiver process.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicom_node.config import Settings

Number = TypeVar("Number", int, float)
MB = 1024 * 1024
BURST_S = 0.25


@dataclass(frozen=True, slots=True)
class Limits:
    """What one peer may: associations at one time, object size, rate (0: any), silence."""

    max_associations: int
    max_object_bytes: int
    max_mb_per_s: float
    idle_timeout_s: float


def limits_of(settings: Settings, peer: str) -> Limits:
    """The limits of a peer by its name in the settings; any other name gets those of [receive]."""
    receive, own = settings.receive, settings.peers.get(peer)
    if own is None:
        return Limits(
            receive.max_associations_per_peer,
            receive.max_object_mb * MB,
            receive.max_mb_per_s,
            receive.idle_timeout_s,
        )
    return Limits(
        _first(own.max_associations, receive.max_associations_per_peer),
        _first(own.max_object_mb, receive.max_object_mb) * MB,
        _first(own.max_mb_per_s, receive.max_mb_per_s),
        _first(own.idle_timeout_s, receive.idle_timeout_s),
    )


def _first(own: Number | None, otherwise: Number) -> Number:
    return otherwise if own is None else own


class Full(Enum):
    """Why there is no place."""

    FOR_OWNER = 1
    FOR_ALL = 2


class Places:
    """A number of places, and who has how many of them; called in many threads at once."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, owner: str, most: int) -> Full | None:
        """Take a place for an owner who may have so many; where that is not possible, say why."""
        with self._lock:
            if self._taken[owner] >= most:
                return Full.FOR_OWNER
            if self._taken.total() >= self.number:
                return Full.FOR_ALL
            self._taken[owner] += 1
            return None

    def give_back(self, owner: str) -> None:
        """Free one place of this owner's."""
        with self._lock:
            self._taken[owner] -= 1
            if not self._taken[owner]:
                del self._taken[owner]

    @property
    def taken(self) -> int:
        """How many places are taken now."""
        with self._lock:
            return self._taken.total()


class Pace:
    """Keeps what is read to a rate; shared by all associations of a peer.

    Parameters
    ----------
    mb_per_s : float
        The rate, above 0.
    clock : callable
        Seconds that only grow.
    """

    def __init__(self, mb_per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._bytes_per_s = mb_per_s * MB
        self._clock = clock
        self._lock = threading.Lock()
        self._paid_until = clock()

    def wait_for(self, number: int) -> float:
        """How many seconds to pause after reading so many bytes, for the rate to be kept."""
        with self._lock:
            now = self._clock()
            # What was not used is saved up for no longer than a short burst.
            self._paid_until = max(self._paid_until, now - BURST_S) + number / self._bytes_per_s
            return max(0.0, self._paid_until - now)
