"""pynetdicom's server on a listening socket that is given to it, telling when associations end.

Each connection has a thread of its own. What a caller does before it asks for an association, a TLS
handshake among it, is waited for there and never where connections are accepted (NET-09); only then
is anything of pynetdicom's made for it. ``tests/unit/net/test_pynetdicom.py`` guards the private
names of pynetdicom that are used here.
"""

from __future__ import annotations

import errno
import socket
import time
from contextlib import suppress
from socketserver import BaseServer
from typing import TYPE_CHECKING, Protocol

from pynetdicom import evt
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from dicom_node.net.errors import HandshakeFailed, NothingSaid
from dicom_node.net.incoming import Rejection
from dicom_node.net.lobby import Lobby
from dicom_node.net.tls import first_byte, speaks_tls
from dicom_node.net.upper_layer import Acceptor
from dicom_node.observe.logging import get_log

if TYPE_CHECKING:
    from pynetdicom.association import Association

    from dicom_node.net.limits import Places
    from dicom_node.net.tls import TlsDoor
    from dicom_node.net.upper_layer import Reception

log = get_log(__name__)

NEGOTIATION_S = 30.0  # A-ASSOCIATE-RQ after the connection; A-RELEASE (NET-06)
HANDSHAKE = "TLS handshake failed"
END_S = 5.0  # how long an association's threads may take to end once it is over
BREATHER_S = 0.05
NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)


class Host(Protocol):
    """Whom a server serves."""

    fast: Reception | None
    """Whom the fast path serves; without one, pynetdicom's own path serves."""

    def closed(self, closed: Association) -> None:
        """An association's threads have ended."""

    def rejected(self, rejection: Rejection) -> None:
        """A caller was turned away before there was an association."""


class AssociationThread(RequestHandler):  # type: ignore[misc]  # pynetdicom is not typed
    """Serves one connection to its end, then tells so, whichever way it ended."""

    server: StorageServer

    def handle(self) -> None:
        """Run the association in its own thread and wait for it here."""
        server = self.server
        try:
            self.request: socket.socket = server.let_in(self.request)
        except NothingSaid as nothing:
            log.info("connection closed", host=host_of(self.client_address), reason=str(nothing))
            return
        except HandshakeFailed as failed:
            host = host_of(self.client_address)
            server.host.rejected(Rejection("", "", host, str(failed), what=HANDSHAKE))
            return
        association = self._create_association()
        evt.trigger(association, evt.EVT_CONN_OPEN, {"address": self.client_address})
        association.start()
        association.join()
        if isinstance(association, Acceptor):
            association.close(END_S)
        server.host.closed(association)

    def finish(self) -> None:
        """Close the connection, whatever became of it, and free its place."""
        self.request.close()  # pynetdicom leaves it open where the peer was gone already
        self.server.connections.give_back(host_of(self.client_address))

    def _create_association(self) -> Association:
        """The stock association, or the fast one, which shares the server's contexts.

        The stock one copies them for each association: 45 ms for those of all storage classes.
        """
        server = self.server
        fast = server.host.fast
        if fast is None:
            return super()._create_association()
        made = Acceptor(self.ae, fast)
        made._server = server
        made.name = f"AcceptorThread@{id(made):x}"  # the name is how pynetdicom finds them again
        made.set_socket(AssociationSocket(made, client_socket=self.request))
        made.acceptor.maximum_length = self.ae.maximum_pdu_size
        made.acceptor.ae_title = server.ae_title
        made.acceptor.address_info = self.local
        made.acceptor.implementation_class_uid = self.ae.implementation_class_uid
        made.acceptor.implementation_version_name = self.ae.implementation_version_name
        made.acceptor.supported_contexts = server.contexts
        made.requestor.address_info = self.remote
        for event, bound in server._handlers.items():
            for function, arguments in [bound] if event.is_intervention else bound:
                made.bind(event, function, arguments)
        return made


class StorageServer(ThreadedAssociationServer):  # type: ignore[misc]  # pynetdicom is not typed
    """Accepts connections from a listening socket that other processes may share.

    Parameters
    ----------
    listener : socket
    silence_s : float
        A peer that says nothing for so long within a PDU is gone.
    connections : Places
        Counts connections, perhaps together with another server. Half of them may wait, saying
        nothing.
    door : TlsDoor or None
        With a door every connection is encrypted, without one none is.
    host : Host
        Told of what happens.
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
        host: Host,
        **kwargs: object,
    ) -> None:
        self._listener = listener
        self._silence_s = silence_s
        self._door = door
        self.is_tls = door is not None
        self.connections = connections
        self._lobby = Lobby(connections.number // 2)
        self.host = host
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
        try:
            connection, address = super().get_request()
        except OSError as error:
            if error.errno in NO_DESCRIPTORS:
                time.sleep(BREATHER_S)  # the connection is still there to be accepted: do not spin
            raise
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
            self.host.rejected(Rejection("", "", host, reason, what="connection refused"))
        return not full

    def process_request(self, request: socket.socket, client_address: tuple[object, ...]) -> None:
        """Start the connection's thread; its place is free again where there is no thread left."""
        try:
            super().process_request(request, client_address)
        except RuntimeError:
            self.connections.give_back(host_of(client_address))
            raise

    def let_in(self, connection: socket.socket) -> socket.socket:
        """The connection as associations are carried over it, once its peer has begun to ask.

        Raises
        ------
        HandshakeFailed
            The caller has no TLS where it is needed, or begins it where it is not, or says nothing;
            the connection is closed.
        """
        if self._door:
            connection = self._door.shake_hands(connection)
        why = self._lobby.wait_for_first_bytes(connection, min(NEGOTIATION_S, self._silence_s))
        if why:
            connection.close()
            raise NothingSaid(why)
        if not self._door and speaks_tls(first_byte(connection, NEGOTIATION_S) or b""):
            connection.close()
            raise HandshakeFailed("it speaks TLS on the port for plain DICOM: see [tls] port")
        return connection

    def shutdown_request(self, request: socket.socket) -> None:
        """Close the connection; the base class shuts it down first, which may fail."""
        with suppress(OSError):
            request.shutdown(socket.SHUT_WR)
        request.close()

    def handle_error(self, request: socket.socket, client_address: object) -> None:  # noqa: ARG002 - the base class's own
        """Say that serving a connection broke; the base class prints a traceback with values."""
        log.error("serving a connection broke")


def host_of(client_address: tuple[object, ...]) -> str:
    """The address of a caller, without its port."""
    return str(client_address[0])
