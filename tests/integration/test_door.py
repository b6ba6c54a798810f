"""Who is let in, over TLS and without: the receiver process with real peers (NET-06, 08, 09).

Each caller that is turned away leaves the receiver serving, one row in the trail and one line.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pynetdicom import build_context
from sqlalchemy import select

from dicom_node.net.entity import Entity
from dicom_node.net.status import Status
from storage.audit import list_events
from storage.db.engine import Database
from storage.db.tables import Instance
from tests.builders import a_series, write_series
from tests.certificates import Authority, Issued
from tests.receiving import Receiver, a_receiver, store_keys, wait_until
from tests.tools import program

pytestmark = pytest.mark.dcmtk

UNKNOWN_CA = "TLS handshake failed: its certificate is signed by a CA that is not in [tls] ca"


@dataclass
class Papers:
    """Every certificate that these tests show."""

    ours: Authority
    theirs: Authority
    node: Issued
    ct: Issued
    mr: Issued
    expired: Issued
    stranger: Issued


@pytest.fixture(scope="module")
def papers(tmp_path_factory) -> Papers:
    folder = tmp_path_factory.mktemp("papers")
    ours, theirs = Authority(folder / "ours"), Authority(folder / "theirs", "Another CA")
    return Papers(
        ours,
        theirs,
        ours.issue("node"),
        ours.issue("ct.example"),
        ours.issue("mr", also="DNS:mr.example"),
        ours.issue("old", days=-1),
        theirs.issue("ct.example"),
    )


@pytest.fixture
def node(tmp_path, sqlite_template, papers) -> Node:
    """A node with a database, and copies of its certificates that a test may replace."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    shutil.copyfile(sqlite_template, folder / "node.db")
    for name, path in {
        "node.crt": papers.node.certificate,
        "node.key": papers.node.key,
        "ca.crt": papers.ours.certificate,
    }.items():
        shutil.copyfile(path, tmp_path / name)
    return Node(tmp_path, papers)


