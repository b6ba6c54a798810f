"""What was written to one way to a repository, and how much of it counts as taken.

Syslog has no answers, so a row counts as taken when the way still stands some time after it was
written. One row goes ahead, and the others follow when it counts: a repository that accepts
connections and closes them gets one message at a time, and nothing is thought to be taken.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dicom_node.audit.wire import Wire

STANDS_S = 2.0


class Telling:
    """Rows on their way; OSError where the way is lost: what is not taken is to be told anew.

    Parameters
    ----------
    position : int
        The last row that was taken before.
    clock : callable
        Seconds of a clock that only goes forward.
    """

    def __init__(self, wire: Wire, position: int, clock: Callable[[], float]) -> None:
        self._wire = wire
        self._clock = clock
        self._written: deque[tuple[float, int]] = deque()  # when, and up to which row
        self._is_proven = False
        self.sent = self._taken = position

    def room(self, most: int) -> int:
        """How many rows may be written now."""
        if self._is_proven:
            return most
        return 0 if self._written else 1

    def write(self, lines: Sequence[bytes], last_seq: int) -> None:
        """Write the messages of the rows after `sent` up to the last one."""
        self._wire.write(lines)
        self.sent = last_seq
        self._written.append((self._clock(), last_seq))

    def taken(self) -> int:
        """The last row that counts as taken."""
        has_all = self._wire.look()
        now = self._clock()
        while has_all and self._written and now - self._written[0][0] >= STANDS_S:
            self._taken = self._written.popleft()[1]
            self._is_proven = True
        return self._taken

    def finish(self, within_s: float) -> int:
        """The last row that was taken, where the other side hangs up in order; `taken` if not."""
        if self._written and self._wire.finish(within_s):
            self._taken = self.sent
        return self._taken

    def close(self) -> None:
        """Let the way go."""
        self._wire.close()
