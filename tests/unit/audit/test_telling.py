"""What counts as taken, on a wire that the test holds the other end of."""

from __future__ import annotations

import pytest

from dicom_node.audit.telling import STANDS_S, Telling


class HeldWire:
    """Notes what is written; stands, holds back or is lost as the test says."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.has_all, self.ends_well, self.is_lost = True, True, False

    def write(self, lines) -> None:
        self.lines += lines

    def look(self) -> bool:
        if self.is_lost:
            raise ConnectionResetError("lost")
        return self.has_all

    def finish(self, within_s) -> bool:
        return self.ends_well

    def close(self) -> None:
        pass


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wire():
    return HeldWire()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def telling(wire, clock):
    return Telling(wire, 10, clock)


def test_one_row_goes_ahead_and_the_others_follow_when_it_counts(telling, clock):
    assert 1 == telling.room(200)
    telling.write([b"11"], 11)
    assert 0 == telling.room(200)
    clock.now += STANDS_S
    assert 11 == telling.taken()

    assert 200 == telling.room(200)


def test_rows_count_as_taken_when_the_way_stood_long_enough_after_them(telling, clock):
    telling.write([b"11"], 11)
    clock.now += STANDS_S / 2
    telling.write([b"12"], 12)
    assert 10 == telling.taken()
    clock.now += STANDS_S / 2

    assert 11 == telling.taken()
    assert 12 == telling.sent


def test_what_the_other_network_has_not_acknowledged_does_not_count(telling, wire, clock):
    telling.write([b"11"], 11)
    clock.now += 100
    wire.has_all = False
    assert 10 == telling.taken()

    wire.has_all = True
    assert 11 == telling.taken()


def test_a_lost_way_takes_nothing_more(telling, wire, clock):
    telling.write([b"11"], 11)
    clock.now += 100
    wire.is_lost = True

    with pytest.raises(ConnectionResetError):
        telling.taken()


@pytest.mark.parametrize(("ends_well", "taken"), [(True, 11), (False, 10)])
def test_at_the_end_all_counts_where_the_other_side_hung_up_in_order(
    telling, wire, ends_well, taken
):
    telling.write([b"11"], 11)
    wire.ends_well = ends_well

    assert taken == telling.finish(1.0)
