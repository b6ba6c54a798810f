"""The node's Application Entity: its names, and sockets that are closed whatever became of them.

pynetdicom 3.0.4 shuts a socket down before it closes it, and does neither where the first fails,
as it does when the connection was refused or reset. Its descriptor then stays open until the
garbage collector comes by: too long for a node that tries a dead destination for three days.
"""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from pynetdicom import AE
from pynetdicom.transport import AssociationSocket

from dicom_node.net.gate import Gate
from dicom_node.net.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicom_node.net.quiet import set_switches

if TYPE_CHECKING:
    from ssl import SSLContext

    from pynetdicom.association import Association
    from pynetdicom.transport import AddressInformation


class Entity(AE):  # type: ignore[misc]  # pynetdicom is not typed
    """An `AE` under the node's implementation identity, quiet and without leaks."""

    def __init__(self, ae_title: str) -> None:
        set_switches()
        super().__init__(ae_title)
        self.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        self.implementation_version_name = IMPLEMENTATION_VERSION_NAME

    def _create_socket(
        self,
        assoc: Association,
        address: AddressInformation,
        tls_args: tuple[SSLContext, str] | None,
    ) -> AssociationSocket:
        assoc._reactor_checkpoint = Gate(assoc)
        made = ClosedSocket(assoc, address=address)
        made.tls_args = tls_args
        return made


class ClosedSocket(AssociationSocket):  # type: ignore[misc]  # pynetdicom is not typed
    """A requestor's socket that is closed even when it cannot be shut down."""

    def _shutdown_socket(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
