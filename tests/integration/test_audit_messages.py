"""A day of a real node, every row of it at a real repository, judged by the schemas."""

from __future__ import annotations

import base64
import binascii
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from pynetdicom import AE, AllStoragePresentationContexts, evt

from dicom_node.audit.here import here_of
from dicom_node.audit.syslog import line_of
from dicom_node.config import PeerSection
from dicom_node.demo.pacs import free_port
from dicom_node.net.errors import PeerError
from dicom_node.net.scu import echo
from storage.db.queries.audit_positions import backlogs, rows_after
from tests.builders import CANARY, a_series, write_series
from tests.commitment import Peer, ask, question
from tests.databases import opened
from tests.integration.web.visitor import PASSWORD, Visitor
from tests.judges.audit_messages import errors_of
from tests.receiving import wait_until
from tests.rsyslogd import BOM, Repository, a_repository
from tests.serving import ServedNode, node_toml, serving

pytestmark = [
    pytest.mark.timeout(600),
    # pynetdicom drops the socket of a refused connection without closing it.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
MODALITY = """
[peers.CT1]
ae_title = "CT1"
"""
HAPPENED = {
    ("110100", "110120", "E", 0), ("110100", "110121", "E", 0),  # started, stopped
    ("110104", "", "C", 0), ("110104", "", "R", 0), ("110104", "", "C", 4),  # came, sent, declined
    ("110102", "", "E", 0), ("110103", "", "R", 0), ("110103", "", "C", 0), ("110103", "", "U", 0),
    ("110103", "", "R", 4),  # a commitment that could not be given
    ("110101", "", "R", 0), ("110112", "", "E", 0), ("110106", "", "R", 0),
    ("110113", "110126", "E", 8), ("110113", "110137", "E", 0),  # rejected; an account made
    ("110114", "110122", "E", 0), ("110114", "110122", "E", 4), ("110114", "110123", "E", 0),
}  # fmt: skip


@contextmanager
def a_pacs(*statuses: int) -> Iterator[PeerSection]:
    """Takes every object, but answers the first ones with these."""
    left = list(statuses)
    entity = AE(ae_title="PACS")
    entity.supported_contexts = AllStoragePresentationContexts
    server = entity.start_server(
        ("127.0.0.1", 0), block=False,
        evt_handlers=[(evt.EVT_C_STORE, lambda _event: left.pop(0) if left else 0)],
    )  # fmt: skip
    try:
        yield PeerSection(ae_title="PACS", host="127.0.0.1", port=server.server_address[1])
    finally:
        server.shutdown()


def spend_a_day(node: ServedNode, folder) -> None:
    """Everything that the node can be made to do from outside."""
    images = a_series(slices=3, key="day")
    files = write_series(folder / "day", images)
    assert [0] * 3 == node.send(files)
    node.wait_until_quiet(instances=3)
    assert [0] * 3 == node.send(files)  # held already
    broken = write_series(folder / "broken", a_series(slices=1, key="odd", StudyInstanceUID="x"))
    assert [0] != node.send(broken)
    with pytest.raises(PeerError):
        echo(node.peer, "STRANGER", timeout_s=5)
    ask_for_commitment(node, [*images, *a_series(slices=1, key="never sent")])
    type_a_few_commands(node)
    look_around(node)
    node.wait_until_quiet(instances=3)


def ask_for_commitment(node: ServedNode, images) -> None:
    """Until the answer is told; a machine that is busy for too long breaks the association off."""
    peer = Peer()
    for key in ("first", "second", "third"):
        with peer.calling(node.settings.receive.port) as association:
            assert 0 == ask(association, question(images, key))
            with suppress(AssertionError):
                wait_until(lambda: peer.told, 20)
                return
    raise AssertionError("nothing was told")


def type_a_few_commands(node: ServedNode) -> None:
    for words in (["user", "add", "ada", "--role", "admin"], ["db", "backup"], ["audit", "list"],
                  ["audit", "list", "--study", "1"], ["rules", "explain", "1"]):  # fmt: skip
        subprocess.run(
            [sys.executable, "-m", "dicom_node", *words, "--config", str(node.config)],
            input=PASSWORD, text=True, check=True, capture_output=True, env=None,
        )  # fmt: skip


def look_around(node: ServedNode) -> None:
    with Visitor(node.page) as visitor:
        assert 303 != visitor.log_in("ada", "not the password").status_code
        assert 303 != visitor.log_in("nobody\r\n<85>1 forged").status_code
        assert 303 == visitor.log_in("ada").status_code
        assert 200 == visitor.get("/studies").status_code
        found = visitor.send_form("/studies", "/studies/search", patient="Zzphi\n<85>1", state="")
        assert 200 == visitor.get(found.headers["location"]).status_code
        assert 200 == visitor.get("/studies/1").status_code
        assert 200 == visitor.get("/audit").status_code
        assert visitor.send_form("/audit", "/audit/verify").status_code in (200, 303)
        assert visitor.send_form("/studies", "/logout").status_code == 303


def is_told(node: ServedNode) -> bool:
    with opened(node.settings.database_url) as db, db.read() as session:
        return all(one.rows == 0 for one in backlogs(session, ["udp", "tls"]))


def rows_of(node: ServedNode):
    with opened(node.settings.database_url) as db, db.read() as session:
        return rows_after(session, 0, 100_000)


def lines_of(node: ServedNode) -> list[str]:
    here = here_of(node.settings)
    lines = [line_of(row, here).decode() for row in rows_of(node)]
    return [line.partition(BOM)[2] for line in lines]


def run_twice(folder, repository: Repository, pacs: PeerSection, *, down: bool) -> ServedNode:
    """A day of the node, and the morning after, on which all that is left is told."""
    toml = node_toml(folder, port=free_port(), pacs=pacs, more=MODALITY + repository.toml())
    with serving(folder / "node", toml) as node:
        spend_a_day(node, folder)
        if not down:
            wait_until(lambda: is_told(node), 60)
        assert 0 == node.stop()
    if down:
        assert [] == repository.got("udp") + repository.got("tls")
        repository.start()
    with serving(folder / "node", toml) as node:
        node.page  # noqa: B018 - waits for the core
        wait_until(lambda: is_told(node), 60)
        assert 0 == node.stop()
    return node


@pytest.mark.parametrize("down", [False, True], ids=["up", "down the whole day"])
def test_every_row_of_a_day_arrives_by_udp_and_mutual_tls_and_is_valid(tmp_path, down):
    with a_repository(tmp_path / "arr", started=not down) as repository, a_pacs(0, 0xA700) as pacs:
        node = run_twice(tmp_path, repository, pacs, down=down)
        got = {transport: repository.got(transport) for transport in ("udp", "tls")}
    rows, lines = rows_of(node), lines_of(node)
    after_stop = [row.seq for row in rows if row.event_type == "110121"][-1]

    assert set() == HAPPENED - {(r.event, r.event_type, r.action, r.outcome) for r in rows}
    for transport, messages in got.items():
        told = [one.xml for one in messages]
        # What a receiver wrote after the core had ended is told the next time.
        assert lines[:after_stop] == told[:after_stop], transport
        assert len(told) == len(set(told)) >= after_stop
    assert [] == errors_of(lines, tmp_path / "judged")
    assert [] == names_in("\n".join(lines))
    assert node.verify_trail() == len(rows)


def names_in(text: str) -> list[str]:
    """Patients' names in the text or in anything in base64 in it (AUD-08)."""
    decoded = b"\n".join(_decoded(word) for word in re.findall(r"[A-Za-z0-9+/=]{8,}", text))
    assert b"received" in decoded, "what is said in words is in base64"
    names = (CANARY, "Zzphi", "zzphi", "Jane")
    return [name for name in names if name in text or name.encode() in decoded]


def _decoded(word: str) -> bytes:
    try:
        return base64.b64decode(word, validate=True)
    except binascii.Error:
        return b""
