"""All of the node's feeds: one for every repository of the settings."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dicom_node.audit.feed import Feed
from dicom_node.audit.here import here_of
from storage.db.engine import Database

if TYPE_CHECKING:
    from dicom_node.config import Settings


class Feeds:
    """Starts and stops the feeds together."""

    def __init__(self, db: Database, settings: Settings) -> None:
        here, alarm_after_s = here_of(settings), settings.audit.alarm_after_s
        self._relaxed = Database(settings.database_url, durable=False)
        self._feeds = [
            Feed(name, repository, here, db, self._relaxed, alarm_after_s)
            for name, repository in settings.repositories.items()
        ]

    def start(self) -> None:
        """Begin to tell every repository."""
        for feed in self._feeds:
            feed.start()

    @property
    def is_alive(self) -> bool:
        """Whether every feed still runs."""
        return all(feed.is_alive for feed in self._feeds)

    def stop(self, within_s: float) -> None:
        """Tell what is there by now to those that listen, and end."""
        until = time.monotonic() + within_s
        for feed in self._feeds:
            feed.stop(within_s)
        for feed in self._feeds:
            feed.await_end(max(0.0, until - time.monotonic()))
        self._relaxed.close()
