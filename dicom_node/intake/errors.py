"""Why an instance is not taken.

NotTaken            carries the C-STORE status
├── Unreadable      the data set is empty, truncated, or no data set
└── LacksIdentity   it has no usable Study, Series or SOP Instance UID

Messages name attributes and byte counts, never a value.
"""

from __future__ import annotations

from dicom_node.net.status import Status


class NotTaken(Exception):
    """The instance is not taken.

    Parameters
    ----------
    reason : str
        For the log and the audit trail.
    status : Status
        For the sender.
    study_uid : str
        The study that it would have belonged to, as far as it is known.
    """

    status = Status.PROCESSING_FAILURE

    def __init__(self, reason: str, status: Status | None = None, study_uid: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status or self.status
        self.study_uid = study_uid


class Unreadable(NotTaken):
    """The data set is empty, truncated, or no data set."""

    status = Status.CANNOT_UNDERSTAND


class LacksIdentity(NotTaken):
    """The data set has no usable Study, Series or SOP Instance UID."""

    status = Status.LACKS_IDENTITY
