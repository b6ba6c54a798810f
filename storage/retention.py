"""Moves the oldest rows of the audit trail into sealed archives, and out of the database.

In this order, a part at a time: the file is written and synced, read again and verified, and only
then one transaction records it, deletes its rows and signs the cut. A crash leaves a file too many,
never a row too few. The database itself refuses to delete a row that no archive is recorded for.
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from storage.archive import archives_in, first_row, name_of, rows_named, write_archive
from storage.audit import AuditEvent, record
from storage.db.queries.audit import (
    delete_rows,
    hash_of_row,
    last_row_before,
    stream_rows,
)
from storage.db.tables import AuditArchive
from storage.errors import AuditBroken
from storage.files.durable import sync_folder
from storage.seal import SEALED
from storage.verification import check_archive, examine, spelled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from storage.db.engine import Database
    from storage.head import Head
    from storage.notary import Notary
    from storage.proof import Proof

AUDIT_LOG_USED = "110101"  # PS3.15 A.5.3.2
SUBJECT = "audit:archive"
ROWS_IN_A_FILE = 50_000
"""So that the transaction which deletes them keeps nobody waiting for long."""


class Archiver:
    """Moves old rows of one trail into `folder`.

    Parameters
    ----------
    db : Database
        Where it may delete what is archived; on PostgreSQL that takes a role of its own.
    notary : Notary
        Signs files and cuts.
    proof : Proof
        What the trail must verify against before any row is moved.
    folder : Path
        Where the files go; made if missing. Its disk must be as safe as the database's.
    """

    def __init__(
        self, db: Database, notary: Notary, proof: Proof, folder: Path, rows: int = ROWS_IN_A_FILE
    ) -> None:
        self._db = db
        self._notary = notary
        self._proof = proof
        self._folder = folder
        self._rows = rows

    def archive(self, older_than: datetime, last: int | None = None) -> list[Path]:
        """The new files, which hold all rows up to the first one that is not older.

        No row after the one with the number `last` is moved; None sets no such limit.

        Raises
        ------
        AuditBroken
            The trail or a file just written does not verify; no row of that part was moved.
        OSError
            A file cannot be written, or the anchor file does not take the cut.
        """
        with self._db.read() as session:
            through = last_row_before(session, older_than)
            before = self._proof.cut(session)
        if last is not None:
            through = min(through, last)
        if through <= before.count:
            return []
        examine(self._db, self._db.head_file, self._proof)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(self._folder.parent)
        made = []
        while before.count < through:
            path, before = self._move(before, min(through, before.count + self._rows))
            made.append(path)
        return made

    def _move(self, before: Head, through: int) -> tuple[Path, Head]:
        self._remove_left(before)
        path = self._folder / name_of(before.count + 1, through)
        last, digest = write_archive(path, self._stored(before, through), before, self._notary.key)
        if check_archive(path, before, self._proof.keys) != last or last.count != through:
            raise AuditBroken(before.count + 1, f"the archive {path.name} does not hold its rows")
        with self._notary.turn:
            outermost = self._notary.outermost()
            with self._db.begin() as session:
                session.add(
                    AuditArchive(
                        through=last.count,
                        hash=last.hash,
                        file=path.name,
                        sha256=digest,
                        at=datetime.now(UTC),
                    )
                )
                session.flush()
                text = f"rows {before.count + 1} to {last.count} moved to archive {path.name}"
                record(session, AuditEvent(AUDIT_LOG_USED, "D", "node", text, subject=SUBJECT))
                if delete_rows(session, last.count) != last.count - before.count:
                    raise AuditBroken(before.count + 1, "inserted or missing: rows were changed")
                self._notary.add(session, outermost, cut=last)
            self._notary.tell(outermost)
        return path, last

    def _remove_left(self, before: Head) -> None:
        """Remove what a crash left: files of rows that are in the database.

        A file of another trail may be the only copy of it: AuditBroken.
        """
        for left in archives_in(self._folder):
            if rows_named(left)[0] <= before.count:
                continue
            first = first_row(left)
            with self._db.read() as session:
                is_here = hash_of_row(session, first.count) == first.hash
            if not is_here:
                reason = f"not archived: {left.name} in the folder of archives is of another trail"
                raise AuditBroken(before.count + 1, reason)
            left.unlink()

    def _stored(self, before: Head, through: int) -> Iterator[dict[str, Any]]:
        with (
            self._db.read() as session,
            closing(stream_rows(session, (*SEALED, "hash"), through)) as rows,
        ):
            for row in rows:
                if row["seq"] > before.count:
                    yield {**row, "at": spelled(row["at"])}
