"""What reception hands everything to: instances, the ends of associations, rejections.

Files come first (`intake.incoming`), the index follows behind (`intake.indexer`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.intake.arrival import Arrival, AssociationEnd, SignOfLife, Tally
from dicom_node.intake.bursts import Bursts
from dicom_node.intake.duplicate import Verdict
from dicom_node.intake.incoming import Incoming
from dicom_node.net.status import Status
from dicom_node.observe.health import DiskGauge
from dicom_node.observe.logging import get_log

if TYPE_CHECKING:
    from dicom_node.config import Settings
    from dicom_node.intake.errors import NotTaken
    from dicom_node.intake.index import Index
    from dicom_node.net.incoming import Announced, AssociationInfo, Rejection
    from storage.files.store import ObjectStore

log = get_log(__name__)

CLOSE_DEADLINE_S = 20.0


class Intake:
    """Takes everything, in many threads at once.

    Parameters
    ----------
    store : ObjectStore
    settings : Settings
    index : Index
        Told of everything; it is finished with the intake.
    """

    def __init__(self, store: ObjectStore, settings: Settings, index: Index) -> None:
        self._store = store
        self._index = index
        self._disk = DiskGauge(settings)
        self._tallies: dict[str, Tally] = {}
        self._bursts = Bursts()

    @property
    def is_alive(self) -> bool:
        """False when the index broke: the process had better be started anew."""
        return self._index.is_alive()

    def show_life(self) -> None:
        """Let the index know that the open associations are alive: every few seconds."""
        if self._tallies:
            self._index.put(SignOfLife(list(self._tallies)))

    def begin(self, association: AssociationInfo) -> None:
        """Get ready to count what the association brings."""
        self._tallies[association.id] = Tally()

    def announce(self, announced: Announced) -> Incoming:
        """What takes the data set of an instance that is coming."""
        return Incoming(announced, self._store, self._disk, self)

    def taken(self, arrival: Arrival) -> None:
        """Count an instance that is on disk, and have it indexed."""
        tally = self._tally(arrival.association)
        if arrival.verdict is Verdict.SAME:
            tally.held[arrival.header.study_uid] += 1
        else:
            tally.stored += 1
            self._index.put(arrival)

    def refused(self, announced: Announced, refusal: NotTaken) -> None:
        """Count and log an instance that was not taken; of those without room, the first."""
        association = announced.association
        refused = self._tally(association).refused
        is_known = any(refusal.status in numbers for numbers in refused.values())
        refused[refusal.study_uid][refusal.status] += 1
        if is_known and refusal.status == Status.OUT_OF_RESOURCES:
            return
        log.warning(
            "instance refused",
            association=association.id,
            calling_aet=association.calling_aet,
            status=f"0x{refusal.status:04X}",
            reason=refusal.reason,
        )

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
        """Wait until the index has what is waiting."""
        for rejection in self._bursts.rest():
            self._tell(rejection)
        if not self._index.finish(CLOSE_DEADLINE_S):
            log.error("index rows were left unwritten; the next start finds their files")

    def _tally(self, association: AssociationInfo) -> Tally:
        return self._tallies.get(association.id, Tally())
