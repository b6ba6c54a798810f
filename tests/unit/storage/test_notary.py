"""Every checkpoint reaches the anchor file once and in order, whatever fails meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.checkpoint import line_of
from tests.trail import Notarised, add_events


@pytest.fixture
def trail(db, tmp_path) -> Notarised:
    return Notarised(db, tmp_path)


def test_a_file_that_fails_is_caught_up_with_in_order(trail):
    trail.grow(1, 1)
    kept = trail.anchor.rename(trail.anchor.with_suffix(".kept"))
    trail.anchor.mkdir()
    for _minute in range(2):
        add_events(trail.db, 1)
        with pytest.raises(OSError, match="Is a directory"):
            trail.notary.sign()
    with pytest.raises(OSError, match="Is a directory"):  # also while nothing is added
        trail.notary.sign()
    trail.anchor.rmdir()
    kept.rename(trail.anchor)

    assert trail.notary.sign() is None
    assert 4 == len(trail.lines())
    assert 4 == trail.examine().anchored


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
