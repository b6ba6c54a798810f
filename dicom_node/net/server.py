"""pynetdicom's server on a listening socket that is given to it, telling when associations end.

Of pynetdicom's private names ``RequestHandler._create_association`` is used;
``tests/unit/net/test_server.py`` guards it.
"""

from __future__ import annotations

import socket
from socketserver import BaseServer
from typing import TYPE_CHECKING

from pynetdicom import evt
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pynetdicom.association import Association


class AssociationThread(RequestHandler):  # type: ignore[misc]  # pynetdicom is not typed
    """Serves one connection to its end, then tells so, whichever way it ended."""

    def handle(self) -> None:
        """Run the association in its own thread and wait for it here."""
        association = self._create_association()
        evt.trigger(association, evt.EVT_CONN_OPEN, {"address": self.client_address})
        association.start()
        association.join()
        self.request.close()  # pynetdicom leaves it open where the peer was gone already
        self.server.when_closed(association)


class StorageServer(ThreadedAssociationServer):  # type: ignore[misc]  # pynetdicom is not typed
    """Accepts connections from a listening socket that other processes may share."""

    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        *args: object,
        listener: socket.socket,
        silence_s: float,
        when_closed: Callable[[Association], None],
        **kwargs: object,
    ) -> None:
        self._listener = listener
        self._silence_s = silence_s
        self.when_closed = when_closed
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
