"""A receiver's end of the link to the indexer: an `Index` in another process.

Receivers stay small and never wait for the database. The link is a pair of datagram sockets that
the supervisor holds, so that either process may die and be started again: what the indexer had not
written is sent again, and what a dead receiver had not sent is found in the store by the rescan
that its successor asks for.
"""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections import deque
from typing import TYPE_CHECKING

from dicom_node.intake.arrival import Arrival, Item, Rescan
from dicom_node.intake.letter import get_ready, read_receipt, write_item, write_letter
from dicom_node.observe.logging import get_log

if TYPE_CHECKING:
    import socket

log = get_log(__name__)

GATHER_S = 0.05  # how long the first item of a letter waits for company
LONGEST_LETTER = 100_000  # bytes; a datagram must fit into the socket's buffer
MOST_UNWRITTEN = 50_000  # instances; beyond it their files are looked for instead
LOOK_S = 0.1


class IndexLink:
    """Sends items over a connected datagram socket until they are known to be written."""

    def __init__(self, link: socket.socket) -> None:
        get_ready()
        self._link = link
        self._life = uuid.uuid4().hex
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._unwritten: deque[tuple[int, tuple[str, str]]] = deque()
        self._lock = threading.Lock()
        self._last = 0
        self._sent = 0
        self._threads = [
            threading.Thread(target=self._send, name="index-link", daemon=True),
            threading.Thread(target=self._hear, name="index-receipts", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self.put(Rescan())

    def put(self, item: Item) -> None:
        """Have the item sent soon."""
        self._items.put(item)

    def finish(self, deadline_s: float) -> bool:
        """Whether everything was written before the deadline."""
        until = time.monotonic() + deadline_s
        while time.monotonic() < until:
            with self._lock:
                if self._items.empty() and not self._unwritten:
                    return True
            time.sleep(LOOK_S)
        return False

    def is_alive(self) -> bool:
        """Whether both of its threads run."""
        return all(thread.is_alive() for thread in self._threads)

    def _send(self) -> None:
        while True:
            self._gather()
            while letter := self._next_letter():
                self._link.send(letter)

    def _gather(self) -> None:
        """Wait for an item, or for what has to be sent again; number what has come."""
        try:
            first = self._items.get(timeout=LOOK_S)
        except queue.Empty:
            return
        time.sleep(GATHER_S)
        with self._lock:
            self._number(first)
            while not self._items.empty():
                self._number(self._items.get())

    def _number(self, item: Item) -> None:
        if isinstance(item, Arrival) and len(self._unwritten) > MOST_UNWRITTEN:
            item = Rescan()  # its file is in the store
            if self._unwritten[-1][1][0] == Rescan.__name__:
                return
        written = write_item(item)
        if len(written[1]) > LONGEST_LETTER // 2:
            written = write_item(Rescan())
        self._last += 1
        self._unwritten.append((self._last, written))

    def _next_letter(self) -> bytes | None:
        """The next items that have not been sent, as many as a letter takes."""
        with self._lock:
            size = 0
            items: list[tuple[str, str]] = []
            for number, item in self._unwritten:
                if number <= self._sent:
                    continue
                size += len(item[1])
                if items and size > LONGEST_LETTER:
                    break
                items.append(item)
                self._sent = number
            return write_letter(self._life, self._sent, items) if items else None

    def _hear(self) -> None:
        """Forget what is written; send all again to an indexer that has just begun."""
        while True:
            receipt = read_receipt(self._link.recv(LONGEST_LETTER))
            with self._lock:
                if not receipt.life:
                    self._sent = 0
                if receipt.life == self._life:
                    while self._unwritten and self._unwritten[0][0] <= receipt.last:
                        self._unwritten.popleft()
