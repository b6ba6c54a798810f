"""A node's reception with its commitment desk, and a peer that asks it, on real sockets."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pynetdicom import AllStoragePresentationContexts, build_context, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.dsutils import decode
from pynetdicom.sop_class import StorageCommitmentPushModel
from sqlalchemy import select

from dicom_node.commitment.desk import CommitmentDesk
from dicom_node.commitment.loops import ReportLoops
from dicom_node.config import Settings
from dicom_node.net.commitment import PUSH_MODEL, PUSH_MODEL_INSTANCE
from dicom_node.net.entity import Entity
from dicom_node.net.scp import StorageScp
from storage.audit import list_events
from storage.db.engine import Database
from storage.db.tables import Audit, CommitmentRequest
from storage.files.local import LocalStore
from tests.builders import uid
from tests.receiving import in_process, wait_until


@dataclass(frozen=True)
class Told:
    """An N-EVENT-REPORT as the peer got it."""

    event_type: int
    dataset: Dataset
    is_called_back: bool

    @property
    def safe(self) -> list[str]:
        return [
            one.ReferencedSOPInstanceUID for one in self.dataset.get("ReferencedSOPSequence", [])
        ]

    @property
    def failed(self) -> dict[str, int]:
        return {
            one.ReferencedSOPInstanceUID: one.FailureReason
            for one in self.dataset.get("FailedSOPSequence", [])
        }


@dataclass
class Peer:
    """A modality: stores, asks, and notes what it is told, on its association or called back."""

    ae_title: str = "CT1"
    port: int = 0
    told: list[Told] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    """Kinds of messages that came on associations of its own, in order."""
    answer: int | None = 0x0000
    """Its answer to reports on its own association; None: it gives none."""

    def note(self, event: evt.Event) -> tuple[int, None]:
        self.told.append(Told(event.event_type, event.event_information, is_called_back=True))
        return self.answer or 0x0000, None

    def hear(self, event: evt.Event) -> None:
        self.heard.append(type(event.message).__name__)

    @contextmanager
    def listening(self, *, port: int = 0) -> Iterator[None]:
        """Take calls on a port of its own."""
        entity = Entity(self.ae_title)
        entity.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
        server = entity.start_server(
            ("127.0.0.1", port), block=False,
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, self.note)],
        )  # fmt: skip
        self.port = server.server_address[1]
        try:
            yield
        finally:
            server.shutdown()

    @contextmanager
    def calling(self, port: int) -> Iterator[Association]:
        """An association with the node for storing and asking; released at the end."""
        association = Entity(self.ae_title).associate(
            "127.0.0.1", port, ae_title="DICOM_NODE",
            contexts=[*AllStoragePresentationContexts[:100], build_context(PUSH_MODEL)],
            evt_handlers=[(evt.EVT_DIMSE_RECV, self.hear)],
        )  # fmt: skip
        assert association.is_established
        OneSender(association, self)
        try:
            yield association
        finally:
            if association.is_established:
                association.release()


class OneSender:
    """Lets an SCU take reports while it sends.

    pynetdicom serves them in a thread of their own, which may answer amid another message, and at
    whose end a send that has just begun hangs for ever.
    """

    def __init__(self, association: Association, peer: Peer) -> None:
        self._association, self._peer = association, peer
        self._lock = threading.Lock()
        self._send = association.dimse.send_msg
        association.dimse.send_msg = self.send_msg
        association._serve_request = self.serve

    def send_msg(self, message: Any, context_id: int) -> None:
        with self._lock:
            self._send(message, context_id)

    def serve(self, message: N_EVENT_REPORT, context_id: int) -> None:
        syntax = self._association._accepted_cx[context_id].transfer_syntax[0]
        dataset = decode(message.EventInformation, syntax.is_implicit_VR, syntax.is_little_endian)
        self._peer.told.append(Told(message.EventTypeID, dataset, is_called_back=False))
        if self._peer.answer is None:
            return
        answer = N_EVENT_REPORT()
        answer.MessageIDBeingRespondedTo = message.MessageID
        answer.AffectedSOPClassUID = message.AffectedSOPClassUID
        answer.AffectedSOPInstanceUID = message.AffectedSOPInstanceUID
        answer.Status = self._peer.answer
        self.send_msg(answer, context_id)


def question(images: Sequence[Dataset], key: object = "t", **changes: Any) -> Dataset:
    """The Action Information about these images; `changes` set attributes, None deletes."""
    asked = Dataset()
    asked.TransactionUID = uid("transaction", key)
    asked.ReferencedSOPSequence = [_item(image) for image in images]
    for keyword, value in changes.items():
        if value is None:
            del asked[keyword]
        else:
            setattr(asked, keyword, value)
    return asked


def _item(image: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = image.SOPClassUID
    item.ReferencedSOPInstanceUID = image.SOPInstanceUID
    return item


def ask(
    association: Association,
    asked: Dataset | None,
    *,
    action: int = 1,
    instance: str = PUSH_MODEL_INSTANCE,
) -> int:
    """The status of the N-ACTION."""
    answer, _ = association.send_n_action(asked, action, PUSH_MODEL, instance)
    return int(answer.Status)


@dataclass
class DeskNode:
    """Reception and its desk in the test's own process; the core's loops when they are wanted."""

    settings: Settings
    db: Database
    store: LocalStore
    scp: StorageScp
    port: int

    def requests(self) -> list[CommitmentRequest]:
        with self.db.read() as session:
            return list(session.scalars(select(CommitmentRequest).order_by(CommitmentRequest.id)))

    def wait_for_state(self, state: str) -> CommitmentRequest:
        return wait_until(lambda: next((r for r in self.requests() if r.state == state), None))

    def trail(self) -> list[Audit]:
        """What the trail says of commitment, oldest first."""
        with self.db.read() as session:
            events = list_events(session, limit=1000)
        return [event for event in events[::-1] if event.subject.startswith("commitment:")]

    @contextmanager
    def core(self) -> Iterator[ReportLoops]:
        loops = ReportLoops(self.db, self.store, self.settings)
        loops.start()
        try:
            yield loops
            assert loops.is_alive
        finally:
            loops.stop(10)


@contextmanager
def a_desk_node(
    folder: Path, template: Path, peers: Sequence[Peer] = (), **deliver: Any
) -> Iterator[DeskNode]:
    """A node in a new or used folder that knows `peers`; those with a port can be called back."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if not (folder / "node.db").exists():
        shutil.copyfile(template, folder / "node.db")
    settings = Settings.model_validate(
        {
            "node": {"data_folder": folder},
            "receive": {"port": 0, "disk_reserve_mb": 0, "settle_after_s": 3600},
            "deliver": {"first_retry_s": 0.2, "longest_retry_s": 1, "timeout_s": 5, **deliver},
            "peers": {
                peer.ae_title.lower(): {
                    "ae_title": peer.ae_title,
                    **({"host": "127.0.0.1", "port": peer.port} if peer.port else {}),
                }
                for peer in peers
            },
        }
    )
    db = Database(settings.database_url, head_file=folder / "audit.head")
    store = LocalStore(settings.store_folder)
    intake = in_process(db, store, settings)
    scp = StorageScp(settings, intake, commitments=CommitmentDesk(db, store, settings))
    _, port = scp.start()
    try:
        yield DeskNode(settings, db, store, scp, port)
    finally:
        scp.stop(deadline_s=2)
        intake.close()
        db.close()
