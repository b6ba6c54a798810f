"""Who may open an association (NET-06)."""

import pytest

from dicom_node.config import Settings
from dicom_node.net.admission import CALLED_NOT_RECOGNISED, CALLING_NOT_RECOGNISED, refuse

GUARDED = Settings.model_validate(
    {
        "peers": {
            "ct": {"ae_title": "CT1", "host": "127.0.0.1"},
            "mr": {"ae_title": "MR1"},
            "pacs": {"ae_title": "PACS", "host": "127.0.0.1", "port": 104, "may_send": False},
            "lost": {"ae_title": "LOST", "host": "no-such-host.invalid"},
        }
    }
)


def test_anyone_may_call_anything_while_no_peer_is_named():
    assert refuse(Settings(), "WHOEVER", "WHATEVER", "127.0.0.1") is None


@pytest.mark.parametrize(
    ("calling", "host"), [("CT1", "127.0.0.1"), ("CT1", "::ffff:127.0.0.1"), ("MR1", "10.0.0.9")]
)
def test_a_named_peer_may(calling, host):
    assert refuse(GUARDED, calling, "DICOM_NODE", host) is None


@pytest.mark.parametrize(
    ("calling", "called", "host", "diagnostic"),
    [
        ("CT1", "ANOTHER", "127.0.0.1", CALLED_NOT_RECOGNISED),
        ("XX1", "DICOM_NODE", "127.0.0.1", CALLING_NOT_RECOGNISED),
        ("PACS", "DICOM_NODE", "127.0.0.1", CALLING_NOT_RECOGNISED),
        ("CT1", "DICOM_NODE", "10.0.0.9", CALLING_NOT_RECOGNISED),
        ("LOST", "DICOM_NODE", "127.0.0.1", CALLING_NOT_RECOGNISED),
        ("", "DICOM_NODE", "127.0.0.1", CALLING_NOT_RECOGNISED),
    ],
)
def test_nobody_else_may(calling, called, host, diagnostic):
    refusal = refuse(GUARDED, calling, called, host)
    assert refusal is not None
    assert refusal.diagnostic == diagnostic