class Node:
    """A receiver to be started, and peers that call it."""

    def __init__(self, folder: Path, papers: Papers) -> None:
        self.folder, self.papers = folder, papers

    @contextmanager
    def receiving(self, *, receive="", tls="", more=""):
        file = self.folder / "node.toml"
        file.write_text(
            f"[node]\ndata_folder = '{self.folder}/data'\n"
            f"[receive]\nport = 0\ndisk_reserve_mb = 0\n{receive}\n"
            f"[tls]\nport = 0\ncertificate = '{self.folder}/node.crt'\n"
            f"key = '{self.folder}/node.key'\nca = '{self.folder}/ca.crt'\n{tls}\n{more}\n"
        )
        with a_receiver(file) as receiver:
            yield receiver

    def secured(self, issued: Issued | None, trust: Authority | None = None) -> list[str]:
        """Options that make a program of dcmtk speak TLS."""
        trusted = ["+cf", str((trust or self.papers.ours).certificate)]
        if issued is None:
            return ["+tla", *trusted]
        return ["+tls", str(issued.key), str(issued.certificate), *trusted]

    def call(self, name: str, port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One of dcmtk's programs."""
        command = [program(name, package="dcmtk"), *arguments, "127.0.0.1", str(port)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def echo(self, receiver: Receiver, *arguments: str) -> bool:
        """Whether echoscu succeeds: over TLS when its options say so."""
        is_tls = bool({"+tls", "+tla"} & set(arguments))
        port = receiver.tls_port if is_tls else receiver.port
        return self.call("echoscu", port, *arguments).returncode == 0

    def alerts(self) -> list[str]:
        """Texts of the Node Authentication alerts, oldest first."""
        return [row.text for row in reversed(self._events()) if row.event_type == "110126"]

    def wait_for_alerts(self, number: int) -> list[str]:
        return wait_until(lambda: found if len(found := self.alerts()) >= number else None)

    def _events(self):
        with self._database() as db, db.read() as session:
            return list_events(session, limit=100, event="110113")

    def instances(self) -> int:
        with self._database() as db, db.read() as session:
            return len(list(session.scalars(select(Instance.id))))

    @contextmanager
    def _database(self):
        db = Database(f"sqlite:///{self.folder}/data/node.db")
        try:
            yield db
        finally:
            db.close()


PROFILES = ["", "+py", "+px", "+pz"]


@pytest.mark.parametrize("profile", ["non-downgrading", "extended"])
def test_net_08_storescu_of_every_bcp_195_profile_is_taken_and_old_ones_are_not(
    node, papers, tmp_path, profile
):
    with node.receiving(tls=f"profile = '{profile}'") as receiver:
        for number, option in enumerate(PROFILES):
            images = tmp_path / f"images-{number}"
            write_series(images, a_series(slices=2, key=option))
            options = [*node.secured(papers.ct), *([option] if option else [])]
            sent = subprocess.run(
                [program("storescu", package="dcmtk"), "+sd", *options, "127.0.0.1",
                 str(receiver.tls_port), str(images)],
                capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert sent.returncode == 0, sent.stderr
        assert not node.echo(receiver, *node.secured(papers.ct), "+pa")  # retired: AES, CBC
        assert node.echo(receiver, *node.secured(papers.ct))
        assert node.wait_for_alerts(1) == ["TLS handshake failed: no cipher in common"]
        wait_until(lambda: node.instances() == 2 * len(PROFILES))
    assert len(store_keys(node.folder / "data")) == 2 * len(PROFILES)


@pytest.mark.parametrize(
    ("show", "text"),
    [
        ("nothing", "TLS handshake failed: the peer sent no certificate"),
        ("stranger", UNKNOWN_CA),
        ("expired", "TLS handshake failed: its certificate expired"),
    ],
)
def test_a_certificate_that_will_not_do_is_turned_away(node, papers, show, text):
    shown = {"nothing": None, "stranger": papers.stranger, "expired": papers.expired}[show]
    with node.receiving() as receiver:
        if shown is None:
            # dcmtk's +tla offers anonymous ciphers only; a client of openssl shows no certificate.
            port = f"127.0.0.1:{receiver.tls_port}"
            subprocess.run(
                [program("openssl", package="openssl"), "s_client", "-connect", port],
                stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
            )  # fmt: skip
        else:
            assert not node.echo(receiver, *node.secured(shown))
        assert node.wait_for_alerts(1) == [text]
        assert node.echo(receiver, *node.secured(papers.ct))
        lines = [line for line in receiver.log.read_text().splitlines() if "handshake" in line]
    assert len(lines) == 1
    assert "host=127.0.0.1" in lines[0]
    assert len(node.alerts()) == 1


def test_plain_dicom_on_the_tls_port_and_tls_on_the_plain_one(node, papers):
    with node.receiving() as receiver:
        assert node.call("echoscu", receiver.tls_port).returncode != 0
        assert node.call("echoscu", receiver.port, *node.secured(papers.ct)).returncode != 0
        assert node.wait_for_alerts(2) == [
            "TLS handshake failed: it speaks no TLS: it seems to send plain DICOM",
            "TLS handshake failed: it speaks TLS on the port for plain DICOM: see [tls] port",
        ]
        assert node.echo(receiver)
        assert node.echo(receiver, *node.secured(papers.ct))


def test_a_peer_that_distrusts_the_node_tells_so(node, papers):
    with node.receiving() as receiver:
        assert not node.echo(receiver, *node.secured(papers.ct, trust=papers.theirs))
        (text,) = node.wait_for_alerts(1)
        assert node.echo(receiver, *node.secured(papers.ct))
    assert text == (
        "TLS handshake failed: it does not know the CA that signed this node's certificate"
    )


def test_net_09_idle_clients_on_the_tls_port_keep_nobody_waiting(node, papers):
    silent = "TLS handshake failed: it said nothing for 1.5 s"
    half = "TLS handshake failed: it did not finish the handshake in 1.5 s"
    with node.receiving(tls="handshake_timeout_s = 1.5") as receiver:
        there = "127.0.0.1", receiver.tls_port
        with socket.create_connection(there) as idle, socket.create_connection(there) as slow:
            slow.sendall(b"\x16\x03\x01")
            began = time.monotonic()
            assert node.echo(receiver, *node.secured(papers.ct))
            assert node.alerts() == []  # both were still waited for
            first_s = time.monotonic() - began
            took = [_timed(node.echo, receiver, *node.secured(papers.ct)) for _ in range(19)]
            assert all(ok for ok, _seconds in took)
            idle.settimeout(10)
            assert idle.recv(1) == b""  # its own patience is at an end
        assert sorted(node.wait_for_alerts(2)) == sorted([silent, half])
        assert node.echo(receiver, *node.secured(papers.ct))
    print(f"first echo {first_s:.3f} s, 19 more at most {max(s for _, s in took):.3f} s")


def _timed(act, *arguments):
    began = time.monotonic()
    return act(*arguments), time.monotonic() - began


def test_who_only_looks_whether_the_port_is_open_is_not_audited(node, papers):
    with node.receiving() as receiver:
        for port in (receiver.port, receiver.tls_port) * 3:
            socket.create_connection(("127.0.0.1", port)).close()
        assert not node.echo(receiver, *node.secured(papers.stranger))
        assert node.wait_for_alerts(1) == [UNKNOWN_CA]


def test_net_08_a_renewed_certificate_is_shown_without_a_restart(node, papers):
    with node.receiving() as receiver:
        assert node.echo(receiver, *node.secured(papers.ct))
        # Signed by the other CA, so that its peers can tell.
        renewed = papers.theirs.issue("node")
        shutil.copyfile(renewed.certificate, node.folder / "node.crt")
        shutil.copyfile(renewed.key, node.folder / "node.key")
        assert not node.echo(receiver, *node.secured(papers.ct))
        assert node.echo(receiver, *node.secured(papers.ct, trust=papers.theirs))
        # The CA of peers, too.
        shutil.copyfile(papers.theirs.certificate, node.folder / "ca.crt")
        assert not node.echo(receiver, *node.secured(papers.ct, trust=papers.theirs))
        assert node.echo(receiver, *node.secured(papers.stranger, trust=papers.theirs))
        assert UNKNOWN_CA in node.wait_for_alerts(2)


def test_a_peer_with_a_certificate_in_the_settings_must_show_that_one(node, papers):
    more = f"""
[peers.ct]
ae_title = "CT1"
certificate = "ct.example"
[peers.mr]
ae_title = "MR1"
certificate = "MR.example"
[peers.us]
ae_title = "US1"
certificate = "{papers.mr.fingerprint()}"
[peers.any]
ae_title = "ANY"
"""
    ct, mr = node.secured(papers.ct), node.secured(papers.mr)
    title = ["-aec", "DICOM_NODE", "-aet"]
    with node.receiving(more=more) as receiver:
        assert node.echo(receiver, *ct, *title, "CT1")
        assert node.echo(receiver, *mr, *title, "MR1")
        assert node.echo(receiver, *mr, *title, "US1")
        assert node.echo(receiver, *mr, *title, "ANY")
        assert node.echo(receiver, *title, "ANY")
        assert not node.echo(receiver, *mr, *title, "CT1")
        assert not node.echo(receiver, *ct, *title, "US1")
        assert not node.echo(receiver, *title, "CT1")
        found = node.wait_for_alerts(2)
        wait_until(lambda: len(node.alerts()) >= 2)
    another = "association rejected: its certificate is another than the settings name"
    clear = "association rejected: a peer with a certificate in the settings must call by TLS"
    # The second of the same reason within a minute is counted, and told when the receiver ends.
    assert sorted(found)[:2] == sorted([another, clear])


def test_net_06_networks_and_called_titles_of_peers(node):
    more = """
[peers.ct]
ae_title = "CT1"
networks = ["10.0.0.0/8"]
[peers.mr]
ae_title = "MR1"
networks = ["127.0.0.0/8"]
called_ae_titles = ["ARCHIVE"]
[titles.archive]
ae_title = "ARCHIVE"
"""
    with node.receiving(more=more) as receiver:
        elsewhere = node.call("echoscu", receiver.port, "-aet", "CT1", "-aec", "DICOM_NODE")
        not_its_own = node.call("echoscu", receiver.port, "-aet", "MR1", "-aec", "DICOM_NODE")
        assert node.echo(receiver, "-aet", "MR1", "-aec", "ARCHIVE")
        assert node.wait_for_alerts(2) == [
            "association rejected: it calls from an address outside the peer's networks",
            "association rejected: it called an AE title that is not in the peer's "
            "called_ae_titles",
        ]
    assert "Calling AE Title Not Recognized" in elsewhere.stderr
    assert "Called AE Title Not Recognized" in not_its_own.stderr


def test_a_burst_of_failed_handshakes_fills_neither_trail_nor_log(node, papers):
    with node.receiving() as receiver:
        for _ in range(100):
            with socket.create_connection(("127.0.0.1", receiver.tls_port)) as caller:
                caller.sendall(b"\x01\x00\x00\x00\x00\xcd")
                assert caller.recv(1) == b"" if _closes(caller) else True
        assert node.echo(receiver, *node.secured(papers.ct))
        receiver.process.terminate()
        assert receiver.process.wait(30) == 0
        lines = [line for line in receiver.log.read_text().splitlines() if "handshake" in line]
    said = "TLS handshake failed: it speaks no TLS: it seems to send plain DICOM"
    first, rest = node.alerts()
    assert (first, rest) == (said, f"{said} (99 more within a minute)")
    assert len(lines) == 2


def _closes(caller) -> bool:
    """Wait until the node has closed the connection; it may do so by a reset."""
    try:
        caller.settimeout(10)
        return caller.recv(1) == b""
    except ConnectionResetError:
        return False


def test_whoever_is_turned_away_leaves_neither_a_thread_nor_a_descriptor(node, papers):
    def held(receiver) -> tuple[int, int]:
        at = Path(f"/proc/{receiver.process.pid}")
        return len(list((at / "fd").iterdir())), len(list((at / "task").iterdir()))

    def steady(receiver) -> tuple[int, int] | None:
        """What it holds, once it has held the same for a second: nobody is on the way out."""
        first, until = held(receiver), time.monotonic() + 1.0
        while time.monotonic() < until:
            if held(receiver) != first:
                return None
        return first

    more = "[peers.any]\nae_title = 'ANY'\n"
    names = ["-aec", "DICOM_NODE", "-aet", "ANY"]
    with node.receiving(more=more, tls="handshake_timeout_s = 0.5") as receiver:
        assert node.echo(receiver, *names)
        assert node.echo(receiver, *names, *node.secured(papers.ct))
        assert not node.echo(receiver, "-aet", "STRANGER")
        node.wait_for_alerts(1)  # with this the database's files are open
        before = wait_until(lambda: steady(receiver))
        for _ in range(5):
            there = "127.0.0.1", receiver.tls_port
            with socket.create_connection(there) as idle:
                assert not node.echo(receiver, *names, *node.secured(papers.stranger))
                assert not node.echo(receiver, *names, *node.secured(papers.ct), "+pa")
                assert not node.echo(receiver, "-aet", "STRANGER")
                assert node.call("echoscu", receiver.port, *node.secured(papers.ct)).returncode
                idle.settimeout(10)
                assert idle.recv(1) == b""
            socket.create_connection(there).close()
        wait_until(lambda: held(receiver) == before)


def associate(receiver: Receiver, calling="ANY", context="1.2.840.10008.1.1"):
    entity = Entity(calling)
    contexts = [build_context(context, "1.2.840.10008.1.2.1")]
    if context == "1.2.840.10008.1.1":
        contexts = [build_context(context)]
    return entity.associate("127.0.0.1", receiver.port, contexts=contexts, ae_title="DICOM_NODE")


def test_net_06_a_peer_has_so_many_associations_and_others_have_theirs(node):
    more = """
[peers.one]
ae_title = "ONE"
max_associations = 1
[peers.any]
ae_title = "ANY"
"""
    with node.receiving(more=more) as receiver:
        first, second, other = (associate(receiver, name) for name in ("ONE", "ONE", "ANY"))
        assert [one.is_established for one in (first, second, other)] == [True, False, True]
        assert second.acceptor.primitive.reason_str == "Local limit exceeded"
        first.release()
        other.release()
        again = wait_until(lambda: one if (one := associate(receiver, "ONE")).is_established else 0)
        again.release()
        assert node.wait_for_alerts(1)[0] == (
            "association rejected: as many associations as one peer may have were open"
        )


def test_connections_beyond_the_limit_are_closed_and_the_others_go_on(node):
    receive = "max_connections = 4\nmax_associations = 4"
    with node.receiving(receive=receive) as receiver:
        standing = associate(receiver)
        there = "127.0.0.1", receiver.port
        with socket.create_connection(there) as second, socket.create_connection(there) as third:
            third.settimeout(10)
            assert third.recv(1) == b""  # this address has half of the four already
            assert standing.send_c_echo().Status == Status.SUCCESS
            second.sendall(b"\x01")
        standing.release()
        wait_until(lambda: node.echo(receiver))
        assert "connection refused: as many connections" in node.wait_for_alerts(1)[0]


def test_an_object_larger_than_the_limit_is_refused_and_the_next_is_taken(node, tmp_path):
    (large,) = a_series(slices=1, rows=1024, columns=1024, key="large")
    (small,) = a_series(slices=1, key="small")
    paths = write_series(tmp_path / "images", [large, small])
    more = "[peers.any]\nae_title = 'ANY'\nmax_object_mb = 1\n"
    with node.receiving(more=more) as receiver:
        association = associate(receiver, context=large.SOPClassUID)
        statuses = [association.send_c_store(path).Status for path in paths]
        association.release()
    assert statuses == [Status.TOO_LARGE, Status.SUCCESS]
    assert len(store_keys(node.folder / "data")) == 1


def test_a_peer_is_held_to_its_rate_and_others_are_not(node, tmp_path):
    images = a_series(slices=8, rows=512, columns=512)  # 4 MB
    paths = write_series(tmp_path / "images", images)
    more = "[peers.slow]\nae_title = 'SLOW'\nmax_mb_per_s = 2\n[peers.any]\nae_title = 'ANY'\n"

    def send(calling):
        association = associate(receiver, calling, images[0].SOPClassUID)
        began = time.monotonic()
        assert {association.send_c_store(path).Status for path in paths} == {0}
        association.release()
        return time.monotonic() - began

    with node.receiving(more=more) as receiver:
        slow_s, fast_s = send("SLOW"), send("ANY")
    assert slow_s >= 4 / 2 - 0.5
    assert fast_s < slow_s


def test_a_peer_s_own_silence_ends_its_association(node):
    more = (
        "[peers.hasty]\nae_title = 'HASTY'\nidle_timeout_s = 0.5\n[peers.any]\nae_title = 'ANY'\n"
    )
    with node.receiving(more=more) as receiver:
        patient, hasty = associate(receiver), associate(receiver, "HASTY")
        wait_until(lambda: not hasty.is_established)
        assert patient.is_established
        patient.release()


def test_a_node_may_have_no_plain_port_at_all(node, papers):
    with node.receiving(receive="plain = false") as receiver:
        assert receiver.port == 0
        assert node.echo(receiver, *node.secured(papers.ct))
        listening = re.findall(r"receiver listens.*", receiver.log.read_text())
    assert len(listening) == 1


def test_certificates_that_cannot_be_used_end_the_start_with_a_plain_line(node):
    (node.folder / "node.key").write_text("nothing")
    with (
        pytest.raises(AssertionError, match="are not a PEM certificate and its key"),
        node.receiving(),
    ):
        pass


def test_the_commands_of_the_docs_make_certificates_that_work(node, tmp_path):
    document = (Path(__file__).parents[2] / "docs" / "network.md").read_text(encoding="utf-8")
    commands = next(part for part in document.split("```sh\n")[1:] if part.startswith("# The CA"))
    ca, devices = commands.partition("```")[0].split("\n\n")
    folder = tmp_path / "made"
    folder.mkdir()
    for script in (ca, devices, devices.replace("ct1", "node")):
        subprocess.run(["/bin/sh", "-ec", script], cwd=folder, capture_output=True, check=True)
    for name in ("node.crt", "node.key", "ca.crt"):
        shutil.copyfile(folder / name, node.folder / name)
    more = "[peers.ct1]\nae_title = 'CT1'\ncertificate = 'ct1.example'\n"
    with node.receiving(receive="plain = false", more=more) as receiver:
        options = ["+tls", f"{folder}/ct1.key", f"{folder}/ct1.crt", "+cf", f"{folder}/ca.crt"]
        assert node.echo(receiver, *options, "-aet", "CT1", "-aec", "DICOM_NODE")
        assert not node.echo(receiver, *options, "-aet", "CT2", "-aec", "DICOM_NODE")
