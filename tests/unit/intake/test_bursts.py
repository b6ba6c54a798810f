"""Folding of callers that are turned away: nothing fills the trail, nothing is left uncounted."""

from dicom_node.intake.bursts import FOLD_S, MANY, MOST_AT_ONCE, Bursts
from dicom_node.net.incoming import Rejection


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def a_rejection(host="10.0.0.1", reason="no peer has its AE title", calling="XX"):
    return Rejection(calling, "DICOM_NODE", host, reason)


def test_the_first_of_each_address_and_reason_is_told_at_once():
    bursts = Bursts(Clock())
    kinds = [a_rejection(), a_rejection(host="10.0.0.2"), a_rejection(reason="another")]

    assert [bursts.add(one) for one in kinds] == kinds
    assert [bursts.add(one) for one in kinds] == [None] * 3


def test_the_others_of_a_minute_are_told_together_with_their_number():
    clock = Clock()
    bursts = Bursts(clock)
    bursts.add(a_rejection())
    for number in range(500):
        assert bursts.add(a_rejection(calling=f"X{number}")) is None
    clock.now = FOLD_S - 1
    assert bursts.over() == []
    clock.now = FOLD_S
    (told,) = bursts.over()

    assert (told.count, told.calling_aet, told.host) == (500, "X499", "10.0.0.1")


def test_a_burst_that_goes_on_is_told_once_a_minute():
    clock = Clock()
    bursts = Bursts(clock)
    told = []
    for second in range(600):
        clock.now = float(second)
        told += [one for one in [bursts.add(a_rejection())] if one] + bursts.over()
    told += bursts.rest()

    assert sum(one.count for one in told) == 600
    assert len(told) <= 11


def test_a_single_one_is_told_once_and_forgotten():
    clock = Clock()
    bursts = Bursts(clock)
    bursts.add(a_rejection())
    clock.now = FOLD_S

    assert bursts.over() == []
    assert bursts.add(a_rejection())


def test_at_the_end_nothing_is_left_uncounted():
    bursts = Bursts(Clock())
    for _ in range(3):
        bursts.add(a_rejection())

    assert [one.count for one in bursts.rest()] == [2]
    assert bursts.rest() == []


def test_a_caller_with_a_network_of_addresses_fills_nothing():
    clock = Clock()
    bursts = Bursts(clock)
    told = [bursts.add(a_rejection(host=f"fd00::{number:x}")) for number in range(3000)]
    told = [one for one in told if one]

    assert len(told) == MOST_AT_ONCE + 1
    assert told[-1].host == MANY
    assert sum(one.count for one in told + bursts.rest()) == 3000
