"""Takes instances: checked, on disk, and only then answered.

An answer of success means that the file and its folder are synced. The index follows behind
(`intake.index_thread`). An instance that is not taken leaves nothing on disk.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.intake.arrival import Arrival, AssociationEnd, Tally
from dicom_node.intake.bursts import Bursts
from dicom_node.intake.duplicate import Verdict
from dicom_node.intake.errors import NotTaken
from dicom_node.intake.header import Header, scan
from dicom_node.intake.index_thread import IndexThread
from dicom_node.intake.keep import keep
from dicom_node.intake.uid import is_uid
from dicom_node.net.status import Status
from dicom_node.observe.logging import get_log
from storage.db.engine import Database

if TYPE_CHECKING:
    from dicom_node.config import Settings
    from dicom_node.net.incoming import AssociationInfo, Incoming, Rejection
    from storage.files.store import ObjectStore

log = get_log(__name__)

CLOSE_DEADLINE_S = 20.0


class Intake:
    """What reception hands everything to; its methods are called in many threads at once.

    Parameters
    ----------
    db : Database
        A durable one; rows that can be rebuilt go through a relaxed one of its own.
    store : ObjectStore
    settings : Settings
    """

    def __init__(self, db: Database, store: ObjectStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._relaxed = Database(db.url, durable=False)
        self._index = IndexThread(db, self._relaxed, settings)
        self._index.start()
        self._tallies: dict[str, Tally] = {}
        self._bursts = Bursts()

    @property
    def is_alive(self) -> bool:
        """False when the index thread broke: the process had better be started anew."""
        return self._index.is_alive()

    def begin(self, association: AssociationInfo) -> None:
        """Get ready to count what the association brings."""
        self._tallies[association.id] = Tally()

    def receive(self, incoming: Incoming) -> int:
        """Store one instance durably and give the C-STORE status."""
        association = incoming.association
        tally = self._tallies.get(association.id, Tally())
        try:
            header = self._check(incoming)
            kept = self._keep(incoming, header)
        except NotTaken as refusal:
            tally.refused[refusal.study_uid, refusal.status] += 1
            log.warning(
                "instance refused",
                association=association.id,
                calling_aet=association.calling_aet,
                status=f"0x{refusal.status:04X}",
                reason=refusal.reason,
            )
            return refusal.status
        if kept.verdict is Verdict.SAME:
            tally.held[header.study_uid] += 1
        else:
            tally.stored += 1
            self._index.put(kept)
        return Status.SUCCESS

    def end(self, association: AssociationInfo, outcome: str) -> None:
        """Have the end of the association indexed and audited; an idle one leaves no trace."""
        tally = self._tallies.pop(association.id, Tally())
        if tally.stored or tally.held or tally.refused:
            self._index.put(AssociationEnd(association, outcome, tally, datetime.now(UTC)))

    def reject(self, rejection: Rejection) -> None:
        """Have a caller that was turned away audited; many of one kind are told together."""
        first = self._bursts.add(rejection)
        if first:
            self._tell(first)

    def tell_bursts(self) -> None:
        """Tell of the kinds whose minute is over; to be called every few seconds."""
        for rejection in self._bursts.over():
            self._tell(rejection)

    def _tell(self, rejection: Rejection) -> None:
        log.warning(
            "caller turned away",
            kind=rejection.what,
            calling_aet=rejection.calling_aet,
            host=rejection.host,
            reason=rejection.reason,
            count=rejection.count,
        )
        self._index.put(rejection)

    def close(self) -> None:
        """Write the rows that are waiting."""
        for rejection in self._bursts.rest():
            self._tell(rejection)
        if not self._index.finish(CLOSE_DEADLINE_S):
            log.error("index rows were left unwritten; the next start finds their files")
        self._relaxed.close()

    def _check(self, incoming: Incoming) -> Header:
        """The header of an instance that may be taken."""
        if not is_uid(incoming.sop_instance_uid):
            raise NotTaken("the command's SOP Instance UID is no UID", Status.INVALID_INSTANCE)
        if not is_uid(incoming.sop_class_uid):
            raise NotTaken("the command's SOP Class UID is no UID", Status.NO_SUCH_CLASS)
        if self._store.free_mb() < self._settings.receive.disk_reserve_mb:
            reason = "free disk space is below [receive] disk_reserve_mb"
            raise NotTaken(reason, Status.OUT_OF_RESOURCES)
        encoded = io.BytesIO(incoming.encoded)
        header = scan(encoded, len(incoming.encoded), incoming.transfer_syntax_uid)
        if header.sop_uid != incoming.sop_instance_uid:
            reason = "command and data set name different SOP Instances"
            raise NotTaken(reason, Status.DOES_NOT_MATCH, header.study_uid)
        if header.sop_class_uid != incoming.sop_class_uid:
            reason = "command and data set name different SOP Classes"
            raise NotTaken(reason, Status.DOES_NOT_MATCH, header.study_uid)
        return header

    def _keep(self, incoming: Incoming, header: Header) -> Arrival:
        try:
            kept = keep(self._store, incoming, header)
        except OSError as error:
            reason = f"the store took nothing: {error.strerror}"
            raise NotTaken(reason, Status.OUT_OF_RESOURCES, header.study_uid) from None
        return Arrival(
            incoming.association,
            header,
            kept.key,
            kept.size,
            incoming.transfer_syntax_uid,
            kept.verdict,
            datetime.now(UTC),
        )
