"""Counting and pacing of callers (NET-06)."""

import threading

import pytest

from dicom_node.config import Settings
from dicom_node.net.limits import BURST_S, MB, Full, Limits, Pace, Places, limits_of

SETTINGS = Settings.model_validate(
    {
        "receive": {"max_object_mb": 10, "max_associations_per_peer": 5, "max_mb_per_s": 3},
        "peers": {
            "plain": {"ae_title": "A"},
            "own": {
                "ae_title": "B",
                "max_associations": 2,
                "max_object_mb": 1,
                "max_mb_per_s": 0,
                "idle_timeout_s": 7,
            },
        },
    }
)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("peer", ["plain", "", "nobody"])
def test_who_has_no_limits_of_its_own_gets_those_of_all(peer):
    assert limits_of(SETTINGS, peer) == Limits(5, 10 * MB, 3.0, 60.0)


def test_a_peer_s_own_limits_come_first_even_when_they_are_none():
    assert limits_of(SETTINGS, "own") == Limits(2, MB, 0.0, 7.0)


def test_places_are_taken_up_to_the_number_of_all_and_of_each():
    places = Places(3)

    assert [places.take("a", 2) for _ in range(3)] == [None, None, Full.FOR_OWNER]
    assert [places.take(name, 2) for name in ("b", "c")] == [None, Full.FOR_ALL]
    places.give_back("a")
    assert places.take("c", 2) is None
    assert places.taken == 3


def test_a_refused_caller_takes_no_place():
    places = Places(1)
    places.take("a", 1)
    for _ in range(5):
        assert places.take("a", 1)
        assert places.take("b", 1)
    places.give_back("a")
    assert places.taken == 0


def test_places_are_counted_right_in_many_threads():
    places, most = Places(50), []

    def come_and_go():
        for _ in range(200):
            if places.take("all", 50) is None:
                most.append(places.taken)
                places.give_back("all")

    threads = [threading.Thread(target=come_and_go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert places.taken == 0
    assert max(most) <= 8


def test_a_pace_keeps_the_rate():
    clock = Clock()
    pace = Pace(2.0, clock)
    for _ in range(100):
        clock.now += pace.wait_for(MB // 4)
    took_s = clock.now - 1000.0

    assert 25 / 2 - BURST_S <= took_s <= 25 / 2


def test_two_associations_share_one_pace():
    clock = Clock()
    pace = Pace(1.0, clock)
    waits = [pace.wait_for(MB // 2) for _ in range(4)]

    assert waits == [0.5, 1.0, 1.5, 2.0]


def test_silence_saves_up_no_more_than_a_burst():
    clock = Clock()
    pace = Pace(1.0, clock)
    clock.now += 3600

    assert pace.wait_for(int(BURST_S * MB)) == 0
    assert pace.wait_for(MB) == pytest.approx(1.0)


def test_a_slow_sender_is_never_made_to_wait():
    clock = Clock()
    pace = Pace(1.0, clock)
    for _ in range(50):
        clock.now += 0.2
        assert pace.wait_for(MB // 10) == 0
