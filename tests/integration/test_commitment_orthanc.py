"""Orthanc asks the running node for storage commitment, as a PACS or a modality does."""

from __future__ import annotations

import json
import urllib.request

import pytest

from dicom_node.demo.pacs import free_port, start_pacs
from storage.db.tables import CommitmentRequest
from tests.acceptance.road import Pacs
from tests.builders import a_series, write_series
from tests.commitment import Peer, ask, question
from tests.receiving import wait_until
from tests.serving import node_toml, opened, serving, start
from tests.tools import program

pytestmark = pytest.mark.orthanc


@pytest.fixture(scope="module")
def pacs(tmp_path_factory):
    """An own Orthanc on free ports."""
    program("Orthanc", package="orthanc")
    running = start_pacs(tmp_path_factory.mktemp("pacs"))
    yield Pacs(running)
    running.close()


def post(pacs, path: str, body: object, method: str = "POST"):
    request = urllib.request.Request(
        pacs.running.page + path, json.dumps(body).encode(), method=method
    )
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
    return json.loads(text) if text.strip() else None


def asked_by(pacs, images) -> dict:
    """Orthanc's own account of what the node told it."""
    wanted = [[image.SOPClassUID, image.SOPInstanceUID] for image in images]
    instances = [{"SOPClassUID": c, "SOPInstanceUID": i} for c, i in wanted]
    path = post(pacs, "modalities/node/storage-commitment", {"DicomInstances": instances})["Path"]

    def account():
        found = pacs.get(path.lstrip("/"))
        return found if found["Status"] != "Pending" else None

    return wait_until(account)


def test_orthanc_learns_what_is_safe_and_what_is_not(pacs, tmp_path):
    images = a_series(slices=3)
    [unknown] = a_series(slices=1, key="elsewhere")
    toml = node_toml(tmp_path, port=free_port(), pacs=pacs.running.peer)
    with serving(tmp_path, toml) as node:
        modality = {"AET": "DICOM_NODE", "Host": "127.0.0.1", "Port": node.peer.port}
        post(pacs, "modalities/node", modality, "PUT")
        assert [0] * 3 == node.send(write_series(tmp_path / "images", images))

        safe = asked_by(pacs, images)
        mixed = asked_by(pacs, [*images, unknown])

    assert ("Success", 3) == (safe["Status"], len(safe["Success"]))
    assert ("Failure", 3) == (mixed["Status"], len(mixed["Success"]))
    [failure] = mixed["Failures"]
    assert unknown.SOPInstanceUID == failure["SOPInstanceUID"]
    assert "not available" in failure["Description"]  # its words for 0x0112


def test_a_request_that_was_answered_survives_the_end_of_every_process(tmp_path):
    """All of the node is killed while the peer is down; the report comes when both are up."""
    images = a_series(slices=2)
    peer = Peer("TEST", port=free_port())
    toml = node_toml(tmp_path, port=free_port()) + (
        f'[peers.TEST]\nae_title = "TEST"\nhost = "127.0.0.1"\nport = {peer.port}\n'
    )
    node = start(tmp_path, toml)
    try:
        assert [0] * 2 == node.send(write_series(tmp_path / "images", images))
        peer.answer = 0x0110
        with peer.calling(node.peer.port) as association:
            assert 0 == ask(association, question(images))
            node.kill()
    finally:
        node.kill()
    peer.told.clear()
    peer.answer = 0

    with peer.listening(port=peer.port), serving(tmp_path, toml) as node:
        wait_until(lambda: peer.told)
        wait_until(lambda: "commitment reported" in node.said)
        with opened(node.settings) as db, db.read() as session:
            [row] = session.query(CommitmentRequest)

    [told] = peer.told
    assert (1, 2) == (told.event_type, len(told.safe))
    assert ("reported", 2) == (row.state, row.safe)
