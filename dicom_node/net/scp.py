"""The Storage SCP: C-ECHO and C-STORE of anything, each instance given to a callable (NET-01).

The callable runs in the association's own thread and its answer is the C-STORE status, so what it
does before it returns is done before the sender hears of it.
"""

from __future__ import annotations

import threading
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pynetdicom import evt
from pynetdicom.sop_class import Verification

from dicom_node.net.admission import refuse
from dicom_node.net.commitment import PUSH_MODEL
from dicom_node.net.commitment_scp import Commitments, CommitmentScp
from dicom_node.net.entity import Entity
from dicom_node.net.incoming import AssociationInfo, Incoming, Rejection
from dicom_node.net.listener import open_listener
from dicom_node.net.server import StorageServer
from dicom_node.net.status import Status
from dicom_node.observe.logging import get_log

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from pynetdicom.association import Association
    from pynetdicom.events import Event

    from dicom_node.config import Settings

log = get_log(__name__)

NEGOTIATION_S = 30.0  # A-ASSOCIATE-RQ after the connection; A-RELEASE (NET-06)
POLL_S = 0.1


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
    listen_socket : socket, optional
        A listening socket, perhaps shared with other processes; without one a new one is opened.
    commitments : Commitments, optional
        Keeps and answers requests for storage commitment; without it none are taken.
    """

    def __init__(  # noqa: PLR0913 - one callable for each thing that reception tells of
        self,
        settings: Settings,
        receive: Callable[[Incoming], int],
        on_begin: Callable[[AssociationInfo], None],
        on_end: Callable[[AssociationInfo, str], None],
        on_reject: Callable[[Rejection], None],
        listen_socket: socket.socket | None = None,
        *,
        commitments: Commitments | None = None,
    ) -> None:
        self._settings = settings
        self._receive = receive
        self._on_begin = on_begin
        self._on_end = on_end
        self._on_reject = on_reject
        self._listener = listen_socket
        self._commitment = CommitmentScp(commitments) if commitments else None
        self._server: StorageServer | None = None
        self._accepted: dict[Association, AssociationInfo] = {}

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
            silence_s=wanted.idle_timeout_s,
            when_closed=self._on_closed,
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
        refusal = refuse(self._settings, calling_aet, called_aet, host)
        if refusal is None:
            if self._commitment:
                self._commitment.on_requested(event.assoc)
            return
        self._on_reject(Rejection(calling_aet, called_aet, host, refusal.reason))
        # Result 1: rejected-permanent; source 1: service-user (PS3.8 table 9-21).
        event.assoc.acse.send_reject(1, 1, refusal.diagnostic)
        event.assoc.kill()

    def _on_rejected(self, event: Event) -> None:
        """Only pynetdicom's own limit is left to reject at negotiation."""
        reason = "as many associations as [receive] max_associations allows were open"
        self._on_reject(Rejection(*_who(event.assoc), reason))

    def _on_accepted(self, event: Event) -> None:
        calling_aet, called_aet, host = _who(event.assoc)
        association = AssociationInfo(
            str(uuid.uuid4()), calling_aet, called_aet, host, datetime.now(UTC)
        )
        self._accepted[event.assoc] = association
        self._on_begin(association)

    def _on_store(self, event: Event) -> int:
        request = event.request
        incoming = Incoming(
            self._accepted[event.assoc],
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
        if association is None:
            return
        try:
            self._on_end(association, "released" if closed.is_released else "aborted")
        finally:
            del self._accepted[closed]


def _who(association: Association) -> tuple[str, str, str]:
    """Calling title, called title and address of a peer that asks for an association."""
    asked = association.requestor.primitive
    titles = asked.calling_ae_title, asked.called_ae_title
    calling, called = ("".join(c for c in str(t) if c.isprintable()).strip() for t in titles)
    return calling, called, str(association.requestor.address_info.address)
