"""Signs how far the audit trail is whenever it has grown, and tells it outside the database.

A checkpoint is signed whatever the state of the trail: it says no more than "at this time row n had
this hash", and after a fault what comes later needs proof as much as what came before.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from storage.checkpoint import digest_of, is_signed, line_of, parse, signed
from storage.db.queries.audit import last_row
from storage.db.queries.checkpoints import add_line, highest_number, lines_after, newest_lines
from storage.head import EMPTY, GENESIS, Head
from storage.signing import KeyRing

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from storage.anchor import AnchorFile
    from storage.checkpoint import Checkpoint
    from storage.db.engine import Database
    from storage.signing import SigningKey


class Notary:
    """Makes the checkpoints of one trail, for one process; threads take turns by `turn`.

    Parameters
    ----------
    db : Database
        The trail's.
    key : SigningKey
        Signs. A last checkpoint by another key is gone on from where `trusted` has that key.
    trusted : KeyRing
        The keys of earlier checkpoints, this one's included.
    file : AnchorFile
        What it lacks of the database's checkpoints it gets at the next time.
    """

    def __init__(self, db: Database, key: SigningKey, trusted: KeyRing, file: AnchorFile) -> None:
        self._db = db
        self.key = key
        self.turn = threading.RLock()
        self._trusted = KeyRing({**trusted.keys, key.id: key.private.public_key()})
        self._file = file
        self._outermost: tuple[Checkpoint, str] | None = None

    def sign(self) -> Checkpoint | None:
        """The new checkpoint, in the database and outside; None where no row was added.

        Raises
        ------
        OSError
            It stands in the database, and the anchor file did not take it.
        """
        with self.turn:
            outermost = self.outermost()
            with self._db.read() as session:
                last = self._newest(session, outermost)
                known = Head(last.count, last.hash) if last else EMPTY
                grown = Head(*last_row(session)) != known
            made = None
            if grown:
                with self._db.begin() as session:
                    made = self.add(session, outermost)
            self.tell(outermost)
            return made

    def add(
        self,
        session: Session,
        outermost: tuple[Checkpoint, str] | None,
        cut: Head | None = None,
    ) -> Checkpoint:
        """A checkpoint over the trail as the transaction sees it, added to the database.

        `cut` is the last row that the same transaction moves into an archive.
        """
        last = self._newest(session, outermost)
        # After the outermost one, and in no place that is taken, so that who removes or forges
        # checkpoints in the database leaves a gap and stops no signing.
        number = max(last.number if last else 0, highest_number(session)) + 1
        made = signed(
            self.key,
            number=number,
            head=Head(*last_row(session)),
            cut=cut or (last.cut if last else EMPTY),
            previous=digest_of(line_of(last)) if last else GENESIS,
        )
        add_line(session, number, line_of(made))
        return made

    def outermost(self) -> tuple[Checkpoint, str] | None:
        """The last checkpoint in the anchor file; as last seen, while that cannot be read."""
        with suppress(OSError):  # the trail is signed all the same; `tell` says what is wrong
            self._outermost = self._file.last(self._trusted)
        return self._outermost

    def tell(self, outermost: tuple[Checkpoint, str] | None) -> None:
        """Bring the anchor file up to the database; OSError where it takes nothing."""
        with self._db.read() as session:
            for line in lines_after(session, outermost[0].number if outermost else 0):
                checkpoint = parse(line)
                if checkpoint and is_signed(checkpoint, self._trusted):
                    self._file.add(line)

    def _newest(
        self, session: Session, outermost: tuple[Checkpoint, str] | None
    ) -> Checkpoint | None:
        """The last signed checkpoint, in the database or outside."""
        found = [outermost[0]] if outermost else []
        for line in newest_lines(session):
            checkpoint = parse(line)
            if checkpoint and is_signed(checkpoint, self._trusted):
                found.append(checkpoint)
                break
        return max(found, key=lambda one: one.number, default=None)
