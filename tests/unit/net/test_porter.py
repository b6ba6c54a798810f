"""Letting callers in and seeing them out (NET-06)."""

import pytest

from dicom_node.config import Settings
from dicom_node.net.admission import Caller, Refusal
from dicom_node.net.porter import Guest, Porter


def a_porter(**receive):
    peers = {
        "ct": {"ae_title": "CT1", "max_associations": 1, "max_mb_per_s": 5},
        "mr": {"ae_title": "MR1"},
    }
    return Porter(Settings.model_validate({"receive": receive, "peers": peers}))


def caller(calling, host="127.0.0.1"):
    return Caller(calling, "DICOM_NODE", host)


def test_a_guest_has_a_place_until_it_is_seen_out():
    porter = a_porter()
    guest = porter.admit(caller("CT1"))
    second = porter.admit(caller("CT1"))

    assert isinstance(guest, Guest)
    assert isinstance(second, Refusal)
    assert (second.result, second.source, second.diagnostic) == (2, 3, 2)
    assert "one peer" in second.reason
    porter.see_out(guest)
    assert isinstance(porter.admit(caller("CT1")), Guest)


def test_all_guests_together_have_so_many_places():
    porter = a_porter(max_associations=2)
    answers = [porter.admit(caller("MR1")) for _ in range(3)]

    assert [type(one) for one in answers] == [Guest, Guest, Refusal]
    assert "[receive] max_associations" in answers[2].reason


def test_whoever_may_not_come_in_takes_no_place():
    porter = a_porter(max_associations=1)

    assert porter.admit(caller("XX")).diagnostic == 3
    assert isinstance(porter.admit(caller("MR1")), Guest)


def test_associations_of_a_peer_share_its_pace_and_others_have_none():
    porter = a_porter()
    first = porter.admit(caller("CT1"))
    porter.see_out(first)
    again = porter.admit(caller("CT1"))

    assert first.pace is again.pace is not None
    assert porter.admit(caller("MR1")).pace is None


@pytest.mark.parametrize(("other_host", "kind"), [("127.0.0.1", Refusal), ("127.0.0.2", Guest)])
def test_callers_without_a_name_are_counted_by_address(other_host, kind):
    receive = {"max_associations_per_peer": 1}
    porter = Porter(Settings.model_validate({"receive": receive}))

    assert isinstance(porter.admit(caller("ONE")), Guest)
    assert isinstance(porter.admit(caller("TWO", other_host)), kind)
