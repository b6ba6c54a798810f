"""A job makes what all of its destinations want, and always what it made before."""

from __future__ import annotations

from dicom_node.config import Settings
from dicom_node.jobs.wishes import wishes_of

PEERS = {
    "plain": {},
    "maps": {"profile": "maps"},
    "parts": {"profile": "parts"},
    "small": {"profile": "small"},
    "pictures": {"profile": "pictures"},
}
PROFILES = {
    "maps": {"kinds": ["labelmap", "pm"], "max_frames": 10},
    "parts": {"kinds": ["seg"], "split_segments": True, "max_frames": 500},
    "small": {"kinds": ["seg"], "max_frames": 200},
    "pictures": {"kinds": ["enhanced"], "sc_fallback": True},
}


def wishes(*destinations: str):
    peers = {name: {"ae_title": name.upper(), **more} for name, more in PEERS.items()}
    found = wishes_of(destinations, Settings.model_validate({"peers": peers, "profiles": PROFILES}))
    return found.objects, found.max_frames


def test_without_a_wish_it_is_what_was_always_made():
    for destinations in ((), ("plain",), ("of another configuration",)):
        assert (["enhanced", "seg", "sr"], 0) == wishes(*destinations)


def test_the_wishes_of_several_are_one():
    assert (["enhanced", "seg", "labelmap", "sr", "pm"], 0) == wishes("plain", "maps")
    assert ["enhanced", "seg", "segment", "sr"] == wishes("parts")[0]
    assert ["enhanced", "seg", "sr", "sc"] == wishes("pictures")[0]


def test_the_smallest_cap_of_those_that_take_binary_counts():
    assert 200 == wishes("parts", "small", "plain", "maps")[1]
    assert 500 == wishes("parts")[1]
