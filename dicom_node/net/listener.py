"""Opens the sockets that the node listens on; several receivers can share one."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom_node.errors import NodeError, PortBusy

if TYPE_CHECKING:
    from dicom_node.config import Settings

BACKLOG = 128  # many senders may start at once; pynetdicom's own 5 would drop them


@dataclass(frozen=True, slots=True)
class Listeners:
    """The listening sockets of a node: without encryption, and for TLS."""

    plain: socket.socket | None = None
    tls: socket.socket | None = None

    def close(self) -> None:
        """Close this process's hold on them."""
        for listener in (self.plain, self.tls):
            if listener:
                listener.close()


def open_listeners(settings: Settings, inherited: Listeners | None = None) -> Listeners:
    """The sockets that the settings want: the inherited ones, and new ones where there are none.

    Raises
    ------
    PortBusy, NodeError
        As `open_listener`; nothing stays open.
    """
    receive, tls = settings.receive, settings.tls
    there = inherited or Listeners()
    plain = encrypted = None
    if receive.plain:
        plain = there.plain or open_listener(receive.host, receive.port)
    if tls.is_on:
        try:
            encrypted = there.tls or open_listener(receive.host, tls.port, "tls")
        except NodeError:
            Listeners(plain).close()
            raise
    return Listeners(plain, encrypted)


def open_listener(host: str, port: int, section: str = "receive") -> socket.socket:
    """A listening TCP socket that child processes may inherit; port 0 takes a free one.

    Parameters
    ----------
    section : str
        Of the settings, where `host` and `port` stand: what is wrong is told with it.

    Raises
    ------
    PortBusy
        Another program listens there.
    NodeError
        The address is not this machine's, or the port is not ours to take.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror:
        raise NodeError(f"[{section}] host = {host!r}: no such address") from None
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _explain(error, host, port, section) from None
    listener.setblocking(False)
    return listener


def adopt_listener(descriptor: int | None) -> socket.socket | None:
    """The listening socket that a parent process left open as `descriptor`, if it did."""
    if descriptor is None:
        return None
    listener = socket.socket(fileno=descriptor)
    listener.setblocking(False)
    return listener


def _explain(error: OSError, host: str, port: int, section: str) -> NodeError:
    if error.errno == errno.EADDRINUSE:
        return PortBusy(
            f"port {port} on {host} is in use by another program: "
            f"stop it, or choose another with [{section}] port"
        )
    if error.errno == errno.EACCES:
        return NodeError(f"port {port} needs privileges: choose [{section}] port above 1023")
    if error.errno == errno.EADDRNOTAVAIL:
        return NodeError(f"{host} is no address of this machine: see [{section}] host")
    return NodeError(f"[{section}] cannot listen on {host} port {port}: {error.strerror}")
