"""All of the node's delivery loops: one for every peer that has an address."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dicom_node.delivery.rows import fail_unaddressed
from dicom_node.delivery.send import DeliveryLoop

if TYPE_CHECKING:
    from dicom_node.config import Settings
    from storage.db.engine import Database
    from storage.files.store import ObjectStore


class DeliveryLoops:
    """Starts, wakes and stops the loops together."""

    def __init__(self, db: Database, store: ObjectStore, settings: Settings) -> None:
        self._db = db
        self._loops = [
            DeliveryLoop(name, peer, db, store, settings)
            for name, peer in settings.peers.items()
            if peer.host and peer.port
        ]

    def start(self) -> None:
        """Begin to send to every destination."""
        self.fail_unaddressed()
        for loop in self._loops:
            loop.start()

    @property
    def is_alive(self) -> bool:
        """Whether every loop still runs."""
        return all(loop.is_alive for loop in self._loops)

    def wake(self) -> None:
        """Look for deliveries now: there are new ones."""
        for loop in self._loops:
            loop.wake()

    def stop(self, within_s: float) -> None:
        """Begin no other delivery, and wait a while for the end of those underway."""
        until = time.monotonic() + within_s
        for loop in self._loops:  # all are told before any is waited for
            loop.stop(0)
        for loop in self._loops:
            loop.stop(max(0.0, until - time.monotonic()))

    def fail_unaddressed(self) -> int:
        """How many waiting deliveries failed because nobody here sends to their destination."""
        return fail_unaddressed(self._db, [loop.name for loop in self._loops])
