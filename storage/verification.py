"""Whether the audit trail is as it was written, and if not, which row is the first that is wrong.

Three things are compared in one pass through constant memory, beside running writers: the rows with
their seals and links, the head file, and the signed checkpoints with those outside the database.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

from storage.archive import read_archive, row_before, rows_named
from storage.db.queries.audit import stream_rows
from storage.errors import AuditBroken, HeadUnusable
from storage.head import EMPTY, Head, read_head
from storage.seal import SEALED, seal_spelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from storage.db.engine import Database
    from storage.proof import Point, Proof
    from storage.signing import KeyRing

HEAD_FOLLOWS_S = 0.5
"""How long after the trail's first row its head file may be written."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found whole.

    Attributes
    ----------
    rows : int
        How many rows were read.
    last : int
        The number of the last one; more than `rows` where earlier ones are in archives not read.
    signed : int
        The last row that a signed checkpoint vouches for.
    anchored : int
        The last row that one outside the database vouches for. Who has the database's credentials
        and not the key can rewrite only what comes after it.
    checkpoints : int
    """

    rows: int
    last: int
    signed: int = 0
    anchored: int = 0
    checkpoints: int = 0


def examine(
    db: Database,
    head_file: Path | None,
    proof: Proof | None = None,
    archives: Sequence[Path] = (),
) -> Examined:
    """What was verified: each seal, each link, each number, the head file, the checkpoints.

    Parameters
    ----------
    head_file : Path or None
        The head file; None for a copy of the database that came without.
    proof : Proof, optional
        Trusted keys and anchor file; without, seals and head file alone are checked.
    archives : sequence of Path
        Archive files to verify with it as one trail, in order.

    Raises
    ------
    AuditBroken
        The first row that is wrong or missing, and what is wrong. Where rows were sealed anew and
        all fits but a checkpoint, the first row that is no longer proven.
    """
    head, problem = _known_head(head_file)  # read first: a row is there before the file names it
    with ExitStack() as opened:
        outside, gone = _outside(proof, opened)
        outermost = proof.outermost() if proof else None
        session = opened.enter_context(db.read())
        rows = opened.enter_context(closing(stream_rows(session, (*SEALED, "hash"))))
        begin = proof.cut(session, outermost) if proof else EMPTY
        every: Iterator[Mapping[str, Any]] = rows
        # A file that reaches further was left by a crash: its rows are still in the database.
        moved = [path for path in archives if rows_named(path)[1] <= begin.count]
        if proof and moved:
            begin, every = row_before(moved[0]), chain(_archived(moved, proof.keys), rows)
        witness = _Witness(proof.points(session, outside) if proof else iter(()), begin)
        last = _walk(every, begin, head, witness)
    if last.count < head.count:
        raise AuditBroken(last.count + 1, f"missing: the head file counts {head.count} rows")
    if last.count and problem:
        time.sleep(HEAD_FOLLOWS_S)
        if not _known_head(head_file)[1]:  # only the very first row can be ahead of its file
            return examine(db, head_file, proof, archives)
        raise AuditBroken(last.count, f"{problem}, so rows missing after this one would go unseen")
    if gone and witness.checkpoints:
        raise AuditBroken(begin.count + 1, f"{gone}, so rows rewritten from this one on go unseen")
    return Examined(
        last.count - begin.count, last.count, witness.signed, witness.anchored, witness.checkpoints
    )


def check_archive(path: Path, before: Head, keys: KeyRing) -> Head:
    """The last row of an archive file that begins after the row `before`.

    Raises
    ------
    AuditBroken
        The first row that is wrong or missing, or what is wrong with the file.
    """
    last = before
    for row in read_archive(path, keys):
        last = _check(row, last, before)
    return last


def _archived(archives: Sequence[Path], keys: KeyRing) -> Iterator[Mapping[str, Any]]:
    for path in archives:
        yield from read_archive(path, keys)


def _known_head(head_file: Path | None) -> tuple[Head, str]:
    if head_file is None:
        return EMPTY, ""
    try:
        head = read_head(head_file)
    except HeadUnusable as error:
        return EMPTY, str(error)
    return (head, "") if head else (EMPTY, f"the head file {head_file.name} is missing")


def _outside(proof: Proof | None, opened: ExitStack) -> tuple[Iterator[str], str]:
    if proof is None:
        return iter(()), ""
    try:
        return opened.enter_context(proof.outside()), ""
    except OSError as error:
        name = proof.anchor.name if proof.anchor else ""
        return iter(()), f"the anchor file {name} cannot be read ({error.strerror})"


def _walk(rows: Iterable[Mapping[str, Any]], cut: Head, head: Head, witness: _Witness) -> Head:
    """The head of the rows, each the whole and unchanged successor of the one before."""
    last = cut
    witness.see(last)
    due = witness.due
    for row in rows:
        last = _check(row, last, cut)
        if last.count == head.count and last.hash != head.hash:
            witness.see_replaced(last)
            raise AuditBroken(last.count, "replaced: the head file holds another hash for it")
        if last.count == due:
            witness.see(last)
            due = witness.due
    witness.end(last)
    return last


class _Witness:
    """What the checkpoints say, asked as the rows go by."""

    def __init__(self, points: Iterator[Point], cut: Head) -> None:
        self._points = points
        self._cut = cut
        self._point = next(points, None)
        self.signed = self.anchored = self.checkpoints = 0

    @property
    def due(self) -> int:
        """The row at which to ask next; 0 for none."""
        return self._point.count if self._point else 0

    def see(self, last: Head) -> None:
        """Compare `last` with every checkpoint over it, and step over those of archived rows.

        AuditBroken where one holds another hash, or is itself not right.
        """
        while (point := self._point) and point.count <= last.count:
            if point.hash and point.count == last.count and point.hash != last.hash:
                raise self._replaced(point)
            if point.fault:
                raise AuditBroken(point.first, f"checkpoint {point.number} is {point.fault}")
            self.checkpoints = point.number
            self.signed = point.count
            if point.anchored:
                self.anchored = point.count
            self._point = next(self._points, None)

    def see_replaced(self, last: Head) -> None:
        """Where the head file contradicts `last`, let a checkpoint over it speak first."""
        if self.due == last.count:
            self.see(last)

    def end(self, last: Head) -> None:
        """AuditBroken where a checkpoint counts more rows than there are, or is not right."""
        if (point := self._point) is None:
            return
        if point.hash:
            reason = f"missing: signed checkpoint {point.number} counts {point.count} rows"
            raise AuditBroken(last.count + 1, reason)
        raise AuditBroken(point.first, f"checkpoint {point.number} is {point.fault}")

    def _replaced(self, point: Point) -> AuditBroken:
        first = max(point.first, self._cut.count + 1)
        whose = f"signed checkpoint {point.number} holds another hash for row {point.count}"
        if first >= point.count:
            return AuditBroken(point.count, f"replaced: {whose}")
        return AuditBroken(
            first, f"replaced: this row or a later one up to {point.count} was sealed anew: {whose}"
        )


def _check(row: Mapping[str, Any], last: Head, cut: Head) -> Head:
    """The head after `row`, which must be the whole and unchanged successor of `last`."""
    seq = last.count + 1
    if row["seq"] != seq:
        if isinstance(row["seq"], int) and row["seq"] > seq:
            raise AuditBroken(seq, "missing")
        raise AuditBroken(seq, "inserted: a row with a number outside the sequence stands here")
    try:
        whole = seal_spelled(row, spelled(row["at"])) == row["hash"]
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole:
        raise AuditBroken(seq, "edited: its content does not match its seal")
    if row["previous_hash"] != last.hash:
        if seq == 1:
            raise AuditBroken(1, "replaced: it is not the first row of a trail")
        if last is cut:
            raise AuditBroken(
                seq, "replaced: it was sealed after another row than the archive's last"
            )
        # Its own seal vouches for the hash that it remembers, so the row before it has changed.
        raise AuditBroken(seq - 1, f"replaced: row {seq} was sealed after another row")
    return Head(seq, row["hash"])


def spelled(value: object) -> str:
    """The time in a column as a seal spells it; ValueError where the column spells it otherwise."""
    if isinstance(value, str):  # SQLite
        at = datetime.fromisoformat(value)
        if at.isoformat(" ", "microseconds") != value or at.tzinfo:
            raise ValueError("not a stored time")
        return f"{value[:10]}T{value[11:]}+00:00"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    raise TypeError("not a time")
