"""A wire whose other end the test holds."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from dicom_node.net.wire import Wire


@contextmanager
def a_wire(silence_s: float = 5.0) -> Iterator[tuple[Wire, socket.socket]]:
    """The wire, and the peer's end of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    with ours, peer:
        yield Wire(ours, silence_s), peer


def pdu(*items: bytes, kind: int = 0x04) -> bytes:
    """A PDU of these items."""
    body = b"".join(items)
    return struct.pack(">BxL", kind, len(body)) + body


def item(value: bytes, control: int, context_id: int = 1) -> bytes:
    """A presentation data value item."""
    return struct.pack(">LBB", len(value) + 2, context_id, control) + value
