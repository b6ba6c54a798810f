"""pynetdicom's server on a listening socket that is given to it, telling when associations end.

Each connection has a thread of its own, in which it waits for the peer's first bytes before
anything of pynetdicom's is made for it. ``tests/unit/net/test_pynetdicom.py`` guards the private
names of pynetdicom that are used here.
"""

from __future__ import annotations

import errno
import socket
import time
from contextlib import suppress
from socketserver import BaseServer
from typing import TYPE_CHECKING

from pynetdicom import evt
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from dicom_node.net.lobby import Lobby
from dicom_node.net.upper_layer import Acceptor
from dicom_node.observe.logging import get_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from pynetdicom.association import Association

    from dicom_node.net.upper_layer import Reception

log = get_log(__name__)

END_S = 5.0  # how long an association's threads may take to end once it is over
BREATHER_S = 0.05
NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)


class AssociationThread(RequestHandler):  # type: ignore[misc]  # pynetdicom is not typed
    """Serves one connection to its end, then tells so, whichever way it ended."""

    server: StorageServer

    def handle(self) -> None:
        """Run the association in its own thread and wait for it here."""
        server = self.server
        try:
            why = server.lobby.wait_for_first_bytes(self.request, server.first_bytes_s)
            if why:
                log.info("connection closed", host=self.client_address[0], reason=why)
                return
            association = self._create_association()
            evt.trigger(association, evt.EVT_CONN_OPEN, {"address": self.client_address})
            association.start()
            association.join()
            if isinstance(association, Acceptor):
                association.close(END_S)
            server.when_closed(association)
        finally:
            self.request.close()  # pynetdicom leaves it open where the peer was gone already

    def _create_association(self) -> Association:
        """The stock association, or the fast one, which shares the server's contexts.

        The stock one copies them for each association: 45 ms for those of all storage classes.
        """
        server = self.server
        if server.fast is None:
            return super()._create_association()
        made = Acceptor(self.ae, server.fast)
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
    first_bytes_s : float
        How long a connection may say nothing at first.
    most_waiting : int
        How many connections may be in that state.
    when_closed : callable
        Told of each association when its threads have ended.
    fast : Reception or None
        Whom the fast path serves; without one, pynetdicom's own path serves.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        *args: object,
        listener: socket.socket,
        silence_s: float,
        first_bytes_s: float,
        most_waiting: int,
        when_closed: Callable[[Association], None],
        fast: Reception | None,
        **kwargs: object,
    ) -> None:
        self._listener = listener
        self._silence_s = silence_s
        self.first_bytes_s = first_bytes_s
        self.lobby = Lobby(most_waiting)
        self.when_closed = when_closed
        self.fast = fast
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

    def shutdown_request(self, request: socket.socket) -> None:
        """Close the connection; the base class shuts it down first, which may fail."""
        with suppress(OSError):
            request.shutdown(socket.SHUT_WR)
        request.close()

    def handle_error(self, request: socket.socket, client_address: object) -> None:  # noqa: ARG002 - the base class's own
        """Say that serving a connection broke; the base class prints a traceback with values."""
        log.error("serving a connection broke")
