"""Rows for what was received, whoever received it: the index thread, and the search for files.

It is an `Index` for a receiver in the same process, and the one behind every link.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from dicom_node.intake.arrival import Rescan
from dicom_node.intake.index_thread import IndexThread
from dicom_node.intake.reindex import index_unrowed
from dicom_node.observe.logging import get_log
from storage.db.engine import Database
from storage.db.unavailable import DATABASE_UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicom_node.config import Settings
    from dicom_node.intake.arrival import Item
    from storage.files.store import ObjectStore

log = get_log(__name__)

TRY_AGAIN_S = 10.0
GRACE_S = 2.0  # what living receivers have just stored is on its way here
LOOK_S = 1.0


class Indexer:
    """Writes items in the order given, and looks for files without a row when asked.

    Parameters
    ----------
    db : Database
        A durable one; rows that can be rebuilt go through a relaxed one of its own.
    """

    def __init__(self, db: Database, store: ObjectStore, settings: Settings) -> None:
        self._db = db
        self._store = store
        self._settings = settings
        self._relaxed = Database(db.url, durable=False)
        self._thread = IndexThread(db, self._relaxed, settings)
        self._is_wanted = threading.Event()
        self._asked_at = 0.0
        self._is_over = threading.Event()
        self._thread.start()
        threading.Thread(target=self._look_for_files, name="reindex", daemon=True).start()

    def put(self, item: Item) -> None:
        """Have the item written soon."""
        if isinstance(item, Rescan):
            self.rescan()
        else:
            self._thread.put(item)

    def when_written(self, tell: Callable[[], None]) -> None:
        """Have `tell` called when everything that was put before is written."""
        self._thread.put(tell)

    def rescan(self) -> None:
        """Have files without a row looked for, among those that are there by now."""
        self._asked_at = time.time()
        self._is_wanted.set()

    def is_alive(self) -> bool:
        """Whether the index thread runs."""
        return self._thread.is_alive()

    def finish(self, deadline_s: float) -> bool:
        """Write what is waiting and stop; False when the database did not take it in time."""
        self._is_over.set()
        is_written = self._thread.finish(deadline_s)
        self._relaxed.close()
        return is_written

    def _look_for_files(self) -> None:
        """Index what a receiver acknowledged and had no time to tell of."""
        while not self._is_over.is_set():
            if not self._is_wanted.wait(LOOK_S):
                continue
            self._is_over.wait(GRACE_S)
            self._is_wanted.clear()
            try:
                index_unrowed(self._db, self._store, self._settings, self._asked_at)
            except (OSError, *DATABASE_UNAVAILABLE):  # a full disk is both
                log.warning("files without a row could not be looked for; tried again soon")
                self._is_wanted.set()
                self._is_over.wait(TRY_AGAIN_S)
