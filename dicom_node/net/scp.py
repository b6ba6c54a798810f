"""The Storage SCP: C-ECHO and C-STORE of anything, each instance announced to a callable (NET-01).

What that gives takes the data set in the association's own thread, and its answer is the C-STORE
status: what it does before it answers is done before the sender hears of it. C-STORE messages come
by the fast path (`net.upper_layer`), or by pynetdicom's own where that is not to be had.
"""

from __future__ import annotations

import ssl
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydicom import Dataset
from pynetdicom import evt
from pynetdicom.sop_class import Verification

from dicom_node.net.admission import Caller, Refusal
from dicom_node.net.certificate import certificate_of
from dicom_node.net.commitment import PUSH_MODEL
from dicom_node.net.commitment_scp import Commitments, CommitmentScp
from dicom_node.net.entity import Entity
from dicom_node.net.guarded import Guarded
from dicom_node.net.incoming import Announced, AssociationInfo, Rejection
from dicom_node.net.limits import Places
from dicom_node.net.listener import Listeners, open_listeners
from dicom_node.net.porter import Guest, Porter
from dicom_node.net.server import NEGOTIATION_S, StorageServer
from dicom_node.net.status import Status
from dicom_node.net.tls import TlsDoor
from dicom_node.net.upper_layer import Acceptor, is_available
from dicom_node.observe.logging import get_log

if TYPE_CHECKING:
    import socket

    from pynetdicom.association import Association
    from pynetdicom.events import Event
    from pynetdicom.presentation import PresentationContext

    from dicom_node.config import Settings
    from dicom_node.net.command import StoreRequest
    from dicom_node.net.incoming import Arriving, Intake

log = get_log(__name__)

