"""What every attempt works with besides its slot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicom_node.config import Settings
    from storage.db.engine import Database
    from storage.files.store import ObjectStore


@dataclass(frozen=True, slots=True)
class Bench:
    """The node's parts that `run_job` needs.

    Attributes
    ----------
    device_uid : str
        The UID of this installation as equipment.
    on_published : callable
        Called when new deliveries are committed.
    """

    db: Database
    store: ObjectStore
    settings: Settings
    device_uid: str
    on_published: Callable[[], None] = lambda: None
