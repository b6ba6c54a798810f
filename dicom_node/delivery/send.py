"""One loop for each destination: takes its next delivery, sends it, notes how it went.

A delivery is one association with the released outputs of one job that the destination's profile
takes. Loops know nothing of one another, so a destination that is down delays nobody else.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.delivery.export import Exporter
from dicom_node.delivery.rows import begin_delivery, end_delivery, queue_interrupted
from dicom_node.delivery.transfer import Outcome, transfer
from dicom_node.net.transcoding import SYNTAXES
from dicom_node.observe.logging import get_log
from dicom_node.research.errors import KeyUnusable
from storage.db.queries.deliveries import next_delivery_id
from storage.db.unavailable import DATABASE_UNAVAILABLE
from storage.errors import StaleTransition

if TYPE_CHECKING:
    from dicom_node.config import PeerSection, Settings
    from dicom_node.delivery.rows import Underway
    from storage.db.engine import Database
    from storage.files.store import ObjectStore

log = get_log(__name__)

LOOK_EVERY_S = 1.0  # finds what other processes and passing time have made due


class DeliveryLoop:
    """Sends the deliveries of one destination, one after another, until it is stopped."""

    def __init__(
        self, name: str, peer: PeerSection, db: Database, store: ObjectStore, settings: Settings
    ) -> None:
        self.name = name
        self._peer = peer
        self._db = db
        self._store = store
        self._settings = settings
        self._exporter = Exporter(name, peer.research, settings) if peer.research else None
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=f"deliver-{name}", daemon=True)

    def start(self) -> None:
        """Begin to send; what was being sent when the node stopped is sent again."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the loop still runs."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Look for deliveries now: there are new ones."""
        self._news.set()

    def stop(self, within_s: float) -> None:
        """Begin no other delivery, and wait a while for the end of the one underway."""
        self._stopping.set()
        self._news.set()
        self._thread.join(within_s)

    def _loop(self) -> None:
        interrupted, told = True, False
        while not self._stopping.is_set():
            self._news.clear()
            try:
                if interrupted:
                    queue_interrupted(self._db, self.name, self._peer)
                    interrupted = False
                was_due, told = self._send_next(), False
            except DATABASE_UNAVAILABLE as error:
                if not told:  # once, as it may take hours until a full disk has room
                    log.warning("deliveries unreadable", destination=self.name, error=error)
                was_due, interrupted, told = False, True, True
            if not was_due:
                self._news.wait(LOOK_EVERY_S)

    def _send_next(self) -> bool:
        """Send the delivery whose turn it is; False when none is due."""
        with self._db.read() as session:
            delivery_id = next_delivery_id(session, self.name, datetime.now(UTC))
        if delivery_id is None:
            return False
        try:
            self._send(delivery_id)
        except StaleTransition:
            log.info("delivery was taken back", delivery=delivery_id)
        return True

    def _send(self, delivery_id: int) -> None:
        deliver = self._settings.deliver
        profile = self._settings.profile(self._peer.profile)
        project = self._peer.research
        underway = begin_delivery(
            self._db,
            self._store,
            delivery_id,
            profile,
            self._peer,
            with_sources=bool(project) and self._settings.research[project].sources,
        )
        preferred = [SYNTAXES[word] for word in profile.transfer_syntaxes]
        outcome = self._outcome(underway, preferred)
        due = end_delivery(self._db, underway, outcome, deliver, self._peer)
        told = {"delivery": delivery_id, "destination": self.name, "attempt": underway.attempt}
        if self._exporter and not due:
            self._exporter.clear()
        if outcome.is_complete:
            log.info("delivered", files=outcome.files, reason=outcome.note, **told)
        elif due:
            log.warning("delivery will be tried again", reason=outcome.reason, **told)
        else:
            log.error("delivery failed", reason=outcome.reason, **told)

    def _outcome(self, underway: Underway, preferred: list[str]) -> Outcome:
        """What became of the objects; of a research destination's none leaves as it is."""
        our_aet, timeout_s = self._settings.node.ae_title, self._settings.deliver.timeout_s
        if self._exporter is None:
            return transfer(self._peer, our_aet, underway.ways, timeout_s, preferred)
        files = len(underway.ways[0].files)
        try:
            exported = self._exporter.export(underway.delivery_id, underway.ways)
        except KeyUnusable as error:
            return Outcome(files, 0, str(error))
        except OSError as error:
            return Outcome(files, 0, f"no room for de-identified files: {error.strerror}")
        refused = f"not exported: {exported.reasons}" if exported.refused else ""
        if exported.is_nothing:
            return Outcome(files, 0, refused, is_final=True)
        outcome = transfer(self._peer, our_aet, exported.ways, timeout_s, preferred)
        return replace(outcome, note="; ".join(filter(None, (outcome.note, refused))))
