"""The Storage SCP: C-ECHO and C-STORE of anything, each instance announced to a callable (NET-01).

What that gives takes the data set in the association's own thread, and its answer is the C-STORE
status: what it does before it answers is done before the sender hears of it. C-STORE messages come
by the fast path (`net.upper_layer`), or by pynetdicom's own where that is not to be had.
"""

from __future__ import annotations

import threading
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydicom import Dataset
from pynetdicom import evt
from pynetdicom.sop_class import Verification

from dicom_node.net.admission import Refusal, refuse
from dicom_node.net.commitment import PUSH_MODEL
from dicom_node.net.commitment_scp import Commitments, CommitmentScp
from dicom_node.net.entity import Entity
from dicom_node.net.guarded import Guarded
from dicom_node.net.incoming import Announced, AssociationInfo, Rejection
from dicom_node.net.listener import open_listener
from dicom_node.net.server import StorageServer
from dicom_node.net.status import Status
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

NEGOTIATION_S = 30.0  # A-ASSOCIATE-RQ after the connection; A-RELEASE (NET-06)
POLL_S = 0.1
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"  # PS3.8 A.2.1
NO_REASON_GIVEN, CONTEXT_NOT_SUPPORTED = 1, 2  # PS3.8 table 9-21, source 1
MOST_WAITING = 512  # connections that have not said anything yet


class StorageScp:
    """Listens, negotiates and passes instances on until it is stopped.

    Parameters
    ----------
    settings : Settings
    intake : Intake
        To whom everything is handed.
    listen_socket : socket, optional
        A listening socket, perhaps shared with other processes; without one a new one is opened.
    commitments : Commitments, optional
        Keeps and answers requests for storage commitment; without it none are taken.
    stock : bool
        Take pynetdicom's own path even where the fast one is to be had.
    """

    def __init__(
        self,
        settings: Settings,
        intake: Intake,
        listen_socket: socket.socket | None = None,
        *,
        commitments: Commitments | None = None,
        stock: bool = False,
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._listener = listen_socket
        self._commitment = CommitmentScp(commitments) if commitments else None
        self._server: StorageServer | None = None
        self._accepted: dict[Association, AssociationInfo] = {}
        self._reasons: dict[Association, str] = {}
        self.is_fast = is_available() and not stock
        self.silence_s = settings.receive.idle_timeout_s
        self.longest_pdu = settings.receive.max_pdu_bytes

    def start(self) -> tuple[str, int]:
        """Start listening and give the address and port.

        Raises
        ------
        PortBusy
            Another program listens there.
        """
        wanted = self._settings.receive
        listener = self._listener or open_listener(wanted.host, wanted.port)
        self._server = self._entity().make_server(
            listener.getsockname(),
            evt_handlers=[
                (evt.EVT_N_ACTION, self._on_action),
                (evt.EVT_DIMSE_RECV, self._on_message),
                (evt.EVT_REQUESTED, self._on_requested),
                (evt.EVT_REJECTED, self._on_rejected),
                (evt.EVT_ACCEPTED, self._on_accepted),
                (evt.EVT_C_STORE, self._on_store),
            ],
            server_class=StorageServer,
            listener=listener,
            silence_s=self.silence_s,
            first_bytes_s=min(NEGOTIATION_S, self.silence_s),
            most_waiting=MOST_WAITING,
            when_closed=self._on_closed,
            fast=self if self.is_fast else None,
        )
        threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": POLL_S},
            name="storage-scp",
            daemon=True,
        ).start()
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def stop(self, deadline_s: float = 20.0) -> None:
        """Stop accepting, let running associations end until the deadline, then abort the rest."""
        if self._server is None:
            return
        self._server.shutdown()
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
        self._server = None

    def announce(self, caller: Acceptor, request: StoreRequest, context_id: int) -> Arriving:
        """What takes the data set of a request on the fast path."""
        context = caller._accepted_cx[context_id]
        return self._arriving(caller, request.sop_class_uid, request.sop_instance_uid, context)

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
        )
        return Guarded(self._intake.announce(announced), association.id)

    def _entity(self) -> Entity:
        wanted = self._settings.receive
        entity = Entity(self._settings.node.ae_title)
        entity.maximum_associations = wanted.max_associations
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
        calling_aet, called_aet, host = _who(event.assoc)
        refusal = _malformed(event.assoc) or refuse(self._settings, calling_aet, called_aet, host)
        if refusal is None:
            if self._commitment:
                self._commitment.on_requested(event.assoc)
            return
        self._intake.reject(Rejection(calling_aet, called_aet, host, refusal.reason))
        # Result 1: rejected-permanent; source 1: service-user (PS3.8 table 9-21).
        event.assoc.acse.send_reject(1, 1, refusal.diagnostic)
        event.assoc.kill()

    def _on_rejected(self, event: Event) -> None:
        """Only pynetdicom's own limit is left to reject at negotiation."""
        reason = "as many associations as [receive] max_associations allows were open"
        self._intake.reject(Rejection(*_who(event.assoc), reason))

    def _on_accepted(self, event: Event) -> None:
        calling_aet, called_aet, host = _who(event.assoc)
        association = AssociationInfo(
            str(uuid.uuid4()), calling_aet, called_aet, host, datetime.now(UTC)
        )
        self._accepted[event.assoc] = association
        self._intake.begin(association)
        if isinstance(event.assoc, Acceptor):
            event.assoc.is_begun.set()

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

    def _on_closed(self, closed: Association) -> None:
        if self._commitment:
            self._commitment.closed(closed)
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


def _who(association: Association) -> tuple[str, str, str]:
    """Calling title, called title and address of a peer that asks for an association."""
    asked = association.requestor.primitive
    titles = asked.calling_ae_title, asked.called_ae_title
    calling, called = ("".join(c for c in str(t) if c.isprintable()).strip() for t in titles)
    return calling, called, str(association.requestor.address_info.address)
