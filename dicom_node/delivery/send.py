"""One loop for each destination: takes its next delivery, sends it, notes how it went.

A delivery is one association with the released outputs of one job that the destination's profile
takes. Loops know nothing of one another, so a destination that is down delays nobody else.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.delivery.rows import begin_delivery, end_delivery, queue_interrupted
from dicom_node.delivery.transfer import transfer
from dicom_node.net.transcoding import SYNTAXES
from dicom_node.observe.logging import get_log
from storage.db.queries.deliveries import next_delivery_id
from storage.db.unavailable import DATABASE_UNAVAILABLE
from storage.errors import StaleTransition

if TYPE_CHECKING:
    from dicom_node.config import PeerSection, Settings
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
                    queue_interrupted(self._db, self.name)
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
        underway = begin_delivery(self._db, self._store, delivery_id, profile)
        our_aet = self._settings.node.ae_title
        preferred = [SYNTAXES[word] for word in profile.transfer_syntaxes]
        outcome = transfer(self._peer, our_aet, underway.ways, deliver.timeout_s, preferred)
        due = end_delivery(self._db, underway, outcome, deliver, self._peer.host)
        told = {"delivery": delivery_id, "destination": self.name, "attempt": underway.attempt}
        if outcome.is_complete:
            log.info("delivered", files=outcome.files, reason=outcome.note, **told)
        elif due:
            log.warning("delivery will be tried again", reason=outcome.reason, **told)
        else:
            log.error("delivery failed", reason=outcome.reason, **told)
