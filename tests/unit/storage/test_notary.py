"""Every checkpoint reaches every anchor once and in order, whatever fails meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.anchor import AnchorFile
from storage.checkpoint import line_of
from storage.notary import Notary
from tests.trail import Notarised, add_events


class Listener:
    """An anchor such as syslog; it fails while told to."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.is_away = False

    def add(self, line: str) -> None:
        if self.is_away:
            raise ConnectionRefusedError(111, "Connection refused")
        self.heard.append(line)


@pytest.fixture
def trail(db, tmp_path) -> Notarised:
    return Notarised(db, tmp_path)


def notary_with(trail: Notarised, *others: Listener) -> Notary:
    trail.notary = Notary(trail.db, trail.key, trail.ring, AnchorFile(trail.anchor), others)
    return trail.notary


def test_others_are_told_what_the_file_holds(trail):
    listener = Listener()
    notary_with(trail, listener)

    trail.grow(2, 3, 0, 1)

    assert 3 == len(listener.heard)
    assert trail.lines() == listener.heard


def test_one_that_fails_is_told_later_in_order_and_keeps_no_other_from_it(trail):
    away, there = Listener(), Listener()
    notary = notary_with(trail, away, there)
    away.is_away = True
    for _minute in range(2):
        add_events(trail.db, 1)
        with pytest.raises(OSError, match="refused"):
            notary.sign()
    with pytest.raises(OSError, match="refused"):  # also while nothing is added
        notary.sign()
    assert (trail.lines(), []) == (there.heard, away.heard)

    away.is_away = False
    assert notary.sign() is None

    assert 2 == len(away.heard)
    assert there.heard == away.heard == trail.lines()


def test_a_file_that_fails_keeps_no_other_from_being_told(trail):
    listener = Listener()
    notary = notary_with(trail, listener)
    trail.grow(1, 1)
    kept = trail.anchor.rename(trail.anchor.with_suffix(".kept"))
    trail.anchor.mkdir()
    add_events(trail.db, 1)
    with pytest.raises(OSError, match="Is a directory"):
        notary.sign()
    trail.anchor.rmdir()
    kept.rename(trail.anchor)

    assert notary.sign() is None
    assert 3 == len(listener.heard) == len(trail.lines())
    assert 3 == trail.examine().anchored


def test_what_is_told_is_what_was_made(trail):
    add_events(trail.db, 4)
    made = trail.notary.sign()

    assert [line_of(made)] == trail.lines()


def test_threads_that_sign_at_once_leave_one_chain(trail):
    def work(_number: int) -> None:
        add_events(trail.db, 3)
        trail.notary.sign()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(12)))
    trail.notary.sign()

    found = trail.examine()
    assert (36, 36) == (found.rows, found.anchored)
    assert found.checkpoints == len(trail.lines())
