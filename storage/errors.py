"""What can go wrong with what is kept.

StorageError
├── StaleTransition     the row is not in the state that the event starts from
├── UnknownTransition   no row of the table joins this state and event
├── SchemaMismatch      the database is older or newer than this program
├── BackupFailed        the database could not be backed up, so nothing was changed
├── AuditBroken         the audit trail does not verify; carries the first bad row
├── HeadUnusable        the file with the head of the audit trail contradicts the trail
├── KeyUnusable         a key that signs or checks the audit trail cannot be read or made
└── StoreFull           the file store has no room above its reserve
"""

from __future__ import annotations


class StorageError(Exception):
    """Something about stored state stands in the way."""


class StaleTransition(StorageError):
    """The row has moved on: another attempt or another process was first."""


class UnknownTransition(StorageError):
    """The lifecycle table has no such event in this state."""


class SchemaMismatch(StorageError):
    """The database's schema is not the one this program speaks."""


class BackupFailed(StorageError):
    """The database could not be backed up, so nothing was changed."""


class HeadUnusable(StorageError):
    """The file with the head of the audit trail is unreadable or contradicts the trail."""


class KeyUnusable(StorageError):
    """A key that signs or checks the audit trail cannot be read or made."""


class StoreFull(StorageError):
    """The file store has no room above its reserve."""


class AuditBroken(StorageError):
    """The audit trail does not verify.

    Parameters
    ----------
    seq : int
        The first row that is wrong or missing.
    reason : str
        What is wrong with it.
    """

    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(f"audit row {seq}: {reason}")
        self.seq = seq
        self.reason = reason
