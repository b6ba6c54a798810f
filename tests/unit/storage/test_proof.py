"""Checkpoints of the database beside those outside: one chain, or the first that is not right."""

from __future__ import annotations

import tracemalloc

import pytest

from storage.checkpoint import digest_of, line_of, signed
from storage.head import GENESIS, Head
from storage.proof import compare
from storage.signing import KeyRing, read_or_make_key


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return read_or_make_key(tmp_path_factory.mktemp("key") / "audit.key")


@pytest.fixture(scope="module")
def ring(key) -> KeyRing:
    return KeyRing.of([key.private.public_key()])


def a_chain(key, counts, previous=GENESIS, first=1, mark="a") -> list[str]:
    lines = []
    for number, count in enumerate(counts, first):
        head = Head(count, mark * 64)
        lines.append(line_of(signed(key, number=number, head=head, previous=previous)))
        previous = digest_of(lines[-1])
    return lines


def numbered(lines: list[str], first: int = 1) -> list[tuple[object, str]]:
    return list(enumerate(lines, first))


def test_one_chain_in_both_places_is_a_point_for_each(key, ring):
    lines = a_chain(key, [10, 20, 20, 35])

    points = list(compare(numbered(lines), lines[:3], ring))

    assert [(1, 10), (11, 20), (21, 20), (21, 35)] == [(one.first, one.count) for one in points]
    assert [True, True, True, False] == [one.anchored for one in points]
    assert not any(one.fault for one in points)


def test_a_signed_one_that_follows_on_another_is_no_part_of_the_chain(key, ring):
    """As a node signs that ran on an older copy without its anchor file."""
    lines = a_chain(key, [10, 20, 30])
    (fork,) = a_chain(key, [20], previous=digest_of(lines[2]), first=2, mark="b")
    mixed = [lines[0], fork, lines[2]]

    *_right, last = compare(numbered(mixed), mixed, ring)

    assert (2, 11, "") == (last.number, last.first, last.hash)
    assert last.fault.startswith("replaced: it was signed after another one")


def test_two_signed_ones_of_one_number_are_seen(key, ring):
    lines = a_chain(key, [10, 20, 30])
    fork = a_chain(key, [20], previous=digest_of(lines[0]), first=2, mark="b")

    *_right, last = compare(numbered([lines[0], *fork]), lines, ring)

    assert (2, "a" * 64) == (last.number, last.hash)  # the one outside counts
    assert "replaced: the database holds another than the anchor file" == last.fault


def test_a_signed_one_that_counts_fewer_rows_tells_of_an_older_copy(key, ring):
    lines = a_chain(key, [10, 20, 15, 40])

    *_right, last = compare(numbered(lines), lines, ring)

    assert (3, 21, 20, "") == (last.number, last.first, last.count, last.hash)
    assert "older than the one before it: it counts 15 rows, that one 20" == last.fault


def test_the_anchor_file_may_begin_later(key, ring):
    lines = a_chain(key, [10, 20, 30])

    points = list(compare(numbered(lines), lines[1:], ring))

    assert [False, True, True] == [one.anchored for one in points]
    assert not any(one.fault for one in points)


@pytest.mark.parametrize("places", ["database", "file", "both"])
def test_a_number_that_neither_has_is_missed(key, ring, places):
    lines = a_chain(key, [10, 20, 30])
    gap = [lines[0], lines[2]]
    stored = [(1, lines[0]), (3, lines[2])] if places != "file" else []
    outside = gap if places != "database" else []

    faults = [one.fault for one in compare(stored, outside, ring) if one.fault]

    expected = "neither" if places != "file" else "the database lacks it"
    assert 1 == len(faults)
    assert expected in faults[0]


def test_no_checkpoints_are_no_points(ring):
    assert [] == list(compare([], [], ring))


def test_it_takes_memory_for_a_part_of_them_only(key, ring):
    lines = a_chain(key, range(10, 20_010, 10))

    tracemalloc.start()
    try:
        assert 2000 == sum(not one.fault for one in compare(enumerate(lines, 1), iter(lines), ring))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 400_000, "the lines alone are twice that"
