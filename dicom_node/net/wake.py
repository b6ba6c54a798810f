"""Wakes a thread that waits for a socket: ``eventfd`` on Linux, a pipe elsewhere."""

from __future__ import annotations

import os
import threading
from contextlib import suppress


class Wake:
    """A descriptor that becomes readable when another thread rings."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_closed = False
        if hasattr(os, "eventfd"):
            self._reading = self._writing = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:
            self._reading, self._writing = os.pipe()
            os.set_blocking(self._reading, False)
            os.set_blocking(self._writing, False)

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._reading

    def ring(self) -> None:
        """Wake whoever waits, or whoever waits next."""
        # The lock: once closed, the number may be that of somebody else's file.
        with self._lock, suppress(BlockingIOError):  # rung more often than it can count: it rings
            if not self._is_closed:
                os.write(self._writing, (1).to_bytes(8, "little"))

    def clear(self) -> None:
        """Forget what was rung."""
        with suppress(BlockingIOError):
            os.read(self._reading, 4096)

    def close(self) -> None:
        """Give the descriptors back; it can still be rung, and nobody hears it."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        for descriptor in {self._reading, self._writing}:
            os.close(descriptor)
