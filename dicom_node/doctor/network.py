"""Checks that the node can be reached, can reach its peers, and has certificates that hold."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.config import PeerSection
from dicom_node.data_folder import is_in_use
from dicom_node.doctor.finding import Finding
from dicom_node.net.errors import PeerError
from dicom_node.net.scu import echo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dicom_node.config import Settings

ANSWER_S = 5.0
WARN_DAYS = 30
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - told apart, not listened on


def check(settings: Settings) -> Iterator[Finding]:
    """Every check of ports, peers and certificates."""
    receive, web = settings.receive, settings.web
    runs = is_in_use(settings.node.data_folder)
    for name, host, port, answers in (
        ("receive port", receive.host, receive.port, _dicom_answers(settings)),
        ("web port", web.host, web.port, _page_answers(settings)),
    ):
        if answers:
            yield check_served_port(name, f"{host}:{port}", runs=runs)
        else:
            yield check_port(name, host, port)
    for name, peer in settings.peers.items():
        yield check_peer(name, peer, settings)
    if web.tls_certificate and web.tls_key:
        yield check_certificate(web.tls_certificate, web.tls_key, datetime.now(UTC))


def check_served_port(name: str, at: str, *, runs: bool | None) -> Finding:
    """Whether the node that answers there is the one that runs in this data folder."""
    if runs:
        return Finding(name, ok=True, text=f"{at} is served by the running node")
    if runs is None:
        text = f"{at} is served by a node; this account may not see whether it is this one"
        return Finding(name, ok=None, text=text)
    text = f"{at} is used by another node, with another data folder: stop it or choose another port"
    return Finding(name, ok=False, text=text)


def check_port(name: str, host: str, port: int) -> Finding:
    """Whether the node can listen there."""
    at = f"{host}:{port}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return Finding(name, ok=False, text=f"{at} {_why(error)}")
    return Finding(name, ok=True, text=f"{at} is free" if port else f"{host}, a free port")


def _why(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is used by another program: stop it or choose another port"
    if error.errno == errno.EACCES:
        return "needs the right to use ports below 1024: CAP_NET_BIND_SERVICE, or a higher port"
    if error.errno == errno.EADDRNOTAVAIL:
        return "is no address of this computer"
    return f"cannot be used: {error.strerror}"


def _dicom_answers(settings: Settings) -> bool:
    receive = settings.receive
    if not receive.port or not _listens(receive.host, receive.port):
        return False
    here = _ANYWHERE.get(receive.host, receive.host)
    ourselves = PeerSection(ae_title=settings.node.ae_title, host=here, port=receive.port)
    # A closed node takes calls from its peers only, so one of them is named as the caller.
    callers = [peer.ae_title for peer in settings.peers.values() if peer.may_send]
    try:
        echo(ourselves, next(iter(callers), settings.node.ae_title), ANSWER_S)
    except PeerError:
        return False
    return True


def _page_answers(settings: Settings) -> bool:
    web = settings.web
    if not web.port or not _listens(web.host, web.port):
        return False
    here = _ANYWHERE.get(web.host, web.host)
    secured = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    secured.check_hostname = False
    secured.verify_mode = ssl.CERT_NONE  # only asked who it is; nothing is sent
    page = (
        http.client.HTTPSConnection(here, web.port, timeout=ANSWER_S, context=secured)
        if web.tls_key
        else http.client.HTTPConnection(here, web.port, timeout=ANSWER_S)
    )
    try:
        page.request("GET", "/login")
        return b"dicom-node" in page.getresponse().read(100_000)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        page.close()


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((_ANYWHERE.get(host, host), port), timeout=ANSWER_S):
            return True
    except OSError:
        return False


def check_peer(name: str, peer: PeerSection, settings: Settings) -> Finding:
    """Whether a peer answers a C-ECHO."""
    title = f"peer {name}"
    if not peer.host or not peer.port:
        text = f"{peer.ae_title} has no host and port: it can send, nothing can be sent to it"
        return Finding(title, ok=None, text=text)
    try:
        echo(peer, settings.node.ae_title, min(settings.deliver.timeout_s, ANSWER_S))
    except PeerError as error:
        return Finding(title, ok=False, text=str(error))
    return Finding(
        title, ok=True, text=f"{peer.ae_title} at {peer.host}:{peer.port} answers C-ECHO"
    )


def check_certificate(certificate: Path, key: Path, now: datetime) -> Finding:
    """Whether certificate and key belong together, and until when they hold."""
    try:
        ends_at = _last_day(certificate, key)
    except FileNotFoundError as error:
        text = f"{error.filename or certificate} is not there"
        return Finding("certificate", ok=False, text=text)
    except PermissionError:
        return Finding("certificate", ok=False, text=f"{certificate} or {key} cannot be read")
    except ssl.SSLCertVerificationError as error:
        return Finding("certificate", ok=False, text=f"{certificate}: {error.verify_message}")
    except (ssl.SSLError, OSError, ValueError):
        text = f"{certificate} and {key} are not a PEM certificate and its key"
        return Finding("certificate", ok=False, text=text)
    days = (ends_at - now).days
    text = f"holds until {ends_at:%Y-%m-%d}, {days} days"
    return Finding("certificate", ok=True if days >= WARN_DAYS else None, text=text)


def _last_day(certificate: Path, key: Path) -> datetime:
    """The end of a certificate, read by shaking hands with it in memory; checks its key, too."""
    for path in (certificate, key):
        path.open("rb").close()  # names the one that is missing; ssl does not
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key, password="")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # trust it as it is, whoever signed it
    client.load_verify_locations(certificate)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _turn in range(4):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    shown = sides[0].getpeercert()
    end = shown["notAfter"] if shown else ""
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(end)), UTC)
