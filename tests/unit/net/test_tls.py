"""Handshakes, and why they fail, with real sockets and certificates (NET-08, NET-09)."""

import shutil
import socket
import ssl
import struct
import threading
import warnings
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from dicom_node.config import TlsSection
from dicom_node.errors import ConfigInvalid
from dicom_node.net.certificate import certificate_of, days_left
from dicom_node.net.errors import HandshakeFailed, NothingSaid
from dicom_node.net.tls import TlsDoor, make_context
from tests.certificates import Authority
from tests.receiving import wait_until

UNKNOWN_CA = "its certificate is signed by a CA that is not in [tls] ca"


class Papers:
    """Every certificate that these tests show."""

    def __init__(self, folder):
        self.ours, self.theirs = Authority(folder / "ours"), Authority(folder / "theirs", "Other")
        self.node = self.ours.issue("node")
        self.peer = self.ours.issue("ct", also="DNS:ct.example,URI:urn:ct")
        self.expired = self.ours.issue("old", days=-1)
        self.stranger = self.theirs.issue("ct")
        self.server_only = self.ours.issue("web", extensions="extendedKeyUsage = serverAuth")

    def section(self, **more):
        return TlsSection(
            certificate=self.node.certificate,
            key=self.node.key,
            ca=self.ours.certificate,
            **{"handshake_timeout_s": 10, **more},
        )


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    return Papers(tmp_path_factory.mktemp("papers"))


