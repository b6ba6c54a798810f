"""pynetdicom's server on a listening socket that is given to it, telling when associations end.

What a caller does before it asks for an association, a TLS handshake among it, is waited for in
its own thread and never where connections are accepted (NET-09).

Of pynetdicom's private names ``RequestHandler._create_association`` is used;
``tests/unit/net/test_server.py`` guards it.
"""

from __future__ import annotations

import socket
from socketserver import BaseServer
from typing import TYPE_CHECKING

from pynetdicom import evt
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from dicom_node.net.errors import HandshakeFailed, NothingSaid
from dicom_node.net.incoming import Rejection
from dicom_node.net.tls import first_byte, speaks_tls

if TYPE_CHECKING:
    from collections.abc import Callable

    from pynetdicom.association import Association

    from dicom_node.net.limits import Places
    from dicom_node.net.tls import TlsDoor

NEGOTIATION_S = 30.0  # A-ASSOCIATE-RQ after the connection; A-RELEASE (NET-06)
HANDSHAKE = "TLS handshake failed"


class AssociationThread(RequestHandler):  # type: ignore[misc]  # pynetdicom is not typed
    """Serves one connection to its end, then tells so, whichever way it ended."""

    def handle(self) -> None:
        """Run the association in its own thread and wait for it here."""
        try:
            self.request: socket.socket = self.server.let_in(self.request)
        except NothingSaid:
            return
        except HandshakeFailed as failed:
            host = host_of(self.client_address)
            self.server.on_reject(Rejection("", "", host, str(failed), what=HANDSHAKE))
            return
        association = self._create_association()
        evt.trigger(association, evt.EVT_CONN_OPEN, {"address": self.client_address})
        association.start()
        association.join()
        self.request.close()  # pynetdicom leaves it open where the peer was gone already
        self.server.when_closed(association)

    def finish(self) -> None:
        """Free the connection's place."""
        self.server.connections.give_back(host_of(self.client_address))


class StorageServer(ThreadedAssociationServer):  # type: ignore[misc]  # pynetdicom is not typed
    """Accepts connections from a listening socket that other processes may share.

    Parameters
    ----------
    listener : socket
    silence_s : float
        A connection on which nothing moves for so long is ended.
    connections : Places
        Counts connections, perhaps together with another server.
    door : TlsDoor or None
        With a door every connection is encrypted, without one none is.
    when_closed : callable
        Told of each association when it is over.
    on_reject : callable
        Told of each `Rejection` before there is an association.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        *args: object,
        listener: socket.socket,
        silence_s: float,
        connections: Places,
        door: TlsDoor | None,
        when_closed: Callable[[Association], None],
        on_reject: Callable[[Rejection], None],
        **kwargs: object,
    ) -> None:
        self._listener = listener
        self._silence_s = silence_s
        self._door = door
        self.is_tls = door is not None
        self.connections = connections
        self.when_closed = when_closed
        self.on_reject = on_reject
        super().__init__(*args, request_handler=AssociationThread, **kwargs)

    def server_bind(self) -> None:
        """Take the given socket instead of the one that the base class made."""
        self.server_close()
        self.socket = self._listener
        self.address_family = self._listener.family
        self.server_address = self._listener.getsockname()

    def server_activate(self) -> None:
        """Do nothing: the socket listens already."""

    def server_close(self) -> None:
        """Close this process's hold on the socket; a shutdown would close it for all who share."""
        self.socket.close()

    def shutdown(self) -> None:
        """Stop accepting; pynetdicom's own also looks for the server in a list it is not in."""
        BaseServer.shutdown(self)
        self.server_close()

    def get_request(self) -> tuple[socket.socket, object]:
        """Accept one connection: small answers leave at once, and a stalled PDU ends it.

        Another process that shares the socket may have been faster: that is an OSError, which
        the base class passes over.
        """
        connection, address = super().get_request()
        connection.settimeout(self._silence_s)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address

    def verify_request(self, request: socket.socket, client_address: tuple[object, ...]) -> bool:
        """Whether there is a place for another connection, and one left for this address."""
        del request
        host = host_of(client_address)
        full = self.connections.take(host, self.connections.number // 2)
        if full:
            reason = "as many connections as [receive] max_connections allows were open"
            self.on_reject(Rejection("", "", host, reason, what="connection refused"))
        return not full

    def process_request(self, request: socket.socket, client_address: tuple[object, ...]) -> None:
        """Start the connection's thread; its place is free again where there is no thread left."""
        try:
            super().process_request(request, client_address)
        except RuntimeError:
            self.connections.give_back(host_of(client_address))
            raise

    def let_in(self, connection: socket.socket) -> socket.socket:
        """The connection as associations are carried over it.

        Raises
        ------
        HandshakeFailed
            The caller has no TLS where it is needed, or begins it where it is not; the connection
            is closed.
        """
        if self._door:
            return self._door.shake_hands(connection)
        first = first_byte(connection, NEGOTIATION_S)
        if not first:
            connection.close()
            raise NothingSaid("it asked for no association")
        if speaks_tls(first):
            connection.close()
            raise HandshakeFailed("it speaks TLS on the port for plain DICOM: see [tls] port")
        return connection


def host_of(client_address: tuple[object, ...]) -> str:
    """The address of a caller, without its port."""
    return str(client_address[0])
