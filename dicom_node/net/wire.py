"""A connection read to the byte, in blocking mode, with limits on how long it may stay silent.

Two things make small senders several times faster (measured: docs/adr/0012): whatever is sent
leaves at once (TCP_NODELAY), and before each read the last bytes are acknowledged at once
(TCP_QUICKACK, Linux only). Without these, a sender with Nagle's algorithm waits 40 ms an image.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import time
from contextlib import suppress

from dicom_node.net.errors import PeerGone, PeerSilent

QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
WAIT_ALL: int = getattr(socket, "MSG_WAITALL", 0)
SLOWEST_BYTES_PER_S = 4096
"""A piece that has begun may take the silence limit and this much a second; then it is cut off."""

PARTING_BYTES = 65_536


class Wire:
    """Reads exactly as many bytes as are asked for.

    Parameters
    ----------
    connection : socket
        Connected; an `ssl.SSLSocket` has shaken hands. It is set to be used by this object.
    silence_s : float
        How long a read or a write may wait for the peer.
    """

    def __init__(self, connection: socket.socket, silence_s: float) -> None:
        self._connection = connection
        self._secure = connection if isinstance(connection, ssl.SSLSocket) else None
        self._poll = select.poll()
        self._poll.register(connection.fileno(), select.POLLIN)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wait_for_peer(silence_s)

    def wait_for_peer(self, silence_s: float) -> None:
        """From now on, wait so long."""
        self._silence_s = silence_s
        if self._secure:
            self._secure.settimeout(silence_s)  # TLS cannot be read with the system's own limits
            return
        limit = struct.pack("ll", int(silence_s), int(silence_s % 1 * 1e6))
        self._connection.settimeout(None)
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)

    def also_wake_for(self, descriptor: int) -> None:
        """Have `wait` return early when this descriptor becomes readable."""
        self._poll.register(descriptor, select.POLLIN)

    def wait(self, within_s: float) -> bool:
        """Whether something can be read from the peer; returns early for the other descriptor."""
        if self._secure and self._secure.pending():
            return True
        peer = self._connection.fileno()
        return any(ready == peer for ready, _ in self._poll.poll(within_s * 1000))

    def hurry(self) -> None:
        """Acknowledge what came without delay, so that the peer lets go of what it holds back."""
        if QUICKACK is not None:
            self._connection.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)

    def fill(self, view: memoryview) -> None:
        """Fill all of `view` from the peer.

        Raises
        ------
        PeerSilent
            Nothing came for too long, or what came was too slow.
        PeerGone
            The connection ended.
        """
        try:
            got = self._read(view)
            if got < len(view):
                self._fill_rest(view, got)
        except (BlockingIOError, TimeoutError):
            raise PeerSilent("the peer fell silent within a message") from None
        except OSError:
            raise PeerGone("the connection broke off within a message") from None

    def send(self, encoded: bytes) -> None:
        """Send all of it.

        Raises
        ------
        PeerGone
            The connection ended, or the peer takes nothing.
        """
        try:
            self._connection.sendall(encoded)
        except OSError:
            raise PeerGone("the connection broke off before the answer") from None

    def _read(self, view: memoryview) -> int:
        if self._secure:
            return self._secure.recv_into(view)
        return self._connection.recv_into(view, 0, WAIT_ALL)

    def _fill_rest(self, view: memoryview, got: int) -> None:
        until = time.monotonic() + self._silence_s + len(view) / SLOWEST_BYTES_PER_S
        while got < len(view):
            more = self._read(view[got:]) if got else 0
            if not more:
                raise PeerGone("the connection ended within a message")
            got += more
            if got < len(view) and time.monotonic() > until:
                raise PeerSilent("the peer is too slow")


def part_from(connection: socket.socket, within_s: float) -> None:
    """End our side, and read until the peer has ended its own or the time is over.

    A connection that is closed with bytes unread is reset, and a reset makes the peer forget the
    abort or the rejection that it was just sent.
    """
    until = time.monotonic() + within_s
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(within_s)
        while connection.recv(PARTING_BYTES) and time.monotonic() < until:
            pass