def a_client(papers, issued=None, *, trust=None, ciphers="", version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations((trust or papers.ours).certificate)
    if issued:
        context.load_cert_chain(issued.certificate, issued.key)
    if ciphers:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
    if version:
        with warnings.catch_warnings():  # Python warns of versions that nobody should speak
            warnings.simplefilter("ignore")
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
    return context


def meet(door, act):
    """What the door makes of a caller who does `act` on its socket; the secured connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        caller = socket.create_connection(listener.getsockname())
        connection, _ = listener.accept()

    def run():
        with suppress(OSError), caller:
            act(caller)

    thread = threading.Thread(target=run, daemon=True)  # it ends when the connection does
    thread.start()
    try:
        return door.shake_hands(connection)
    except HandshakeFailed:
        thread.join(10)
        raise
    finally:
        assert connection.fileno() == -1  # it belongs to the secured one, or is closed


def shake_hands(context):
    def act(caller):
        with context.wrap_socket(caller) as secured:
            secured.recv(1)

    return act


def say(data, then=None):
    def act(caller):
        caller.sendall(data)
        if then:
            then(caller)

    return act


def wait_for_the_end(caller):
    caller.recv(1)


def reset(caller):
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    caller.close()


@pytest.mark.parametrize(
    ("profile", "options", "expected"),
    [
        ("non-downgrading", {}, ("TLSv1.3", "TLS_AES_256_GCM_SHA384")),
        (
            "non-downgrading",
            {"ciphers": "ECDHE+AES128+AESGCM"},
            ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"),
        ),
        ("extended", {"ciphers": "ECDHE+AESGCM"}, ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384")),
        ("extended", {"ciphers": "CHACHA20"}, ("TLSv1.2", "ECDHE-RSA-CHACHA20-POLY1305")),
    ],
)
def test_net_08_a_peer_of_the_profile_comes_in_and_is_known(papers, profile, options, expected):
    door = TlsDoor(papers.section(profile=profile))
    with meet(door, shake_hands(a_client(papers, papers.peer, **options))) as secured:
        shown = certificate_of(secured)

        assert (secured.version(), secured.cipher()[0]) == expected
        assert secured.gettimeout() is None  # as it came
        assert shown.names == ("ct", "ct.example", "urn:ct")
        assert shown.fingerprint.replace(":", "") == (
            papers.peer.fingerprint().replace(":", "").lower()
        )


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_net_08_old_versions_are_not_negotiated(papers, version):
    with pytest.raises(HandshakeFailed, match=r"^it offers only TLS 1\.0/1\.1$"):
        meet(TlsDoor(papers.section()), shake_hands(a_client(papers, papers.peer, version=version)))


@pytest.mark.parametrize(
    ("profile", "ciphers"),
    [
        ("non-downgrading", "ECDHE+SHA384:!AESGCM"),
        ("non-downgrading", "AES256-GCM-SHA384"),  # no forward secrecy
        ("non-downgrading", "DHE+AESGCM"),
        ("extended", "ECDHE+AES128+AESGCM"),
    ],
)
def test_net_08_other_ciphers_are_not_negotiated(papers, profile, ciphers):
    door = TlsDoor(papers.section(profile=profile))
    with pytest.raises(HandshakeFailed, match=r"^no cipher in common$"):
        meet(door, shake_hands(a_client(papers, papers.peer, ciphers=ciphers)))


@pytest.mark.parametrize("ciphers", ["", "ECDHE+AESGCM"])  # TLS 1.3, TLS 1.2
@pytest.mark.parametrize(
    ("show", "reason"),
    [
        (None, "the peer sent no certificate"),
        ("stranger", UNKNOWN_CA),
        ("expired", "its certificate expired"),
        ("server_only", "its certificate is not made for clients (extended key usage)"),
    ],
)
def test_a_certificate_that_will_not_do_is_told_in_plain_words(papers, show, reason, ciphers):
    client = a_client(papers, getattr(papers, show) if show else None, ciphers=ciphers)
    with pytest.raises(HandshakeFailed) as caught:
        meet(TlsDoor(papers.section()), shake_hands(client))
    assert str(caught.value) == reason


def test_a_peer_that_does_not_know_our_ca_is_told_so(papers):
    client = a_client(papers, papers.peer, trust=papers.theirs)
    with pytest.raises(HandshakeFailed, match="does not know the CA that signed this node's"):
        meet(TlsDoor(papers.section()), shake_hands(client))


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (say(b"\x01\x00\x00\x00\x00\xcd"), "it speaks no TLS: it seems to send plain DICOM"),
        (say(b"GET / HTTP/1.0\r\n\r\n"), "it speaks no TLS"),
        (wait_for_the_end, "it said nothing for 0.2 s"),
        (
            say(b"\x16\x03\x01", wait_for_the_end),
            "it did not finish the handshake in 0.2 s",
        ),
        (say(b"\x16\x03\x01", socket.socket.close), "it broke the handshake off"),
        (say(b"\x16\x03\x01\x00\x20" + b"x" * 32), "the handshake failed: unexpected message"),
    ],
)
def test_what_is_no_handshake_is_told_in_plain_words(papers, act, reason):
    door = TlsDoor(papers.section(handshake_timeout_s=0.2))
    with pytest.raises(HandshakeFailed) as caught:
        meet(door, act)
    assert not isinstance(caught.value, NothingSaid)
    assert str(caught.value) == reason


def test_a_reset_within_the_handshake_is_told_as_such(papers, monkeypatch):
    """After the door has looked at the first byte: a reset before takes back what was said."""
    door = TlsDoor(papers.section())
    context, has_looked = door.context, threading.Event()
    monkeypatch.setattr(door, "context", lambda: (has_looked.set(), context())[1])

    def reset_then(caller):
        assert has_looked.wait(10)
        reset(caller)

    with pytest.raises(HandshakeFailed, match=r"^it broke the handshake off$"):
        meet(door, say(b"\x16\x03\x01", reset_then))


@pytest.mark.parametrize("leave", [socket.socket.close, reset])
def test_who_only_looks_whether_the_port_is_open_is_told_apart(papers, leave):
    with pytest.raises(NothingSaid):
        meet(TlsDoor(papers.section()), leave)


def test_a_slow_drip_does_not_prolong_the_handshake(papers):
    stop = threading.Event()

    def drip(caller):
        for byte in b"\x16\x03\x01\x40\x00" + bytes(1000):
            caller.sendall(bytes([byte]))
            if stop.wait(0.05):
                return

    door = TlsDoor(papers.section(handshake_timeout_s=0.3))
    try:
        with pytest.raises(HandshakeFailed, match="did not finish the handshake"):
            meet(door, drip)
    finally:
        stop.set()


def test_a_certificate_is_optional_or_not_asked_for_where_it_is_said(papers):
    for wanted in ("optional", "none"):
        door = TlsDoor(papers.section(client_certificate=wanted))
        with meet(door, shake_hands(a_client(papers))) as secured:
            assert certificate_of(secured) is None
    door = TlsDoor(papers.section(client_certificate="optional"))
    with pytest.raises(HandshakeFailed, match="CA that is not in"):
        meet(door, shake_hands(a_client(papers, papers.stranger)))


def copied(papers, folder):
    """A section whose files may be replaced."""
    section = papers.section()
    files = {name: folder / name for name in ("certificate", "key", "ca")}
    for name, path in files.items():
        shutil.copyfile(getattr(section, name), path)
    return TlsSection(**files, handshake_timeout_s=10)


def serial_shown_by(door, papers):
    """The serial number of the node's certificate as a peer sees it."""
    seen = []

    def act(caller):
        with a_client(papers, papers.peer).wrap_socket(caller) as secured:
            seen.append(secured.getpeercert()["serialNumber"])
            secured.recv(1)

    with meet(door, act):
        return wait_until(lambda: seen)[0]


def test_a_certificate_that_changes_on_disk_counts_from_the_next_peer_on(papers, tmp_path):
    section = copied(papers, tmp_path)
    door = TlsDoor(section)
    before, same = serial_shown_by(door, papers), door.context()
    assert door.context() is same
    renewed = papers.ours.issue("node")
    shutil.copyfile(renewed.certificate, section.certificate)
    between = serial_shown_by(door, papers)  # the key is still the old one: nothing to use yet
    shutil.copyfile(renewed.key, section.key)
    after = serial_shown_by(door, papers)

    assert before == between != after


def test_a_new_certificate_that_cannot_be_used_is_told_once_and_the_old_one_stays(
    papers, tmp_path, capsys
):
    section = copied(papers, tmp_path)
    door = TlsDoor(section)
    before = serial_shown_by(door, papers)
    section.certificate.write_text("nothing")
    assert [serial_shown_by(door, papers) for _ in range(3)] == [before] * 3
    section.certificate.unlink()
    assert serial_shown_by(door, papers) == before

    told = [line for line in capsys.readouterr().err.splitlines() if "old one stays" in line]
    assert len(told) == 2  # one for each change


def test_a_ca_that_is_taken_away_is_trusted_no_more(papers, tmp_path):
    section = copied(papers, tmp_path)
    door = TlsDoor(section)
    serial_shown_by(door, papers)
    shutil.copyfile(papers.theirs.certificate, section.ca)
    with pytest.raises(HandshakeFailed, match="CA that is not in"):
        meet(door, shake_hands(a_client(papers, papers.peer)))


def resume(door, client, sessions):
    """Come in with the session of the last time, if there was one."""

    def act(caller):
        with client.wrap_socket(caller, session=sessions[-1] if sessions else None) as secured:
            sessions.append(secured.session)
            secured.recv(1)

    number = len(sessions)
    secured = meet(door, act)
    wait_until(lambda: len(sessions) > number)
    return secured


def test_with_tls_1_3_no_session_is_resumed(papers):
    door, client, sessions = TlsDoor(papers.section()), a_client(papers, papers.peer), []
    with resume(door, client, sessions), resume(door, client, sessions) as second:
        assert (second.version(), second.session_reused) == ("TLSv1.3", False)


def test_a_session_of_a_certificate_that_has_expired_meanwhile_is_not_resumed(papers):
    issued = papers.ours.issue("ct", days=6 / 86400)
    client = a_client(papers, issued, ciphers="ECDHE+AESGCM")
    door, sessions = TlsDoor(papers.section()), []
    with resume(door, client, sessions), resume(door, client, sessions) as second:
        assert second.session_reused  # what this test is about does happen
        wait_until(lambda: days_left(issued.certificate, datetime.now(UTC)) < 0)
        with pytest.raises(HandshakeFailed, match=r"^its certificate expired$"):
            resume(door, client, sessions)


def test_a_door_with_nothing_to_show_gets_it_later(papers, tmp_path):
    section = copied(papers, tmp_path)
    key = section.key.read_bytes()
    section.key.write_text("nothing")
    door = TlsDoor(section)
    with pytest.raises(HandshakeFailed, match="this node's own certificate cannot be used"):
        meet(door, shake_hands(a_client(papers, papers.peer)))
    section.key.write_bytes(key)
    meet(door, shake_hands(a_client(papers, papers.peer))).close()


@pytest.mark.parametrize("name", ["certificate", "key", "ca"])
def test_files_that_cannot_be_used_are_named(papers, tmp_path, name):
    section = copied(papers, tmp_path)
    path = getattr(section, name)
    path.write_text("nothing")
    with pytest.raises(ConfigInvalid, match=rf"\[tls\].*{path}"):
        make_context(section)
    path.unlink()
    with pytest.raises(ConfigInvalid, match=rf"\[tls\] {path}: No such file"):
        make_context(section)


def test_a_key_with_a_password_is_refused_without_asking_for_it(papers, tmp_path):
    from tests.certificates import openssl

    section = copied(papers, tmp_path)
    openssl(
        "rsa", "-aes256", "-passout", "pass:secret", "-in", papers.node.key, "-out", section.key
    )
    with pytest.raises(ConfigInvalid, match="a key with a password cannot be used"):
        make_context(section)
