"""Finds out whether instances are safe: the index knows them, and their files are there and whole.

Nothing is promised on the word of the index alone, and nothing on the sight of a file alone: one
without a row may still be on its way to the disk, or have never been acknowledged. So what has no
row yet is waited for, not searched for: the index follows an acknowledgement by well under a
second, and the store cannot be asked by SOP Instance UID.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_partial

from dicom_node.commitment.rows import request_on
from dicom_node.intake.encoded import BROKEN
from dicom_node.net.commitment import FailureReason, Report
from storage.db.queries.commitments import request_of, versions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydicom.tag import BaseTag

    from dicom_node.net.commitment import Reference, Request
    from storage.db.engine import Database
    from storage.db.queries.commitments import HeldVersion
    from storage.files.store import ObjectStore

SOP_INSTANCE_UID = 0x00080018
INDEX_WITHIN_S = 3.0
"""How long after the question the index is waited for; a busy one may be seconds behind."""
LOOK_S = 0.05


def report_on(
    db: Database, store: ObjectStore, number: int, is_over: Callable[[], bool]
) -> Report | None:
    """The answer to a stored request; None where it has been told, or `is_over` turned true."""
    with db.read() as session:
        row = request_of(session, number)
        if row is None or row.state != "queued":
            return None
        request, asked_at = request_on(row), row.created_at
    until = asked_at + timedelta(seconds=INDEX_WITHIN_S)
    missing = [one.sop_uid for one in request.references]
    while not is_over():
        with db.read() as session:
            held = versions_of(session, missing)
        missing = [sop_uid for sop_uid in missing if sop_uid not in held]
        if not missing or datetime.now(UTC) >= until:
            return examine(db, store, request)
        time.sleep(LOOK_S)
    return None


def examine(db: Database, store: ObjectStore, request: Request) -> Report:
    """What is true now of the instances that a peer asks about."""
    with db.read() as session:
        held = versions_of(session, [one.sop_uid for one in request.references])
    folders: dict[str, bool] = {}
    verdicts = [
        (one, _fault(store, one, held.get(one.sop_uid, ()), folders)) for one in request.references
    ]
    return Report(
        request.transaction_uid,
        tuple(one for one, fault in verdicts if fault is None),
        tuple((one, fault) for one, fault in verdicts if fault is not None),
    )


def _fault(
    store: ObjectStore,
    reference: Reference,
    versions: Sequence[HeldVersion],
    folders: dict[str, bool],
) -> FailureReason | None:
    """Why the instance cannot be promised, or None.

    Where several versions are kept, the peer may mean any of them: all must be whole.
    """
    current = {version.sop_class_uid for version in versions if version.is_current}
    if not current:
        return FailureReason.NO_SUCH_INSTANCE
    if reference.sop_class_uid not in current:
        return FailureReason.CLASS_INSTANCE_CONFLICT
    for version in versions:
        fault = _fault_of_file(store, version)
        if fault is not None:
            return fault
        if not _is_durable(store, version.file_key, folders):
            return FailureReason.PROCESSING_FAILURE
    return None


def _fault_of_file(store: ObjectStore, version: HeldVersion) -> FailureReason | None:
    try:
        with store.path(version.file_key).open("rb") as file:
            if os.fstat(file.fileno()).st_size != version.size:
                return FailureReason.PROCESSING_FAILURE
            header = read_partial(file, stop_when=_is_past_uids)
            said = [str(header.get(name, "")).strip() for name in ("SOPClassUID", "SOPInstanceUID")]
    except FileNotFoundError:
        return FailureReason.NO_SUCH_INSTANCE
    except (*BROKEN, InvalidDicomError):  # among them every other OSError
        return FailureReason.PROCESSING_FAILURE
    if said != [version.sop_class_uid, version.sop_uid]:
        return FailureReason.PROCESSING_FAILURE
    return None


def _is_past_uids(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) > SOP_INSTANCE_UID


def _is_durable(store: ObjectStore, key: str, folders: dict[str, bool]) -> bool:
    """Whether the file's name, and those of the folders above it, are on disk for certain.

    A row may come from a start-up scan after a crash, and then the receiver that named the file may
    have died before it synced the folder. What a file holds was synced before it was named.
    """
    while key:
        folder = key.rpartition("/")[0]
        if folder not in folders:
            try:
                store.sync(key)
                folders[folder] = True
            except OSError:
                folders[folder] = False
        if not folders[folder]:
            return False
        key = folder
    return True
