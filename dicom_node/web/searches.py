"""What people search studies for, kept in memory so that no patient's name gets into a URL."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.db.queries.views import StudySearch

MOST = 1000


class Searches:
    """The last searches, each under a random key; the oldest is forgotten first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], StudySearch] = OrderedDict()
        self._turn = threading.Lock()

    def keep(self, search: StudySearch, account_id: int) -> str:
        """The key under which this account finds the search again."""
        key = secrets.token_urlsafe(9)
        with self._turn:
            self._kept[key, account_id] = search
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return key

    def find(self, key: str, account_id: int) -> StudySearch | None:
        """The search of this key; None for another account's, and for one that is forgotten."""
        with self._turn:
            return self._kept.get((key, account_id))
