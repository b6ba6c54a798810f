"""Where pynetdicom's reactor waits while a message is sent, and without which answers get lost.

pynetdicom 3.0.4 pauses an association's reactor thread before it sends a request, so that the
answer is not taken by the wrong thread; but it believes the reactor to be paused when it is only
about to be. On a busy machine about one C-STORE answer in a few thousand was taken and dropped,
and the sender waited for it until its timeout.
"""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pynetdicom.association import Association

LOOK_S = 0.05  # a reactor that ends does not say so


class Gate(threading.Event):
    """An `Event` whose `clear` returns when the reactor stands at it, and not before."""

    def __init__(self, association: Association) -> None:
        super().__init__()
        self._association = association
        self._news = threading.Condition()
        self._is_open = True
        self._is_waited_at = False

    def is_set(self) -> bool:
        """Whether the gate is open."""
        return self._is_open

    def set(self) -> None:
        """Let the reactor go on."""
        with self._news:
            self._is_open = True
            self._news.notify_all()

    def clear(self) -> None:
        """Close the gate, and return when the reactor stands at it or has ended."""
        with self._news:
            self._is_open = False
            if threading.current_thread() is self._association:
                return
            while not (self._is_waited_at or self._is_open or not self._association.is_alive()):
                self._news.wait(LOOK_S)

    def wait(self, timeout: float | None = None) -> bool:
        """Stand at the gate until it is open."""
        with self._news:
            self._is_waited_at = True
            self._news.notify_all()
            is_open = self._news.wait_for(lambda: self._is_open, timeout)
            self._is_waited_at = False
            return is_open


class Bell(Gate):
    """A gate at which an acceptor's reactor also waits for news.

    pynetdicom's reactor looks at its queues a thousand times a second; behind this one it sleeps
    until one of them, a `RingingQueue`, has something, and looks at its timers now and then.
    """

    TIMERS_S = 0.25

    def __init__(self, association: Association) -> None:
        super().__init__(association)
        self._queues: list[RingingQueue] = []
        self._is_taken = False

    def queue(self) -> RingingQueue:
        """A new queue whose items are news."""
        made = RingingQueue(self.ring)
        self._queues.append(made)
        return made

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The upper layer's turn to take and answer a message: nobody else sends meanwhile.

        Fragments of two messages must not mix on an association.
        """
        with self._news:
            self._news.wait_for(lambda: self._is_open)
            self._is_taken = True
        try:
            yield
        finally:
            with self._news:
                self._is_taken = False
                if not self._is_open:  # somebody waits in `clear`; the reactor is not to be woken
                    self._news.notify_all()

    def clear(self) -> None:
        """Close the gate, and return when neither the reactor nor the upper layer may send."""
        super().clear()
        with self._news:
            while self._is_taken and not self._is_open and self._association.is_alive():
                self._news.wait(LOOK_S)

    def ring(self) -> None:
        """Have the reactor look."""
        with self._news:
            self._news.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Stand at the gate until it is open and there are news, or timers to look at."""
        with self._news:
            self._is_waited_at = True
            self._news.notify_all()
            self._news.wait_for(lambda: self._is_open and self._has_news(), self.TIMERS_S)
            is_open = self._news.wait_for(lambda: self._is_open, timeout)
            self._is_waited_at = False
            return is_open

    def _has_news(self) -> bool:
        return any(not queue.empty() for queue in self._queues)


class RingingQueue(queue.Queue):  # type: ignore[type-arg]  # pynetdicom's own items
    """A queue that calls `ring` when something was put into it."""

    def __init__(self, ring: Callable[[], None]) -> None:
        super().__init__()
        self._ring = ring

    def put(self, item: object, block: bool = True, timeout: float | None = None) -> None:
        """Put the item, then ring."""
        super().put(item, block, timeout)
        self._ring()
