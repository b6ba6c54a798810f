"""Where connections wait before their first bytes: many may, and they cost no computing.

A connection that says nothing holds one sleeping thread and nothing of pynetdicom's. When too many
wait, the one that has waited longest goes, so that peers with something to say always get in.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from contextlib import suppress


class Lobby:
    """Connections that have not said anything yet, `most` of them at the same time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[socket.socket, float] = {}
        self._lock = threading.Lock()

    def wait_for_first_bytes(self, connection: socket.socket, within_s: float) -> str:
        """Nothing once the peer has said something; otherwise why it may go."""
        self._enter(connection)
        try:
            poll = select.poll()
            poll.register(connection.fileno(), select.POLLIN)
            if not poll.poll(within_s * 1000):
                return "it said nothing"
            if not self._is_still_waiting(connection):
                return "it said nothing, and too many others waited as well"
            return "" if _has_said_something(connection) else "it ended before it said anything"
        finally:
            with self._lock:
                self._waiting.pop(connection, None)

    def _enter(self, connection: socket.socket) -> None:
        with self._lock:
            self._waiting[connection] = time.monotonic()
            if len(self._waiting) <= self._most:
                return
            longest = min(self._waiting, key=self._waiting.__getitem__)
            del self._waiting[longest]
        with suppress(OSError):  # it is gone already
            longest.shutdown(socket.SHUT_RDWR)

    def _is_still_waiting(self, connection: socket.socket) -> bool:
        with self._lock:
            return connection in self._waiting


def _has_said_something(connection: socket.socket) -> bool:
    """False where the peer has ended the connection; bytes stay where they are."""
    if isinstance(connection, ssl.SSLSocket):
        return True  # its bytes cannot be peeked at; the upper layer will see
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except OSError:
        return False
