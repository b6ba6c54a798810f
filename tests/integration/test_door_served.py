"""The whole node behind two doors and under two AE titles, from the wire to the stored decision."""

from __future__ import annotations

import subprocess

import pytest
from sqlalchemy import select

from dicom_node.demo.pacs import free_port
from storage.db.tables import Decision, Job, Study
from tests.builders import a_series, write_series
from tests.certificates import Authority
from tests.receiving import wait_until
from tests.serving import node_toml, opened, serving
from tests.tools import program

pytestmark = pytest.mark.dcmtk


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """A node with two receivers, a plain and a TLS port, and an AE title that only stores."""
    folder = tmp_path_factory.mktemp("node")
    ours = Authority(folder / "ca")
    own, ct = ours.issue("node"), ours.issue("ct.example")
    ports = free_port(), free_port()
    more = f"""
[tls]
port = {ports[1]}
certificate = "{own.certificate}"
key = "{own.key}"
ca = "{ours.certificate}"
[titles.archive]
ae_title = "ARCHIVE"
process = false
[titles.stat]
ae_title = "STAT"
priority = "stat"
destinations = ["NOBODY"]
[peers.NOBODY]
ae_title = "NOBODY"
host = "127.0.0.1"
port = 9
[peers.TEST]
ae_title = "TEST"
[peers.CT]
ae_title = "CT1"
certificate = "ct.example"
networks = ["127.0.0.0/8"]
"""
    toml = node_toml(folder, port=ports[0], more=more, receivers=2)
    with serving(folder, toml) as running:
        running.options = ["+tls", str(ct.key), str(ct.certificate), "+cf", str(ours.certificate)]
        running.tls_port = ports[1]
        yield running


def storescu(node, folder, called) -> None:
    command = [
        program("storescu", package="dcmtk"), "+sd", *node.options, "-aet", "CT1", "-aec", called,
        "127.0.0.1", str(node.tls_port), str(folder),
    ]  # fmt: skip
    sent = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert sent.returncode == 0, sent.stderr


def decided(node, study_uid):
    """State, priority, what was said, and destinations of jobs, once the study is decided."""
    with opened(node.settings) as db, db.read() as session:
        study = session.scalars(select(Study).where(Study.study_uid == study_uid)).one_or_none()
        if study is None or study.state not in ("routed", "unmatched"):
            return None
        decision = session.scalars(select(Decision).where(Decision.study_id == study.id)).one()
        jobs = session.scalars(select(Job).where(Job.study_id == study.id)).all()
        return study.state, decision.explanation, [(one.priority, one.destinations) for one in jobs]


def test_net_06_what_an_ae_title_says_is_done_and_explained(node, tmp_path):
    studies = {}
    for called in ("DICOM_NODE", "ARCHIVE", "STAT"):
        images = a_series(slices=3, key=called)
        write_series(tmp_path / called, images)
        storescu(node, tmp_path / called, called)
        studies[called] = str(images[0].StudyInstanceUID)
    found = {
        called: wait_until(lambda uid=uid: decided(node, uid)) for called, uid in studies.items()
    }

    state, (said,), jobs = found["DICOM_NODE"]
    assert (state, said["verdict"], jobs) == ("routed", "runs", [(0, [])] * 2)
    state, (said,), jobs = found["ARCHIVE"]
    assert (state, said["verdict"], jobs) == ("unmatched", "stored only", [])
    assert "[titles.archive] process = false" in said["reason"]
    state, (said,), jobs = found["STAT"]
    assert (state, said["verdict"], jobs) == ("routed", "runs", [(100, ["NOBODY"])] * 2)
    assert "received as STAT" in said["reason"]
    assert node.verify_trail() > 0


def test_the_terminal_says_where_and_by_which_titles_the_node_is_called(node):
    names = "as DICOM_NODE, ARCHIVE, STAT"

    assert f"receiving DICOM on 127.0.0.1:{node.settings.receive.port} {names}" in node.said
    assert f"receiving DICOM over TLS on 127.0.0.1:{node.tls_port} {names}" in node.said
