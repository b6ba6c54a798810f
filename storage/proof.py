"""What signed checkpoints prove about the trail: those in the database beside those outside of it.

Both are read side by side in constant memory. They must be one chain: each number once, each signed
by a trusted key, each naming the digest of the one before, none counting fewer rows than it. What
is in the anchor file must be in the database; the newest may not have reached the file yet.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.anchor import AnchorFile
from storage.checkpoint import Checkpoint, digest_of, is_signed, parse
from storage.db.queries.checkpoints import newest_lines, stream_lines
from storage.head import EMPTY, GENESIS, Head

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy.orm import Session

    from storage.signing import KeyRing


@dataclass(frozen=True, slots=True)
class Point:
    """What one checkpoint says about the trail.

    Attributes
    ----------
    number : int
    first, count : int
        The rows that it vouches for and none before it did: from, to.
    hash : str
        Of row `count`; empty where the checkpoint proves nothing.
    anchored : bool
        Whether it was found outside the database.
    fault : str
        What is wrong with the checkpoint itself; it is then the last point.
    """

    number: int
    first: int
    count: int
    hash: str
    anchored: bool
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a trail is checked against: trusted keys, and an anchor file where there is one."""

    keys: KeyRing
    anchor: Path | None = None

    def outside(self) -> AbstractContextManager[Iterator[str]]:
        """The anchor file's lines as of now; ask before the database is asked.

        OSError where the file cannot be read.
        """
        return AnchorFile(self.anchor).lines() if self.anchor else nullcontext(iter(()))

    def outermost(self) -> Checkpoint | None:
        """The anchor file's newest signed checkpoint; ask before the database is asked."""
        with suppress(OSError):  # `outside` says so
            if self.anchor and (last := AnchorFile(self.anchor).last(self.keys)):
                return last[0]
        return None

    def cut(self, session: Session, outermost: Checkpoint | None = None) -> Head:
        """Where the trail in the database begins: the cut of the newest signed checkpoint."""
        found = [read for line in newest_lines(session) if (read := self._signed(line))][:1]
        found += [outermost] if outermost else []
        return max(found, key=lambda one: one.number).cut if found else EMPTY

    def points(self, session: Session, outside: Iterator[str]) -> Iterator[Point]:
        """What the checkpoints say, in order, up to the first one that something is wrong with."""
        return compare(stream_lines(session), outside, self.keys)

    def _signed(self, line: str) -> Checkpoint | None:
        checkpoint = parse(line)
        return checkpoint if checkpoint and is_signed(checkpoint, self.keys) else None


class _Place:
    """The lines of one place, looked at one at a time."""

    def __init__(self, lines: Iterable[tuple[object, str]]) -> None:
        self._lines = iter(lines)
        self.has_begun = False
        self.step()

    def step(self) -> None:
        """Go on to the next line."""
        number, self.line = next(self._lines, (None, ""))
        self.checkpoint = parse(self.line)
        self.is_over = not self.line and number is None
        if self.checkpoint and number is not None and self.checkpoint.number != number:
            self.checkpoint = None  # the column says another number than what was signed

    def at(self, number: int) -> Checkpoint | None:
        """The checkpoint that is looked at, if it is of this number."""
        one = self.checkpoint
        return one if one and one.number == number else None


def compare(
    stored: Iterable[tuple[object, str]], outside: Iterable[str], keys: KeyRing
) -> Iterator[Point]:
    """A point for each checkpoint in order, up to the first one that something is wrong with.

    Parameters
    ----------
    stored : iterable of (number, line)
        Those of the database, by number.
    outside : iterable of str
        The lines of the anchor file, which may begin later than the database's.
    keys : KeyRing
        The keys whose signature counts.
    """
    here, there = _Place(stored), _Place((None, line) for line in outside)
    last, digest, number = EMPTY, GENESIS, 1
    while not (here.is_over and there.is_over):
        mine, theirs = here.at(number), there.at(number)
        line = there.line if theirs else here.line
        one = theirs or mine
        if one is None:
            yield Point(number, last.count + 1, last.count, "", False, _stray(here, there, number))
            return
        wrong = _fault_of(one, last, digest, keys)
        if wrong and theirs and mine and not _fault_of(mine, last, digest, keys):
            # Of two that contradict each other, the one that is right in itself counts.
            one, wrong, fault = mine, "", f"{wrong}, in the anchor file"
        else:
            fault = wrong or _difference(here, there, number)
        yield Point(
            number,
            last.count + 1,
            last.count if wrong else one.count,
            "" if wrong else one.hash,
            bool(theirs),
            fault,
        )
        if fault:
            return
        last, digest = Head(one.count, one.hash), digest_of(line)
        for place, was in ((here, mine), (there, theirs)):
            if was:
                place.has_begun = True
                place.step()
        number += 1


def _fault_of(one: Checkpoint, last: Head, digest: str, keys: KeyRing) -> str:
    if one.key not in keys.keys:
        return f"forged: its key {one.key[:16]} is not trusted"
    if not is_signed(one, keys):
        return "forged: its signature is not its key's"
    if one.previous != digest:
        return "replaced: it was signed after another one than the one before it here"
    if one.count < last.count:
        return f"older than the one before it: it counts {one.count} rows, that one {last.count}"
    return ""


def _difference(here: _Place, there: _Place, number: int) -> str:
    """What is wrong between the places where the checkpoint looked at is right in itself."""
    mine, theirs = here.at(number), there.at(number)
    if theirs and not mine:
        if here.is_over or (here.checkpoint and here.checkpoint.number > number):
            return "removed: the anchor file has it, the database lacks it"
        return "replaced: the database holds another than the anchor file"
    if theirs and here.line != there.line:
        return "replaced: the database holds another than the anchor file"
    if not theirs and not there.is_over and there.has_begun:
        if there.checkpoint is None:
            return "forged: the anchor file holds a line that is none"
        return "removed: the database has it, the anchor file lacks it"
    return ""


def _stray(here: _Place, there: _Place, number: int) -> str:
    """What is wrong where neither place has the checkpoint that comes next."""
    for place, name in ((there, "anchor file"), (here, "database")):
        if place.is_over:
            continue
        if place.checkpoint is None:
            return f"forged: the {name} holds a line that is none"
        if place.checkpoint.number < number:
            return f"forged: the {name} holds checkpoint {place.checkpoint.number} once more"
    return "removed: neither database nor anchor file has it, though later ones"
