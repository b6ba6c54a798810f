"""Finds files that have no row, as a crash leaves them, and indexes them as if they just arrived.

A file is not trusted for being there: it must be a whole data set whose UIDs are those of its key.
What is not is moved to ``quarantine/`` in the store and reported; nothing is dropped.
"""

from __future__ import annotations

import fcntl
import math
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from dicom_node.intake.arrival import Arrival
from dicom_node.intake.duplicate import Verdict, versions_of
from dicom_node.intake.errors import NotTaken, Unreadable
from dicom_node.intake.header import scan
from dicom_node.intake.index_rows import IndexRows
from dicom_node.intake.keep import key_of, verdict_on
from dicom_node.intake.part10 import read_meta
from dicom_node.net.incoming import AssociationInfo
from dicom_node.observe.logging import get_log
from storage.audit import AuditEvent, record, study_event
from storage.db.queries.instances import known_keys
from storage.db.queries.studies import find_study

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sqlalchemy.orm import Session

    from dicom_node.config import Settings
    from storage.db.engine import Database
    from storage.files.store import ObjectStore

log = get_log(__name__)

AT_ONCE = 200


def index_unrowed(
    db: Database, store: ObjectStore, settings: Settings, until: float = math.inf
) -> int:
    """Index every received file that has no row; how many there were.

    Parameters
    ----------
    until : float
        In seconds since the epoch: files that were written later are left to who received them.
    """
    found = 0
    with _one_at_a_time(settings.node.data_folder / "reindex.lock"):
        for keys in _in_pieces(store.keys("received/"), AT_ONCE):
            with db.read() as session:
                known = known_keys(session, keys)
            lost = [key for key in keys if key not in known and _written_at(store, key) <= until]
            if lost:
                found += _index(db, store, settings, lost)
    if found:
        log.info("files without a row were indexed", count=found)
    return found


def _written_at(store: ObjectStore, key: str) -> float:
    try:
        return store.path(key).stat().st_mtime
    except FileNotFoundError:
        return math.inf  # deleted meanwhile


def _index(db: Database, store: ObjectStore, settings: Settings, keys: list[str]) -> int:
    arrivals: list[Arrival] = []
    for key in keys:
        try:
            arrivals.append(_read(store, key))
        except FileNotFoundError:
            continue  # deleted meanwhile
        except OSError as error:
            log.error("a file without a row cannot be read", error=error)  # noqa: TRY400 - its kind
        except NotTaken as refusal:
            _set_aside(db, store, key, refusal.reason)
    with db.begin() as session:
        IndexRows(session, settings, may_audit=True).add(arrivals)
        brought = Counter(
            (one.header.study_uid, one.association.calling_aet, one.association.host,
             one.header.sop_class_uid)
            for one in arrivals
        )  # fmt: skip
        for (study_uid, aet, host), classes in groupby(sorted(brought.items()), _sending):
            told = {one[3]: number for one, number in classes}
            _record_found(session, study_uid, aet, host, told)
    return len(arrivals)


def _sending(counted: tuple[tuple[str, str, str, str], int]) -> tuple[str, str, str]:
    return counted[0][:3]


def _record_found(
    session: Session, study_uid: str, aet: str, host: str, classes: dict[str, int]
) -> None:
    study = find_study(session, study_uid)
    if study:
        text = f"{sum(classes.values())} received files had no row after a restart: indexed"
        detail = {"from": {"aet": aet, "host": host}, "sop_classes": classes}
        event = study_event(study, "110104", "C", actor="node", text=text, detail=detail)
        record(session, event)


def _read(store: ObjectStore, key: str) -> Arrival:
    path = store.path(key)
    size = path.stat().st_size
    with path.open("rb") as file:
        meta = read_meta(file)
        header = scan(file, size - file.tell(), meta.transfer_syntax_uid)
    first = key_of(header)
    stem = first.removesuffix(".dcm")
    if key != first and not key.startswith(f"{stem}.v"):
        raise Unreadable("its UIDs are not those that it is kept under")
    if (meta.sop_class_uid, meta.sop_instance_uid) != (header.sop_class_uid, header.sop_uid):
        raise Unreadable("its UIDs are not those of its file meta")
    received_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    sender = AssociationInfo("", meta.calling_aet, meta.called_aet, meta.host, received_at)
    verdict = _verdict(store, first, key, path)
    return Arrival(sender, header, key, size, meta.transfer_syntax_uid, verdict, received_at)


def _verdict(store: ObjectStore, first: str, key: str, path: Path) -> Verdict:
    """What this version is to the one before it."""
    before = None
    for version in versions_of(first):
        if version == key:
            break
        if not store.exists(version):
            raise Unreadable("the version before it is missing")
        before = store.path(version)
    if before is None:
        return Verdict.NEW
    with path.open("rb") as file:
        meta = read_meta(file)
        return verdict_on(before, file, meta.transfer_syntax_uid)


def _set_aside(db: Database, store: ObjectStore, key: str, reason: str) -> None:
    """Move a file that is no whole instance out of the way, and say so.

    The same instance may come damaged again: each such file is kept.
    """
    places = versions_of(f"quarantine/{key}")
    store.adopt(store.path(key), next(place for place in places if not store.exists(place)))
    log.error("a received file is damaged; it was moved to quarantine", reason=reason)
    with db.begin() as session:
        record(
            session,
            AuditEvent(
                event="110104",
                action="C",
                actor="node",
                outcome=8,
                study_uid=key.split("/")[1],
                text=f"a received file is damaged and was moved to quarantine: {reason}",
            ),
        )


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    """Several receivers start together; one looks, the others find nothing left."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _in_pieces(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    piece: list[str] = []
    for key in keys:
        piece.append(key)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece
