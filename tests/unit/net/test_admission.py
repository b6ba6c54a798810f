"""Who may open an association (NET-06)."""

from dataclasses import replace

import pytest

from dicom_node.config import Settings
from dicom_node.net.admission import (
    CALLED_NOT_RECOGNISED,
    CALLING_NOT_RECOGNISED,
    Caller,
    recognise,
    refuse,
)
from dicom_node.net.certificate import Certificate

DIGEST = "sha256:" + "ab" * 32
GUARDED = Settings.model_validate(
    {
        "peers": {
            "ct": {"ae_title": "CT1", "host": "127.0.0.1"},
            "mr": {"ae_title": "MR1"},
            "pacs": {"ae_title": "PACS", "host": "127.0.0.1", "port": 104, "may_send": False},
            "lost": {"ae_title": "LOST", "host": "no-such-host.invalid"},
            "us": {
                "ae_title": "US",
                "host": "192.0.2.1",  # where it is reached; it calls from elsewhere
                "networks": ["10.1.0.0/16", "fd00:1::/32"],
                "called_ae_titles": ["ARCHIVE"],
            },
            "named": {"ae_title": "NAMED", "certificate": "Named.example"},
            "printed": {"ae_title": "PRINTED", "certificate": DIGEST},
            # Two that share a title: one of them is enough.
            "twin-1": {"ae_title": "TWIN", "networks": ["10.1.0.0/16"], "certificate": "one"},
            "twin-2": {"ae_title": "TWIN", "networks": ["10.2.0.0/16"], "certificate": "two"},
        },
        "titles": {"archive": {"ae_title": "ARCHIVE"}},
        "tls": {"certificate": "a", "key": "b", "ca": "c"},
    }
)
OURS = "DICOM_NODE"


def a_caller(calling, called=OURS, host="127.0.0.1", *names, digest="sha256:00"):
    """A caller; with names it comes by TLS and shows a certificate."""
    shown = Certificate(names, digest) if names else None
    return Caller(calling, called, host, shown, is_tls=bool(names))


def test_anyone_may_call_anything_while_no_peer_is_named():
    assert refuse(Settings(), a_caller("WHOEVER", "WHATEVER")) is None


def test_anyone_may_call_anything_from_anywhere_where_it_is_said():
    receive = {**GUARDED.model_dump()["receive"], "promiscuous": True}
    promiscuous = Settings.model_validate({**GUARDED.model_dump(), "receive": receive})

    assert recognise(promiscuous, a_caller("WHOEVER", "WHATEVER", "8.8.8.8")) == ""
    assert recognise(promiscuous, a_caller("CT1")) == "ct"


@pytest.mark.parametrize(
    ("caller", "name"),
    [
        (a_caller("CT1"), "ct"),
        (a_caller("CT1", host="::ffff:127.0.0.1"), "ct"),
        (a_caller("CT1", "ARCHIVE"), "ct"),
        (a_caller("MR1", host="10.0.0.9"), "mr"),
        (a_caller("US", "ARCHIVE", "10.1.255.3"), "us"),
        (a_caller("US", "ARCHIVE", "::ffff:10.1.0.1"), "us"),
        (a_caller("US", "ARCHIVE", "fd00:1::7%eth0"), "us"),
        (a_caller("NAMED", OURS, "10.0.0.9", "other", "named.EXAMPLE"), "named"),
        (a_caller("PRINTED", OURS, "10.0.0.9", "whatever", digest=DIGEST), "printed"),
        (a_caller("TWIN", OURS, "10.2.0.1", "two"), "twin-2"),
    ],
)
def test_a_named_peer_may(caller, name):
    assert refuse(GUARDED, caller) is None
    assert recognise(GUARDED, caller) == name


@pytest.mark.parametrize(
    ("caller", "diagnostic", "reason"),
    [
        (a_caller("CT1", "ANOTHER"), CALLED_NOT_RECOGNISED, "another AE title than this node's"),
        (a_caller("XX1"), CALLING_NOT_RECOGNISED, "no peer has its AE title"),
        (a_caller("ct1"), CALLING_NOT_RECOGNISED, "no peer has its AE title"),
        (a_caller("PACS"), CALLING_NOT_RECOGNISED, "may_send = false"),
        (a_caller("CT1", host="10.0.0.9"), CALLING_NOT_RECOGNISED, "than the peer's host"),
        (a_caller("LOST"), CALLING_NOT_RECOGNISED, "than the peer's host"),
        (a_caller(""), CALLING_NOT_RECOGNISED, "no peer has its AE title"),
        (a_caller("US", "ARCHIVE", "10.2.0.1"), CALLING_NOT_RECOGNISED, "the peer's networks"),
        (a_caller("US", "ARCHIVE", "192.0.2.1"), CALLING_NOT_RECOGNISED, "the peer's networks"),
        (a_caller("US", OURS, "10.1.0.1"), CALLED_NOT_RECOGNISED, "called_ae_titles"),
        (a_caller("NAMED"), CALLING_NOT_RECOGNISED, "must call by TLS"),
        (
            replace(a_caller("NAMED"), is_tls=True),
            CALLING_NOT_RECOGNISED,
            "it showed no certificate",
        ),
        (
            a_caller("NAMED", OURS, "10.0.0.9", "another.example"),
            CALLING_NOT_RECOGNISED,
            "its certificate is another",
        ),
        (
            # A name that looks like the fingerprint is no fingerprint.
            a_caller("PRINTED", OURS, "10.0.0.9", DIGEST),
            CALLING_NOT_RECOGNISED,
            "its certificate is another",
        ),
        # The reason is that of the twin which fits best, not of the last.
        (
            a_caller("TWIN", OURS, "10.1.0.1", "two"),
            CALLING_NOT_RECOGNISED,
            "its certificate is another",
        ),
    ],
)
def test_nobody_else_may(caller, diagnostic, reason):
    refusal = refuse(GUARDED, caller)
    assert refusal is not None
    assert (refusal.result, refusal.source, refusal.diagnostic) == (1, 1, diagnostic)
    assert reason in refusal.reason