POLL_S = 0.1
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"  # PS3.8 A.2.1
NO_REASON_GIVEN, CONTEXT_NOT_SUPPORTED = 1, 2  # PS3.8 table 9-21, source 1
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
    intake : Intake
        To whom everything is handed.
    listeners : Listeners, optional
        Listening sockets, perhaps shared with other processes; what the settings want beside them
        is opened.
    commitments : Commitments, optional
        Keeps and answers requests for storage commitment; without it none are taken.
    stock : bool
        Take pynetdicom's own path even where the fast one is to be had.
    """

    def __init__(
        self,
        settings: Settings,
        intake: Intake,
        listeners: Listeners | None = None,
        *,
        commitments: Commitments | None = None,
        stock: bool = False,
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._commitment = CommitmentScp(commitments) if commitments else None
        self.fast = self if is_available() and not stock else None
        self.silence_s = settings.receive.idle_timeout_s
        self.longest_pdu = settings.receive.max_pdu_bytes
        self._listeners = listeners
        self._servers: list[StorageServer] = []
        self._connections = Places(settings.receive.max_connections)
        self._porter = Porter(settings)
        self._guests: dict[Association, Guest] = {}
        self._accepted: dict[Association, AssociationInfo] = {}
        self._reasons: dict[Association, str] = {}

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
        handlers = [
            (evt.EVT_REQUESTED, self._on_requested),
            (evt.EVT_ACCEPTED, self._on_accepted),
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_N_ACTION, self._on_action),
            (evt.EVT_DIMSE_RECV, self._on_message),
        ]
        if self.fast is None:
            handlers.append((evt.EVT_DATA_RECV, self._on_received))
        server = self._entity().make_server(
            listener.getsockname(),
            evt_handlers=handlers,
            server_class=StorageServer,
            listener=listener,
            silence_s=self.silence_s,
            connections=self._connections,
            door=door,
            host=self,
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
        if self._commitment:
            self._commitment.stop()
        self._servers.clear()

    def announce(self, caller: Acceptor, request: StoreRequest, context_id: int) -> Arriving:
        """What takes the data set of a request on the fast path."""
        context = caller._accepted_cx[context_id]
        return self._arriving(caller, request.sop_class_uid, request.sop_instance_uid, context)

    def pace(self, caller: Acceptor, number: int) -> None:
        """Return when the peer's rate allows more to be read than the bytes that were."""
        guest = self._guests.get(caller)
        if guest and guest.pace:
            time.sleep(guest.pace.wait_for(number))

    def broke_off(self, caller: Acceptor, reason: str) -> None:
        """Keep the reason for what is said when the association has ended."""
        self._reasons.setdefault(caller, reason)

    def _arriving(
        self,
        caller: Association,
        sop_class_uid: str,
        sop_instance_uid: str,
        context: PresentationContext,
    ) -> Arriving:
        association = self._accepted[caller]
        announced = Announced(
            association,
            sop_class_uid,
            sop_instance_uid,
            str(context.transfer_syntax[0]),
            str(context.abstract_syntax),
            self._guests[caller].limits.max_object_bytes,
        )
        return Guarded(self._intake.announce(announced), association.id)

    def _entity(self) -> Entity:
        wanted = self._settings.receive
        entity = Entity(self._settings.node.ae_title)
        entity.maximum_associations = NO_LIMIT
        entity.maximum_pdu_size = wanted.max_pdu_bytes
        entity.acse_timeout = NEGOTIATION_S
        entity.dimse_timeout = wanted.idle_timeout_s
        entity.network_timeout = wanted.idle_timeout_s
        entity.add_supported_context(Verification)
        if self._commitment:
            # Either role: the peer asks as SCU and, calling back, reports as SCP (NET-07).
            entity.add_supported_context(PUSH_MODEL, scu_role=True, scp_role=True)
        return entity

    def _on_requested(self, event: Event) -> None:
        caller = _who(event.assoc)
        admitted = _malformed(event.assoc) or self._porter.admit(caller)
        if isinstance(admitted, Refusal):
            self._reject(event.assoc, caller, admitted)
            return
        self._guests[event.assoc] = admitted
        if self._commitment:
            self._commitment.on_requested(event.assoc)

    def _reject(self, association: Association, caller: Caller, refusal: Refusal) -> None:
        self._intake.reject(
            Rejection(caller.calling_aet, caller.called_aet, caller.host, refusal.reason)
        )
        association.acse.send_reject(refusal.result, refusal.source, refusal.diagnostic)
        association.kill()

    def _on_accepted(self, event: Event) -> None:
        caller, guest = _who(event.assoc), self._guests[event.assoc]
        event.assoc.network_timeout = event.assoc.dimse_timeout = guest.limits.idle_timeout_s
        if isinstance(event.assoc, Acceptor):
            event.assoc.dul.expect_within(guest.limits.idle_timeout_s)
        else:
            event.assoc.dul.socket.socket.settimeout(guest.limits.idle_timeout_s)
        association = AssociationInfo(
            str(uuid.uuid4()),
            caller.calling_aet,
            caller.called_aet,
            caller.host,
            datetime.now(UTC),
        )
        self._accepted[event.assoc] = association
        self._intake.begin(association)
        if isinstance(event.assoc, Acceptor):
            event.assoc.is_begun.set()

    def _on_received(self, event: Event) -> None:
        """Keep the rate on pynetdicom's own path; this runs where the socket is read."""
        self.pace(event.assoc, len(event.data))

    def _on_store(self, event: Event) -> Dataset:
        """Take an instance on pynetdicom's own path: its data set is in memory already."""
        request = event.request
        context = event.assoc._accepted_cx[event.context.context_id]
        arriving = self._arriving(
            event.assoc,
            str(request.AffectedSOPClassUID),
            str(request.AffectedSOPInstanceUID),
            context,
        )
        status, comment = arriving.finish(event.encoded_dataset(include_meta=False))
        arriving.abandon()
        answer = Dataset()
        answer.Status = int(status)
        if comment:
            answer.ErrorComment = comment[:64]
        return answer

    def _on_action(self, event: Event) -> tuple[int, None]:
        if self._commitment is None:
            return Status.PROCESSING_FAILURE, None
        return self._commitment.on_action(event, self._accepted[event.assoc])

    def _on_message(self, event: Event) -> None:
        if self._commitment:
            self._commitment.on_message(event)

    def rejected(self, rejection: Rejection) -> None:
        """Hand on that a caller was turned away before there was an association."""
        self._intake.reject(rejection)

    def closed(self, closed: Association) -> None:
        """Free what an association held, and hand on how it ended."""
        if self._commitment:
            self._commitment.closed(closed)
        guest = self._guests.pop(closed, None)
        if guest:
            self._porter.see_out(guest)
        association = self._accepted.get(closed)
        reason = self._reasons.pop(closed, "")
        outcome = "released" if closed.is_released else "aborted"
        if reason or (association and outcome == "aborted"):
            log.warning(
                "association broke off",
                association=association.id if association else "",
                host=str(closed.requestor.address_info.address),
                reason=reason or _why(closed),
            )
        if association is None:
            return
        try:
            self._intake.end(association, outcome)
        finally:
            del self._accepted[closed]


def _malformed(asking: Association) -> Refusal | None:
    """What pynetdicom lets pass in a request: PS3.8 7.1.1.2 and 9.3.2.2."""
    asked = asking.requestor.primitive
    if asked.application_context_name != APPLICATION_CONTEXT:
        return Refusal(
            CONTEXT_NOT_SUPPORTED, "it asked for another application context than DICOM's"
        )
    if any(one.context_id % 2 == 0 for one in asked.presentation_context_definition_list):
        return Refusal(NO_REASON_GIVEN, "it numbered its presentation contexts wrongly")
    return None


def _why(ended: Association) -> str:
    if ended._sent_abort:
        return "it was silent for too long, or the node stopped"
    return "the peer aborted it, or the connection ended"


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
