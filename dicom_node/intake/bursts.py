"""Folds bursts of callers that are turned away, so that none can fill the trail or the log.

The first of an address and a reason is told at once. Those that follow within a minute are told
together when the minute is over, with their number. Nothing is left out of the count.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dicom_node.net.incoming import Rejection

FOLD_S = 60.0
MOST_AT_ONCE = 1000  # kinds that are told apart; a caller with a network of addresses is one kind
MANY = "many addresses"


@dataclass(slots=True)
class _Kind:
    """What is known of one address and reason: the last caller, since when, and how many more."""

    last: Rejection
    until: float
    more: int = 0


class Bursts:
    """Called in many threads at once.

    Parameters
    ----------
    clock : callable
        Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def add(self, rejection: Rejection) -> Rejection | None:
        """Take note of a caller; give it back when it is to be told now."""
        key = rejection.host, rejection.reason
        with self._lock:
            if key not in self._kinds and len(self._kinds) >= MOST_AT_ONCE:
                rejection = replace(rejection, host=MANY)
                key = MANY, rejection.reason
            kind = self._kinds.get(key)
            if kind is None:
                self._kinds[key] = _Kind(rejection, self._clock() + FOLD_S)
                return rejection
            kind.last, kind.more = rejection, kind.more + 1
            return None

    def over(self) -> list[Rejection]:
        """Those whose minute is over and who were more than one, with their number."""
        with self._lock:
            now = self._clock()
            done = {key: kind for key, kind in self._kinds.items() if kind.until <= now}
            for key, kind in done.items():
                if kind.more:  # it goes on: the next minute begins with nobody counted
                    self._kinds[key] = _Kind(kind.last, now + FOLD_S)
                else:
                    del self._kinds[key]
        return _counted(done.values())

    def rest(self) -> list[Rejection]:
        """All that has not been told yet."""
        with self._lock:
            kinds, self._kinds = self._kinds, {}
        return _counted(kinds.values())


def _counted(kinds: Iterable[_Kind]) -> list[Rejection]:
    return [replace(kind.last, count=kind.more) for kind in kinds if kind.more]
