"""The Storage SCP: C-ECHO and C-STORE of anything, each instance given to a callable (NET-01).

The callable runs in the association's own thread and its answer is the C-STORE status, so what it
does before it returns is done before the sender hears of it.
"""

from __future__ import annotations

import ssl
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pynetdicom import evt
from pynetdicom.sop_class import Verification

from dicom_node.net.admission import Caller, Refusal
from dicom_node.net.certificate import certificate_of
from dicom_node.net.entity import Entity
from dicom_node.net.incoming import AssociationInfo, Incoming, Rejection
from dicom_node.net.limits import Places
from dicom_node.net.listener import Listeners, open_listeners
from dicom_node.net.porter import Guest, Porter
from dicom_node.net.server import NEGOTIATION_S, StorageServer
from dicom_node.net.status import Status
from dicom_node.net.tls import TlsDoor
from dicom_node.observe.logging import get_log

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from pynetdicom.association import Association
    from pynetdicom.events import Event

    from dicom_node.config import Settings

log = get_log(__name__)

POLL_S = 0.1
NO_LIMIT = 1_000_000  # pynetdicom counts connections without an association too: `Porter` counts


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the node can be called."""

    host: str
    port: int
    is_tls: bool


class StorageScp:
    """Listens, negotiates and passes instances on until it is stopped.

    Parameters
    ----------
    settings : Settings
    receive : callable
        Takes an `Incoming`, gives the C-STORE status. Called in many threads at once.
    on_begin, on_end : callable
        Told of each accepted association; the end's outcome is ``released`` or ``aborted``, and
        comes after the last `receive` of that association has returned.
    on_reject : callable
        Told of each `Rejection`.
    listeners : Listeners, optional
        Listening sockets, perhaps shared with other processes; what the settings want beside them
        is opened.
    """

    def __init__(
        self,
        settings: Settings,
        receive: Callable[[Incoming], int],
        on_begin: Callable[[AssociationInfo], None],
        on_end: Callable[[AssociationInfo, str], None],
        on_reject: Callable[[Rejection], None],
        listeners: Listeners | None = None,
    ) -> None:
        self._settings = settings
        self._receive = receive
        self._on_begin = on_begin
        self._on_end = on_end
        self._on_reject = on_reject
        self._listeners = listeners
        self._servers: list[StorageServer] = []
        self._connections = Places(settings.receive.max_connections)
        self._porter = Porter(settings)
        self._guests: dict[Association, Guest] = {}
        self._accepted: dict[Association, AssociationInfo] = {}

    def start(self) -> tuple[str, int]:
        """Start listening; the address and port of the first door. `listening` names them all.

        Raises
        ------
        PortBusy, NodeError
            The node cannot listen there.
        """
        tls = self._settings.tls
        door = TlsDoor(tls) if tls.is_on else None
        listeners = open_listeners(self._settings, self._listeners)
        if listeners.plain:
            self._serve(listeners.plain, None)
        if listeners.tls:
            self._serve(listeners.tls, door)
        return self.listening[0].host, self.listening[0].port

    @property
    def listening(self) -> list[Listening]:
        """Where the node can be called now: without encryption first."""
        return [
            Listening(str(server.server_address[0]), int(server.server_address[1]), server.is_tls)
            for server in self._servers
        ]

    def _serve(self, listener: socket.socket, door: TlsDoor | None) -> None:
        server = self._entity().make_server(
            listener.getsockname(),
            evt_handlers=[
                (evt.EVT_REQUESTED, self._on_requested),
                (evt.EVT_ACCEPTED, self._on_accepted),
                (evt.EVT_DATA_RECV, self._on_received),
                (evt.EVT_C_STORE, self._on_store),
            ],
            server_class=StorageServer,
            listener=listener,
            silence_s=self._settings.receive.idle_timeout_s,
            connections=self._connections,
            door=door,
            when_closed=self._on_closed,
            on_reject=self._on_reject,
        )
        self._servers.append(server)
        threading.Thread(
            target=server.serve_forever,
            kwargs={"poll_interval": POLL_S},
            name="storage-scp-tls" if door else "storage-scp",
            daemon=True,
        ).start()

    def stop(self, deadline_s: float = 20.0) -> None:
        """Stop accepting, let running associations end until the deadline, then abort the rest."""
        for server in self._servers:
            server.shutdown()
        until = time.monotonic() + deadline_s
        while self._accepted and time.monotonic() < until:
            time.sleep(POLL_S)
        for association in list(self._accepted):
            association.abort()
            association.join(timeout=POLL_S * 20)
        until = time.monotonic() + POLL_S * 20
        while self._accepted and time.monotonic() < until:
            time.sleep(POLL_S)
        self._servers.clear()

    def _entity(self) -> Entity:
        wanted = self._settings.receive
        entity = Entity(self._settings.node.ae_title)
        entity.maximum_associations = NO_LIMIT
        entity.maximum_pdu_size = wanted.max_pdu_bytes
        entity.acse_timeout = NEGOTIATION_S
        entity.dimse_timeout = wanted.idle_timeout_s
        entity.network_timeout = wanted.idle_timeout_s
        entity.add_supported_context(Verification)
        return entity

    def _on_requested(self, event: Event) -> None:
        caller = _who(event.assoc)
        admitted = self._porter.admit(caller)
        if isinstance(admitted, Guest):
            self._guests[event.assoc] = admitted
            return
        self._reject(event.assoc, caller, admitted)

    def _reject(self, association: Association, caller: Caller, refusal: Refusal) -> None:
        self._on_reject(
            Rejection(caller.calling_aet, caller.called_aet, caller.host, refusal.reason)
        )
        association.acse.send_reject(refusal.result, refusal.source, refusal.diagnostic)
        association.kill()

    def _on_accepted(self, event: Event) -> None:
        caller, guest = _who(event.assoc), self._guests[event.assoc]
        event.assoc.network_timeout = event.assoc.dimse_timeout = guest.limits.idle_timeout_s
        event.assoc.dul.socket.socket.settimeout(guest.limits.idle_timeout_s)
        association = AssociationInfo(
            str(uuid.uuid4()),
            caller.calling_aet,
            caller.called_aet,
            caller.host,
            datetime.now(UTC),
        )
        self._accepted[event.assoc] = association
        self._on_begin(association)

    def _on_received(self, event: Event) -> None:
        """Read on only when the peer's rate allows it; this runs where the socket is read."""
        guest = self._guests.get(event.assoc)
        if guest and guest.pace:
            time.sleep(guest.pace.wait_for(len(event.data)))

    def _on_store(self, event: Event) -> int:
        request = event.request
        association = self._accepted[event.assoc]
        if request.DataSet.getbuffer().nbytes > self._guests[event.assoc].limits.max_object_bytes:
            log.warning("an object is larger than max_object_mb", association=association.id)
            return Status.OUT_OF_RESOURCES
        incoming = Incoming(
            association,
            str(request.AffectedSOPClassUID),
            str(request.AffectedSOPInstanceUID),
            str(event.context.transfer_syntax),
            event.encoded_dataset(include_meta=False),
        )
        try:
            return int(self._receive(incoming))
        except Exception as error:  # noqa: BLE001 - the sender needs a status, whatever broke
            # Not log.exception: a traceback might quote the data set.
            log.error(  # noqa: TRY400
                "receiving failed", association=incoming.association.id, error=type(error).__name__
            )
            return Status.PROCESSING_FAILURE

    def _on_closed(self, closed: Association) -> None:
        guest = self._guests.pop(closed, None)
        if guest:
            self._porter.see_out(guest)
        association = self._accepted.get(closed)
        if association is None:
            return
        try:
            self._on_end(association, "released" if closed.is_released else "aborted")
        finally:
            del self._accepted[closed]


def _who(association: Association) -> Caller:
    """The peer that asks for an association."""
    asked = association.requestor.primitive
    titles = asked.calling_ae_title, asked.called_ae_title
    calling, called = ("".join(c for c in str(t) if c.isprintable()).strip() for t in titles)
    connection = association.dul.socket.socket
    is_tls = isinstance(connection, ssl.SSLSocket)
    return Caller(
        calling,
        called,
        str(association.requestor.address_info.address),
        certificate_of(connection) if is_tls else None,
        is_tls,
    )
